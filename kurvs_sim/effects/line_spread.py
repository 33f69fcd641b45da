"""A line-spread function whose width changes along a band, and is not quite the stated one."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array, Cube
from kurvs_pipeline.bands import Band
from kurvs_sim.interpolation import chebyshev_nodes, lagrange_weights
from kurvs_sim.validation import require_positive

N_WIDTHS = 3
"""Enough for 1e-4 of the peak where the width changes by a fifth along the band."""


class _Light(Protocol):
    """What makes the cube of a band with one line-spread function."""

    def cube(self, band: Band) -> Cube: ...


@takes_quantities
@dataclass(frozen=True)
class LineSpread:
    """The width of the Gaussian line-spread function along a band.

    Parameters
    ----------
    red_over_blue : float
        Width in channels at the red end of the usable range over that at the blue end; in the
        middle it is the band's own. No source gives it for KMOS: the default is assumed.
    true_over_stated : float
        The width that lines have over the one that the Observation states.

    Raises
    ------
    MetadataError
        If a value is not finite and above zero.
    """

    red_over_blue: float = 1.1
    true_over_stated: float = 1.0

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_positive(red_over_blue=self.red_over_blue, true_over_stated=self.true_over_stated)

    def stated_sigma_um(self, band: Band) -> Array:
        """Return the standard deviation that the Observation states, shape (n_channels,).

        Parameters
        ----------
        band : Band
            Channels and the width that KMOS is stated to have.
        """
        low, high = band.usable_range_um
        position = (np.clip(band.wavelength_um, low, high) - low) / (high - low)
        blue = 2.0 / (1.0 + self.red_over_blue)
        return np.asarray(band.lsf_sigma_um * (blue + position * (self.red_over_blue - 1.0) * blue))

    def cube(self, light: _Light, band: Band) -> Cube:
        """Return the cube of a band with this line-spread function.

        Every channel is interpolated between cubes of a few constant widths, by a polynomial
        in the square of the width, in which widening a line is smooth.

        Parameters
        ----------
        light : object with ``cube(band)``
            A scene, or anything else that makes the cube of a band.
        band : Band
            The channels.

        Returns
        -------
        float32 array, shape (n_channels, n_y, n_x)
        """
        whole = band.whole
        square = (self.true_over_stated * self.stated_sigma_um(whole) / band.lsf_sigma_um) ** 2
        nodes = chebyshev_nodes(float(square.min()), float(square.max()), N_WIDTHS)
        cubes = [
            light.cube(replace(whole, lsf_fwhm_channels=band.lsf_fwhm_channels * node**0.5))
            for node in nodes
        ]
        weights = lagrange_weights(nodes, square)[:, band.channels]
        total = np.zeros_like(cubes[0][band.channels])
        for cube, weight in zip(cubes, weights, strict=True):
            total += cube[band.channels] * weight[:, None, None].astype(np.float32)
        return total
