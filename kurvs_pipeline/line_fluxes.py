"""Line fluxes of every aperture in every band, each with the error that it deserves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from astropy import units as u
from astropy.table import QTable, vstack
from numpy.typing import ArrayLike, NDArray

from kurvs_pipeline.band_fitter import BandFitter
from kurvs_pipeline.broad_component import BroadHalpha
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.fitting import VELOCITY_RANGE_KMS, fit_lines
from kurvs_pipeline.line_coverage import line_coverage, line_flags
from kurvs_pipeline.line_fits import LineFits, describe_flag, join_flags
from kurvs_pipeline.line_model import BandLineModel
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.noise import observed_line_sigma_channels
from kurvs_pipeline.shared_noise import shared_noise
from kurvs_pipeline.sky_excess import with_sky_residuals
from kurvs_pipeline.spectra import ApertureSpectra, CalibratedBand, coadd, near_lines
from kurvs_pipeline.statistical_flux import StatisticalFluxes, statistical_fluxes
from kurvs_pipeline.stellar_absorption import BalmerAbsorption

Array = NDArray[np.float64]

DETECTION_SNR = 4.0
"""Below it a line is a limit (Li et al. 2025, Section 3)."""

HALPHA_BAND_SNR = 5.0
OTHER_BANDS_SNR = 10.0
"""Of the brightest line, for a band to have kinematics of its own: elsewhere those of H-alpha are
known better, and a faint doublet that is free may be fitted the wrong way round."""

TYPICAL_SIGMA_KMS = 64.0
"""The survey's median line width (FWHM 150 km/s), where nothing better is known."""


@dataclass(frozen=True)
class BandFit:
    """The co-added spectra of one band and the lines fitted to them.

    Parameters
    ----------
    model : BandLineModel
        What was fitted.
    spectra : ApertureSpectra
        One spectrum an aperture.
    fits : LineFits
        One fit an aperture.
    units : str
        Of the flux density.
    coverage : array, shape (n_apertures,)
        Fraction of each aperture's H-alpha spaxels that hold data in this band.
    other_light : array, shape (n_apertures, n_channels), optional
        What the spectra hold beside the lines that were fitted and their continuum: a broad
        H-alpha, and the absorption of stars, which is negative.
    broad : BroadHalpha, optional
        If it was asked for, in the band with H-alpha.
    shared_noise : array, shape (n_annuli, n_annuli), optional
        Correlation of the noise of the annuli, which come after the first aperture; they are
        independent if it is not given.
    """

    model: BandLineModel
    spectra: ApertureSpectra
    fits: LineFits
    units: str
    coverage: Array
    other_light: Array | None = None
    broad: BroadHalpha | None = None
    shared_noise: Array | None = None

    @property
    def line_flux_density(self) -> Array:
        """The spectra without other light, shape (n_apertures, n_channels)."""
        return self.spectra.flux - (0.0 if self.other_light is None else self.other_light)

    @cached_property
    def sums(self) -> StatisticalFluxes:
        """Fluxes of the lines as sums over their channels."""
        return statistical_fluxes(
            self.fits, self.line_flux_density, self.spectra.variance, mask=~self.spectra.valid
        )

    @cached_property
    def line_coverage(self) -> Array:
        """Fraction of the channels about each line that were used, shape (n_apertures, n_lines)."""
        return line_coverage(self.fits, self.spectra.valid)

    @cached_property
    def line_flags(self) -> NDArray[np.str_]:
        """What makes single lines doubtful, shape (n_apertures, n_lines)."""
        return line_flags(self.line_coverage, self.sums)

    def model_spectra(self) -> Array:
        """Return what was fitted, with the other light, as :meth:`LineFits.model_spectra`."""
        return self.fits.model_spectra() + (0.0 if self.other_light is None else self.other_light)


def bands_with_lines(
    bands: Mapping[str, CalibratedBand], redshift: float
) -> dict[str, CalibratedBand]:
    """Return the bands that hold lines, the one with H-alpha first.

    Parameters
    ----------
    bands : mapping of str to CalibratedBand
        By name.
    redshift : float
        Of the galaxy.

    Raises
    ------
    CoverageError
        If H-alpha is in none: without it there are no kinematics and no abundances.
    """
    if not any(band.valid.any() for band in bands.values()):
        raise CoverageError(
            f"no voxel of {', '.join(bands)} can be used: each is missing, zero, masked or "
            "saturated, or its noise is; look at the cube and at its noise extension"
        )
    halpha = REST_WAVELENGTH_UM["halpha"] * (1.0 + redshift)
    first = [name for name, band in bands.items() if _covers(band, halpha)]
    if not first:
        ranges = ", ".join(f"{name} {_range(band)}" for name, band in bands.items())
        raise CoverageError(
            f"H-alpha at redshift {redshift:g} falls at {halpha:.4f} um, outside the data "
            f"({ranges}): check --redshift and --wavelength-start, or give the cube with H-alpha "
            "too, which velocities and the galaxy's place come from"
        )
    others = [
        name
        for name, band in bands.items()
        if name not in first
        and any(_covers(band, rest * (1.0 + redshift)) for rest in REST_WAVELENGTH_UM.values())
    ]
    return {name: bands[name] for name in (*first[:1], *others)}


def _range(band: CalibratedBand) -> str:
    if not band.valid.any():
        return "without any usable voxel"
    return f"{band.wavelength_um[0]:.4f}-{band.wavelength_um[-1]:.4f} um"


def _covers(band: CalibratedBand, wavelength_um: float) -> bool:
    observed = band.valid.any(axis=(1, 2))
    if not observed.any():
        return False
    usable = band.wavelength_um[observed]
    return bool(usable[0] < wavelength_um < usable[-1])


def systemic_velocity(
    band: CalibratedBand,
    redshift: float,
    weights: Array,
    *,
    velocity_range_kms: tuple[float, float] = VELOCITY_RANGE_KMS,
) -> tuple[float, float]:
    """Return the velocity of the integrated, unaligned lines and its error, km/s.

    Parameters
    ----------
    band : CalibratedBand
        The band with H-alpha.
    redshift : float
        Velocities are relative to it.
    weights : array, shape (n_y, n_x)
        Of the integrated aperture.
    velocity_range_kms : (float, float)
        To look in.

    Returns
    -------
    velocity, error : float
        NaN where H-alpha is not detected.
    """
    # Residuals of the sky may be all that there is: they must not pass for H-alpha.
    spectra = with_sky_residuals(
        coadd(band, weights[None]), ~near_lines(band.wavelength_um, redshift),
        line_sigma_channels=observed_line_sigma_channels(band.wavelength_um),
    )  # fmt: skip
    model = BandLineModel.for_band(band.wavelength_um, band.lsf_sigma_um, redshift)
    fits = fit_lines(
        model, spectra.flux, spectra.variance, mask=~spectra.valid,
        velocity_range_kms=velocity_range_kms,
    )  # fmt: skip
    if not fits.snr[0, fits.names.index("halpha")] > DETECTION_SNR:
        return float("nan"), float("nan")
    return float(fits.velocity_kms[0]), float(fits.velocity_err_kms[0])


def fit_bands(
    bands: Mapping[str, CalibratedBand],
    weights: Array,
    *,
    redshift: float,
    velocity_kms: Array,
    broad_halpha: bool = False,
    balmer_absorption: BalmerAbsorption | None = None,
) -> dict[str, BandFit]:
    """Co-add and fit every aperture in every band.

    Kinematics are free where a band has a strong line. Elsewhere they are those of the
    H-alpha band in the same aperture, or of the integrated aperture: with free kinematics
    a faint line's error comes out too small. An aperture of which a band holds less than
    30 per cent is not measured in it.

    Parameters
    ----------
    bands : mapping of str to CalibratedBand
        The first holds H-alpha.
    weights : array, shape (n_apertures, n_y, n_x)
        The first aperture is the integrated one.
    redshift : float
        Systemic.
    velocity_kms : array, shape (n_y, n_x)
        To take out of every spaxel, relative to ``redshift``.
    broad_halpha : bool
        Whether to try a broad H-alpha in every aperture
        (:func:`~kurvs_pipeline.broad_component.fit_broad_halpha`).
    balmer_absorption : BalmerAbsorption, optional
        Of the stars, to correct for.

    Returns
    -------
    dict of str to BandFit
    """
    n_apertures = len(weights)
    velocity, sigma = np.zeros(n_apertures), np.full(n_apertures, TYPICAL_SIGMA_KMS)
    results: dict[str, BandFit] = {}
    for name, band in bands.items():
        coverage = _coverage(weights, band)
        fitter = BandFitter(
            model=BandLineModel.for_band(band.wavelength_um, band.lsf_sigma_um, redshift),
            band=band, weights=weights, coverage=coverage,
            minimum_snr=OTHER_BANDS_SNR if results else HALPHA_BAND_SNR,
            broad_halpha=broad_halpha and not results, balmer_absorption=balmer_absorption,
        )  # fmt: skip
        coadded = fitter.coadded(velocity_kms)
        if not results:
            velocity, sigma = fitter.integrated_kinematics(coadded, velocity, sigma)
        found = fitter.fit(coadded, (velocity, sigma))
        results[name] = BandFit(
            fitter.model, found.spectra, found.fits, band.units, coverage, found.other_light,
            found.broad, shared_noise(band, weights[1:], velocity_kms),
        )  # fmt: skip
        if len(results) == 1:
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


def flux_table(
    fits: Mapping[str, BandFit], apertures: Sequence[str], coverage: ArrayLike
) -> QTable:
    """Return every line of every aperture.

    Parameters
    ----------
    fits : mapping of str to BandFit
        By band.
    apertures : sequence of str
        Names, in the order of the fits.
    coverage : array_like, shape (n_apertures,)
        Fraction of each aperture's area on spaxels with data in the band of H-alpha.

    Returns
    -------
    QTable
        ``aperture, line, flux, flux_err, snr, upper_limit, statistical_flux,
        statistical_flux_err, band, coverage, velocity, sigma, kinematics, line_coverage,
        reduced_chi2, flag``.
        ``upper_limit`` is 4 sigma where S/N < 4, NaN otherwise; the flux stands either way.
        ``coverage`` is of the aperture's area in the line's own band: light on the rest is
        not made up. ``statistical_flux`` sums over the line, whatever its shape, and is NaN
        where lines overlap (:func:`~kurvs_pipeline.statistical_flux.statistical_fluxes`).
        ``line_coverage`` is the fraction of the channels about a line that were used
        (:func:`~kurvs_pipeline.line_coverage.line_coverage`), and ``flag`` holds
        ``truncated`` and ``doublet_ratio`` of single lines beside what is known of the whole
        fit. Such lines are used all the same: fit and error know which channels there are, and
        leaving lines out where the sky is would choose redshifts. Abundances and gradients
        that they enter carry the flag, and ``poor_fit`` too.
        A broad H-alpha that was kept is a row ``halpha_broad`` with its own kinematics.
    """
    within = np.asarray(coverage, dtype=float)
    tables = [_band_table(name, fit, apertures, within) for name, fit in fits.items()]
    broad = [_broad_table(name, fit, apertures, within) for name, fit in fits.items()]
    return vstack(tables + [table for table in broad if table is not None])


def _band_table(band: str, fit: BandFit, apertures: Sequence[str], coverage: Array) -> QTable:
    lines = fit.fits.to_lines()
    n_lines = len(lines.names)
    unit = line_flux_unit(fit.units)
    detected = lines.snr > DETECTION_SNR
    table = QTable()
    table["aperture"] = np.repeat(apertures, n_lines)
    table["line"] = np.tile(lines.names, len(apertures))
    table["flux"] = lines.flux.ravel() * unit
    table["flux_err"] = lines.flux_err.ravel() * unit
    table["snr"] = lines.snr.ravel() * u.dimensionless_unscaled
    limit = np.where(detected, np.nan, DETECTION_SNR * lines.flux_err)
    table["upper_limit"] = limit.ravel() * unit
    table["statistical_flux"] = fit.sums.flux.ravel() * unit
    table["statistical_flux_err"] = fit.sums.flux_err.ravel() * unit
    table["band"] = band
    table["coverage"] = np.repeat(coverage * fit.coverage, n_lines)
    table["velocity"] = np.repeat(fit.fits.velocity_kms, n_lines) * u.km / u.s
    table["sigma"] = np.repeat(fit.fits.sigma_kms, n_lines) * u.km / u.s
    table["kinematics"] = np.repeat(fit.fits.kinematics, n_lines)
    table["line_coverage"] = fit.line_coverage.ravel()
    table["reduced_chi2"] = np.repeat(fit.fits.reduced_chi2, n_lines)
    of_fits = np.repeat([describe_flag(int(flag)) for flag in fit.fits.quality_flag], n_lines)
    table["flag"] = join_flags(of_fits, fit.line_flags.ravel())
    return table


def _broad_table(
    band: str, fit: BandFit, apertures: Sequence[str], coverage: Array
) -> QTable | None:
    """Return a row for every aperture with a broad H-alpha, if there is one."""
    broad = fit.broad
    if broad is None or not broad.kept.any():
        return None
    kept, unit = broad.kept, line_flux_unit(fit.units)
    table = QTable()
    table["aperture"] = np.asarray(apertures)[kept]
    table["line"] = "halpha_broad"
    table["flux"] = broad.flux[kept] * unit
    table["flux_err"] = broad.flux_err[kept] * unit
    table["snr"] = (broad.flux / broad.flux_err)[kept] * u.dimensionless_unscaled
    for name in ("upper_limit", "statistical_flux", "statistical_flux_err"):
        table[name] = np.full(len(table), np.nan) * unit
    table["band"] = band
    table["coverage"] = (coverage * fit.coverage)[kept]
    table["velocity"] = broad.velocity_kms[kept] * u.km / u.s
    table["sigma"] = broad.sigma_kms[kept] * u.km / u.s
    table["kinematics"] = "free"
    table["line_coverage"] = np.full(len(table), np.nan)
    table["reduced_chi2"] = fit.fits.reduced_chi2[kept]
    table["flag"] = np.array([describe_flag(int(flag)) for flag in fit.fits.quality_flag[kept]])
    return table


@cache
def line_flux_unit(flux_density_unit: str) -> u.UnitBase:
    """Return the unit of a flux density integrated over um.

    Parameters
    ----------
    flux_density_unit : str
        As in an Observation.

    Returns
    -------
    astropy unit
        ``1e-16 erg / (s cm2)`` for calibrated cubes, the input's times um otherwise.
    """
    unit = u.Unit(flux_density_unit) * u.um
    calibrated = u.Unit("1e-16 erg / (s cm2)")
    return calibrated if unit == calibrated else unit
