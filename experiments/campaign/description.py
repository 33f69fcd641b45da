"""The description of an experiment in its store, which keeps other experiments out."""

import json
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
