"""Co-addition and fit of the apertures of one band, with optional components."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.binning import INTEGRATED
from kurvs_pipeline.fitting.fit import fit_lines_or_fix
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import LineFits
from kurvs_pipeline.fluxes.broad_line import BroadHalpha, fit_broad_halpha, hidden_by_continuum
from kurvs_pipeline.fluxes.stellar_absorption import AbsorbedLight, BalmerAbsorption, absorbed_light
from kurvs_pipeline.geometry import MINIMUM_COVERAGE
from kurvs_pipeline.spectra.calibration import CalibratedBand, near_lines
from kurvs_pipeline.spectra.coaddition import ApertureSpectra, coadd
from kurvs_pipeline.spectra.noise import observed_line_sigma_channels
from kurvs_pipeline.spectra.sky_errors import with_sky_residuals

BROAD_REACH_KMS = 5000.0
"""Half-width about a broad H-alpha in which its wings could be taken for residuals of the sky."""


@dataclass(frozen=True)
class _CoaddedApertures:
    """Spectra with errors of the noise alone, and with those of residuals of the sky as well."""

    plain: ApertureSpectra
    spectra: ApertureSpectra

    def at(self, rows: Sequence[int]) -> "_CoaddedApertures":
        return _CoaddedApertures(self.plain.at(rows), self.spectra.at(rows))


@dataclass(frozen=True)
class _FittedApertures:
    """Spectra, fits, light beside lines and continuum, and a broad H-alpha, as in ``BandFit``."""

    spectra: ApertureSpectra
    fits: LineFits
    other_light: Array | None = None
    broad: BroadHalpha | None = None


@dataclass(frozen=True, kw_only=True)
class BandFitter:
    """Settings and data with which the apertures of one band are co-added and fitted.

    Parameters
    ----------
    coverage : array, shape (n_apertures,)
        Fraction of each aperture with data; below 30 per cent it is not measured.
    minimum_snr : float
        Least S/N of the brightest line for its kinematics to be free.
    balmer_absorption : BalmerAbsorption, optional
        Stellar absorption to correct for; none by default.
    """

    model: BandLineModel
    band: CalibratedBand
    apertures: tuple[str, ...]
    weights: Array
    coverage: Array
    minimum_snr: float
    broad_halpha: bool = False
    balmer_absorption: BalmerAbsorption | None = None

    def coadded(self, velocity_kms: Array) -> _CoaddedApertures:
        """Return the co-added spectra of every aperture, velocities of spaxels taken out."""
        spectra = coadd(self.band, self.weights, velocity_kms=velocity_kms)
        measured = (self.coverage >= MINIMUM_COVERAGE)[:, None]
        spectra = replace(spectra, valid=spectra.valid & measured)
        return _CoaddedApertures(spectra, self._with_sky_residuals(spectra))

    def _with_sky_residuals(
        self, spectra: ApertureSpectra, *, beside_broad_line: bool = False
    ) -> ApertureSpectra:
        """Add residuals of the sky's lines to the variance; the wings of a broad line are none."""
        line_free = ~near_lines(self.band.wavelength_um, self.model.redshift)
        if beside_broad_line:
            line_free &= ~self._near_broad_line
        width = observed_line_sigma_channels(self.band.wavelength_um)
        return with_sky_residuals(spectra, line_free, line_sigma_channels=width)

    @cached_property
    def _near_broad_line(self) -> BoolArray:
        offset = np.abs(self.band.wavelength_um / self._halpha_um - 1.0) * SPEED_OF_LIGHT_KMS
        return np.asarray(offset < BROAD_REACH_KMS)

    @property
    def _halpha_um(self) -> float:
        return self.model.line_scale("halpha")[0]

    def fit(
        self, coadded: _CoaddedApertures, fallback_kms: tuple[Array, Array]
    ) -> _FittedApertures:
        """Return fits of the lines, corrected for stellar absorption, with a broad line if asked.

        ``fallback_kms`` are velocity and width of lines that are too faint to measure them, shape
        (n_apertures,) each.
        """
        spectra, absorbed = coadded.spectra, self._absorbed
        emission = spectra if absorbed is None else absorbed.put_back(spectra)
        found = _FittedApertures(emission, self._fit_lines(emission, fallback_kms))
        if self.broad_halpha and "halpha" in self.model.group_names:
            found = self._with_broad_line(coadded, found, fallback_kms)
        if absorbed is None:
            return found
        fits = absorbed.with_error(found.fits, found.spectra)
        other = -absorbed.spectra + (0.0 if found.other_light is None else found.other_light)
        return _FittedApertures(absorbed.left_in(found.spectra), fits, other, found.broad)

    def integrated_kinematics(
        self, coadded: _CoaddedApertures, velocity_kms: Array, sigma_kms: Array
    ) -> tuple[Array, Array]:
        """Return the kinematics of the integrated aperture, where detected, for every aperture.

        Values where it is not detected, and results, have shape (n_apertures,).
        """
        whole = [self.apertures.index(INTEGRATED)]
        fitter = replace(self, weights=self.weights[whole], coverage=self.coverage[whole])
        fits = fitter.fit(coadded.at(whole), (velocity_kms[whole], sigma_kms[whole])).fits
        (velocity,), (sigma,) = fits.velocity_kms, fits.sigma_kms
        if not np.isfinite(velocity):
            return velocity_kms, sigma_kms
        # An unresolved line has no width of its own to pass on.
        known = np.full_like(sigma_kms, sigma) if np.isfinite(sigma) else sigma_kms
        return np.full_like(velocity_kms, velocity), known

    @cached_property
    def _absorbed(self) -> AbsorbedLight | None:
        if self.balmer_absorption is None:
            return None
        return absorbed_light(self.balmer_absorption, self.model, self.band, self.weights)

    def _fit_lines(self, spectra: ApertureSpectra, fallback_kms: tuple[Array, Array]) -> LineFits:
        fits = fit_lines_or_fix(
            self.model, spectra.flux, spectra.variance, mask=~spectra.valid,
            fallback_velocity_kms=fallback_kms[0], fallback_sigma_kms=fallback_kms[1],
            minimum_snr=self.minimum_snr,
            free_if_bright="halpha" in self.model.group_names,
        )  # fmt: skip
        # A sky residual under the galaxy's own lines shows in chi squared alone.
        return fits.with_errors_of_misfit()

    def _with_broad_line(
        self, coadded: _CoaddedApertures, found: _FittedApertures, fallback_kms: tuple[Array, Array]
    ) -> _FittedApertures:
        """Try a broad line, with errors that do not take it for residuals of the sky."""
        quiet = self._with_sky_residuals(coadded.plain, beside_broad_line=True)
        broad = fit_broad_halpha(
            replace(found.spectra, variance=quiet.variance), found.fits,
            fallback_kms=fallback_kms,
            hidden=hidden_by_continuum(self.band, self.weights, self._halpha_um),
        )  # fmt: skip
        variance = np.where(broad.kept[:, None], quiet.variance, found.spectra.variance)
        spectra = replace(found.spectra, variance=variance)
        return _FittedApertures(spectra, broad.narrow, broad.light, broad)
