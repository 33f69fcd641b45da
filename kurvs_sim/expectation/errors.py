"""What fits to the integrated lines of a stack of exposures would find, and what they would say.

Two errors belong to a flux: the one of a least-squares fit that knows the true variance and
covariance of its channels, and the one that the survey's procedure reports
(:mod:`kurvs_sim.survey.procedure`). The second is small for three reasons:

- its noise is that of quiet channels, wherever the line itself lies;
- these channels have been interpolated, to rest and to a common grid;
- a fitted flux averages more channels than those of one FWHM (3.545 against 2.355 sigma).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import FWHM_PER_SIGMA, KMOS_BANDS, SPEED_OF_LIGHT_KMS, Band
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM, members_of
from kurvs_sim.expectation.aperture import AlignedAperture
from kurvs_sim.expectation.least_squares import LeastSquares, LineModel
from kurvs_sim.expectation.signal_to_noise import WINDOW_KMS
from kurvs_sim.instrument.exposures import ExposureModel
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.instrument.noise_level import StackNoise
from kurvs_sim.scene.scene import Scene
from kurvs_sim.survey.procedure import PROCEDURE, BandProcedure, quiet_channels

BAND_OF_LINE = {
    "halpha": "H",
    "nii_6584": "H",
    "hbeta": "YJ",
    "oiii_5007": "YJ",
    "oii": "IZ",
}
"""In the survey; ``oii`` is the sum of the pair."""

_SQUARE, _NEIGHBOURS = 2.0 / 3.0, 1.0 / 6.0
"""Means of f^2 + (1-f)^2 and f (1-f) over the fractions f of a channel to interpolate to; the
second is also what linear interpolation adds to the square of a width in channels."""


@takes_quantities
@dataclass(frozen=True)
class ExpectedFlux:
    """A line in the integrated aperture, as it would be measured.

    Parameters
    ----------
    flux : float
        1e-16 erg/s/cm2.
    calibrated_error : float
        Standard deviation of a least-squares fit with the true variances.
    published_error : float
        Error that the survey's procedure would state, 1e-16 erg/s/cm2.
    published_scatter : float
        Standard deviation of the flux that the survey's procedure would find.
    """

    flux: float
    calibrated_error: float
    published_error: float
    published_scatter: float

    @property
    def calibrated_snr(self) -> float:
        """Expected signal-to-noise ratio with the true error."""
        return self.flux / self.calibrated_error

    @property
    def published_snr(self) -> float:
        """Expected signal-to-noise ratio as the survey reports it."""
        return self.flux / self.published_error


@takes_quantities
@dataclass(frozen=True)
class IntegratedExpectation:
    """What fits to the integrated, velocity-aligned spectra of a stack would find.

    The noise is that of sky and detector; the photons of the galaxy are left out.

    Parameters
    ----------
    scene : Scene
        Galaxy, grid and seeing.
    exposures : ExposureModel
        Stack whose noise it is.
    covariance : NoiseCovariance, optional
        Covariance of the noise of neighbours; independent voxels if not given.
    """

    scene: Scene
    exposures: ExposureModel
    covariance: NoiseCovariance | None = None

    @cached_property
    def bands(self) -> Mapping[str, "BandExpectation"]:
        """The expectation in every band, by name."""
        aperture = AlignedAperture(self.scene)
        return {
            name: BandExpectation(aperture, KMOS_BANDS[name], self.exposures, self.covariance)
            for name in PROCEDURE
        }

    def usable(self, line: str) -> bool:
        """Return whether a line falls where the grating of its band transmits.

        Parameters
        ----------
        line : str
            ``halpha``, ``nii_6584``, ``hbeta``, ``oiii_5007`` or ``oii``.
        """
        low, high = self._band_of(line).band.usable_range_um
        redshifted = 1.0 + self.scene.galaxy.redshift
        return all(low < redshifted * REST_WAVELENGTH_UM[name] < high for name in members_of(line))

    def expected(self, line: str) -> ExpectedFlux:
        """Return a line as it would be measured.

        Parameters
        ----------
        line : str
            ``halpha``, ``nii_6584``, ``hbeta``, ``oiii_5007`` or ``oii``.

        Raises
        ------
        ConfigurationError
            If the line is another one.
        """
        band, members = self._band_of(line), members_of(line)
        return ExpectedFlux(
            flux=sum(band.aperture.flux(name) for name in members),
            calibrated_error=band.calibrated_error(members),
            published_error=band.published_error,
            published_scatter=band.published_scatter(members),
        )

    def _band_of(self, line: str) -> "BandExpectation":
        if line not in BAND_OF_LINE:
            raise ConfigurationError(f"line is {line!r}; expected one of {list(BAND_OF_LINE)}")
        return self.bands[BAND_OF_LINE[line]]


@takes_quantities
@dataclass(frozen=True)
class BandExpectation:
    """The errors of the lines of one band.

    Parameters
    ----------
    aperture : AlignedAperture
        Aperture over which spaxels are shifted to rest and added.
    band : Band
        Band whose channels are fitted.
    exposures : ExposureModel
        Stack whose noise it is.
    covariance : NoiseCovariance, optional
        Covariance of the noise of neighbours; independent voxels if not given.
    """

    aperture: AlignedAperture
    band: Band
    exposures: ExposureModel
    covariance: NoiseCovariance | None = None

    @cached_property
    def channel_variance(self) -> Array:
        """Variance of the co-added spectrum, shape (n_channels,)."""
        grid = self.aperture.scene.grid
        dark = np.zeros((self.band.n_channels, 1, 1), dtype=np.float32)
        spaxel = StackNoise(self.exposures, self.covariance).variance(dark, self.band, grid)
        variance = self.aperture.variance(self.band, spaxel[:, 0, 0].astype(float))
        if self.covariance is None:
            return variance
        return variance * self.covariance.coadded_variance_factor(self.aperture.weights, grid)

    @property
    def spectrum(self) -> Array:
        """The lines of the co-added spectrum, 1e-16 erg/s/cm2/um, shape (n_channels,)."""
        return self._model.spectrum(0.0, self._model.sigma_um)

    def calibrated_error(self, members: Sequence[str]) -> float:
        """Return the error of the sum of some lines in a fit that knows its variances.

        The fit sees 2000 km/s either side of the lines. H-alpha and [N II] share a free
        velocity and width; all other lines have those of H-alpha.

        Parameters
        ----------
        members : sequence of str
            Lines of the band whose fluxes are added.

        Returns
        -------
        float
            1e-16 erg/s/cm2.
        """
        return self.error_at(self._redshifted - 1.0, members, self.channel_variance)

    def error_at(self, redshift: float, members: Sequence[str], variance: Array) -> float:
        """Return the calibrated error that the same lines would have at another redshift.

        Parameters
        ----------
        redshift : float
            Redshift on the vacuum scale; fluxes and observed widths are kept.
        members : sequence of str
            Lines of the band whose fluxes are added.
        variance : array, shape (n_channels,)
            Of the co-added spectrum.

        Returns
        -------
        float
            1e-16 erg/s/cm2.
        """
        model = replace(self._model, redshift=redshift)
        rest_um = self.band.wavelength_um / (1.0 + redshift)
        near = np.zeros(self.band.n_channels, dtype=bool)
        for line_um in model.rest_wavelengths_um:
            near |= np.abs(rest_um / line_um - 1.0) < WINDOW_KMS / SPEED_OF_LIGHT_KMS
        free = self.band.name == BAND_OF_LINE["halpha"]
        derivatives = model.derivatives(free_position=free, free_width=free)
        fit = LeastSquares(derivatives, np.where(near, variance, np.inf))
        return self._error(fit, members, variance)

    def published_scatter(self, members: Sequence[str]) -> float:
        """Return the error of the sum of some lines in a fit without weights.

        The position is known, the width is free, and the continuum is taken as known.

        Parameters
        ----------
        members : sequence of str
            Lines of the band whose fluxes are added.

        Returns
        -------
        float
            1e-16 erg/s/cm2.
        """
        fitted = self._procedure.line_channels(self._rest_um - self._reference_um)
        derivatives = self._model.derivatives(free_width=True, continuum=False)
        fit = LeastSquares(derivatives, np.where(fitted, 1.0, np.inf))
        return self._error(fit, members, self.channel_variance)

    @cached_property
    def published_error(self) -> float:
        """What the survey would state for every line of the band.

        It fits on the observed and on the rest-frame axis and keeps the larger ratio. Its
        ranges are as wide in um on either; for the second, spectra are interpolated once more.
        """
        observed_um = self.band.wavelength_um - self._reference_um * self._redshifted
        once, neighbours = _interpolated(1.0, self._correlation)
        twice, _ = _interpolated(once, neighbours)
        return min(
            self._rms_error(observed_um, once, interpolations=1),
            self._rms_error(self._rest_um - self._reference_um, twice, interpolations=2),
        )

    @property
    def _procedure(self) -> BandProcedure:
        return PROCEDURE[self.band.name]

    @property
    def _reference_um(self) -> float:
        return REST_WAVELENGTH_UM[self._procedure.reference]

    @property
    def _redshifted(self) -> float:
        return 1.0 + self.aperture.scene.galaxy.redshift

    @property
    def _rest_um(self) -> Array:
        return np.asarray(self.band.wavelength_um / self._redshifted)

    @property
    def _correlation(self) -> float:
        return 0.0 if self.covariance is None else self.covariance.correlation_channels

    @cached_property
    def _model(self) -> LineModel:
        names = self._procedure.names
        return LineModel(
            self.band,
            tuple((name, self.aperture.flux(name)) for name in names),
            self.aperture.scene.galaxy.redshift,
            self.aperture.sigma_um(names[0], self.band),
        )

    def _error(self, fit: LeastSquares, members: Sequence[str], variance: Array) -> float:
        columns = [self._procedure.names.index(name) for name in members]
        return math.sqrt(fit.variance(columns, variance, correlation_channels=self._correlation))

    def _rms_error(self, offset_um: Array, variance_factor: float, *, interpolations: int) -> float:
        """Add the rms of quiet channels in quadrature over one FWHM."""
        window = self._procedure.noise_channels(offset_um) & quiet_channels(self.band)
        if not window.any():
            return math.inf
        rms = math.sqrt(variance_factor * float(self.channel_variance[window].mean()))
        channel = self.band.channel_width_um
        blur = math.sqrt(_NEIGHBOURS * interpolations) * channel
        return rms * math.sqrt(FWHM_PER_SIGMA * math.hypot(self._blend_sigma_um, blur) * channel)

    @property
    def _blend_sigma_um(self) -> float:
        """Width of the first flux of the band; [O II] is fitted as one Gaussian."""
        names = self._procedure.lines[0]
        fluxes = np.array([self.aperture.flux(name) for name in names])
        centres = self._redshifted * np.array([REST_WAVELENGTH_UM[name] for name in names])
        apart = math.sqrt(float(np.cov(centres, aweights=fluxes, ddof=0)))
        return math.hypot(self._model.sigma_um, apart)


def _interpolated(variance: float, covariance: float) -> tuple[float, float]:
    """Return the variance of an interpolated channel, and its covariance with the next."""
    return (
        _SQUARE * variance + 2.0 * _NEIGHBOURS * covariance,
        _NEIGHBOURS * variance + _SQUARE * covariance,
    )
