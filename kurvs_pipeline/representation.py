"""How objects that hold arrays look at a prompt: names and shapes, not thousands of numbers."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np
from astropy.table import Table

_LONGEST = 70
"""Characters of one value; a line of a terminal with the name before it."""


def short_repr(self: object, /) -> str:
    """Return one line per field of a dataclass; arrays and tables by their shapes alone.

    A class takes this function as its ``__repr__``.
    """
    lines = [
        f"    {field.name}={_value(getattr(self, field.name))},"
        for field in fields(self)  # type: ignore[arg-type]
        if field.repr
    ]
    return "\n".join([f"{type(self).__name__}(", *lines, ")"])


def _value(value: object) -> str:
    """Return a value in one line, as it is only if that is short."""
    if isinstance(value, Table):
        return f"<table of {len(value)} rows: {_cut(', '.join(value.colnames))}>"
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} array, shape {value.shape}>"
    if isinstance(value, Mapping) and len(repr(dict(value))) > _LONGEST:
        return f"<by {_cut(', '.join(map(str, value)))}>"
    written = repr(value)
    if len(written) <= _LONGEST and "\n" not in written:
        return written
    if isinstance(value, tuple):
        return f"<{len(value)} of {_cut(', '.join(sorted({type(v).__name__ for v in value})))}>"
    return f"<{type(value).__name__}>" if is_dataclass(value) else _cut(written)


def _cut(text: str) -> str:
    line = text.replace("\n", " ")
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
