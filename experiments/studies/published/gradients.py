"""The published gradients, rebuilt from the annuli of Fig. 6 and measured by every estimator.

    python -m experiments.studies.published.gradients docs --shared ../shared

writes ``published-factors.ecsv``, ``published-gradients.ecsv``,
``published-gradients-population.ecsv`` and the figure of ``docs/published-gradients.md``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from astropy import units as u
from astropy.table import QTable

from experiments.beam_smearing.f_grad import (
    DISK_THICKNESS,
    SEEING_FWHM_ARCSEC,
    GillmanCurves,
    axis_ratio_of_cos,
    axis_ratio_of_cos2,
    factor_of_curves,
)
from experiments.runs.style import figure_style
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal, run_alone
from experiments.studies.published.gradients_figure import draw_gradients
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.gradients.forward.estimator import ForwardFit
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.posterior import GradientPosterior
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration, NitrogenProfiles
from kurvs_pipeline.gradients.population import Population
from kurvs_pipeline.gradients.slope import Slope, weighted_slope
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.smearing.correction import LARGEST_GRADIENT
from kurvs_pipeline.smearing.matrix import InclinedDisk, SmearingMatrix
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import EllipseApertures
from kurvs_sim.survey.annuli import AnnularAbundance, annular_abundances
from kurvs_sim.survey.catalogue import CatalogueEntry, kurvs_catalogue

ANNULI_ARCSEC = {"A": (0.0, 0.5), "B": (0.5, 1.0), "C": (1.0, 1.5)}

MARINO13_ZERO, MARINO13_SLOPE = 8.743, 0.462
MARINO13_ZERO_ERR, MARINO13_SLOPE_ERR = 0.027, 0.024
"""12 + log(O/H) = zero + slope log N2, with the errors that its authors give (Marino et al. 2013,
eq. 4). The error bars of Fig. 6 hold them; those of Table 1 do not."""

LIMIT_SNR = 4.0
"""Limits stand for a line of this many errors."""

UNDETECTED_SNR, UNDETECTED_SNR_ERR = 2.0, 1.5
"""What a limit says of a line: any S/N between 0 and 4 is as likely, and its noise is 1, which has
this mean and standard deviation (16 / 12 + 1, square root)."""

RELATIVE_LIGHT_ERR = 0.2
"""Error of H-alpha in each annulus. The figure has only ratios: light is that of an exponential
disk of the published size, with the model's own prior on that size."""

AGN = {11, 12}
"""Galaxies that the survey marks as active nuclei (Li et al. 2025, Table 1 and Fig. 2)."""

ROUNDING = 0.0005
"""dex/kpc: half the last digit of Table 1."""


class Normal(NamedTuple):
    """Mean and scatter of a sample."""

    mean: float
    scatter: float


@dataclass(frozen=True)
class PublishedGalaxy:
    """The annuli of one galaxy by N2, on the calibration of Table 1.

    Parameters
    ----------
    entry : CatalogueEntry
        What else is published of it.
    annuli : tuple of AnnularAbundance
        Measurements and limits by N2, outwards.
    """

    entry: CatalogueEntry
    annuli: tuple[AnnularAbundance, ...]

    @cached_property
    def detected(self) -> BoolArray:
        """Whether each annulus is a measurement, shape (n_annuli,)."""
        return np.array([one.limit == "" for one in self.annuli], dtype=bool)

    @cached_property
    def radius_kpc(self) -> Array:
        """Radii, shape (n_annuli,)."""
        return np.array([one.radius_kpc for one in self.annuli])

    @cached_property
    def log_ratio(self) -> Array:
        """log10 of [N II] 6584 over H-alpha, shape (n_annuli,)."""
        value = np.array([one.abundance for one in self.annuli])
        return np.asarray((value - MARINO13_ZERO) / MARINO13_SLOPE)

    @cached_property
    def log_ratio_err(self) -> Array:
        """Error of the measured ratio alone, without the calibration's; NaN for limits."""
        drawn = np.array([one.abundance_err for one in self.annuli])
        of_calibration = MARINO13_ZERO_ERR**2 + (MARINO13_SLOPE_ERR * self.log_ratio) ** 2
        # Error bars are drawn to 1e-4 dex, and some lines are so bright that nothing else is left.
        left = np.maximum(drawn**2 - of_calibration, (1e-3) ** 2)
        return np.asarray(np.sqrt(left) / MARINO13_SLOPE)

    @cached_property
    def abundance(self) -> Array:
        """12 + log(O/H) by the calibration of Table 1, shape (n_annuli,)."""
        return DIAGNOSTICS["n2"].oxygen_abundance(self.log_ratio)

    @cached_property
    def abundance_err(self) -> Array:
        """Errors of measurement; NaN for limits."""
        return self.log_ratio_err * DIAGNOSTICS["n2"].abundance_per_log_ratio()

    @property
    def published(self) -> tuple[float, float]:
        """Gradient and error by N2 of Table 1, dex/kpc; NaN where there is none."""
        found = {name: (value, error) for name, value, error in self.entry.gradients}
        return found.get("n2", (math.nan, math.nan))

    @cached_property
    def unweighted(self) -> Slope:
        """The survey's line: through the detected annuli, all of one weight."""
        equal = np.where(self.detected, 1.0, np.nan)
        return weighted_slope(self.radius_kpc, self.abundance, equal)

    @cached_property
    def weighted(self) -> Slope:
        """The pipeline's line: the same annuli, weighted by their errors."""
        abundance = np.where(self.detected, self.abundance, np.nan)
        return weighted_slope(self.radius_kpc, abundance, self.abundance_err)

    def error_of(self, slope: Slope) -> float:
        """Return the standard error of a line's slope, dex/kpc."""
        used = self.detected
        return float(np.sqrt(slope.coefficients[used] ** 2 @ self.abundance_err[used] ** 2))

    @cached_property
    def metadata(self) -> ObservationMetadata:
        """Geometry and seeing as the survey states them."""
        return ObservationMetadata(
            redshift=self.entry.redshift,
            inclination_deg=self.entry.inclination_deg,
            position_angle_deg=self.entry.position_angle_deg,
            effective_radius_arcsec=self.entry.effective_radius_arcsec,
            disk_thickness=DISK_THICKNESS,
            seeing_fwhm_arcsec=SEEING_FWHM_ARCSEC,
        )

    @cached_property
    def apertures(self) -> EllipseApertures:
        """The survey's annuli: ellipses of an axis ratio of cos i."""
        edges = tuple(ANNULI_ARCSEC[one.annulus] for one in self.annuli)
        flattening = math.cos(math.radians(self.entry.inclination_deg))
        return EllipseApertures(edges, flattening, self.entry.position_angle_deg)

    def f_grad(self, slope: Slope, gradient: float) -> float:
        """Return the factor of this pipeline for the annuli and weights of a line."""
        matrix = SmearingMatrix(
            InclinedDisk.of(self.metadata), Seeing.of(self.metadata), self.apertures
        )
        per_log_ratio = DIAGNOSTICS["n2"].abundance_per_log_ratio()
        seen = per_log_ratio * matrix.log_ratios(
            self.entry.effective_radius_arcsec, gradient * self._kpc_per_arcsec / per_log_ratio
        )
        return gradient / float(slope.coefficients @ seen)

    @property
    def _kpc_per_arcsec(self) -> float:
        return kpc_per_arcsec(self.entry.redshift)

    def model(self, abundance: Normal, seeing: SeeingKnowledge | None = None) -> ForwardModel:
        """Return an exponential disk of the published size behind the seeing.

        ``abundance`` is the prior of 12 + log(O/H) at the effective radius; the seeing is the
        published one, by default with the errors that the pipeline assumes.
        """
        return ForwardModel(
            disk=InclinedDisk.of(self.metadata),
            effective_radius_arcsec=self.entry.effective_radius_arcsec,
            kpc_per_arcsec=self._kpc_per_arcsec,
            seeing=seeing or SeeingKnowledge.assumed(self.metadata),
            apertures=self.apertures,
            profiles=NitrogenProfiles(InverseCalibration(DIAGNOSTICS["n2"])),
            abundance_mean=abundance.mean,
            abundance_err=abundance.scatter,
        )

    def forward(self, abundance: Normal, random: np.random.Generator) -> ForwardFit:
        """Fit the disk to the ratios of all annuli, limits included."""
        model = self.model(abundance)
        return ForwardFit.of(model, self._fluxes(model), random)

    def _fluxes(self, model: ForwardModel) -> ApertureFluxes:
        """Return fluxes that hold the measured ratios and say little of the light."""
        halpha = model.predict(np.zeros(1), model.prior_mean[None]).flux[0, 0]
        ratio = 10.0**self.log_ratio * np.where(self.detected, 1.0, UNDETECTED_SNR / LIMIT_SNR)
        relative_err = np.where(
            self.detected, math.log(10.0) * self.log_ratio_err, UNDETECTED_SNR_ERR / UNDETECTED_SNR
        )
        # An error of H-alpha moves [N II] with it, so that only the ratio is constrained.
        shared = RELATIVE_LIGHT_ERR**2 * np.ones((2, 2))
        each = shared + np.array([[0.0, 0.0], [0.0, 1.0]]) * relative_err[:, None, None] ** 2
        flux = np.stack([halpha, ratio * halpha])
        covariance = np.zeros((2, flux.shape[1], 2, flux.shape[1]))
        for at, relative in enumerate(each):
            covariance[:, at, :, at] = relative * np.outer(flux[:, at], flux[:, at])
        return ApertureFluxes(flux[None], covariance)


def published_galaxies() -> tuple[PublishedGalaxy, ...]:
    """Return the galaxies with two annuli or more by N2, measured or limits."""
    by_galaxy: dict[int, list[AnnularAbundance]] = {}
    for one in annular_abundances():
        if one.diagnostic == "n2":
            by_galaxy.setdefault(one.kurvs_id, []).append(one)
    catalogue = kurvs_catalogue()
    return tuple(
        PublishedGalaxy(catalogue[number], tuple(annuli))
        for number, annuli in by_galaxy.items()
        if len(annuli) > 1
    )


def factor_table(galaxies: Sequence[PublishedGalaxy], curves: GillmanCurves) -> QTable:
    """Return the factor that leads from the annuli to Table 1, by galaxy, and who it belongs to.

    Returns
    -------
    QTable
        ``kurvs_id, n_bins, slope, published, published_err, rebuilt_err, factor, factor_low,
        factor_high, curves_cos, curves_cos2, f_grad``: the unweighted slope of the annuli, Table 1,
        its error as rebuilt from the error bars, their ratio with the limits that the rounding of
        Table 1 leaves, the factors of the curves for either axis ratio, and that of this pipeline.
    """
    rows = []
    for galaxy in galaxies:
        gradient, error = galaxy.published
        if not math.isfinite(gradient):
            continue
        slope = galaxy.unweighted
        ends = sorted((gradient + step) / slope.gradient for step in (-ROUNDING, ROUNDING))
        factor = gradient / slope.gradient
        rows.append({
            "kurvs_id": galaxy.entry.kurvs_id, "n_bins": slope.n_bins, "slope": slope.gradient,
            "published": gradient, "published_err": error,
            "rebuilt_err": factor * galaxy.error_of(slope), "factor": factor,
            "factor_low": ends[0], "factor_high": ends[1],
            "curves_cos": factor_of_curves(curves, galaxy.entry, axis_ratio_of_cos),
            "curves_cos2": factor_of_curves(curves, galaxy.entry, axis_ratio_of_cos2),
            "f_grad": galaxy.f_grad(slope, REFERENCE),
        })  # fmt: skip
    return _table(rows)


REFERENCE = -0.02
"""dex/kpc: the gradient that f_grad is computed for, as everywhere in this project."""


def gradient_table(
    galaxies: Sequence[PublishedGalaxy], *, advance: Callable[[int], None] = lambda _: None
) -> tuple[QTable, dict[str, Population]]:
    """Return the gradient of every galaxy by every estimator, and the likelihoods of the sample.

    Returns
    -------
    table : QTable
        ``kurvs_id, n_bins, n_limits, published, published_err, slope, slope_err, slope_fgrad,
        slope_fgrad_err, forward, forward_low, forward_high, flag``.
    populations : dict of str to Population
        By the name of the estimator, of the galaxies that it gives a gradient.
    """
    abundance = sample_abundance(galaxies)
    rows, posteriors = [], {}
    for galaxy in galaxies:
        slope = galaxy.weighted
        factor = galaxy.f_grad(slope, REFERENCE) if slope.n_bins > 1 else math.nan
        fit = galaxy.forward(abundance, np.random.default_rng(galaxy.entry.kurvs_id))
        found = fit.flat
        flag = str(found.flag[0])
        if flag != "poor_fit":
            posteriors[galaxy.entry.kurvs_id] = fit.posterior
        gradient, error = galaxy.published
        rows.append({
            "kurvs_id": galaxy.entry.kurvs_id, "n_bins": int(galaxy.detected.sum()),
            "n_limits": int((~galaxy.detected).sum()),
            "published": gradient, "published_err": error,
            "slope": slope.gradient, "slope_err": slope.gradient_err,
            "slope_fgrad": factor * slope.gradient, "slope_fgrad_err": factor * slope.gradient_err,
            "forward": float(found.gradient[0]), "forward_low": float(found.low[0]),
            "forward_high": float(found.high[0]), "flag": flag,
        })  # fmt: skip
        advance(1)
    table = _table(rows)
    return table, _populations(table, posteriors)


def sample_abundance(galaxies: Sequence[PublishedGalaxy]) -> Normal:
    """Return mean and scatter of 12 + log(O/H) of the sample, from its detected annuli."""
    each = [
        float(np.average(g.abundance[g.detected], weights=g.abundance_err[g.detected] ** -2))
        for g in galaxies
        if g.detected.any()
    ]
    return Normal(float(np.mean(each)), float(np.std(each)))


def _populations(
    table: QTable, posteriors: Mapping[int, GradientPosterior]
) -> dict[str, Population]:
    populations = {}
    for name in ("published", "slope", "slope_fgrad"):
        # The pipeline flags what is beyond as unconstrained.
        used = np.abs(table[name].value) <= LARGEST_GRADIENT
        populations[name] = Population.of_measurements(
            table[name][used].value, table[f"{name}_err"][used].value
        )
    with_slope = set(table["kurvs_id"][np.isfinite(table["slope"])].tolist())
    for name, chosen in (
        ("forward, galaxies with a slope", posteriors.keys() & with_slope),
        ("forward, all galaxies", posteriors.keys()),
        ("forward, all without AGN", posteriors.keys() - AGN),
    ):
        populations[name] = Population.of_posteriors([posteriors[one] for one in sorted(chosen)])
    return populations


def population_table(populations: Mapping[str, Population]) -> QTable:
    """Return intrinsic mean and scatter of the sample by estimator.

    Returns
    -------
    QTable
        ``gradients, galaxies, mean, mean_err, scatter, scatter_err``, dex/kpc.
    """
    rows = []
    for name, population in populations.items():
        found = population.posterior()
        (mean, mean_err), (scatter, scatter_err) = found.mean, found.scatter
        rows.append({
            "gradients": name, "galaxies": len(population.likelihood), "mean": mean,
            "mean_err": mean_err, "scatter": scatter, "scatter_err": scatter_err,
        })  # fmt: skip
    return _table(rows)


_WITHOUT_UNIT = {
    "kurvs_id", "n_bins", "n_limits", "galaxies", "gradients", "flag", "factor", "factor_low",
    "factor_high", "curves_cos", "curves_cos2", "f_grad",
}  # fmt: skip


def _table(rows: Sequence[Mapping[str, object]]) -> QTable:
    table = QTable(rows=[dict(row) for row in rows])
    for name in table.colnames:
        if name not in _WITHOUT_UNIT:
            table[name] = np.asarray(table[name], dtype=float) * (u.dex / u.kpc)
        if table[name].dtype.kind == "f":
            table[name].info.format = ".4g"
    return table


def main(
    docs: Annotated[Path, typer.Argument(metavar="DOCS", help="Tables and images go there.")],
    *,
    shared: Annotated[Path, typer.Option(metavar="DIR", help="Holds reference/gillman21.")],
) -> None:
    """Rebuild the published gradients, measure them by every estimator, and draw both."""
    terminal = Terminal()
    curves = GillmanCurves.read(shared / "reference" / "gillman21")
    galaxies = published_galaxies()
    factors = factor_table(galaxies, curves)
    with terminal.progress("fitting", len(galaxies)) as advance:
        gradients, populations = gradient_table(galaxies, advance=advance)
    tables = {
        "published-factors": factors,
        "published-gradients": gradients,
        "published-gradients-population": population_table(populations),
    }
    for name, table in tables.items():
        write_table(table, docs / f"{name}.ecsv",
                    command="python -m experiments.studies.published.gradients")  # fmt: skip
        terminal.show("\n".join(table.pformat(max_lines=-1, max_width=-1)))
    with figure_style():
        draw_gradients(factors, gradients).savefig(
            docs / "images" / "published-gradients.png", dpi=90
        )


if __name__ == "__main__":
    run_alone(main)
