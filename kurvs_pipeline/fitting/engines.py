"""What does the arithmetic of a batch of line fits: compiled code, or numpy alone."""

import logging
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Protocol

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.fitting import plain
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.start import GridSums
from kurvs_pipeline.fitting.variable_projection import Bounds, Minimum, Point, Spectra

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """The steps of a fit: the module :mod:`~kurvs_pipeline.fitting.plain`, or its compiled twin."""

    BLOCK_SIZE: int

    @property
    def choose_start(self) -> Callable[[GridSums], IntArray]:
        """The choice of a point of the grid for each spectrum."""

    @property
    def project(self) -> Callable[[BandLineModel, Spectra, BoolArray, Array], Point]:
        """The solution for amplitudes and continua at given kinematics."""

    @property
    def descend(self) -> Callable[[BandLineModel, Spectra, BoolArray, Array, Bounds], Minimum]:
        """The search of velocity and squared width from a start."""


def engine_for(*, compiled: bool) -> Engine:
    """Return the engine asked for, or numpy's where numba cannot be imported."""
    if not compiled or not _has_numba():
        return plain
    # Numba takes a while to import: only a fit waits for it.
    from kurvs_pipeline.fitting import compiled as compiled_search  # noqa: PLC0415

    return compiled_search


@cache
def _has_numba() -> bool:
    """Try it: an installed numba may refuse the numpy that is there."""
    try:
        import_module("numba")
    except ImportError as error:
        logger.info("lines are fitted by numpy alone, several times slower: %s", error)
        return False
    return True
