"""The TOML file that describes a recovery: which mocks, and how they are observed."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from experiments.recovery.design import (
    NAMES,
    Design,
    Grid,
    LatinHypercube,
    MockList,
    MockParameters,
)
from experiments.recovery.experiment import RecoveryExperiment
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError, CubeFormatError
from kurvs_pipeline.io.files import read_text


class _Table(BaseModel):
    """A table of the file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def stated(self) -> dict[str, Any]:
        """Return what the file states; the rest keeps its defaults."""
        return self.model_dump(exclude_unset=True)


def _table_of(name: str, kind: object, others: Mapping[str, Any] | None = None) -> type[_Table]:
    """Return a table with one optional key a parameter of mocks."""
    parameters: dict[str, Any] = dict.fromkeys(NAMES, (kind, None))
    return create_model(name, __base__=_Table, **(others or {}), **parameters)


_Grid = _table_of("grid", tuple[float, ...])
_LatinHypercube = _table_of(
    "latin_hypercube", tuple[float, float], {"n_galaxies": (int, Field(strict=True))}
)
_Mock = _table_of("galaxies", float)


class _File(_Table):
    realisations: int = Field(1, strict=True)
    bands: tuple[str, ...] = ("H",)
    diagnostics: tuple[str, ...] = ("n2",)
    scheme: str = "3x0.5"
    redshift: float = 1.5
    grid: _Grid | None = None  # type: ignore[valid-type]
    latin_hypercube: _LatinHypercube | None = None  # type: ignore[valid-type]
    galaxies: tuple[_Mock, ...] | None = None  # type: ignore[valid-type]


def load_recovery(path: Path, seed: int) -> RecoveryExperiment:
    """Read the description of a recovery, a TOML file such as ``examples/recovery.toml``.

    Raises
    ------
    ConfigurationError
        In one line, naming the file, the key, what was found and what is allowed.
    """
    try:
        file = _File.model_validate(tomllib.loads(read_text(path, "a TOML file")))
        stated = file.stated()
        if "scheme" in stated:
            stated["scheme"] = BinningScheme.parse(stated["scheme"])
        design = _design(stated, seed)
        return RecoveryExperiment(design=design, seed=seed, **stated)
    except CubeFormatError as error:
        raise ConfigurationError(str(error)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: is not TOML ({error})") from None
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_first_problem(error)}") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _design(stated: dict[str, Any], seed: int) -> Design:
    """Take the one design out of what a file states."""
    kinds = [name for name in ("grid", "latin_hypercube", "galaxies") if name in stated]
    if len(kinds) != 1:
        raise ConfigurationError(
            f"states {' and '.join(kinds) or 'no design'}; expected one of [grid], "
            "[latin_hypercube] and [[galaxies]]"
        )
    (kind,) = kinds
    tables = stated.pop(kind)
    if kind == "galaxies":
        return MockList(tuple(MockParameters(**mock) for mock in tables))
    if kind == "grid":
        return Grid(tables)
    return LatinHypercube(n_galaxies=tables.pop("n_galaxies"), ranges=tables, seed=seed)


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    key = ".".join(map(str, problem["loc"]))
    match problem["type"]:
        case "extra_forbidden":
            inside = NAMES if len(problem["loc"]) > 1 else tuple(_File.model_fields)
            return f"unknown key {key}; allowed here: {', '.join(inside)}"
        case "missing":
            return f"{key} is missing"
    return f"{key} is {problem['input']!r}; {problem['msg']}"
