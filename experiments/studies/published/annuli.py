"""A line fit without continuum and without negative lines, for spectra that have none left.

The survey fits spectra from which the continuum has been removed. This fit leaves none to fit
again, where the pipeline always fits one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from astropy.table import Table
from numpy.typing import ArrayLike
from scipy.optimize import minimize, nnls

from experiments.studies.published.rings import RingKey, Rings
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.extracted.fluxes import FittedSpectrum
from kurvs_pipeline.fitting.fit import fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.attenuation import Attenuation
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.geometry import axis_ratio
from kurvs_pipeline.gradients.slope import Slope, weighted_slope
from kurvs_pipeline.io.tables import read_table

STARTS_KMS = ((0.0, 50.0), (50.0, 50.0), (50.0, 100.0), (100.0, 100.0))
BOUNDS_KMS = ((-300.0, 300.0), (20.0, 300.0))


@dataclass(frozen=True)
class ZeroContinuumFit:
    """Lines of one spectrum above zero.

    Parameters
    ----------
    model : BandLineModel
        What was fitted; its continuum is left out.
    velocity_kms, sigma_kms : float
        Of all lines.
    flux : array, shape (n_groups,)
        Of the name line of each group, flux density times um, >= 0.
    """

    model: BandLineModel
    velocity_kms: float
    sigma_kms: float
    flux: Array

    @classmethod
    def of(cls, model: BandLineModel, flux_density: Array, weight: ArrayLike = 1.0) -> Self:
        """Fit by least squares.

        Parameters
        ----------
        model : BandLineModel
            Lines, channels and line-spread function.
        flux_density : array, shape (n_channels,)
            On the model's grid, finite.
        weight : float or array, shape (n_channels,)
            Inverse variance; the same for all channels by default.
        """
        root = np.sqrt(np.broadcast_to(np.asarray(weight, dtype=float), flux_density.shape))
        root, data = root[model.channels], (root * flux_density)[model.channels]

        def amplitudes(kinematics: Array) -> tuple[Array, float]:
            columns = _columns(model, *kinematics) * root[:, None]
            solution, norm = nnls(columns, data)
            return solution, float(norm)

        options = {"xatol": 0.01, "fatol": 1e-9 * float(np.linalg.norm(data))}
        minima = [
            minimize(
                lambda kinematics: amplitudes(kinematics)[1],
                start,
                method="Nelder-Mead",
                bounds=BOUNDS_KMS,
                options=options,
            )
            for start in STARTS_KMS
        ]
        best = min(minima, key=lambda minimum: float(minimum.fun)).x
        return cls(model, float(best[0]), float(best[1]), amplitudes(best)[0])

    @cached_property
    def flux_density(self) -> Array:
        """The fitted lines, shape (n_channels,); NaN outside the windows."""
        curve = np.full(self.model.wavelength_um.size, np.nan)
        columns = _columns(self.model, self.velocity_kms, self.sigma_kms)
        curve[self.model.channels] = columns @ self.flux
        return curve


def _columns(model: BandLineModel, velocity_kms: float, sigma_kms: float) -> Array:
    return np.asarray(model.design(velocity_kms, sigma_kms)[0][:, : len(model.groups)])


ANNULI = ("A", "B", "C")
RADIUS_ARCSEC = np.array([0.25, 0.75, 1.25])
SEEING_FWHM_ARCSEC = 0.6
DISK_THICKNESS = 0.2

PIPELINE = "pipeline"
HELD_AT_A = "kinematics of annulus A"
HELD_AT_INTEGRATED = "kinematics of the integrated spectrum"
WITHOUT_SKY = "without channels of sky lines"
EQUAL = "equal weights"
INVERSE_SKY = "inverse of the sky as weight"
ZERO = "no continuum"
ZERO_EQUAL = "no continuum, equal weights"
WAYS = (PIPELINE, HELD_AT_A, HELD_AT_INTEGRATED, WITHOUT_SKY, INVERSE_SKY, EQUAL, ZERO, ZERO_EQUAL)


def line_fluxes(rings: Rings, key: RingKey, way: str) -> dict[str, float]:
    """Return the fluxes of one annulus and band, fitted in one of ``WAYS``.

    Parameters
    ----------
    rings : Rings
        All spectra.
    key : tuple
        Galaxy, annulus and band.
    way : str
        How to fit.

    Returns
    -------
    dict of str to float
        By the name line of each group, 1e-16 erg / (s cm2).
    """
    fitted = rings.fitted[key]
    model, data = fitted.fits.model, fitted.spectrum.flux_density
    if way == PIPELINE:
        return _named(model, fitted.fits.flux[0])
    if way == ZERO_EQUAL:
        return _named(model, ZeroContinuumFit.of(model, data).flux)
    sigma, mask = fitted.sigma * fitted.error_inflation, fitted.mask
    if way == ZERO:
        weight = np.where(mask, 0.0, sigma**-2)
        return _named(model, ZeroContinuumFit.of(model, data, weight).flux)
    if way == EQUAL:
        sigma, mask = np.full_like(sigma, np.median(sigma)), np.zeros_like(mask)
    if way == INVERSE_SKY:
        sigma, mask = np.sqrt(rings.sky(key)), np.zeros_like(mask)
    if way == WITHOUT_SKY:
        mask = mask | rings.near_sky_lines(key)
    velocity, width = _held_kinematics(rings, key[0], way)
    fits = fit_lines(
        model, data[None], sigma[None] ** 2, mask=mask[None],
        velocity_kms=velocity, sigma_kms=width,
    )  # fmt: skip
    return _named(model, fits.flux[0])


def _held_kinematics(
    rings: Rings, galaxy: int, way: str
) -> tuple[float, float] | tuple[None, None]:
    """Return the velocity and width at which a way holds the lines, if it does."""
    if way == HELD_AT_INTEGRATED:
        return rings.integrated_kms[galaxy]
    if way == HELD_AT_A:
        inner = rings.fitted[galaxy, "A", "H"].fits
        return float(inner.velocity_kms[0]), float(inner.sigma_kms[0])
    return None, None


def _named(model: BandLineModel, flux: Array) -> dict[str, float]:
    return dict(zip(model.group_names, flux.tolist(), strict=True))


def total_flux(model: BandLineModel, fluxes: Mapping[str, float]) -> float:
    """Return the flux of all lines of a band, tied members included.

    Parameters
    ----------
    model : BandLineModel
        Of the band.
    fluxes : mapping of str to float
        By line.
    """
    return sum(
        fluxes[group.name] * sum(ratio for _, ratio in group.members) for group in model.groups
    )


def compare_annuli(rings: Rings) -> Table:
    """Set the flux of all lines in each annulus and band beside the survey's.

    Parameters
    ----------
    rings : Rings
        All spectra.

    Returns
    -------
    Table
        ``kurvs_id, annulus, band, flux, flux_err, snr, published, ratio,
        ratio_no_continuum``: ours as the pipeline fits, its ratio to the survey's, and the
        ratio of a fit without continuum and with equal weights.
    """
    rows = []
    for key, fitted in rings.fitted.items():
        model = fitted.fits.model
        flux, error = _total_with_error(fitted)
        published = rings.published_flux[key]
        zero = total_flux(model, line_fluxes(rings, key, ZERO_EQUAL))
        rows.append({
            "kurvs_id": key[0], "annulus": key[1], "band": key[2],
            "flux": round(flux, 4), "flux_err": round(error, 4), "snr": round(flux / error, 1),
            "published": published, "ratio": round(flux / published, 3),
            "ratio_no_continuum": round(zero / published, 3),
        })  # fmt: skip
    return Table(rows=rows)


def _total_with_error(fitted: FittedSpectrum) -> tuple[float, float]:
    fits = fitted.fits
    per_group = np.array([sum(ratio for _, ratio in g.members) for g in fits.model.groups])
    variance = per_group @ fits.flux_covariance[0] @ per_group
    return float(per_group @ fits.flux[0]), float(np.sqrt(variance))


def compare_ways(rings: Rings) -> Table:
    """Fit H-alpha and [N II] in every way and draw the slope of N2 through the three annuli.

    Parameters
    ----------
    rings : Rings
        All spectra.

    Returns
    -------
    Table
        ``kurvs_id, way, ratio_A, ratio_B, ratio_C, n2_A, n2_B, n2_C, slope, slope_err,
        n_bins``: total flux over the survey's, log([N II]/H-alpha), and dex/kpc before any
        correction for smearing. Slopes go through all annuli, with the pipeline's errors as
        weights; a second row of the pipeline has the annuli above 4 sigma only. The survey's
        own gradient, ``published``, is that of its Table 1 over its correction.
    """
    rows: list[dict[str, Any]] = []
    for galaxy in rings.redshift:
        radius_kpc = RADIUS_ARCSEC * kpc_per_arcsec(rings.redshift[galaxy])
        error, detected = _n2_errors(rings, galaxy)
        for way in WAYS:
            ratios, abundance = _of_way(rings, galaxy, way)
            slope = weighted_slope(radius_kpc, abundance, error)
            rows.append(_row(galaxy, way, ratios, abundance, slope))
            if way == PIPELINE:
                cut = weighted_slope(radius_kpc, np.where(detected, abundance, np.nan), error)
                rows.append(_row(galaxy, "pipeline, S/N > 4", ratios, abundance, cut))
        rows.append(_published_row(rings, galaxy))
    return Table(rows=rows)


def _of_way(rings: Rings, galaxy: int, way: str) -> tuple[list[float], Array]:
    """Return flux ratios to the survey's and N2 abundances of the annuli."""
    ratios, abundances = [], []
    for annulus in ANNULI:
        key = (galaxy, annulus, "H")
        fluxes = line_fluxes(rings, key, way)
        ratios.append(total_flux(rings.fitted[key].fits.model, fluxes) / rings.published_flux[key])
        arrays = {name: np.array(value) for name, value in fluxes.items()}
        abundances.append(float(DIAGNOSTICS["n2"].from_fluxes(arrays)))
    return ratios, np.array(abundances)


def _n2_errors(rings: Rings, galaxy: int) -> tuple[Array, BoolArray]:
    """Return the errors of N2 abundances, and where both lines are detected."""
    errors, detected = [], []
    for annulus in ANNULI:
        fits = rings.fitted[galaxy, annulus, "H"].fits
        lines = fits.to_lines()
        fluxes = JointFluxes((annulus,), lines.names, lines.flux, lines.covariance)
        no_dust = Attenuation(np.zeros(1), np.zeros(1), np.array(["stack"]))
        drawn = AbundanceDraws.of(fluxes, no_dust, np.random.default_rng(1))
        abundance = drawn.of_diagnostic(DIAGNOSTICS["n2"])
        errors.append(0.5 * float(abundance.high[0] - abundance.low[0]))
        detected.append(bool(fluxes.detected("halpha")[0] and fluxes.detected("nii_6584")[0]))
    return np.array(errors), np.array(detected)


def _row(
    galaxy: int, way: str, ratios: Sequence[float], abundance: Array, slope: Slope
) -> dict[str, Any]:
    return {
        "kurvs_id": galaxy, "way": way,
        **{f"ratio_{a}": round(r, 3) for a, r in zip(ANNULI, ratios, strict=True)},
        **{f"n2_{a}": round(float(n), 3) for a, n in zip(ANNULI, abundance, strict=True)},
        "slope": round(slope.gradient, 4), "slope_err": round(slope.gradient_err, 4),
        "n_bins": slope.n_bins,
    }  # fmt: skip


def _published_row(rings: Rings, galaxy: int) -> dict[str, Any]:
    """Return the survey's gradient before its correction for smearing."""
    table = read_table(rings.shared / "paper" / "table_1.csv")
    row = table[table["kurvs_id"] == galaxy][0]
    factor = survey_correction(rings.shared, galaxy)
    nothing = [float("nan")] * len(ANNULI)
    slope = Slope(
        row["gradient_n2"] / factor, row["gradient_n2_err"] / factor, 3, "ok", np.zeros(3)
    )
    return _row(galaxy, "published", nothing, np.array(nothing), slope)


def survey_correction(shared: Path, galaxy: int) -> float:
    """Return by how much the survey multiplied a gradient, from the curves that it used.

    Parameters
    ----------
    shared : Path
        Holds ``paper`` and ``reference/gillman21``.
    galaxy : int
        Number in the survey.
    """
    table = read_table(shared / "paper" / "table_a1.csv")
    row = table[table["kurvs_id"] == galaxy][0]
    ratio = axis_ratio(float(row["inclination"]), DISK_THICKNESS)
    at = SEEING_FWHM_ARCSEC / float(row["effective_radius"])
    ratios, seen = np.arange(0.2, 0.95, 0.1), []
    for of_curve in ratios:
        curve = read_table(shared / "reference" / "gillman21" / f"ba{of_curve:.1f}.csv")
        seen.append(float(np.interp(at, curve["x"], curve["y"])))
    return float(1.0 / np.interp(ratio, ratios, seen))
