"""Observed galaxies of a twin as files, so that an interrupted survey goes on past them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from experiments.campaign.tasks import run_tasks
from experiments.runs.folders import prepare, whole_folder
from experiments.survey.measurement import Abundance
from experiments.survey.observed import (
    INTEGRATED_DIAGNOSTICS,
    ObservedGalaxy,
    ObservedTwin,
    observe_galaxy,
)
from experiments.survey.twin import TwinGalaxy
from kurvs_pipeline.errors import ResultsError
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.plots.profile import TrueProfile
from kurvs_pipeline.provenance import as_attribute
from kurvs_pipeline.results.reading import read_results
from kurvs_pipeline.results.writing import write_results
from kurvs_pipeline.stacking.rest_spectra import RestSpectrum

SURVEYED = "survey.nc"
"""File beside the results of a galaxy: what the survey's tables and figures need besides."""

_OF_SPECTRUM = (
    "galaxy", "aperture", "band", "lsf_sigma_um", "unit", "halpha_flux", "halpha_flux_err",
)  # fmt: skip
_ALONG_SPECTRUM = {
    "wavelength_um": "um", "flux_density": None, "variance": None, "valid": None,
}  # fmt: skip


@dataclass(frozen=True)
class GalaxyTask:
    """One galaxy of a twin; what is found goes into the folder ``directory``."""

    member: TwinGalaxy
    directory: Path

    @property
    def is_done(self) -> bool:
        """Whether the galaxy was observed."""
        return (self.directory / SURVEYED).is_file()


def observe_twin(
    members: Sequence[TwinGalaxy],
    parent: Path,
    *,
    workers: int,
    seed: int,
    resume: bool,
    advance: Callable[[int], None],
) -> ObservedTwin:
    """Observe and measure the galaxies of a twin, each into a folder of its own.

    Parameters
    ----------
    parent : Path
        Folder with one folder for each galaxy; its own parent exists.
    seed : int
        Of the bootstrap of stacks.
    resume : bool
        Whether to go on past the galaxies that are there; they are replaced otherwise.
    advance : callable
        Called with 1 after every galaxy, first of all with the number of those there.

    Raises
    ------
    OutputError
        If results cannot be written.
    ResultsError
        If the folder of a galaxy is damaged.
    """
    prepare(parent, record=SURVEYED, stale=lambda _: not resume)
    tasks = [GalaxyTask(member, parent / f"KURVS-{member.kurvs_id}") for member in members]
    waiting = [task for task in tasks if not task.is_done]
    advance(len(tasks) - len(waiting))
    run_tasks(observe_into_folder, waiting, workers=workers, advance=advance)
    return ObservedTwin(tuple(read_observed(task.directory) for task in tasks), seed)


def observe_into_folder(task: GalaxyTask) -> None:
    """Observe and measure one galaxy; its folder appears when it is complete."""
    galaxy = observe_galaxy(task.member)
    with whole_folder(task.directory) as results:
        write_observed(galaxy, results)


def write_observed(galaxy: ObservedGalaxy, directory: Path) -> None:
    """Write a galaxy into an existing folder: its results, and ``survey.nc``.

    Parameters
    ----------
    directory : Path
        The folder.
    """
    write_results(galaxy.results, directory)
    groups = {"/numbers": galaxy.numbers, "/truth": _truth(galaxy), "/abundances": _values(galaxy)}
    # Numbered: netCDF does not promise to keep the order of groups.
    for number, spectrum in enumerate(galaxy.spectra):
        groups[f"/spectra/{number:03d}"] = _spectrum(spectrum)
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(
        kurvs_id=galaxy.kurvs_id, true_a_v=galaxy.true_a_v,
        **as_attribute(galaxy.results.provenance),
    )  # fmt: skip
    tree.to_netcdf(directory / SURVEYED, engine="h5netcdf")


def read_observed(directory: Path) -> ObservedGalaxy:
    """Read what :func:`write_observed` wrote, to the bit.

    Parameters
    ----------
    directory : Path
        The folder.

    Raises
    ------
    ResultsError
        If a file is missing or damaged.
    """
    path = directory / SURVEYED
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return _observed(tree.load(), read_results(directory))
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ResultsError(
            f"{path}: cannot be read ({str(error).partition(chr(10))[0] or type(error).__name__}); "
            f"remove the folder {directory} and go on with --resume"
        ) from error


def _observed(tree: xr.DataTree, results: MeasuredGalaxy) -> ObservedGalaxy:
    truth, values = tree["truth"].to_dataset(), tree["abundances"].to_dataset()
    spectra = [tree["spectra"][name].to_dataset() for name in sorted(tree["spectra"].children)]
    names = map(str, truth["diagnostic"].to_numpy())
    return ObservedGalaxy(
        kurvs_id=int(tree.attrs["kurvs_id"]),
        numbers=tree["numbers"].to_dataset(),
        results=results,
        spectra=tuple(map(_rest_spectrum, spectra)),
        abundances=tuple(
            Abundance(float(value), float(error))
            for value, error in zip(values["abundance"], values["abundance_err"], strict=True)
        ),
        true_a_v=float(tree.attrs["true_a_v"]),
        truth=TrueProfile(
            truth["radius_kpc"].to_numpy(),
            {name: truth["abundance"].sel(diagnostic=name).to_numpy() for name in names},
        ),
    )


def _truth(galaxy: ObservedGalaxy) -> xr.Dataset:
    profile = galaxy.truth
    return xr.Dataset(
        {
            "radius_kpc": ("radius", profile.radius_kpc, {"units": "kpc"}),
            "abundance": (
                ("diagnostic", "radius"), np.array(list(profile.abundance.values())),
                {"units": "dex", "long_name": "12 + log(O/H)"},
            ),
        },
        coords={"diagnostic": list(profile.abundance)},
    )  # fmt: skip


def _values(galaxy: ObservedGalaxy) -> xr.Dataset:
    return xr.Dataset(
        {
            "abundance": ("diagnostic", [a.value for a in galaxy.abundances], {"units": "dex"}),
            "abundance_err": ("diagnostic", [a.error for a in galaxy.abundances], {"units": "dex"}),
        },
        coords={"diagnostic": list(INTEGRATED_DIAGNOSTICS)},
    )


def _spectrum(spectrum: RestSpectrum) -> xr.Dataset:
    units = {**_ALONG_SPECTRUM, "flux_density": spectrum.unit}
    return xr.Dataset(
        {
            name: ("channel", getattr(spectrum, name), {} if unit is None else {"units": unit})
            for name, unit in units.items()
        },
        attrs={name: getattr(spectrum, name) for name in _OF_SPECTRUM},
    )


def _rest_spectrum(kept: xr.Dataset) -> RestSpectrum:
    fields = {name: kept.attrs[name] for name in _OF_SPECTRUM}
    return RestSpectrum(**fields | {name: kept[name].to_numpy() for name in _ALONG_SPECTRUM})
