"""What users hand to the simulator: Quantities, numbers for profiles, and what cannot be meant."""

import dataclasses
import inspect
import warnings

import numpy as np
import pytest
from astropy import units as u

import kurvs_sim
from kurvs_pipeline.arguments import unit_in
from kurvs_pipeline.errors import KurvsError, MetadataError
from kurvs_sim import (
    Effects,
    ExposureModel,
    Galaxy,
    NoiseModel,
    Numerics,
    PointSpreadFunction,
    SpaxelGrid,
    atmosphere,
    effects,
    emission,
    expectation,
    galaxy,
    instrument,
    observe,
    profiles,
    scene,
    survey,
)
from kurvs_sim.atmosphere import ElongatedSeeing, ExposureSequence, StarImage
from kurvs_sim.galaxy import Clumps, NuclearSource, StellarContinuum
from kurvs_sim.profiles import Constant, Linear

ROOMS = (
    kurvs_sim, atmosphere, effects, emission, expectation, galaxy, instrument, profiles, scene,
    survey,
)  # fmt: skip
PUBLIC = {
    f"{room.__name__}.{name}": getattr(room, name) for room in ROOMS for name in room.__all__
    if inspect.isclass(getattr(room, name)) or inspect.isfunction(getattr(room, name))
}  # fmt: skip
WITH_UNITS = [
    (name, parameter)
    for name, thing in PUBLIC.items()
    if not getattr(thing, "_is_protocol", False) and not inspect.isabstract(thing)
    for parameter in inspect.signature(thing).parameters
    if unit_in(parameter) != u.dimensionless_unscaled
]
NEVER = u.candela
"""A unit that no parameter has."""

SMALL = {"bands": ("H",), "grid": SpaxelGrid(5, 5, 0.2), "within_kms_of_lines": 1500.0}


@pytest.mark.parametrize(("name", "parameter"), WITH_UNITS)
def test_every_parameter_with_a_unit_refuses_another_by_name(name, parameter):
    with pytest.raises(MetadataError, match=f"^{parameter} is 2.0 cd; expected"):
        PUBLIC[name](**{parameter: 2.0 * NEVER})


@pytest.mark.parametrize(
    ("parameter", "quantity", "plain"),
    [
        ("inclination_deg", 0.8 * u.rad, np.degrees(0.8)),
        ("effective_radius_arcsec", 500.0 * u.mas, 0.5),
        ("dispersion_kms", 4e4 * u.m / u.s, 40.0),
        ("halpha_flux", 3e-20 * u.W / u.m**2, 0.3),
        ("ra_deg", 10.0 * u.hourangle, 150.0),
    ],
)
def test_a_quantity_means_its_number_in_the_unit_of_the_name(parameter, quantity, plain):
    assert getattr(Galaxy(**{parameter: quantity}), parameter) == pytest.approx(plain)


def test_methods_take_quantities():
    kpc = Galaxy().lines(np.array([1.0, 2.0]))
    pc = Galaxy().lines([1000.0, 2000.0] * u.pc)
    np.testing.assert_allclose(pc["halpha"], kpc["halpha"])


def test_the_distance_from_lines_may_be_a_quantity():
    plain, quantity = (
        observe(Galaxy(), **{**SMALL, "within_kms_of_lines": within})
        for within in (1500.0, 1.5e6 * u.m / u.s)
    )
    assert plain.identical(quantity)


def test_a_number_is_a_constant_profile():
    same = Galaxy(oxygen_abundance=Constant(8.5), a_v=Constant(0.5), rotation=Constant(150.0))
    assert Galaxy(oxygen_abundance=8.5, a_v=0.5 * u.mag, rotation=150.0 * u.km / u.s) == same


def test_a_star_is_an_array():
    image = np.outer([1.0, 2.0, 1.0], [1.0, 3.0, 1.0])
    assert StarImage(image, 0.1 * u.arcsec) == StarImage.from_array(image, 0.1)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Galaxy(inclination_deg="45"), "inclination_deg is '45'; expected a number"),
        (lambda: Galaxy(oxygen_abundance="flat"), "oxygen_abundance is 'flat'; expected a profile"),
        (lambda: Galaxy(a_v=None), "a_v is None; expected a profile"),
        (lambda: Galaxy(stars=3), "stars is 3; expected a sequence"),
        (lambda: Galaxy(stars=(3,)), r"stars\[0\] is 3; expected an object of class Stellar"),
        (lambda: Galaxy(emission=1.0), "emission is 1.0; expected a model"),
        (lambda: Galaxy(redshift=10**400), "redshift is 1000.*; expected a number"),
        (lambda: observe(Galaxy(), psf="moffat"), "psf is 'moffat'; expected an object of class"),
        (lambda: observe(Galaxy(), bands=3), "bands is 3; expected some of"),
        (lambda: Effects(dithers=1.0), "dithers is 1.0; expected an object of class Dithers"),
        (lambda: 8.0 * Linear(8.0, -0.1) + "x", "profiles is 'x'; expected a profile"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once_by_name(make, told):
    with pytest.raises(KurvsError, match=f"^{told}"):
        make()


EXTREMES = (1e300, -1e300, 1e-300, float("inf"), float("nan"), 1e12, 1e-12, -1.0, 0.0)


def _cases():
    """Yield one float parameter after another of everything that an observation is made of."""
    clumps = Clumps(
        seed=1, number=2, flux_fraction=0.2, fwhm_kpc=1.0, effective_radius_kpc=3.0
    )  # fmt: skip
    nucleus = NuclearSource(halpha_flux=1.0, dispersion_kms=100.0)
    stars = StellarContinuum(flux_density=1.0, effective_radius_kpc=3.0)
    given = {
        "galaxy": lambda v: {"galaxy": v},
        "grid": lambda v: {"grid": v},
        "psf": lambda v: {"psf": v},
        "noise": lambda v: {"noise": v},
        "numerics": lambda v: {"numerics": v},
        "clumps": lambda v: {"galaxy": Galaxy(structures=(v,))},
        "nucleus": lambda v: {"galaxy": Galaxy(nuclear_sources=(v,))},
        "stars": lambda v: {"galaxy": Galaxy(stars=(v,))},
        "abundance": lambda v: {"galaxy": Galaxy(oxygen_abundance=v)},
    }
    things = [
        ("galaxy", Galaxy()), ("grid", SMALL["grid"]), ("psf", PointSpreadFunction("moffat")),
        ("psf", ElongatedSeeing(PointSpreadFunction(), 0.8)),
        ("psf", ExposureSequence(PointSpreadFunction(), 2)), ("noise", NoiseModel()),
        ("noise", ExposureModel()), ("numerics", Numerics()), ("clumps", clumps),
        ("nucleus", nucleus), ("stars", stars), ("abundance", Linear(8.6, -0.02)),
    ]  # fmt: skip
    for place, thing in things:
        for field in dataclasses.fields(thing):
            if isinstance(getattr(thing, field.name), float):
                yield pytest.param(given[place], thing, field.name,
                                   id=f"{type(thing).__name__}.{field.name}")  # fmt: skip


@pytest.mark.parametrize(("options", "thing", "name"), list(_cases()))
def test_no_number_is_too_large_or_small_to_be_answered(options, thing, name):
    """A mock with finite voxels and positive variance, or a typed error; nothing that overflows."""
    random = np.random.default_rng(len(name))
    for value in random.choice(EXTREMES, 4, replace=False):
        try:
            changed = dataclasses.replace(thing, **{name: float(value)})
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                cubes = observe(**{"galaxy": Galaxy(), **SMALL, **options(changed)})
        except KurvsError:
            continue
        assert np.isfinite(cubes["H"]["flux"]).all()
        assert (cubes["H"]["variance"] > 0.0).all()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: SpaxelGrid(spaxel_arcsec=200.0), "spaxel_arcsec is 200.0; expected a number from"),
        (lambda: Linear(8.5, 1e300), r"gradient is 1e\+300; expected a number between"),
        (lambda: Galaxy(position_angle_deg=1e300), "position_angle_deg is"),
        (lambda: ElongatedSeeing(PointSpreadFunction(), 0.9, 1e300), "position_angle_deg is"),
        (lambda: Galaxy(halpha_flux=1e300), "halpha_flux is"),
        (lambda: observe(Galaxy(), halpha_snr=1e-300), "halpha_snr is 1e-300; expected a number"),
        (lambda: Numerics(velocity_tolerance=1e-300), "velocity_tolerance is"),
        (lambda: observe(Galaxy(), seed=2**63), "seed is 9223372036854775808; expected an integer"),
    ],
)
def test_absurd_sizes_are_refused(make, told):
    with pytest.raises(KurvsError, match=f"^{told}"):
        make()


def test_the_memory_of_a_mock_is_checked_before_it_is_taken():
    wide = SpaxelGrid(n_x=400, n_y=400, spaxel_arcsec=0.02)
    coarse = Numerics(fine_pixel_arcsec=0.05, pixels_per_psf_fwhm=2.0)
    with pytest.raises(KurvsError, match="voxels; expected at most 300,000,000"):
        observe(Galaxy(), grid=wide, numerics=coarse)
