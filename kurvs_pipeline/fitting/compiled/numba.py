"""How the inner loops of fits are compiled; only modules of such loops import this one.

Numba takes a while to import: nothing may import those modules before a fit needs them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from numba import njit  # noqa: TID253 - what this module is for

# Sums may be reordered, to use vector instructions; NaN and infinity keep their meaning.
_FAST_SUMS = {"reassoc", "contract", "nsz"}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function, and keep the outcome on disk where there is a place to write.

    The function may read and fill arrays but not make any: callers own them all, so that references
    need not be counted. That halves the time. What it calls must stand in the same file: numba
    compiles again only if that file changes. For the same reason constants of other modules come as
    arguments.
    """
    compiler = partial(njit, error_model="numpy", fastmath=_FAST_SUMS, _nrt=False)
    try:
        return cast("Callable[..., Any]", compiler(cache=True)(function))
    except RuntimeError:
        return cast("Callable[..., Any]", compiler()(function))
