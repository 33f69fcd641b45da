"""The ``kurvs`` command: its commands, and how errors reach the terminal."""

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from experiments.commands import (
    ablate,
    binning,
    calibrations,
    demo,
    explain,
    fgrad,
    fit_spectra,
    measure,
    plan,
    plot,
    recover,
    report,
    rerun,
    simulate,
    stack,
    survey,
)
from experiments.runs.invocation import invoked_with
from experiments.runs.terminal import BAD_INPUT
from kurvs_pipeline.errors import KurvsError
from kurvs_pipeline.provenance import software_version

INTERRUPTED = 130

RESUMABLE = {"ablate", "binning", "recover", "survey"}
"""Commands that go on with --resume; measure does with --catalogue."""

app = typer.Typer(
    help="Simulate KMOS cubes of galaxies with known metallicity gradients, and measure them.",
    epilog="kurvs COMMAND --help explains a command, with examples.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command(epilog=recover.EXAMPLES)(recover.recover)
app.command(epilog=simulate.EXAMPLES)(simulate.simulate)
app.command(epilog=measure.EXAMPLES)(measure.measure)
app.command("fit-spectra", epilog=fit_spectra.EXAMPLES)(fit_spectra.fit_spectra)
app.add_typer(plot.app, name="plot")
app.command(epilog=stack.EXAMPLES)(stack.stack)
app.command(epilog=fgrad.EXAMPLES)(fgrad.fgrad)
app.command(epilog=survey.EXAMPLES)(survey.survey)
app.command(epilog=ablate.EXAMPLES)(ablate.ablate)
app.command(epilog=binning.EXAMPLES)(binning.binning)
app.command(epilog=plan.EXAMPLES)(plan.plan)
app.command(epilog=report.EXAMPLES)(report.report)
app.command(epilog=rerun.EXAMPLES)(rerun.rerun)
app.command(epilog=calibrations.EXAMPLES)(calibrations.calibrations)
app.command(epilog=explain.EXAMPLES)(explain.explain)
app.command(epilog=demo.EXAMPLES)(demo.demo)


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        typer.echo(f"kurvs {software_version()}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    *,
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    if context.invoked_subcommand is None and not show_version:
        typer.echo(context.get_help())


def main() -> NoReturn:
    """Run ``kurvs`` with the arguments of the process, and leave with its exit code."""
    if "--debug" not in sys.argv:
        sys.excepthook = _report_defect
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Run one command line, without the program's name, and return its exit code.

    The code is 0; 2 for input that cannot be used, with one line on standard error; 130 when
    interrupted, by Ctrl-C or by the SIGTERM of a batch system.
    """
    debug = "--debug" in arguments
    try:
        with _quiet_libraries(debug=debug), _sigterm_interrupts(), invoked_with(arguments):
            command = typer.main.get_command(app)
            code = command.main(list(arguments), prog_name="kurvs", standalone_mode=False)
    except (KurvsError, TyperException, OSError) as error:
        if debug:
            traceback.print_exception(error)
        _complain(_describe(error))
        return BAD_INPUT
    if code == INTERRUPTED:
        kept = "what was done is kept: --output DIR --resume goes on"
        in_parts = bool(RESUMABLE.intersection(arguments[:1])) or (
            arguments[:1] == ["measure"] and "--catalogue" in arguments
        )
        _complain(f"interrupted; {kept if in_parts else 'nothing was written'}")
    return code if isinstance(code, int) else 0


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C: what was done is kept, and locks and unfinished files go."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _quiet_libraries(*, debug: bool) -> Iterator[None]:
    """Keep warnings of libraries off the terminal, in worker processes too."""
    if debug:
        yield
        return
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def _describe(error: Exception) -> str:
    if isinstance(error, TyperException):
        return error.format_message()
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _complain(message: str) -> None:
    """Say what is wrong in exactly one line."""
    typer.echo(f"kurvs: {' '.join(message.split())}", err=True)


def _report_defect(
    kind: type[BaseException], error: BaseException, _traceback: TracebackType | None
) -> None:
    _complain(f"defect, please report it with what --debug shows: {kind.__name__}: {error}")


if __name__ == "__main__":
    main()
