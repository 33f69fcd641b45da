"""Types of the arrays that functions take and return; shapes stand in their docstrings."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]
StrArray = NDArray[np.str_]

Cube = NDArray[np.float32]
"""Voxels, which single precision holds with room to spare, shape (n_channels, n_y, n_x)."""

Map = NDArray[np.float32]
"""Pixels of the same, shape (n_y, n_x)."""
