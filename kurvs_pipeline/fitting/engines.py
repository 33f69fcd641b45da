"""What does the arithmetic of a batch of line fits: compiled code, or numpy alone."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.fitting import start as grid_search
from kurvs_pipeline.fitting import variable_projection as projection
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.start import ChooseStart
from kurvs_pipeline.fitting.variable_projection import Bounds, Minimum, Point, Spectra


@dataclass(frozen=True)
class Engine:
    """The three steps of a fit, with the signatures and outcome of the numpy functions.

    Parameters
    ----------
    choose_start : callable
        As :func:`kurvs_pipeline.fitting.start.choose_start`.
    project : callable
        As :func:`kurvs_pipeline.fitting.variable_projection.project`.
    descend : callable
        As :func:`kurvs_pipeline.fitting.variable_projection.descend`.
    block_size : int
        Spectra to give to it at once: enough to amortise Python, few enough to stay in cache.
    """

    choose_start: ChooseStart
    project: Callable[[BandLineModel, Spectra, BoolArray, Array], Point]
    descend: Callable[[BandLineModel, Spectra, BoolArray, Array, Bounds], Minimum]
    block_size: int


def engine_for(*, compiled: bool) -> Engine:
    """Return the engine asked for, or numpy's where numba is not installed.

    Parameters
    ----------
    compiled : bool
        Whether compiled code is wanted.
    """
    if not compiled or find_spec("numba") is None:
        return Engine(grid_search.choose_start, projection.project, projection.descend, 200)
    # Numba takes a while to import: only a fit waits for it.
    grid = import_module("kurvs_pipeline.fitting.compiled.start")
    descent = import_module("kurvs_pipeline.fitting.compiled.descent")
    return Engine(grid.choose_start, descent.project, descent.descend, 1000)
