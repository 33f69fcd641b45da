"""What may be stated of a galaxy: one description for options and columns."""

from dataclasses import fields
from pathlib import Path

import pytest

from experiments.measuring.catalogue import COLUMNS, GalaxyCatalogue
from experiments.measuring.request import MASS, GalaxyRequest
from experiments.measuring.settings import SETTINGS, by_option
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.observation import ObservationMetadata

VALUES = {
    float: 0.5,
    int: 3,
    str: "text",
    Path: Path("image.fits"),
    tuple[float, float]: (3.0, 4.0),
}


def test_every_setting_sets_a_field_that_is_read():
    read = {field.name for owner in (CubeOptions, ObservationMetadata) for field in fields(owner)}
    assert set(SETTINGS) <= read | set(MASS) | {"velocity_map", "psf_star"}


@pytest.mark.parametrize("name", sorted(set(SETTINGS) - {"psf_star"}))
def test_a_column_and_an_option_state_the_same(name, tmp_path):
    value = VALUES[SETTINGS[name].kind]
    parts = value if isinstance(value, tuple) else (value,)
    columns = SETTINGS[name].columns
    path = tmp_path / "galaxies.csv"
    path.write_text(f"name,cubes,{','.join(columns)}\nit,cube.fits,{','.join(map(str, parts))}\n")
    by_column = GalaxyCatalogue.read(path, {}).requests["it"]
    value = tmp_path / value if isinstance(value, Path) else value
    stated = {name: value, "name": "it"}
    assert by_column == GalaxyRequest.of((tmp_path / "cube.fits",), stated)


def test_angles_and_wavelengths_have_the_units_of_their_names():
    endings = {"deg": "_deg", "arcsec": "_arcsec", "um": "_um"}
    for column, setting in COLUMNS.items():
        with_unit = [unit for unit, ending in endings.items() if column.endswith(ending)]
        assert with_unit == ([setting.unit] if setting.unit else [])


def test_records_have_the_names_of_the_options():
    stated = {"seeing_fwhm_arcsec": 0.6, "redshift": 1.5, "centre_pixel": None}
    assert by_option(stated) == {"seeing": 0.6, "redshift": 1.5, "centre": None}


def test_a_value_that_is_no_number_is_refused_by_its_option():
    with pytest.raises(ConfigurationError, match=r"seeing is nan; expected a number"):
        GalaxyRequest.of((Path("cube.fits"),), {"seeing_fwhm_arcsec": float("nan")})
