"""The sky around a galaxy, in pixels finer than spaxels and wider than the field."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import FWHM_PER_SIGMA
from kurvs_sim.atmosphere.seeing import PointSpreadFunction, Seeing
from kurvs_sim.scene.convolution import (
    Convolution,
    FourierConvolution,
    SeparableConvolution,
    transfer_function,
)


@dataclass(frozen=True)
class MinorAxisBlur:
    """The height of a thick disk as it is seen: a Gaussian along the minor axis, 0 for none.

    The position angle is that of the major axis, North through East.
    """

    sigma_arcsec: float = 0.0
    position_angle_deg: float = 0.0

    def transfer(self, frequency: Array) -> NDArray[np.float32]:
        """Return its Fourier transform, shape (n, n).

        Frequencies, shape (n,), are cycles per arcsec, the same to the West and to the North.
        """
        angle = math.radians(self.position_angle_deg)
        along_minor = frequency * math.cos(angle) + frequency[:, None] * math.sin(angle)
        exponent = (2.0 * math.pi * self.sigma_arcsec * along_minor) ** 2
        return np.exp(-0.5 * exponent).astype(np.float32)


NO_BLUR = MinorAxisBlur()


@dataclass(frozen=True, eq=False)
class FineSky:
    """Fine pixels that divide the spaxels of a field, and of sky around it.

    Centres of the field's spaxels, shapes (n_x,) and (n_y,), count from the galaxy, to the West and
    to the North. ``oversampling`` is in fine pixels across a spaxel, ``padding`` in spaxels beyond
    each edge.
    """

    spaxel_x_arcsec: Array
    spaxel_y_arcsec: Array
    spaxel_arcsec: float
    oversampling: int
    padding: int

    @property
    def pixel_arcsec(self) -> float:
        """Side of a fine pixel."""
        return self.spaxel_arcsec / self.oversampling

    @cached_property
    def x_arcsec(self) -> Array:
        """Fine pixel centres from the galaxy, to the West, shape (n_fine_x,)."""
        return self._fine(self.spaxel_x_arcsec)

    @cached_property
    def y_arcsec(self) -> Array:
        """Fine pixel centres from the galaxy, to the North, shape (n_fine_y,)."""
        return self._fine(self.spaxel_y_arcsec)

    def _fine(self, spaxel_centres_arcsec: Array) -> Array:
        n_fine = (spaxel_centres_arcsec.size + 2 * self.padding) * self.oversampling
        middle = 0.5 * (spaxel_centres_arcsec[0] + spaxel_centres_arcsec[-1])
        return np.asarray(middle + self.pixel_arcsec * (np.arange(n_fine) - 0.5 * (n_fine - 1)))

    @property
    def _field(self) -> tuple[slice, slice]:
        """Spaxels of the field in maps that start at the first padded spaxel."""
        start = self.padding
        n_y, n_x = self.spaxel_y_arcsec.size, self.spaxel_x_arcsec.size
        return slice(start, start + n_y), slice(start, start + n_x)

    def binned(self, fine: NDArray[np.floating[Any]]) -> Array:
        """Sum the fine pixels, (n_fine_y, n_fine_x), of every spaxel of the field, (n_y, n_x)."""
        number = self.oversampling
        rows, columns = (slice(part.start * number, part.stop * number) for part in self._field)
        n_y, n_x = self.spaxel_y_arcsec.size, self.spaxel_x_arcsec.size
        blocks = fine[rows, columns].reshape(n_y, number, n_x, number)
        return np.asarray(blocks.sum(axis=(1, 3), dtype=float))

    def convolution(self, psf: Seeing, blur: MinorAxisBlur = NO_BLUR) -> Convolution:
        """Return the convolution with seeing, and with the height of a disk."""
        gaussian = isinstance(psf, PointSpreadFunction) and psf.is_gaussian
        if not gaussian or psf.fwhm_arcsec == 0.0 or blur.sigma_arcsec > 0.0:
            return self._fourier_convolution(psf, blur)
        axes = (self.spaxel_y_arcsec, self.spaxel_x_arcsec)
        half = 0.5 * self.spaxel_arcsec
        return SeparableConvolution.of_gaussian(
            psf.fwhm_arcsec / FWHM_PER_SIGMA,
            fine=(self.y_arcsec, self.x_arcsec),
            edges=(np.append(axes[0] - half, axes[0][-1] + half),
                   np.append(axes[1] - half, axes[1][-1] + half)),
        )  # fmt: skip

    def _fourier_convolution(self, psf: Seeing, blur: MinorAxisBlur) -> FourierConvolution:
        largest = max(
            axis.size + field.size * self.oversampling
            for axis, field in ((self.y_arcsec, self.spaxel_y_arcsec),
                                (self.x_arcsec, self.spaxel_x_arcsec))
        )  # fmt: skip
        n_coarse = fft.next_fast_len(math.ceil(largest / self.oversampling))
        transfer = transfer_function(psf, self.pixel_arcsec, n_coarse, self.oversampling)
        if blur.sigma_arcsec > 0.0:
            transfer = transfer * blur.transfer(fft.fftfreq(len(transfer), self.pixel_arcsec))
        return FourierConvolution(transfer, self.oversampling, self._field)
