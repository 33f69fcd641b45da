"""Fixtures that tests share."""

from pathlib import Path

import numpy as np
import pytest
import scipy.linalg  # noqa: F401
import xarray as xr
from hypothesis import settings
from paths import SHARED
from threadpoolctl import threadpool_limits

from kurvs_pipeline.observation import ObservationMetadata

# The same examples in every run, so that a change is judged by what it changes;
# `--hypothesis-profile=default` looks for new ones.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

# As tasks of campaigns do: results of more threads differ in their last bits. Libraries that come
# with scipy are held too, as it is loaded by now.
threadpool_limits(limits=1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes many minutes, unless ``-m`` names it."""
    if "nightly" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder with the real data, or skip."""
    if not (SHARED / "real").is_dir():
        pytest.skip(f"the real KMOS data are not at {SHARED / 'real'}")
    return SHARED


@pytest.fixture
def disk() -> ObservationMetadata:
    """Return a face-on galaxy at z = 1.5 with a half-light radius of 0.5 arcsec."""
    return ObservationMetadata(
        redshift=1.5,
        inclination_deg=0.0,
        position_angle_deg=0.0,
        effective_radius_arcsec=0.5,
        seeing_fwhm_arcsec=0.6,
    )


@pytest.fixture
def axes() -> tuple[xr.DataArray, xr.DataArray]:
    """Return x and y of 28 x 28 spaxels of 0.1 arcsec about the target."""
    centres = 0.1 * (np.arange(28) - 13.5)
    return xr.DataArray(centres, dims="x"), xr.DataArray(centres, dims="y")
