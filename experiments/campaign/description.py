"""The description of an experiment in its store, which keeps other experiments out."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr

from experiments.campaign.batches import Experiment
from kurvs_pipeline.errors import ResultsError
from kurvs_pipeline.provenance import software_version

FORMAT = 1
"""Version of the layout."""


def described(experiment: Experiment) -> dict[str, object]:
    """Return the description of an experiment: format, version, design and variables.

    Parameters
    ----------
    experiment : Experiment
        Whose results the store holds.
    """
    template = experiment.template()
    variables = {
        str(name): [str(variable.dtype), dict(variable.sizes)]
        for name, variable in template.data_vars.items()
    }
    whole = {
        "format": FORMAT,
        "kurvs": software_version(),
        "design": dict(experiment.description),
        "n_tasks": experiment.n_tasks,
        "variables": variables,
    }
    read_back: dict[str, object] = json.loads(json.dumps(whole))
    return read_back


def read_description(path: Path) -> dict[str, Any]:
    """Read the description of the experiment in a store.

    Parameters
    ----------
    path : Path
        The zarr group.

    Raises
    ------
    ResultsError
        If it is not a store of campaigns of this format.
    """
    try:
        attributes = zarr.open_group(path, mode="r").attrs
        description = dict(attributes["kurvs_campaign"])  # type: ignore[arg-type]
        found = description["format"]
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ResultsError(
            f"{path}: is not the store of a campaign ({' '.join(str(error).split())}); expected a "
            "zarr group that a campaign of kurvs wrote: state its path, or, if its zarr.json is "
            "lost, copy that from the same campaign begun elsewhere, where it is the same"
        ) from None
    if found != FORMAT:
        raise ResultsError(
            f"{path}: has format {found} of campaigns; expected {FORMAT}: read it with kurvs "
            f"{description.get('kurvs', 'of that time')}, or run the campaign again elsewhere"
        )
    return description


def differences(stored: Mapping[str, object], asked: Mapping[str, object]) -> list[str]:
    """Return in what two descriptions differ, one line per key such as ``design.seed``.

    Parameters
    ----------
    stored, asked : mapping
        Description in the store, and that of the experiment to be run.
    """
    before, now = _flat(stored), _flat(asked)
    absent = "nothing"
    return [
        f"{key} is {now.get(key, absent)}, in the store {before.get(key, absent)}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key, absent) != now.get(key, absent)
    ]


def _flat(value: object, key: str = "") -> dict[str, str]:
    """Return nested mappings as one, with keys such as ``design.seed`` and values as JSON."""
    if isinstance(value, Mapping) and value:
        parts = [_flat(item, f"{key}.{name}" if key else str(name)) for name, item in value.items()]
        return {name: item for part in parts for name, item in part.items()}
    return {key: json.dumps(value)}
