"""The noise of a stack of exposures, from the photons and electrons of one."""

from dataclasses import dataclass

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array, Cube
from kurvs_pipeline.bands import Band
from kurvs_sim.atmosphere.airglow import (
    airglow_lines,
    flux_density_per_photon_rate,
    sky_photon_rate,
)
from kurvs_sim.instrument.spaxels import NATIVE_SPAXEL_ARCSEC, SpaxelGrid, of_band, require_spaxel
from kurvs_sim.validation import (
    LARGEST,
    require,
    require_not_negative,
    require_positive,
    require_whole,
)

EXPOSURE_SECONDS = 600.0
"""Length of one exposure of the survey (Li et al. 2025, Section 2)."""

LEAST_THROUGHPUT = 1e-6
"""Less is no instrument."""


@takes_quantities
@dataclass(frozen=True)
class BandExposures:
    """Number and efficiency of the exposures of a band.

    Parameters
    ----------
    n_exposures : int
        Exposures in the stack, >= 1.
    throughput : float
        Electrons per photon that the atmosphere lets through, telescope included.
    excess_noise : float
        Standard deviation of sky and detector in a real stack over that of their photons and
        electrons: what sky subtraction and reconstruction add, at least 1.
    """

    n_exposures: int
    throughput: float
    excess_noise: float = 1.0

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_whole(least=1, most=1_000_000, n_exposures=self.n_exposures)
        require("throughput", self.throughput, within=LEAST_THROUGHPUT <= self.throughput <= 1.0,
                expected=f"a number from {LEAST_THROUGHPUT:g} to 1")  # fmt: skip
        require("excess_noise", self.excess_noise, within=1.0 <= self.excess_noise <= LARGEST,
                expected="a finite number >= 1")  # fmt: skip


@takes_quantities
@dataclass(frozen=True)
class ExposureModel:
    """Photon, read and dark noise of a mean stack of equal exposures.

    No public source gives the throughput of KMOS at each wavelength, nor its noise in the
    survey: throughputs and detector are assumed, constant within a band. Throughput and excess
    act alike on all but the noise of the galaxy's own photons, so only the excess was fitted.

    Parameters
    ----------
    iz, yj, h : BandExposures
        The defaults are 20, 20 and 80 hours (Li et al. 2025, Section 2), with an assumed
        throughput. The excess is set so that the 43 twins of the survey have its median
        signal-to-noise ratios, as its own procedure reports them (``docs/simulator.md``). The
        errors that the survey states are 3 (H), 11-14 (YJ) and 5 (IZ) times those of photons
        and electrons alone. So the excess of H and YJ is noise, and most of that of IZ is not:
        it makes up for an [O II] that the model of the emission makes 6 times too bright.
    exposure_seconds : float
        Length of one exposure, s (Li et al. 2025, Section 2).
    collecting_area_m2 : float
        Collecting area of an 8.2 m mirror, less its central hole, m2.
    read_noise_electrons, dark_current_electrons_per_s : float
        Read noise (electrons) and dark current (electrons/s) of one pixel, assumed.
    pixels_per_native_spaxel : float
        Pixels that share a channel of one native spaxel, assumed.
    native_spaxel_arcsec : float
        Side of a spaxel before resampling.
    sky_frames_per_exposure : float
        Sky frames subtracted, each as noisy as the sky and detector of an exposure: 1 where
        every exposure has one of its own, 0 for a sky known perfectly. Assumed.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    iz: BandExposures = BandExposures(n_exposures=120, throughput=0.20, excess_noise=33.0)
    yj: BandExposures = BandExposures(n_exposures=120, throughput=0.25, excess_noise=11.0)
    h: BandExposures = BandExposures(n_exposures=480, throughput=0.30, excess_noise=3.9)
    exposure_seconds: float = EXPOSURE_SECONDS
    collecting_area_m2: float = 49.0
    read_noise_electrons: float = 3.2
    dark_current_electrons_per_s: float = 0.01
    pixels_per_native_spaxel: float = 1.0
    native_spaxel_arcsec: float = NATIVE_SPAXEL_ARCSEC
    sky_frames_per_exposure: float = 1.0

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_positive(
            exposure_seconds=self.exposure_seconds,
            collecting_area_m2=self.collecting_area_m2,
        )
        require_spaxel(native_spaxel_arcsec=self.native_spaxel_arcsec)
        for name in ("read_noise_electrons", "dark_current_electrons_per_s",
                     "pixels_per_native_spaxel", "sky_frames_per_exposure"):  # fmt: skip
            require_not_negative(**{name: getattr(self, name)})

    def exposures(self, band: Band) -> BandExposures:
        """Return the exposures of a band.

        Parameters
        ----------
        band : Band
            IZ, YJ or H.

        Raises
        ------
        ConfigurationError
            If it is another band.
        """
        return of_band({"IZ": self.iz, "YJ": self.yj, "H": self.h}, band, "exposures")

    def airglow_fraction(self, band: Band, grid: SpaxelGrid) -> Array:
        """Return the fraction of the variance without a galaxy that OH lines make.

        Parameters
        ----------
        band : Band
            The channels.
        grid : SpaxelGrid
            The spaxels.

        Returns
        -------
        array, shape (n_channels,)
            From 0 where there is no line to nearly 1 on the bright ones.
        """
        lines = self._sky_electrons(airglow_lines(band), band, grid)
        return np.asarray(lines / self._background_electrons(band, grid))

    def _sky_electrons(self, photon_rate: Array, band: Band, grid: SpaxelGrid) -> Array:
        """Return the electrons of a sky in a spaxel of one exposure."""
        return np.asarray(
            photon_rate * grid.spaxel_arcsec**2 * self.collecting_area_m2
            * self.exposures(band).throughput * self.exposure_seconds
        )  # fmt: skip

    def _flux_density_per_electron(self, band: Band) -> Array:
        """Return 1e-16 erg/s/cm2/um of one electron in one exposure, shape (n_channels,)."""
        electrons_per_rate = (
            self.collecting_area_m2 * self.exposures(band).throughput * self.exposure_seconds
        )
        return np.asarray(flux_density_per_photon_rate(band) / electrons_per_rate)

    def _background_electrons(self, band: Band, grid: SpaxelGrid) -> Array:
        """Return the variance of sky and detector in a spaxel of one exposure, electrons^2."""
        area = grid.spaxel_arcsec**2
        sky = self._sky_electrons(sky_photon_rate(band), band, grid)
        pixel = self.read_noise_electrons**2 + (
            self.dark_current_electrons_per_s * self.exposure_seconds
        )
        # Pixels belong to native spaxels; a smaller spaxel has its share by area.
        pixels = self.pixels_per_native_spaxel * area / self.native_spaxel_arcsec**2
        return np.asarray(sky + pixel * pixels)

    def _background_variance(self, band: Band, grid: SpaxelGrid) -> Array:
        """Return the variance of independent spaxels without a galaxy, shape (n_channels,)."""
        exposures, per_electron = self.exposures(band), self._flux_density_per_electron(band)
        electrons = (1.0 + self.sky_frames_per_exposure) * self._background_electrons(band, grid)
        variance = (exposures.excess_noise * per_electron) ** 2 * electrons
        return np.asarray(variance / exposures.n_exposures)

    def variance(self, galaxy: Cube, band: Band, grid: SpaxelGrid) -> Cube:
        """Return the variance of the stack, with the noise of the galaxy's own photons.

        Parameters
        ----------
        galaxy : float32 array, shape (n_channels, n_y, n_x)
            Light of the galaxy alone, 1e-16 erg/s/cm2/um per spaxel.
        band : Band
            The channels.
        grid : SpaxelGrid
            The spaxels.

        Returns
        -------
        float32 array, shape (n_channels, n_y, n_x)
            Square of 1e-16 erg/s/cm2/um.
        """
        per_photon = self._flux_density_per_electron(band) / self.exposures(band).n_exposures
        background = self._background_variance(band, grid)
        # A stellar absorption line below the continuum counts no negative photons.
        photons = np.maximum(galaxy, np.float32(0.0)) * per_photon[:, None, None].astype(np.float32)
        return np.asarray(photons + background[:, None, None].astype(np.float32))
