"""Commands that run a campaign: store, tables, figure, list of failures and record of the run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from astropy.table import QTable, Table
from matplotlib.figure import Figure
from rich.console import RenderableType

from experiments.campaign.batches import Experiment
from experiments.campaign.campaign import CampaignOutcome, Failure, run_campaign
from experiments.campaign.store import take_away
from experiments.runs.run import Run, start_run
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal


@dataclass(frozen=True, eq=False)
class Conclusion:
    """Tables and figure that a command makes of the results of all tasks.

    Parameters
    ----------
    tables : mapping of str to QTable
        At least one, by the names of their files; the figure has the name of the last.
    figure : Figure
        The figure of the results.
    shown : RenderableType
        What the terminal shows.
    """

    tables: Mapping[str, QTable]
    figure: Figure
    shown: RenderableType

    def write(self, directory: Path) -> None:
        """Write ``NAME.ecsv`` of every table, and ``NAME.png``.

        Parameters
        ----------
        directory : Path
            An existing folder.
        """
        for name, table in self.tables.items():
            write_table(table, directory / f"{name}.ecsv")
        *_, last = self.tables
        self.figure.savefig(directory / f"{last}.png", dpi=130)


def run_command(
    command: str,
    experiment: Experiment,
    conclude: Callable[[CampaignOutcome], Conclusion],
    *,
    store: str,
    configuration: Mapping[str, object],
    inputs: Sequence[Path] = (),
    seed: int,
    workers: int,
    scheduler: str | None,
    resume: bool,
    overwrite: bool,
    output: Path | None,
    terminal: Terminal,
) -> None:
    """Run an experiment into a store, and write its tables, figure and record beside the store.

    The store is in its place at once, so that an interrupted run can be resumed.

    Parameters
    ----------
    command : str
        As typed.
    experiment : Experiment
        What to run.
    conclude : callable
        From the outcome of the campaign to tables and figure.
    store : str
        Name of the store in the folder of the results.
    configuration : mapping
        Options that determine the results, for the record.
    inputs : sequence of Path
        Files that are read.
    seed : int
        Seed of all random draws.
    workers : int
        Number of processes on this machine.
    scheduler : str or None
        Address of the scheduler of a running Dask cluster, to use instead.
    resume : bool
        Whether to continue the store of an interrupted run.
    overwrite : bool
        Whether ``output`` may hold results already.
    output : Path or None
        Where results go, as :func:`~experiments.runs.run.start_run` has it.
    terminal : Terminal
        Shows progress and the outcome.

    Raises
    ------
    OutputError, ConfigurationError
        As :func:`~experiments.runs.run.start_run` and
        :func:`~experiments.campaign.campaign.run_campaign`.
    """
    with campaign_in_run(
        command, experiment, store=store, counted="simulating and measuring",
        configuration=configuration, inputs=inputs, seed=seed, workers=workers,
        scheduler=scheduler, resume=resume, overwrite=overwrite, output=output, terminal=terminal,
    ) as (run, outcome), run.writing() as directory:  # fmt: skip
        conclusion = conclude(outcome)
        conclusion.write(directory)
        if outcome.failures:
            write_table(_failures_table(outcome.failures), directory / "failures.ecsv")
    terminal.show(conclusion.shown)
    terminal.show(f"Results in {run.directory}")


@contextmanager
def campaign_in_run(
    command: str,
    experiment: Experiment,
    *,
    store: str,
    counted: str,
    configuration: Mapping[str, object],
    inputs: Sequence[Path] = (),
    seed: int,
    workers: int,
    scheduler: str | None = None,
    resume: bool,
    overwrite: bool,
    output: Path | None,
    terminal: Terminal,
) -> Iterator[tuple[Run, CampaignOutcome]]:
    """Run an experiment into a store in the folder of a run, where it can be resumed.

    Parameters
    ----------
    counted : str
        Description of what the progress counts. All others are those of :func:`run_command`.

    Yields
    ------
    tuple of Run and CampaignOutcome
        To write more results within the context; the record follows.
    """
    with start_run(
        command, output=output, overwrite=overwrite, resume=resume, seed=seed, inputs=inputs,
        configuration={**configuration, "workers": workers, "scheduler": scheduler},
        design=configuration,
    ) as run:  # fmt: skip
        place = run.directory / store
        if not resume:
            take_away(place)
        outcome = run_with_progress(
            experiment, place, counted=counted, workers=workers, scheduler=scheduler,
            resume=resume, terminal=terminal,
        )  # fmt: skip
        yield run, outcome
        with run.writing() as directory:
            place.replace(directory / store)


def run_with_progress(
    experiment: Experiment,
    store: Path,
    *,
    counted: str,
    workers: int,
    scheduler: str | None = None,
    resume: bool,
    terminal: Terminal,
) -> CampaignOutcome:
    """Run a campaign while the terminal shows its progress.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    store : Path
        Where results go.
    counted : str
        Description of what the progress counts.
    workers : int
        Number of processes on this machine.
    scheduler : str, optional
        Address of the scheduler of a running Dask cluster, to use instead.
    resume : bool
        Whether to continue the store, if it exists.
    terminal : Terminal
        Shows progress and the address of the dashboard.

    Returns
    -------
    CampaignOutcome
    """
    with terminal.progress(counted, experiment.n_tasks) as advance:
        return run_campaign(
            experiment, store, workers=workers, scheduler=scheduler, resume=resume,
            advance=advance, announce=terminal.tell,
        )  # fmt: skip


def _failures_table(failures: Sequence[Failure]) -> Table:
    """Return the tasks that raised: ``task, seed, reason, traceback``."""
    columns = ("number", "seed", "reason", "traceback")
    rows = [[getattr(failure, name) for name in columns] for failure in failures]
    return Table(rows=rows, names=("task", *columns[1:]))
