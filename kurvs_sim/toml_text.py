"""Write plain values as TOML."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def toml_text(table: Mapping[str, Any]) -> str:
    """Return a table as a TOML document.

    Parameters
    ----------
    table : mapping
        Of strings, booleans, finite numbers, sequences and mappings of these.

    Returns
    -------
    str
        Plain values before tables; tables within sequences in braces.
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
