"""Fits of the lines in every aperture and band, with kinematics shared between bands."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kurvs_pipeline.arrays import Array, StrArray
from kurvs_pipeline.fitting.coverage import line_coverage, line_flags
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import LineFits, join_flags
from kurvs_pipeline.fitting.sums import StatisticalFluxes, statistical_fluxes
from kurvs_pipeline.fluxes.broad_line import BroadHalpha
from kurvs_pipeline.fluxes.fitter import BandFitter
from kurvs_pipeline.fluxes.stellar_absorption import BalmerAbsorption
from kurvs_pipeline.geometry import PlacedApertures
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.spectra.calibration import CalibratedBand
from kurvs_pipeline.spectra.coaddition import ApertureSpectra, shared_noise

HALPHA_BAND_SNR = 5.0
OTHER_BANDS_SNR = 10.0
"""Least S/N of the brightest line for a band to have free kinematics: otherwise those of H-alpha
are known better, and a faint free doublet may be fitted with its lines exchanged."""

LEAST_LIGHT = 0.8
"""Fraction of an aperture's light below which its lines are flagged: spaxels that were lost are not
where the light is on average, so that the aperture stands for another radius."""

LOST_LIGHT = "lost_light"

TYPICAL_SIGMA_KMS = 64.0
"""The survey's median line width (FWHM 150 km/s), where nothing better is known."""


@dataclass(frozen=True, eq=False)
class BandFit:
    """Co-added spectra of one band and the lines fitted to them.

    Parameters
    ----------
    model : BandLineModel
        Line model of the band.
    spectra : ApertureSpectra
        Spectra, one per aperture.
    fits : LineFits
        Fits, one per aperture.
    units : str
        Unit of the flux density.
    coverage : array, shape (n_apertures,)
        Fraction of each aperture's H-alpha spaxels that hold data in this band.
    other_light : array, shape (n_apertures, n_channels), optional
        Light beside the fitted lines and their continuum: a broad H-alpha, and the absorption of
        stars, which is negative.
    broad : BroadHalpha, optional
        Broad H-alpha, if it was asked for and the band holds H-alpha.
    shared_noise : array, shape (n_annuli, n_annuli), optional
        Correlation of the noise of the annuli; independent by default.
    light_coverage : array, shape (n_apertures,), optional
        Fraction of each aperture's H-alpha light, in the field, on spaxels with data in this band;
        all of it by default.
    doubt : str
        Flag of all lines; empty by default.
    """

    __repr__ = short_repr

    model: BandLineModel
    spectra: ApertureSpectra
    fits: LineFits
    units: str
    coverage: Array
    other_light: Array | None = None
    broad: BroadHalpha | None = None
    shared_noise: Array | None = None
    light_coverage: Array | None = None
    doubt: str = ""

    @property
    def _line_flux_density(self) -> Array:
        """Spectra without other light, shape (n_apertures, n_channels)."""
        return self.spectra.flux - (0.0 if self.other_light is None else self.other_light)

    @cached_property
    def sums(self) -> StatisticalFluxes:
        """Line fluxes as sums over channels."""
        return statistical_fluxes(
            self.fits, self._line_flux_density, self.spectra.variance, mask=~self.spectra.valid
        )

    @cached_property
    def line_coverage(self) -> Array:
        """Fraction of the channels about each line that were used, shape (n_apertures, n_lines)."""
        return line_coverage(self.fits, self.spectra.valid)

    @cached_property
    def line_flags(self) -> StrArray:
        """Flags of single lines, shape (n_apertures, n_lines).

        Those of :func:`~kurvs_pipeline.fitting.coverage.line_flags`, and ``lost_light`` where less
        than 80 per cent of an aperture's light is on spaxels with data.
        """
        flags = join_flags(line_flags(self.line_coverage, self.sums), self.doubt)
        if self.light_coverage is None:
            return flags
        lost = np.where(self.light_coverage < LEAST_LIGHT, LOST_LIGHT, "")
        return join_flags(flags, np.repeat(lost[:, None], flags.shape[1], axis=1))

    def model_spectra(self) -> Array:
        """Return the best fit with the other light, as :meth:`LineFits.model_spectra`."""
        return self.fits.model_spectra() + (0.0 if self.other_light is None else self.other_light)


def fit_bands(
    bands: Mapping[str, CalibratedBand],
    apertures: PlacedApertures,
    *,
    redshift: float,
    velocity_kms: Array,
    light: Array | None = None,
    doubt: str = "",
    broad_halpha: bool = False,
    balmer_absorption: BalmerAbsorption | None = None,
) -> dict[str, BandFit]:
    """Return co-added spectra and fits of every aperture, by band.

    Kinematics are free where a band has a strong line. Elsewhere they are those of the
    H-alpha band in the same aperture, or of the integrated aperture: with free kinematics
    a faint line's error comes out too small. An aperture of which a band holds less than
    30 per cent is not measured in it.

    Parameters
    ----------
    bands : mapping of str to CalibratedBand
        Calibrated cubes, the one with H-alpha first.
    apertures : PlacedApertures
        The integrated aperture and the annuli.
    redshift : float
        Systemic redshift, at which the lines are fitted.
    velocity_kms : array, shape (n_y, n_x)
        Velocity to take out of every spaxel, relative to ``redshift``.
    light : array, shape (n_y, n_x), optional
        H-alpha of every spaxel, those without data included, which says how much of the light of an
        aperture was lost; by default none was.
    doubt : str
        Flag of all lines, such as of velocities that cannot be right.
    broad_halpha : bool
        Whether to try a broad H-alpha in every aperture
        (:func:`~kurvs_pipeline.fluxes.broad_line.fit_broad_halpha`).
    balmer_absorption : BalmerAbsorption, optional
        Stellar absorption to correct for; none by default.
    """
    weights = apertures.weights
    n_apertures = len(weights)
    velocity, sigma = np.zeros(n_apertures), np.full(n_apertures, TYPICAL_SIGMA_KMS)
    results: dict[str, BandFit] = {}
    for name, band in bands.items():
        coverage = _coverage(weights, band)
        fitter = BandFitter(
            model=BandLineModel.for_band(band.wavelength_um, band.lsf_sigma_um, redshift),
            band=band, apertures=apertures.names, weights=weights, coverage=coverage,
            minimum_snr=OTHER_BANDS_SNR if results else HALPHA_BAND_SNR,
            broad_halpha=broad_halpha and not results, balmer_absorption=balmer_absorption,
        )  # fmt: skip
        coadded = fitter.coadded(velocity_kms)
        if not results:
            velocity, sigma = fitter.integrated_kinematics(coadded, velocity, sigma)
        found = fitter.fit(coadded, (velocity, sigma))
        results[name] = BandFit(
            fitter.model, found.spectra, found.fits, band.units, coverage, found.other_light,
            found.broad, shared_noise(band, apertures.annuli.weights, velocity_kms),
            None if light is None else apertures.light_coverage(light, band.valid_fraction),
            doubt,
        )  # fmt: skip
        if len(results) == 1:
            # Faint lines of the other bands take the kinematics of H-alpha.
            fits = found.fits
            known = np.isfinite(fits.velocity_kms) & np.isfinite(fits.sigma_kms)
            velocity = np.where(known, fits.velocity_kms, velocity)
            sigma = np.where(known, fits.sigma_kms, sigma)
    return results


def _coverage(weights: Array, band: CalibratedBand) -> Array:
    """Return the fraction of each aperture's weight on spaxels with data in this band."""
    total = weights.sum(axis=(1, 2))
    inside = (weights * band.valid_spaxels).sum(axis=(1, 2))
    return np.asarray(np.divide(inside, total, out=np.zeros_like(total), where=total > 0.0))
