"""f_grad of the survey's galaxies, by this pipeline and by the curves of Gillman et al. (2021).

How these curves were made is not published with them. Of many readings this one comes nearest: a
thin exponential disk, spaxels within the effective radius weighted by their light, and seeing over
the scale length in place of the effective radius.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from astropy.table import QTable, Table
from scipy.ndimage import gaussian_filter

from experiments.beam_smearing.figure import f_grad_figure
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal, run_alone
from experiments.survey.statistics import PUBLISHED
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import FWHM_PER_SIGMA
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.gradients.population import Population
from kurvs_pipeline.io.tables import read_table
from kurvs_pipeline.smearing.f_grad_map import SmearedDisks
from kurvs_pipeline.smearing.matrix import HALF_LIGHT_IN_SCALE_LENGTHS
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_sim.survey.catalogue import CatalogueEntry, kurvs_catalogue

SPAXEL, HALF_WIDTH = 0.05, 6.0
"""Of the grid, in effective radii; it holds all light that the seeing could bring in."""


def spaxel_gradient(axis_ratio: float, seeing_over_scale: float, log_ratio_slope: float) -> float:
    """Return the observed over the intrinsic gradient of a line ratio in a thin disk.

    Parameters
    ----------
    seeing_over_scale : float
        FWHM of a Gaussian over the scale length of the disk.
    log_ratio_slope : float
        Intrinsic change of the logarithm (base 10) of the ratio per effective radius.
    """
    axis = np.arange(-HALF_WIDTH, HALF_WIDTH + 0.5 * SPAXEL, SPAXEL)
    radius = np.hypot(axis, axis[:, None] / axis_ratio)
    sigma = seeing_over_scale / HALF_LIGHT_IN_SCALE_LENGTHS / FWHM_PER_SIGMA / SPAXEL
    light = np.exp(-HALF_LIGHT_IN_SCALE_LENGTHS * radius)
    seen = gaussian_filter(light, sigma)
    other = gaussian_filter(light * 10.0 ** (log_ratio_slope * radius), sigma)
    inside = radius < 1.0
    weight, log_ratio = seen[inside], np.log10(other[inside] / seen[inside])
    slope, _ = np.polyfit(radius[inside], log_ratio, 1, w=np.sqrt(weight))
    return float(slope / log_ratio_slope)


SEEING_FWHM_ARCSEC = 0.6
DISK_THICKNESS = 0.2
F_GRAD_STATISTICS = ("f_grad_median", "f_grad_16", "f_grad_84")
"""Published statistics of f_grad (Li et al. 2025, Section 4)."""

AXIS_RATIOS = tuple(round(0.1 * tenth, 1) for tenth in range(2, 10))
"""Axis ratios b/a of the curves of Gillman et al. (2021)."""

SEEING_OVER_RADIUS = (0.4, 0.8, 1.2, 1.8, 2.4)
CURVE_SCHEMES = ("3x0.5re", "3x0.7re", "3x1.0re", "6x0.5re", "8x0.5re")
SPAXELS = "spaxels within 1re, seeing over scale length"
CURVE_GRADIENT_PER_RADIUS = -0.05
"""dex per effective radius: weak, as the curves do not state theirs."""


@dataclass(frozen=True)
class GillmanCurves:
    """Observed over intrinsic gradient against seeing over effective radius, by axis ratio."""

    curves: Mapping[float, tuple[Array, Array]]

    @classmethod
    def read(cls, folder: Path) -> "GillmanCurves":
        """Read the digitised curves, ``ba0.2.csv`` to ``ba0.9.csv`` with columns ``x`` and ``y``.

        Raises
        ------
        CubeFormatError
            If a file is missing or is no such table.
        """
        curves = {}
        for ratio in AXIS_RATIOS:
            table = read_table(folder / f"ba{ratio}.csv")
            if not {"x", "y"} <= set(table.colnames):
                raise CubeFormatError(
                    f"{folder / f'ba{ratio}.csv'}: columns are {table.colnames}; expected x and y"
                )
            curves[ratio] = np.asarray(table["x"], float), np.asarray(table["y"], float)
        return cls(curves)

    def observed_over_intrinsic(self, axis_ratio: float, seeing_over_radius: float) -> float:
        """Interpolate between the curves; beyond their ends the last values hold."""
        seen = [np.interp(seeing_over_radius, *self.curves[ratio]) for ratio in AXIS_RATIOS]
        return float(np.interp(axis_ratio, AXIS_RATIOS, seen))


def axis_ratio_of_cos2(inclination_deg: float) -> float:
    """Return the axis ratio b/a of a disk: (b/a)^2 = cos^2 i (1 - q0^2) + q0^2."""
    cosine = np.cos(np.radians(inclination_deg))
    return float(np.sqrt(cosine**2 * (1.0 - DISK_THICKNESS**2) + DISK_THICKNESS**2))


def axis_ratio_of_cos(inclination_deg: float) -> float:
    """Return b/a with cos i in place of cos^2 i, which makes disks rounder than they are."""
    cosine = np.cos(np.radians(inclination_deg))
    return float(np.sqrt(cosine * (1.0 - DISK_THICKNESS**2) + DISK_THICKNESS**2))


def survey_table(curves: GillmanCurves | None) -> QTable:
    """Return the median and percentiles of f_grad of the survey, by definition.

    Without curves, only what is computed here.

    Returns
    -------
    QTable
        ``definition, median, percentile_16, percentile_84``; the first row is the published one.
    """
    galaxies = list(kurvs_catalogue().values())
    rows = [("published", *(PUBLISHED[name] for name in F_GRAD_STATISTICS))]
    if curves is not None:
        for name, ratio_of in (("curves, cos^2 i", axis_ratio_of_cos2),
                               ("curves, cos i", axis_ratio_of_cos)):  # fmt: skip
            rows.append((name, *_middle([factor_of_curves(curves, g, ratio_of) for g in galaxies])))
    gaussian, moffat = Seeing(SEEING_FWHM_ARCSEC), Seeing(SEEING_FWHM_ARCSEC, "moffat", 3.0)
    for name, seeing, gradient in (
        ("gradient -0.02", gaussian, -0.02), ("gradient -0.10", gaussian, -0.10),
        ("gradient +0.10", gaussian, 0.10), ("gradient -0.02, Moffat beta 3", moffat, -0.02),
    ):  # fmt: skip
        rows.append((name, *_middle([_own_f_grad(g, seeing, gradient) for g in galaxies])))
    names = ("definition", "median", "percentile_16", "percentile_84")
    return QTable(rows=rows, names=names)


def _own_f_grad(galaxy: CatalogueEntry, seeing: Seeing, gradient: float) -> float:
    """Return f_grad of a galaxy of the survey, in three annuli of 0.5 arcsec."""
    disks = SmearedDisks(seeing=seeing, gradient=gradient, redshift=galaxy.redshift)
    return disks.f_grad(galaxy.inclination_deg, galaxy.effective_radius_arcsec)


def factor_of_curves(
    curves: GillmanCurves, galaxy: CatalogueEntry, ratio_of: Callable[[float], float]
) -> float:
    """Return the correction factor by the curves, with an axis ratio from the inclination."""
    at = SEEING_FWHM_ARCSEC / galaxy.effective_radius_arcsec
    return 1.0 / curves.observed_over_intrinsic(ratio_of(galaxy.inclination_deg), at)


def _middle(values: list[float]) -> tuple[float, float, float]:
    low, median, high = np.percentile(values, [16.0, 50.0, 84.0]).tolist()
    return median, low, high


def curve_table(curves: GillmanCurves) -> QTable:
    """Return observed over intrinsic gradients by this pipeline, relative to the curves.

    Returns
    -------
    QTable
        ``scheme, axis_ratio`` and one column a seeing over effective radius: disks of 1 arcsec,
        thin, with a weak gradient; the last rows are those of
        :mod:`experiments.beam_smearing.f_grad`, with scale lengths for effective radii.
    """
    rows = []
    for scheme, ratio in itertools.product(CURVE_SCHEMES, AXIS_RATIOS):
        inclination = float(np.degrees(np.arccos(ratio)))
        found = [
            1.0 / _thin_disk(scheme, at).f_grad(inclination, 1.0)
            / curves.observed_over_intrinsic(ratio, at)
            for at in SEEING_OVER_RADIUS
        ]  # fmt: skip
        rows.append((scheme, ratio, *found))
    rows += [(SPAXELS, ratio, *_of_spaxels(curves, ratio)) for ratio in AXIS_RATIOS]
    names = ("scheme", "axis_ratio", *(f"ratio_at_{at:g}" for at in SEEING_OVER_RADIUS))
    return QTable(rows=rows, names=names)


def _of_spaxels(curves: GillmanCurves, ratio: float) -> list[float]:
    slope = CURVE_GRADIENT_PER_RADIUS / DIAGNOSTICS["n2"].abundance_per_log_ratio()
    return [
        spaxel_gradient(ratio, at, slope) / curves.observed_over_intrinsic(ratio, at)
        for at in SEEING_OVER_RADIUS
    ]


def _thin_disk(scheme: str, seeing_arcsec: float) -> SmearedDisks:
    plain = SmearedDisks(seeing=Seeing(seeing_arcsec), disk_thickness=0.0)
    per_kpc = CURVE_GRADIENT_PER_RADIUS / plain.kpc_per_arcsec
    return SmearedDisks(
        seeing=plain.seeing, gradient=per_kpc, scheme=BinningScheme.parse(scheme),
        disk_thickness=0.0,
    )  # fmt: skip


def population_table(curves: GillmanCurves) -> QTable:
    """Return mean and scatter of the published N2 gradients, as they are and corrected again.

    The published gradients are divided by the factor of the curves that the survey used, which
    gives what was measured, and multiplied by f_grad of the galaxy itself, at -0.02 dex/kpc.

    Returns
    -------
    QTable
        ``gradients, galaxies, mean, mean_err, scatter, scatter_err``, dex/kpc.
    """
    galaxies = [g for g in kurvs_catalogue().values() if "n2" in _dict_of(g)]
    value, error = np.array([_dict_of(g)["n2"] for g in galaxies]).T
    theirs = np.array([factor_of_curves(curves, g, axis_ratio_of_cos2) for g in galaxies])
    ours = np.array([_own_f_grad(g, Seeing(SEEING_FWHM_ARCSEC), -0.02) for g in galaxies])
    resolved = np.array([g.effective_radius_arcsec >= 0.4 for g in galaxies])
    everyone = np.ones(len(galaxies), dtype=bool)
    rows = [
        (name, int(used.sum()), *_population((value * factor)[used], (error * factor)[used]))
        for name, factor, used in (
            ("published", np.ones(len(galaxies)), everyone),
            ("as measured", 1.0 / theirs, everyone),
            ("corrected again", ours / theirs, everyone),
            ("published, Re >= 0.4 arcsec", np.ones(len(galaxies)), resolved),
            ("corrected again, Re >= 0.4 arcsec", ours / theirs, resolved),
        )
    ]
    names = ("gradients", "galaxies", "mean", "mean_err", "scatter", "scatter_err")
    return QTable(rows=rows, names=names)


def _dict_of(galaxy: CatalogueEntry) -> dict[str, tuple[float, float]]:
    """Return the published gradients of a galaxy with their errors, by diagnostic."""
    return {name: (value, error) for name, value, error in galaxy.gradients}


def _population(value: Array, error: Array) -> tuple[float, float, float, float]:
    found = Population.of_measurements(value, error).posterior()
    return (*found.mean, *found.scatter)


def main(
    folder: Annotated[Path, typer.Argument(metavar="DOCS", help="Tables go there.")],
    *,
    shared: Annotated[Path, typer.Option(metavar="DIR", help="Holds reference/gillman21.")],
) -> None:
    """Compute f_grad of the survey, compare it with the published one, and draw it."""
    terminal = Terminal()
    curves = GillmanCurves.read(shared / "reference" / "gillman21")
    tables: dict[str, Table] = {
        "f-grad-survey": survey_table(curves),
        "f-grad-curves": curve_table(curves),
        "population": population_table(curves),
    }
    for name, table in tables.items():
        for column in table.itercols():
            if column.dtype.kind == "f":
                column.info.format = ".4g"
        write_table(table, folder / f"{name}.ecsv")
        terminal.show(str(table))
    figure = f_grad_figure(curves=curves.curves)
    figure.savefig(folder / "images" / "f-grad.png", dpi=72)


if __name__ == "__main__":
    run_alone(main)
