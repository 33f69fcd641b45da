"""Voxels that hold no data, wrong data or a wrong error.

Invalid voxels are what a reader makes of them: masked, with flux 0 and variance NaN.
"""

import math
from dataclasses import dataclass

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import BoolArray, Cube, IntArray
from kurvs_pipeline.bands import Band
from kurvs_sim.atmosphere.airglow import sky_photon_rate
from kurvs_sim.instrument.spaxels import NATIVE_SPAXEL_ARCSEC, SpaxelGrid, require_spaxel
from kurvs_sim.validation import (
    LARGEST,
    require,
    require_not_negative,
    require_positive,
    require_whole,
)


@takes_quantities
@dataclass(frozen=True)
class MisscaledNoise:
    """A NOISE extension that understates the noise.

    Parameters
    ----------
    true_over_stated : float
        Standard deviation of the noise over the one attached. The default is measured on a
        cube of the KMOS pipeline (programme 092.B-0538).
    """

    true_over_stated: float = 1.13

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_positive(true_over_stated=self.true_over_stated)


@takes_quantities
@dataclass(frozen=True)
class DeadColumns:
    """Detector columns without response.

    Wavelength runs along the columns, so each takes all channels of one native spaxel; the
    same ones in every band, which share a detector.

    Parameters
    ----------
    n_columns : int
        Dead columns in the field of one integral-field unit; assumed.
    native_spaxel_arcsec : float
        Side of a spaxel before resampling, which spoils every spaxel that it touches.
    """

    n_columns: int = 2
    native_spaxel_arcsec: float = NATIVE_SPAXEL_ARCSEC

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_whole(least=0, most=1_000_000, n_columns=self.n_columns)
        require_spaxel(native_spaxel_arcsec=self.native_spaxel_arcsec)

    def mask(self, random: np.random.Generator, grid: SpaxelGrid) -> BoolArray:
        """Return the dead voxels, shape (1, n_y, n_x).

        Parameters
        ----------
        random : Generator
            Random numbers that choose the columns.
        grid : SpaxelGrid
            The spaxels.
        """
        native_y, native_x = _native_index(grid, self.native_spaxel_arcsec)
        n_y, n_x = native_y[-1] + 1, native_x[-1] + 1
        require("n_columns", self.n_columns, within=self.n_columns <= n_y * n_x,
                expected=f"at most the {n_y * n_x} native spaxels of the field")  # fmt: skip
        dead = random.choice(n_y * n_x, size=self.n_columns, replace=False)
        native = native_y[:, None] * n_x + native_x
        return np.asarray(np.isin(native, dead)[None])


@takes_quantities
@dataclass(frozen=True)
class UnseenEdges:
    """The border of the field, and the ends of the band, that no exposure covered.

    Parameters
    ----------
    width_arcsec : float
        Width of the border, arcsec; the default is one native spaxel.
    channels_outside_band : bool
        Whether channels where the grating transmits nothing hold no data either.
    """

    width_arcsec: float = NATIVE_SPAXEL_ARCSEC
    channels_outside_band: bool = True

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_not_negative(width_arcsec=self.width_arcsec)

    def mask(self, band: Band, grid: SpaxelGrid) -> BoolArray:
        """Return the voxels without data, shape (n_channels, n_y, n_x).

        Parameters
        ----------
        band : Band
            Band whose channels outside the usable range are masked.
        grid : SpaxelGrid
            The spaxels.
        """
        reach_y = 0.5 * grid.n_y * grid.spaxel_arcsec - self.width_arcsec
        reach_x = 0.5 * grid.n_x * grid.spaxel_arcsec - self.width_arcsec
        border = (np.abs(grid.y_arcsec)[:, None] > reach_y) | (np.abs(grid.x_arcsec) > reach_x)
        low, high = band.usable_range_um
        outside = (band.wavelength_um < low) | (band.wavelength_um > high)
        return np.asarray(border | (outside & self.channels_outside_band)[:, None, None])


@takes_quantities
@dataclass(frozen=True)
class SaturatedLines:
    """Sky lines so bright that the detector saturates: all spaxels of these channels are lost.

    Parameters
    ----------
    photon_rate_limit : float
        Brightest sky that is not saturated, photons per s, m2, arcsec2 and channel. The default,
        which takes the few brightest lines of H, is assumed.
    """

    photon_rate_limit: float = 60.0

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_positive(photon_rate_limit=self.photon_rate_limit)

    def mask(self, band: Band) -> BoolArray:
        """Return the saturated voxels, shape (n_channels, 1, 1).

        Parameters
        ----------
        band : Band
            Band whose airglow is compared with the limit.
        """
        return np.asarray((sky_photon_rate(band) > self.photon_rate_limit)[:, None, None])


@takes_quantities
@dataclass(frozen=True)
class CosmicRays:
    """Hits that the combination of exposures did not reject, and nothing marks.

    Parameters
    ----------
    hits_per_million_voxels : float
        Mean number among native voxels; assumed.
    least_sigma, largest_sigma : float
        Flux of a hit over the noise of its voxel, evenly spread in the logarithm; assumed.
    native_spaxel_arcsec : float
        Side of a spaxel before resampling, all of which a hit lights up.
    """

    hits_per_million_voxels: float = 20.0
    least_sigma: float = 5.0
    largest_sigma: float = 50.0
    native_spaxel_arcsec: float = NATIVE_SPAXEL_ARCSEC

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require("hits_per_million_voxels", self.hits_per_million_voxels,
                within=0.0 <= self.hits_per_million_voxels <= 1e6,
                expected="a number in [0, 1e6]")  # fmt: skip
        require_positive(least_sigma=self.least_sigma)
        require_spaxel(native_spaxel_arcsec=self.native_spaxel_arcsec)
        require("largest_sigma", self.largest_sigma,
                within=self.least_sigma <= self.largest_sigma <= LARGEST,
                expected=f"a finite number >= least_sigma ({self.least_sigma})")  # fmt: skip

    def draw(self, random: np.random.Generator, band: Band, grid: SpaxelGrid) -> Cube:
        """Draw the hits of a band.

        Parameters
        ----------
        random : numpy.random.Generator
            Source of random numbers.
        band : Band
            The channels.
        grid : SpaxelGrid
            The spaxels.

        Returns
        -------
        float32 array, shape (n_channels, n_y, n_x)
            In standard deviations of the noise, 0 where nothing hit.
        """
        native_y, native_x = _native_index(grid, self.native_spaxel_arcsec)
        shape = (band.n_channels, int(native_y[-1]) + 1, int(native_x[-1]) + 1)
        hits = np.zeros(shape, dtype=np.float32)
        number = random.poisson(1e-6 * self.hits_per_million_voxels * hits.size)
        where = random.integers(hits.size, size=number)
        limits = math.log(self.least_sigma), math.log(self.largest_sigma)
        hits.flat[where] = np.exp(random.uniform(*limits, size=number))
        return hits[:, native_y[:, None], native_x]


def _native_index(grid: SpaxelGrid, native_spaxel_arcsec: float) -> tuple[IntArray, IntArray]:
    """Return the native spaxel, from 0, that holds the centre of each spaxel, along y and x."""

    def along(n_spaxels: int) -> IntArray:
        centres = (np.arange(n_spaxels) + 0.5) * grid.spaxel_arcsec / native_spaxel_arcsec
        # A centre on a border must not depend on rounding.
        return np.asarray(np.floor(np.round(centres, 9)), dtype=np.intp)

    return along(grid.n_y), along(grid.n_x)
