"""What does the arithmetic of a batch of line fits: compiled code, or numpy alone."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Protocol

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.fitting import plain
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.start import GridSums
from kurvs_pipeline.fitting.variable_projection import Bounds, Minimum, Point, Spectra


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
    """Return the engine asked for, or numpy's where numba is not installed."""
    if not compiled or find_spec("numba") is None:
        return plain
    # Numba takes a while to import: only a fit waits for it.
    from kurvs_pipeline.fitting import compiled as compiled_search  # noqa: PLC0415

    return compiled_search
