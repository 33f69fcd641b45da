"""Write plain values as TOML."""

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

from kurvs_pipeline.errors import ConfigurationError
from kurvs_sim.configuration.kinds import (
    FAMILIES,
    PURE_NUMBER,
    QUANTITIES,
    Quantity,
    key_of,
    quantity_inside,
)
from kurvs_sim.configuration.sections import SCALARS


def toml_text(table: Mapping[str, Any]) -> str:
    """Return strings, booleans, finite numbers, and sequences and mappings of these, as TOML.

    Plain values come before tables; tables within sequences are in braces.
    """
    return "\n".join(_lines(table, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    values = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = [f"[{'.'.join(path)}]"] if path and (values or not table) else []
    lines += [f"{key} = {_value(value)}" for key, value in values.items()]
    for key, value in table.items():
        if isinstance(value, Mapping):
            below = _lines(value, (*path, key))
            lines += [*([""] if lines else []), *below]
    return lines


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {_value(item)}' for key, item in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_value, value))}]"
    # A string of JSON is one of TOML, but for the delete character.
    return json.dumps(value, allow_nan=False, ensure_ascii=False).replace("\x7f", "\\u007f")


def described(thing: object, quantity: Quantity = PURE_NUMBER) -> dict[str, Any]:
    """Return the table of an object: every parameter but those that are None, under its key."""
    cls = type(thing)
    table: dict[str, Any] = _kind_of(thing)
    for name, parameter in inspect.signature(cls).parameters.items():
        value = getattr(thing, name)
        if value is not None and not (value is parameter.default and _has_no_form(value)):
            inner = QUANTITIES.get(name, quantity_inside(cls, quantity))
            table[key_of(cls, name, quantity)] = plain(value, name, inner)
    return table


def _has_no_form(value: object) -> bool:
    return not (is_dataclass(value) or isinstance(value, (*SCALARS, tuple, list)))


def plain(value: object, name: str, quantity: Quantity) -> Any:  # noqa: ANN401
    """Return the form that a value has in a file; ConfigurationError if it has none."""
    if is_dataclass(value):
        return described(value, quantity)
    if isinstance(value, tuple | list):
        return [plain(item, name, quantity) for item in value]
    # Numbers of numpy are numbers.
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, SCALARS):
        return value
    raise ConfigurationError(
        f"{name} is of type {type(value).__name__}; expected a number, text, a sequence or one of "
        "this package's descriptions, which a TOML file can state"
    )


def _kind_of(thing: object) -> dict[str, str]:
    if "kind" in inspect.signature(type(thing)).parameters:
        return {}
    for family in FAMILIES:
        for kind, cls in family.kinds.items():
            if cls is type(thing):
                return {"kind": kind}
    return {}
