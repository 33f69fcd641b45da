"""A line model as plain arrays, for compiled code."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.line_model import LINE_REACH_SIGMAS, BandLineModel

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


class LineLayout(NamedTuple):
    """Lines and channels of a model.

    Parameters
    ----------
    n_groups : int
        Number of amplitudes.
    reach_sigmas : float
        How far lines are computed.
    edges_um : array, shape (n_used_channels + n_windows,)
        Edges of the channels of each window, one window after the other.
    per_um : array, shape (n_used_channels,)
        One over the width of each channel.
    window_start : int array, shape (n_windows + 1,)
        First channel of each window, and the end.
    line_group, line_window : int array, shape (n_lines,)
        Index of each line's group and window.
    line_ratio : array, shape (n_lines,)
        Flux relative to the group's.
    line_centre_um, line_um_per_kms, line_lsf_um : array, shape (n_lines,)
        Wavelength at velocity 0, shift per km/s, width of the line-spread function.
    """

    n_groups: int
    reach_sigmas: float
    edges_um: Array
    per_um: Array
    window_start: Indices
    line_group: Indices
    line_window: Indices
    line_ratio: Array
    line_centre_um: Array
    line_um_per_kms: Array
    line_lsf_um: Array


@lru_cache(maxsize=3)
def layout_of(model: BandLineModel) -> LineLayout:
    """Lay out a model.

    Parameters
    ----------
    model : BandLineModel
        Equal models share one layout.
    """
    members = [
        (group, index, ratio, *model.line_scale(name))
        for index, window in enumerate(model.windows)
        for group, name, ratio in window.lines
    ]
    group, window, ratio, centre, per_kms, lsf = zip(*members, strict=True)
    edges = [model.edges_um[w.channels.start : w.channels.stop + 1] for w in model.windows]
    return LineLayout(
        n_groups=len(model.groups),
        reach_sigmas=LINE_REACH_SIGMAS,
        edges_um=np.concatenate(edges),
        per_um=np.concatenate([1.0 / np.diff(e) for e in edges]),
        window_start=np.array([0, *(w.used.stop for w in model.windows)], dtype=np.intp),
        line_group=np.array(group, dtype=np.intp),
        line_window=np.array(window, dtype=np.intp),
        line_ratio=np.array(ratio, dtype=float),
        line_centre_um=np.array(centre),
        line_um_per_kms=np.array(per_kms),
        line_lsf_um=np.array(lsf),
    )
