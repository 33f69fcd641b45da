"""The store of a campaign: one zarr group, in which each task is done or not."""

import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.errors import UnstableSpecificationWarning, ZarrUserWarning

from experiments.campaign.batches import Experiment
from experiments.campaign.description import read_description
from experiments.runs.differences import differences
from kurvs_pipeline.arrays import BoolArray
from kurvs_pipeline.errors import ConfigurationError, OutputError, ResultsError
from kurvs_pipeline.provenance import as_attribute

CHUNK_BYTES = 2**22
MOST_TASKS_A_CHUNK = 1024
TRACEBACK_BYTES = 4096
"""The end of a traceback is kept: the error is there."""

STATES = {
    "done": xr.DataArray(False, attrs={"long_name": "the task has a result"}),
    "failed": xr.DataArray(False, attrs={"long_name": "the task raised"}),
    "traceback": xr.DataArray(
        np.zeros(TRACEBACK_BYTES, np.uint8), dims="traceback_byte",
        attrs={"long_name": "end of what a failed task raised, UTF-8"},
    ),
}  # fmt: skip
"""What the store says of every task beside its results."""


@dataclass(frozen=True)
class CampaignStore:
    """Results of a campaign on disk, written a chunk of tasks at a time.

    Parameters
    ----------
    path : Path
        The zarr group.
    template : Dataset
        Result of one task, with its states.
    n_tasks : int
        Number of tasks in the campaign.
    """

    path: Path
    template: xr.Dataset
    n_tasks: int

    @classmethod
    def of(cls, experiment: Experiment, path: Path) -> "CampaignStore":
        """Return the store of an experiment, which need not exist yet.

        Parameters
        ----------
        experiment : Experiment
            The experiment whose results it holds.
        path : Path
            The zarr group.
        """
        return cls(path, experiment.template().assign(STATES), experiment.n_tasks)

    @property
    def tasks_a_chunk(self) -> int:
        """Tasks in a chunk, from the size of a result: the same for everybody who looks."""
        size = max(int(variable.nbytes) for variable in self.template.data_vars.values())
        return max(1, min(MOST_TASKS_A_CHUNK, self.n_tasks, CHUNK_BYTES // size))

    def create(self, description: Mapping[str, object]) -> None:
        """Write the store without results; it appears whole or not at all.

        Parameters
        ----------
        description : mapping
            From :func:`~experiments.campaign.description.described`.
        """
        staging = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=self.path.parent))
        try:
            with _stable_enough():
                own = {"kurvs_campaign": dict(description), **as_attribute()}
                attributes = {**self.template.attrs, **own}
                xr.Dataset(coords=self.template.coords, attrs=attributes).to_zarr(
                    staging, mode="w", zarr_format=3, consolidated=False
                )
                group = zarr.open_group(staging, mode="r+")
                for name, variable in self.template.data_vars.items():
                    self._create_array(group, str(name), variable)
                # Shapes and attributes never change, so that others open all of it in one step.
                zarr.consolidate_metadata(staging)
            staging.chmod(0o755)
            staging.replace(self.path)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _create_array(self, group: zarr.Group, name: str, variable: xr.DataArray) -> None:
        group.create_array(
            name,
            shape=(self.n_tasks, *variable.shape),
            chunks=(self.tasks_a_chunk, *variable.shape),
            dtype=variable.dtype,
            fill_value=_fill_value(variable),
            dimension_names=("task", *map(str, variable.dims)),
            attributes=_with_unit(variable),
            # The checksum tells when a chunk is not what was written.
            compressors=(ZstdCodec(level=3), Crc32cCodec()),
        )

    def blank(self, chunk: int) -> xr.Dataset:
        """Return a chunk without results.

        Parameters
        ----------
        chunk : int
            Number of the chunk, from 0.
        """
        start, stop = self.bounds(chunk)
        return self.template.expand_dims(task=stop - start).copy(deep=True)

    def read(self, chunk: int) -> xr.Dataset:
        """Return a chunk as it is in the store.

        Parameters
        ----------
        chunk : int
            Number of the chunk, from 0.
        """
        start, stop = self.bounds(chunk)
        return _open(self.path).isel(task=slice(start, stop)).load()

    def write(self, chunk: int, results: xr.Dataset) -> None:
        """Write a chunk: first its results, then which of its tasks are done.

        Parameters
        ----------
        chunk : int
            Number of the chunk.
        results : Dataset
            With the dimension ``task``, as long as the chunk.

        Raises
        ------
        ValueError
            If the results do not cover the chunk exactly: a region that does not fit the chunks
            would be written without an error, and lose what other chunks hold.
        """
        start, stop = self.bounds(chunk)
        if results.sizes["task"] != stop - start or start % self.tasks_a_chunk != 0:
            raise ValueError(
                f"{results.sizes['task']} tasks for chunk {chunk} of the tasks {start} to "
                f"{stop - 1}; expected all of them"
            )
        parts = results.drop_vars([*results.coords, "done"]), results[["done"]]
        for part in parts:
            with _stable_enough():
                part.to_zarr(
                    self.path, region={"task": slice(start, stop)}, consolidated=False,
                    write_empty_chunks=True,
                )  # fmt: skip

    def bounds(self, chunk: int) -> tuple[int, int]:
        """Return the first task of a chunk, and the one after its last.

        Parameters
        ----------
        chunk : int
            Number of the chunk, from 0.
        """
        start = chunk * self.tasks_a_chunk
        return start, min(start + self.tasks_a_chunk, self.n_tasks)

    def check(self, description: Mapping[str, object]) -> None:
        """Refuse a store that is of another format or of another experiment.

        Parameters
        ----------
        description : mapping
            From :func:`~experiments.campaign.description.described`.

        Raises
        ------
        ResultsError
            If it is not a store of campaigns of this format, or an array of it is lost.
        ConfigurationError
            If it is of another experiment; the difference is in the message.
        """
        changed = differences(read_description(self.path), description, of="in the store")
        if changed:
            raise ConfigurationError(
                f"{self.path}: holds results of another design: {'; '.join(changed)}; "
                "go on with the design it was begun with, or choose another place"
            )
        _require_arrays(self.path, map(str, self.template.data_vars))

    def damaged(self) -> dict[int, str]:
        """Return which chunks that hold results cannot be read, and why."""
        with _stable_enough():
            group = _group(self.path)
        found: dict[int, str] = {}
        for chunk in range(-(-self.n_tasks // self.tasks_a_chunk)):
            reason = self._damage(group, chunk)
            if reason:
                found[chunk] = reason
        return found

    def _damage(self, group: zarr.Group, chunk: int) -> str:
        """Return what is wrong with a chunk; nothing is with one that has no results yet."""
        start, stop = self.bounds(chunk)
        name = "done"
        try:
            if not np.any(_array(group, name)[start:stop]):
                return ""
            for name in map(str, self.template.data_vars):
                array = _array(group, name)
                key = array.metadata.encode_chunk_key((chunk, *(0,) * (array.ndim - 1)))
                if not (self.path / name / key).is_file():
                    return f"{name}/{key} is missing"
                array[start:stop]
        except (ValueError, RuntimeError, OSError) as error:
            return f"{name} of chunk {chunk}: {' '.join(str(error).split())}"
        return ""

    def states(self, *, without: Mapping[int, str]) -> BoolArray:
        """Return which tasks are done.

        Parameters
        ----------
        without : mapping of int to str
            Damaged chunks: none of their tasks count.
        """
        done = np.zeros(self.n_tasks, bool)
        with _stable_enough():
            stored = _array(_group(self.path), "done")
        for chunk in range(-(-self.n_tasks // self.tasks_a_chunk)):
            if chunk not in without:
                start, stop = self.bounds(chunk)
                done[start:stop] = stored[start:stop]
        return done


def open_campaign(path: str | PathLike[str]) -> xr.Dataset:
    """Open the results of a campaign, finished or not.

    Parameters
    ----------
    path : str or PathLike
        Its store.

    Returns
    -------
    Dataset
        The variables of the experiment with the leading dimension ``task``, read when they are
        used; ``done`` (the task has a result) and ``failed`` (it raised), of which a task that
        was not tried yet has neither. The attribute ``description`` is the experiment's.

    Raises
    ------
    ResultsError
        If it is no store of this format, an array of it is lost, or chunks are damaged; the
        message says which tasks are in them.
    """
    path = Path(path)
    description = read_description(path)
    _require_arrays(path, (*description["variables"], *STATES))
    results = _open(path)
    template = results.isel(task=0, drop=True) if results.sizes["task"] else results
    store = CampaignStore(path, template, results.sizes["task"])
    damaged = store.damaged()
    if damaged:
        raise ResultsError(damage_report(store, damaged))
    attributes = {k: v for k, v in results.attrs.items() if k != "kurvs_campaign"}
    results.attrs = {**attributes, "description": description["design"]}
    return results


def take_away(path: Path) -> None:
    """Remove the store of a campaign that is to be run anew; anything else at its place stays.

    Parameters
    ----------
    path : Path
        The zarr group, which need not exist.

    Raises
    ------
    OutputError
        If it cannot be removed.
    """
    try:
        if (path / "zarr.json").is_file():
            shutil.rmtree(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be replaced ({error.strerror})") from error


def damage_report(store: CampaignStore, damaged: Mapping[int, str]) -> str:
    """Say which chunks are damaged, which tasks are in them and what to do.

    Parameters
    ----------
    store : CampaignStore
        With the chunks.
    damaged : mapping of int to str
        What was found, by chunk; at least one.

    Returns
    -------
    str
        One line.
    """
    spans = [store.bounds(chunk) for chunk in damaged]
    tasks = ", ".join(f"{start} to {stop - 1}" for start, stop in spans)
    return (
        f"{store.path}: damaged ({next(iter(damaged.values()))}); tasks {tasks} cannot be read: "
        "resume the campaign to compute these again, the others are whole"
    )


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn errors of the disk into an error that says what to do.

    Parameters
    ----------
    path : Path
        What is written, for the message.

    Yields
    ------
    None
        To write within the context.

    Raises
    ------
    OutputError
        If the disk is full, or may not be written.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise OutputError(
            f"{path}: results cannot be written ({reason}); what was written before is whole: "
            "free space or mend permissions there, then resume the campaign"
        ) from error


def _with_unit(variable: xr.DataArray) -> dict[str, Any]:
    """Return the attributes of a variable; a number that states no unit has none."""
    has_unit = {"units": "1"} if variable.dtype.kind == "f" else {}
    return {**has_unit, **variable.attrs}


def _fill_value(variable: xr.DataArray) -> Any:  # noqa: ANN401 - of any type, as arrays are
    """Return what an unwritten chunk reads as: the template's value, where it has just one."""
    values = np.unique(variable.to_numpy())
    return values[0] if values.size == 1 else np.zeros((), variable.dtype)[()]


def _require_arrays(path: Path, names: Iterable[str]) -> None:
    """Refuse a store without all of its arrays."""
    for name in names:
        try:
            with _stable_enough():
                _array(_group(path), name)
        except (KeyError, ValueError) as error:
            raise ResultsError(
                f"{path}: array {name} cannot be read ({type(error).__name__}); expected one for "
                f"every variable: copy {name}/zarr.json from the same campaign begun elsewhere, "
                "where it is the same, and resume: what the other files hold is kept"
            ) from error


def _group(path: Path) -> zarr.Group:
    """Open a store as its files are: what is lost of them does not show in what is consolidated."""
    return zarr.open_group(path, mode="r", use_consolidated=False)


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise ValueError(f"{name} is a group; expected an array")  # noqa: TRY004 - of the file
    return array


def _open(path: Path) -> xr.Dataset:
    with _stable_enough():
        opened: xr.Dataset = xr.open_zarr(
            path, consolidated=False, chunks=None, mask_and_scale=False, decode_times=False
        )
    return opened


@contextmanager
def _stable_enough() -> Iterator[None]:
    """Say nothing of what zarr's specification has not settled, as text of fixed width."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnstableSpecificationWarning)
        warnings.filterwarnings("ignore", "Consolidated metadata", ZarrUserWarning)
        yield
