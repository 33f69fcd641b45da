"""One band of a galaxy as read from a file, whatever the layout of the file."""

from dataclasses import dataclass
from typing import Any

import xarray as xr

from kurvs_pipeline.io.sky_frame import SkyFrame


@dataclass(frozen=True)
class BandCube:
    """One band as read from a file.

    Parameters
    ----------
    band_name : str
        ``IZ``, ``YJ`` or ``H``, from the wavelengths.
    dataset : Dataset
        As :func:`kurvs_pipeline.observation.band_dataset` makes it; invalid voxels are masked,
        with flux 0 and variance NaN.
    header_metadata : dict
        Fields of ObservationMetadata that the headers give.
    frame : SkyFrame
        Spaxel sizes and rotation.
    assumptions : tuple of str
        What the file left open, and what was taken for it.
    has_target_position : bool
        Whether x and y count from the galaxy; otherwise from the middle of the field.
    target : str
        As the headers name it; empty where they do not.
    """

    band_name: str
    dataset: xr.Dataset
    header_metadata: dict[str, Any]
    frame: SkyFrame
    assumptions: tuple[str, ...]
    has_target_position: bool
    target: str = ""
