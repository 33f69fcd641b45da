"""Spaxels and voxels that were lost inside a galaxy are said, and change nothing in silence."""

import numpy as np
import pytest
import xarray as xr

from kurvs_pipeline import Pipeline
from kurvs_sim import Galaxy, PointSpreadFunction, observe
from kurvs_sim.profiles import Linear


@pytest.fixture(scope="module")
def mock():
    return observe(
        Galaxy(
            redshift=1.5, inclination_deg=45.0, position_angle_deg=30.0,
            effective_radius_arcsec=0.7, oxygen_abundance=Linear(central=8.8, gradient=-0.04),
        ),
        bands=["H"], psf=PointSpreadFunction("gaussian", 0.6), halpha_snr=150.0, seed=3,
        within_kms_of_lines=3000.0,
    )  # fmt: skip


def with_flux(mock, change):
    band = mock["H"].to_dataset()
    flux = band["flux"].to_numpy().copy()
    change(flux)
    other = mock.copy()
    other["H"] = xr.DataTree(band.assign(flux=(band["flux"].dims, flux, band["flux"].attrs)))
    return other


def slope_of(measured):
    table = measured.gradients
    return table[(table["diagnostic"] == "n2") & (table["estimator"] == "slope")][0]


def lost_in(measured):
    rows = measured.fluxes[measured.fluxes["line"] == "halpha"]
    return {str(row["aperture"]) for row in rows if "lost_light" in row["flag"].split("+")}


@pytest.fixture(scope="module")
def whole(mock):
    return Pipeline().run(mock)


def test_a_whole_galaxy_has_no_flag(whole):
    assert lost_in(whole) == set()


def test_half_of_the_spaxels_lost_at_random_are_flagged_everywhere(mock):
    def lose(flux):
        flux[:, np.random.default_rng(0).random(flux.shape[1:]) < 0.5] = np.nan

    measured = Pipeline().run(with_flux(mock, lose))
    assert lost_in(measured) == {"integrated", "A", "B", "C"}
    assert "lost_light" in slope_of(measured)["flag"].split("+")


def test_what_counts_is_light_and_not_area(mock):
    """The brightest spaxels of the centre: a tenth of the area of the integrated aperture."""

    def lose(flux):
        middle = flux.shape[1] // 2
        flux[:, middle - 2 : middle + 2, middle - 2 : middle + 2] = np.nan

    lost = lost_in(Pipeline().run(with_flux(mock, lose)))
    assert "A" in lost
    assert "C" not in lost


def test_a_hot_voxel_changes_nothing_and_is_counted(mock, whole):
    def heat(flux):
        flux[10, flux.shape[1] // 2 + 2, flux.shape[2] // 2 + 3] = 1e6

    measured = Pipeline().run(with_flux(mock, heat))
    expected, found = slope_of(whole), slope_of(measured)
    shift = abs((found["gradient"] - expected["gradient"]).value)
    assert shift < 0.05 * expected["gradient_err"].value
    assert any("1 single voxels" in note for note in measured.assumptions)


def test_voxels_lost_at_random_count_as_lost_light(mock):
    def lose(flux):
        flux[np.random.default_rng(1).random(flux.shape) < 0.4] = np.nan

    assert lost_in(Pipeline().run(with_flux(mock, lose))) == {"integrated", "A", "B", "C"}


def test_a_stretch_of_channels_filled_with_one_value_changes_nothing_in_silence(mock, whole):
    def fill(flux):
        flux[150:160] = -1.0

    measured = Pipeline().run(with_flux(mock, fill))
    expected, found = slope_of(whole), slope_of(measured)
    shift = abs((found["gradient"] - expected["gradient"]).value)
    assert shift < 3.0 * expected["gradient_err"].value
