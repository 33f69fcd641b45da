"""In what two descriptions differ, key by key."""

import json
from collections.abc import Mapping


def differences(before: Mapping[str, object], now: Mapping[str, object], *, of: str) -> list[str]:
    """Return in what two descriptions differ, one line per key such as ``design.seed``.

    Parameters
    ----------
    before, now : mapping
        What is there, and what is asked for.
    of : str
        Where the former is from, such as ``in the store``.
    """
    old, new = _flat(before), _flat(now)
    absent = "nothing"
    return [
        f"{key} is {new.get(key, absent)}, {of} {old.get(key, absent)}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key, absent) != new.get(key, absent)
    ]


def _flat(value: object, key: str = "") -> dict[str, str]:
    """Return nested mappings as one, with keys such as ``design.seed`` and values as JSON."""
    if isinstance(value, Mapping) and value:
        parts = [_flat(item, f"{key}.{name}" if key else str(name)) for name, item in value.items()]
        return {name: item for part in parts for name, item in part.items()}
    return {key: json.dumps(value)}
