"""``kurvs plot``: figures of galaxies that were measured before."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands.options import Debug, Quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure as MatplotlibFigure

SPECTRA_EXAMPLES = """\b
Examples:
  kurvs plot spectra kurvs-out/measure
  kurvs plot spectra kurvs-out/measure --output figure-5.pdf
"""
PROFILES_EXAMPLES = """\b
Examples:
  kurvs plot profiles kurvs-out/measure kurvs-out/measure-2
  kurvs plot profiles survey/galaxies/* --output figure-6.pdf
  kurvs plot profiles mock-results --truth kurvs-out/simulate/truth.nc
"""
SUMMARY_EXAMPLES = """\b
Examples:
  kurvs plot summary kurvs-out/measure
  kurvs plot summary kurvs-out/measure --output page.svg --overwrite
"""

app = typer.Typer(
    help="Draw galaxies that kurvs measure measured.",
    epilog="kurvs plot COMMAND --help explains a figure, with examples.",
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _plot(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


Results = Annotated[
    Path, typer.Argument(metavar="RESULTS", help="Folder that kurvs measure wrote.")
]
Figure = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="The figure: .png, .pdf or .svg. [default: kurvs-out/NAME.png, numbered where it "
        "exists]",
        show_default=False,
    ),
]
Replace = Annotated[bool, typer.Option("--overwrite", help="Replace FILE where it exists.")]


@app.command(epilog=SPECTRA_EXAMPLES)
def spectra(
    results: Results,
    *,
    output: Figure = None,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Replace = False,
) -> None:
    """Draw spectra of the annuli, with fits.

    Rows are annuli outwards, columns bands, beside the annuli on the H-alpha map: Fig. 5 of
    Li et al. (2025). A fit is drawn where
    some line has S/N > 4; every line's S/N, or its 4-sigma limit, is written.
    """
    from kurvs_pipeline.plots.spectra_page import spectra_figure
    from kurvs_pipeline.results.reading import read_results

    _write(
        "spectra", lambda: spectra_figure(read_results(results)), output=output,
        overwrite=overwrite, quiet=quiet, debug=debug,
    )  # fmt: skip


@app.command(epilog=PROFILES_EXAMPLES)
def profiles(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULTS", help="Folders that kurvs measure wrote."),
    ],
    *,
    truth: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="TRUTH.nc",
            help="A mock's truth.nc, drawn with the galaxy of the same name; may be repeated.",
        ),
    ] = None,
    output: Figure = None,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Replace = False,
) -> None:
    """Draw radial profiles of many galaxies.

    Each has a panel with the same axes. Circles are N2, diamonds R23, squares N2O2, arrows
    4-sigma limits, lines the gradients before and after the correction for seeing: Fig. 6 of
    Li et al. (2025).
    """
    from experiments.measuring.plotting import draw_profiles

    _write(
        "profiles", lambda: draw_profiles(results, truth or []), output=output,
        overwrite=overwrite, quiet=quiet, debug=debug,
    )  # fmt: skip


@app.command(epilog=SUMMARY_EXAMPLES)
def summary(
    results: Results,
    *,
    output: Figure = None,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Replace = False,
) -> None:
    """Draw one page on a galaxy.

    It has maps, radial profiles, a small table and the spectra of all apertures.
    """
    from kurvs_pipeline.plots.summary_page import summary as summary_figure
    from kurvs_pipeline.results.reading import read_results

    _write(
        "summary", lambda: summary_figure(read_results(results)), output=output,
        overwrite=overwrite, quiet=quiet, debug=debug,
    )  # fmt: skip


def _write(
    name: str,
    draw: "Callable[[], MatplotlibFigure]",
    *,
    output: Path | None,
    overwrite: bool,
    quiet: bool,
    debug: bool,
) -> None:
    from experiments.measuring.plotting import write_figure
    from experiments.runs.terminal import Terminal

    terminal = Terminal(quiet=quiet, debug=debug)
    path = write_figure(name, draw, output=output, overwrite=overwrite)
    terminal.show(f"Figure in {path}")
