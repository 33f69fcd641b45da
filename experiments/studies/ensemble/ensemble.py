"""Many twins of the survey with three intrinsic distributions of gradients, in one store.

    python -m experiments.studies.ensemble.ensemble OUT --twins 100 --workers 2
    python -m experiments.studies.ensemble.ensemble OUT --twins 100 --workers 2 --resume

runs, or goes on with, the campaign ``OUT/ensemble.zarr``. The three distributions take turns, so
that whatever has been run holds as many galaxies of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import xarray as xr

from experiments.campaign.command import campaign_in_run
from experiments.runs.terminal import Terminal, run_alone
from experiments.survey.numbers import empty_numbers, measure_numbers
from experiments.survey.twin import INTRINSIC, SCHEMES, TWIN_NUMERICS, TwinGalaxy
from kurvs_pipeline.provenance import software_version
from kurvs_sim import ExposureModel
from kurvs_sim.survey.catalogue import kurvs_catalogue

STORE = "ensemble.zarr"


@dataclass(frozen=True)
class SurveyEnsemble:
    """Twins of the survey; a task is one galaxy of one twin of one distribution."""

    n_twins: int = 100
    seed: int = 2025

    @property
    def description(self) -> Mapping[str, object]:
        """All that determines the results."""
        return {
            "experiment": "survey twins",
            "version": software_version(),
            "seed": self.seed,
            "n_twins": self.n_twins,
            "intrinsic": {name: [d.mean, d.scatter] for name, d in INTRINSIC.items()},
            "schemes": list(SCHEMES),
            "exposures": repr(ExposureModel()),
            "numerics": repr(TWIN_NUMERICS),
        }

    @property
    def n_tasks(self) -> int:
        """Number of galaxies in all twins."""
        return self.n_twins * len(kurvs_catalogue()) * len(INTRINSIC)

    def template(self) -> xr.Dataset:
        """Return the numbers of a galaxy that is still to be measured."""
        return empty_numbers()

    def member(self, number: int) -> TwinGalaxy:
        """Return the galaxy of a task; distributions change fastest, then galaxies, then twins."""
        galaxies, names = list(kurvs_catalogue()), list(INTRINSIC)
        place, which = divmod(number, len(names))
        return TwinGalaxy(
            galaxies[place % len(galaxies)],
            INTRINSIC[names[which]],
            np.random.SeedSequence(self.seed, spawn_key=(number,)),
        )

    def run(self, number: int) -> xr.Dataset:
        """Observe and measure the galaxy of a task."""
        return measure_numbers(self.member(number))


def as_twins(results: xr.Dataset) -> xr.Dataset:
    """Return the results of a campaign by twin, galaxy and distribution.

    Returns
    -------
    Dataset
        With the dimensions ``twin, galaxy, intrinsic`` in place of ``task``: only twins whose
        galaxies were all tried, in all distributions. ``galaxy`` is the number in the survey.
    """
    galaxies, names = list(kurvs_catalogue()), list(INTRINSIC)
    a_twin = len(galaxies) * len(names)
    tried = (results["done"] | results["failed"]).to_numpy().reshape(-1, a_twin).all(axis=1)
    tasks = np.flatnonzero(np.repeat(tried, a_twin))
    shape = (int(tried.sum()), len(galaxies), len(names))
    chosen = results.drop_vars(["traceback", "task"], errors="ignore").isel(task=tasks)
    variables = {
        str(name): (
            ("twin", "galaxy", "intrinsic", *variable.dims[1:]),
            variable.to_numpy().reshape(*shape, *variable.shape[1:]),
        )
        for name, variable in chosen.data_vars.items()
    }
    own = {"twin": np.flatnonzero(tried), "galaxy": galaxies, "intrinsic": names}
    shared = {str(name): chosen[name] for name in chosen.coords if name != "task"}
    return xr.Dataset(variables, coords={**shared, **own})


def main(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the store.")],
    *,
    twins: Annotated[int, typer.Option(min=1, help="Of each distribution.")] = 100,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Root of all draws.")] = 2025,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in OUT; failures are tried again.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the results that OUT holds.")
    ] = False,
) -> None:
    """Run an ensemble of twins."""
    terminal, ensemble = Terminal(), SurveyEnsemble(twins, seed)
    with campaign_in_run(
        "ensemble", ensemble, store=STORE, counted="galaxies",
        configuration=ensemble.description, seed=seed, workers=workers, resume=resume,
        overwrite=overwrite, output=output, terminal=terminal,
    ) as (_, outcome):  # fmt: skip
        pass
    terminal.show(f"{ensemble.n_tasks} galaxies, {len(outcome.failures)} failed")
    for failure in outcome.failures[:3]:
        terminal.show(f"task {failure.number}: {failure.reason}")
    terminal.show(f"{as_twins(outcome.results).sizes['twin']} twins are complete")


if __name__ == "__main__":
    run_alone(main)
