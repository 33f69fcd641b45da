"""Values that no property has."""

from typing import Any

import numpy as np

WORDS = ("", "many", "1.6.2", "NaN", "12 um", "--", "None", "τ")
NUMBERS = (-7.0, 1e300, -1e300, 1e18, -1e-300, 12345678901234567890.0)


def nonsense(rng: np.random.Generator) -> Any:
    """Return a word, a truth value or a number far outside of any range."""
    pool: list[Any] = [*WORDS, *NUMBERS, True]
    return pool[rng.integers(len(pool))]


def pick(rng: np.random.Generator, items: Any) -> Any:
    """Return one of several at random, as it is."""
    return items[int(rng.integers(len(items)))]
