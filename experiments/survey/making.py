"""The work of ``kurvs survey``: one twin of the survey, tabulated and drawn like the paper."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from rich.table import Table

from experiments.runs.run import GALAXIES, Run
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal
from experiments.survey.gradient_figures import GradientFigures, spectra_pages
from experiments.survey.integrated_figures import IntegratedFigures
from experiments.survey.kept import observe_twin
from experiments.survey.numbers import APERTURES, LINES
from experiments.survey.observed import ObservedTwin
from experiments.survey.points import PublishedPoints
from experiments.survey.signal_to_noise import PUBLISHED_MEDIAN_SNR
from experiments.survey.statistics import MEANING, PUBLISHED, twin_statistics
from experiments.survey.tables import page, table_1, table_a1
from experiments.survey.twin import DEFINITIONS, INTRINSIC, twin
from kurvs_pipeline.gas.attenuation import STACKED_ANNULI, STACKED_INTEGRATED
from kurvs_pipeline.plots.profiles_page import profiles_figure
from kurvs_pipeline.plots.spectra_page import spectra_figure

EXAMPLES_OF_FIGURE_5 = (2, 34)
NOT_REMADE = (
    "not remade: the HST and JWST images of Figs 5 and A1-A4 (Fig. 5 shows H-alpha instead), the "
    "A_V of starlight of Fig. 3 (the twin shows its true A_V), and the SDSS galaxies of Fig. 2"
)
NOT_DETECTED = "A_V of a stack is left out where its H-beta is below 4 sigma"
IMAGE_DPI = 110


def make_survey(
    *, intrinsic: str, published: PublishedPoints, workers: int, seed: int, resume: bool,
    run: Run, terminal: Terminal,
) -> Table:  # fmt: skip
    """Observe a twin with one of ``INTRINSIC``, write tables and figures, and return a summary.

    The results of each galaxy stand in ``galaxies/KURVS-N`` of the run's folder as soon as it is
    measured.
    """
    members = twin(INTRINSIC[intrinsic], seed=seed)
    with terminal.progress("galaxies", len(members)) as advance:
        observed = observe_twin(
            members, run.directory / GALAXIES, workers=workers, seed=seed, resume=resume,
            advance=advance,
        )  # fmt: skip
    summary = summarise(observed)
    with run.writing() as directory:
        _write_tables(observed, summary, directory)
        with terminal.progress("figures", 17) as advance:
            for name, figure in figures(observed, published):
                figure.savefig(directory / f"{name}.png", dpi=IMAGE_DPI)
                plt.close(figure)
                advance(1)
    return _shown(summary)


def _write_tables(
    twin: ObservedTwin, summary: Mapping[str, Mapping[str, float]], directory: Path
) -> None:
    """Write ``table-1.ecsv``, ``table-a1.ecsv`` and ``tables.html``."""
    write_table(table_1(twin), directory / "table-1.ecsv")
    write_table(table_a1(twin), directory / "table-a1.ecsv")
    (directory / "tables.html").write_text(page(twin, summary), encoding="utf-8")


def figures(twin: ObservedTwin, published: PublishedPoints) -> Iterator[tuple[str, Figure]]:
    """Yield every figure with the name of its file, without ending."""
    whole, gradients = IntegratedFigures(twin, published), GradientFigures(twin, published)
    results = [galaxy.results for galaxy in twin.galaxies]
    yield "figure-1", whole.main_sequence()
    yield "figure-2", whole.excitation()
    yield "figure-3", whole.attenuation()
    yield "figure-4", whole.mass_metallicity()
    for galaxy in twin.galaxies:
        if galaxy.kurvs_id in EXAMPLES_OF_FIGURE_5:
            yield f"figure-5-kurvs-{galaxy.kurvs_id}", spectra_figure(galaxy.results)
    truths = {galaxy.results.metadata.name: galaxy.truth for galaxy in twin.galaxies}
    yield "figure-6", profiles_figure(results, truths=truths)
    yield "figure-7", gradients.diagnostics()
    yield "figure-8", gradients.redshift()
    yield "figure-9", gradients.kinematics()
    for number, figure in enumerate(spectra_pages(twin), start=1):
        yield f"figure-a{number}", figure
    yield "figure-b1", whole.indicators()
    yield "figure-c1", gradients.binning(scheme="2x0.8")
    yield "figure-c2", gradients.binning(scheme="3x0.6")


def summarise(twin: ObservedTwin) -> dict[str, dict[str, float]]:
    """Return what the survey reports, by quantity: its value, and the twin's by definition."""
    summary: dict[str, dict[str, float]] = {}
    for line in LINES:
        summary[f"median S/N of {line}"] = {"survey": PUBLISHED_MEDIAN_SNR[line]} | {
            definition: _median_snr(twin, definition, line) for definition in DEFINITIONS
        }
    stacks = (STACKED_INTEGRATED, *STACKED_ANNULI)
    for aperture, (value, error) in zip(APERTURES, stacks, strict=True):
        found, found_err = twin.stacked_a_v[aperture]
        summary[f"A_V of the stack, {aperture} (mag)"] = {"survey": value, "calibrated": found}
        summary[f"its error, {aperture} (mag)"] = {"survey": error, "calibrated": found_err}
    by_definition = {
        definition: twin_statistics(twin.numbers.sel(definition=definition))
        for definition in DEFINITIONS
    }
    for name, meaning in MEANING.items():
        summary[meaning] = {"survey": PUBLISHED.get(name, np.nan)} | {
            definition: found[name] for definition, found in by_definition.items()
        }
    return summary


def _median_snr(twin: ObservedTwin, definition: str, line: str) -> float:
    """Return the median S/N of a line in the integrated apertures that have it."""
    here = twin.numbers.sel(definition=definition, aperture="integrated", line=line)
    return float(np.nanmedian((here["flux"] / here["flux_err"]).to_numpy()))


def _shown(summary: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table(
        title="A twin of the survey", title_justify="left", caption=f"{NOT_DETECTED}; {NOT_REMADE}"
    )
    columns = ("survey", "published", "calibrated")
    for heading in ("", "survey", "twin, survey's errors", "twin, calibrated"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, row in summary.items():
        values = [row.get(column, np.nan) for column in columns]
        table.add_row(name, *(f"{v:.3g}" if np.isfinite(v) else "" for v in values))
    return table
