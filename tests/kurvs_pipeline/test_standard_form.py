"""Units and directions of an Observation are read, converted or refused."""

import numpy as np
import pytest
import xarray as xr
from astropy import units as u

from kurvs_pipeline import Pipeline
from kurvs_pipeline.errors import ConfigurationError, MetadataError
from kurvs_pipeline.gradients.population import Population
from kurvs_pipeline.observation import (
    FLUX_DENSITY_UNIT,
    band_dataset,
    in_standard_form,
    make_observation,
    metadata_of,
    validate,
)
from kurvs_sim import Galaxy, PointSpreadFunction, observe
from kurvs_sim.profiles import Linear

KPC_PER_ARCSEC = 8.7


@pytest.fixture(scope="module")
def mock():
    """Return an inclined galaxy with a gradient: mirrored, it is another one."""
    galaxy = Galaxy(
        redshift=1.5, inclination_deg=55.0, position_angle_deg=30.0, effective_radius_arcsec=0.7,
        oxygen_abundance=Linear(central=8.9, gradient=-0.04),
    )  # fmt: skip
    return observe(
        galaxy, bands=["H"], psf=PointSpreadFunction("gaussian", 0.4), halpha_snr=150.0, seed=3,
        within_kms_of_lines=2000.0,
    )  # fmt: skip


def restated(observation, variable, change, **attributes):
    """Return the Observation with one coordinate stated otherwise."""
    band = observation["H"].to_dataset()
    old = band[variable]
    band[variable] = (old.dims, change(old.to_numpy()), old.attrs | attributes)
    other = observation.copy()
    other["H"] = xr.DataTree(band)
    return other


def slope(observation):
    table = Pipeline("2x0.6").run(observation).gradients
    row = table[(table["diagnostic"] == "n2") & (table["estimator"] == "slope")][0]
    return row["gradient"].value, row["gradient_err"].value


OTHER_STATEMENTS = {
    "x to the East": ("x", lambda x: -x, {"direction": "east"}),
    "y to the South": ("y", lambda y: -y, {"direction": "south"}),
    "x in mas": ("x", lambda x: 1000.0 * x, {"units": "mas"}),
    "y in degrees": ("y", lambda y: y / 3600.0, {"units": "deg"}),
    "wavelengths in nm": ("wavelength", lambda w: 1000.0 * w, {"units": "nm"}),
    "wavelengths in Angstrom": ("wavelength", lambda w: 1e4 * w, {"units": "Angstrom"}),
    "line spread in nm": ("lsf_sigma", lambda w: 1000.0 * w, {"units": "nm"}),
}


@pytest.mark.parametrize("statement", OTHER_STATEMENTS)
def test_the_same_coordinates_stated_otherwise_are_the_same(mock, statement):
    variable, change, attributes = OTHER_STATEMENTS[statement]
    back = in_standard_form(restated(mock, variable, change, **attributes))
    band, expected = back["H"].to_dataset(), mock["H"].to_dataset()
    np.testing.assert_allclose(band[variable], expected[variable], rtol=1e-12)
    assert band[variable].attrs == expected[variable].attrs


def test_a_cube_with_x_to_the_east_has_the_gradient_of_the_same_sky(mock):
    value, error = slope(restated(mock, "x", np.negative, direction="east"))
    expected, _ = slope(mock)
    assert value == pytest.approx(expected, abs=1e-3 * error)


def test_an_observation_in_standard_form_is_returned_as_it_is(mock):
    assert in_standard_form(mock) is mock


@pytest.mark.parametrize(
    ("variable", "attributes", "said"),
    [
        ("x", {"units": "pixel"}, r"H: unit of 'x' is 'pixel'; expected one that"),
        ("x", {"direction": "left"}, r"direction of 'x' is 'left'; expected west or east"),
        ("y", {"direction": None}, r"direction of 'y' is None; expected north or south"),
        ("wavelength", {"units": "furlong"}, r"unit of 'wavelength' is 'furlong'"),
        ("wavelength", {"units": None}, r"unit of 'wavelength' is None"),
        ("lsf_sigma", {"units": "km / s"}, r"unit of 'lsf_sigma' is 'km / s'"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(mock, variable, attributes, said):
    with pytest.raises(MetadataError, match=said):
        in_standard_form(restated(mock, variable, lambda x: x, **attributes))


@pytest.mark.parametrize("factor", [3600.0, 1e-3])
def test_spaxels_that_no_instrument_has_are_refused_before_anything_is_allocated(mock, factor):
    with pytest.raises(MetadataError, match=r"spaxels along 'x' are .* arcsec wide"):
        Pipeline().run(restated(mock, "x", lambda x: factor * x))


def test_spaxels_at_uneven_steps_are_refused(mock):
    with pytest.raises(MetadataError, match="expected even steps"):
        validate(restated(mock, "y", lambda y: y + 0.05 * np.sin(9.0 * y)))


@pytest.mark.parametrize("unit", ["Jy", "MJy / sr", "mJy / arcsec2"])
def test_flux_densities_per_hz_become_those_per_um(mock, unit):
    """By hand: F_lambda = F_nu c / lambda^2, times the solid angle of a spaxel."""
    band = mock["H"].to_dataset()
    wavelength = band["wavelength"].to_numpy() * u.um
    spaxel = (float(np.diff(band["x"])[0]) * u.arcsec) ** 2
    per_um = band["flux"].to_numpy() * u.Unit(FLUX_DENSITY_UNIT)
    per_hz = (per_um.T * wavelength**2 / 299792458.0 * u.s / u.m).T
    if not u.Unit(unit).is_equivalent(u.Jy):
        per_hz = per_hz / spaxel
    factor = per_hz.to_value(unit) / per_um.value
    other = band.assign(
        flux=(band["flux"].dims, per_hz.to_value(unit), {"units": unit}),
        variance=(band["flux"].dims, band["variance"].to_numpy() * factor**2),
    )
    back = make_observation({"H": other}, metadata_of(mock))["H"].to_dataset()
    assert back["flux"].attrs["units"] == FLUX_DENSITY_UNIT
    np.testing.assert_allclose(back["flux"], band["flux"], rtol=1e-5)
    np.testing.assert_allclose(back["variance"], band["variance"], rtol=1e-4)


def small(**changes):
    cube = np.ones((3, 2, 2))
    parts = {
        "flux": cube, "variance": cube, "mask": np.zeros(cube.shape, dtype=bool),
        "wavelength_um": np.array([1.5, 1.6, 1.7]), "x_arcsec": np.array([-0.1, 0.1]),
        "y_arcsec": np.array([-0.1, 0.1]), "lsf_sigma_um": np.full(3, 2e-4),
    }  # fmt: skip
    return band_dataset(**parts | changes)


def test_a_quantity_keeps_its_flux_in_another_unit():
    cube = np.full((3, 2, 2), 10.0) * u.Unit("1e-17 erg / (s cm2 um)")
    band = small(flux=cube, variance=cube**2, wavelength_um=[1500.0, 1600.0, 1700.0] * u.nm)
    np.testing.assert_allclose(band["flux"], 1.0, rtol=1e-6)
    np.testing.assert_allclose(band["variance"], 1.0, rtol=1e-6)
    np.testing.assert_allclose(band["wavelength"], [1.5, 1.6, 1.7])


def test_a_quantity_of_another_kind_is_refused():
    with pytest.raises(MetadataError, match=r"flux is in m; expected .* converts to 1e-16 erg"):
        small(flux=np.ones((3, 2, 2)) * u.m)


def test_masked_voxels_are_no_data():
    cube = np.ma.masked_array(np.ones((3, 2, 2)), mask=False)
    cube[1, 0, 1] = np.ma.masked
    band = small(flux=cube)
    assert int(band["mask"].sum()) == 1
    assert bool(band["mask"][1, 0, 1])


def test_a_scheme_may_be_text():
    assert Pipeline("2x0.8").scheme.edges == (0.0, 0.8, 1.6)
    with pytest.raises(ConfigurationError, match=r"scheme is 3; expected a BinningScheme, or text"):
        Pipeline(3)


@pytest.mark.parametrize("wrong", [xr.Dataset(), np.ones((3, 2, 2)), "cube.fits"])
def test_what_is_no_observation_is_refused_with_how_to_make_one(wrong):
    with pytest.raises(MetadataError, match=r"expected an Observation.*make_observation"):
        Pipeline().run(wrong)


def test_velocities_may_be_a_masked_quantity(mock):
    located = Pipeline("2x0.6").locate(mock)
    known = located.frame.maps.velocity_kms
    in_m_s = np.ma.masked_invalid(known)
    again = Pipeline("2x0.6").locate(mock, velocity_kms=in_m_s)
    both = np.isfinite(known) & np.isfinite(again.frame.maps.velocity_kms)
    assert both.sum() > 50


def test_gradients_of_a_population_are_converted():
    per_pc = np.array([1e-5, -2e-5]) * u.dex / u.pc
    of_quantity = Population.of_measurements(per_pc, np.full(2, 1e-5) * u.dex / u.pc)
    plain = Population.of_measurements([0.01, -0.02], [0.01, 0.01])
    np.testing.assert_allclose(of_quantity.likelihood, plain.likelihood)
