"""The TOML description of a mock."""

import dataclasses
import inspect
import json
import tomllib

import jsonschema
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import EXAMPLES
from profile_examples import PROFILES as PROFILE_EXAMPLES

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import ConfigurationError
from kurvs_sim import Galaxy, NoiseModel, Numerics, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.atmosphere.composite_seeing import (
    CompositeSeeing,
    ElongatedSeeing,
    ExposureSequence,
)
from kurvs_sim.atmosphere.star_image import StarImage
from kurvs_sim.configuration.file import dump_mock, load_mock, mock_schema, parse_mock
from kurvs_sim.configuration.kinds import NOISE, PROFILES, SEEING, STRUCTURES
from kurvs_sim.configuration.sections import section_for
from kurvs_sim.configuration.writing import described, toml_text
from kurvs_sim.effects.effects import Effects
from kurvs_sim.galaxy.abundance_scatter import AbundanceScatter
from kurvs_sim.galaxy.clump_map import ClumpMap
from kurvs_sim.galaxy.clumps import Clumps
from kurvs_sim.galaxy.nucleus import NuclearSource
from kurvs_sim.galaxy.stars import StellarContinuum
from kurvs_sim.instrument.exposures import BandExposures, ExposureModel
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.profiles.radial import Arctan, Constant, Exponential, Linear, Product, Sum
from kurvs_sim.profiles.shapes import Broken, FreemanDisk, Ring, Sersic, Tabulated
from kurvs_sim.survey.galaxies import kurvs_sample

EXAMPLE = EXAMPLES / "galaxy.toml"

MINIMAL = """
[galaxy]
redshift = 1.5
inclination_deg = 45
position_angle_deg = 30
effective_radius_arcsec = 0.5
oxygen_abundance = {central = 8.6, gradient_dex_per_kpc = -0.02}
"""

POSITIVE = st.floats(1e-3, 1e3)


def compound(kind, members):
    """Draw a sum or a product of profiles."""
    return st.lists(members, min_size=1, max_size=3).map(lambda profiles: kind(tuple(profiles)))


PROFILE_STRATEGIES = {
    "constant": st.builds(Constant, value=st.floats(0.0, 5.0)),
    "exponential": st.builds(Exponential, central=POSITIVE, scale_length=POSITIVE),
    "linear": st.builds(
        Linear, central=st.floats(7.5, 9.0), gradient=st.floats(-1.0, 1.0),
        minimum=st.floats(6.0, 7.0), maximum=st.floats(9.0, 10.0),
    ),
    "broken": st.builds(
        Broken, central=st.floats(7.5, 9.0), inner_gradient=st.floats(-1.0, 1.0),
        outer_gradient=st.floats(-1.0, 1.0), break_radius=POSITIVE,
    ),
    "sersic": st.builds(
        Sersic, at_effective_radius=POSITIVE, effective_radius=POSITIVE, index=st.floats(0.5, 8.0)
    ),
    "ring": st.builds(Ring, peak=POSITIVE, ring_radius=POSITIVE, ring_sigma=POSITIVE),
    "tabulated": st.lists(st.floats(-9.0, 9.0), min_size=2, max_size=5).map(
        lambda values: Tabulated(range(len(values)), values)
    ),
    "arctan": st.builds(Arctan, asymptote=st.floats(0.0, 1e3), turnover_radius=POSITIVE),
    "freeman_disk": st.builds(FreemanDisk, peak=POSITIVE, scale_length=POSITIVE),
}  # fmt: skip
# Profiles without a strategy of their own are tried as they stand among the examples.
OF_CLASS = {profile: kind for kind, profile in PROFILES.kinds.items()}
PROFILE_STRATEGIES |= {
    OF_CLASS[type(profile)]: st.just(profile)
    for profile in PROFILE_EXAMPLES if OF_CLASS[type(profile)] not in PROFILE_STRATEGIES
}  # fmt: skip
PROFILE_STRATEGIES |= {
    "sum": compound(Sum, st.one_of(*PROFILE_STRATEGIES.values())),
    "product": compound(Product, st.one_of(*PROFILE_STRATEGIES.values())),
}
PROFILE_STRATEGIES["sum"] |= compound(Sum, st.one_of(*PROFILE_STRATEGIES.values()))

ROUND = st.builds(
    PointSpreadFunction,
    kind=st.sampled_from(["gaussian", "moffat", "kolmogorov"]),
    fwhm_arcsec=st.just(0.0) | st.floats(0.1, 2.0),
    moffat_beta=st.floats(1.5, 9.0),
)
SEEING_STRATEGIES = {
    **dict.fromkeys(["gaussian", "moffat", "kolmogorov"], ROUND),
    "elongated": st.builds(
        ElongatedSeeing,
        profile=ROUND, axis_ratio=st.floats(0.5, 1.0), position_angle_deg=st.floats(0.0, 179.0),
    ),
    "composite": st.lists(ROUND.filter(lambda psf: psf.fwhm_arcsec > 0.0), min_size=1, max_size=3)
    .map(CompositeSeeing.of),
    "exposure_sequence": st.builds(
        ExposureSequence,
        median=ROUND.filter(lambda psf: psf.fwhm_arcsec > 0.0), n_exposures=st.integers(1, 99),
        fwhm_scatter=st.floats(0.0, 0.5), seed=st.integers(0, 99),
    ),
    "star_image": st.builds(
        StarImage.from_array, st.just([[0, 1, 0], [1, 3, 1], [0, 0.5, 0]]), pixel_arcsec=POSITIVE
    ),
}  # fmt: skip

NOISE_STRATEGIES = {
    "relative": st.builds(NoiseModel, exposure_hours_h=POSITIVE),
    "exposures": st.builds(
        ExposureModel,
        iz=st.builds(BandExposures, n_exposures=st.integers(1, 900), throughput=st.just(0.2)),
    ),
}

STRUCTURE_STRATEGIES = {
    "clumps": st.builds(
        Clumps, seed=st.integers(0, 99), number=st.integers(1, 9), fwhm_kpc=POSITIVE,
        flux_fraction=st.floats(0.0, 0.3), effective_radius_kpc=POSITIVE,
    ),
    "clump_map": st.builds(
        ClumpMap.from_array, st.just([[0.0, 1.0], [2.0, 0.5]]), pixel_kpc=POSITIVE,
        flux_fraction=st.floats(0.0, 0.3),
    ),
    "abundance_scatter": st.builds(
        AbundanceScatter, seed=st.integers(0, 99), amplitude_dex=st.floats(0.0, 0.1),
        correlation_length_kpc=POSITIVE,
    ),
}  # fmt: skip

EFFECTS = {
    field.name: inspect.signature(Effects).parameters[field.name]
    for field in dataclasses.fields(Effects)
}


def default_effect(name):
    """Return an effect as it is when nothing is said of it."""
    (cls,) = [t for t in inspect.get_annotations(Effects)[name].__args__ if t is not type(None)]
    return cls()


GALAXIES = st.builds(
    Galaxy,
    name=st.from_regex(r"[A-Za-z0-9_.+-]+", fullmatch=True),
    redshift=st.floats(0.1, 5.0),
    inclination_deg=st.floats(0.0, 85.0),
    position_angle_deg=st.floats(0.0, 359.0),
    effective_radius_arcsec=POSITIVE,
    disk_thickness=st.floats(0.0, 0.9),
    halpha_flux=POSITIVE,
    oxygen_abundance=st.one_of(*PROFILE_STRATEGIES.values()),
    a_v=st.one_of(*PROFILE_STRATEGIES.values()),
    rotation=PROFILE_STRATEGIES["arctan"],
    offset_x_arcsec=st.floats(-1.0, 1.0),
    halpha_profile=st.none() | st.one_of(*PROFILE_STRATEGIES.values()),
    structures=st.lists(st.one_of(*STRUCTURE_STRATEGIES.values()), max_size=3).map(tuple),
    nuclear_sources=st.lists(
        st.builds(NuclearSource, halpha_flux=POSITIVE, dispersion_kms=POSITIVE), max_size=2
    ).map(tuple),
    stars=st.lists(
        st.builds(
            StellarContinuum, flux_density=POSITIVE, effective_radius_kpc=POSITIVE,
            shape=st.sampled_from(["disk", "bulge"]),
        ),
        max_size=2,
    ).map(tuple),
)  # fmt: skip

OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "bands": st.lists(st.sampled_from(["IZ", "YJ", "H"]), min_size=1, unique=True).map(tuple),
        "halpha_snr": st.none() | POSITIVE,
        "seed": st.integers(0, 2**63 - 1),
        "psf": st.one_of(*SEEING_STRATEGIES.values()),
        "grid": st.builds(SpaxelGrid, n_x=st.integers(1, 60), spaxel_arcsec=st.floats(0.01, 1.0)),
        "noise": st.one_of(*NOISE_STRATEGIES.values()),
        "numerics": st.builds(Numerics, fine_pixel_arcsec=POSITIVE),
        "every_exposure": st.booleans(),
        "effects": st.sets(st.sampled_from(sorted(EFFECTS))).map(
            lambda names: Effects(**{name: default_effect(name) for name in names})
        ),
    },
)


def write(tmp_path, text):
    path = tmp_path / "mock.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_reads_as_it_says():
    galaxy, options = load_mock(EXAMPLE)
    assert galaxy.oxygen_abundance == Linear(central=8.8, gradient=-0.04)
    assert galaxy.a_v == Exponential(central=0.8, scale_length=5.0)
    assert options == {
        "halpha_snr": 54.0, "seed": 1, "psf": PointSpreadFunction("moffat", 0.6, 3.0),
    }  # fmt: skip


def test_the_defaults_that_the_example_names_are_the_defaults(tmp_path):
    commented = EXAMPLE.read_text(encoding="utf-8")
    spelled_out = commented.replace("\n# [", "\n[").replace("\n# Keys", "\n## Keys")
    lines = [line[2:] if line.startswith("# ") and " = " in line else line
             for line in spelled_out.splitlines()]  # fmt: skip
    galaxy, options = load_mock(write(tmp_path, "\n".join(lines)))
    assert galaxy == load_mock(EXAMPLE)[0]
    assert options.pop("bands") == ("IZ", "YJ", "H")
    assert options.pop("grid") == SpaxelGrid()
    assert options == load_mock(EXAMPLE)[1]


def test_the_example_of_a_real_instrument_turns_on_the_effects_that_it_names():
    galaxy, options = load_mock(EXAMPLES / "real-instrument.toml")
    effects = options["effects"]
    on = {f.name for f in dataclasses.fields(effects) if getattr(effects, f.name) is not None}
    assert on >= {"covariance", "sky_residuals", "misscaled_noise", "cosmic_rays"}
    assert isinstance(options["noise"], ExposureModel)
    assert isinstance(galaxy.a_v, Tabulated)


def test_what_is_left_out_has_the_defaults_of_the_galaxy(tmp_path):
    galaxy, options = load_mock(write(tmp_path, MINIMAL))
    assert galaxy == Galaxy(
        redshift=1.5, inclination_deg=45.0, position_angle_deg=30.0, effective_radius_arcsec=0.5
    )
    assert options == {}


def test_noise_free_means_no_signal_to_noise_ratio():
    text = MINIMAL + '[observation]\nhalpha_snr = "noise-free"\n'
    assert parse_mock(text)[1]["halpha_snr"] is None


def test_a_table_without_keys_turns_an_effect_on():
    text = MINIMAL + "[observation.effects.covariance]\n"
    assert parse_mock(text)[1]["effects"] == Effects(covariance=NoiseCovariance())


def test_profiles_of_any_kind_describe_any_property():
    text = MINIMAL.replace("central = 8.6, gradient_dex_per_kpc = -0.02",
                           'kind = "constant", value = 8.5')  # fmt: skip
    text += 'a_v = {kind = "linear", central_mag = 1, gradient_mag_per_kpc = -0.1,'
    text += " minimum_mag = 0, maximum_mag = 2}\n"
    galaxy, _ = parse_mock(text)
    assert galaxy.oxygen_abundance == Constant(8.5)
    assert galaxy.a_v == Linear(central=1.0, gradient=-0.1, minimum=0.0, maximum=2.0)


@given(galaxy=GALAXIES, options=OPTIONS)
@settings(max_examples=60)
def test_what_is_written_reads_back_the_same(galaxy, options):
    assert parse_mock(dump_mock(galaxy, options)) == (galaxy, options)


def test_units_of_keys_are_those_of_the_property():
    text = (
        MINIMAL
        + """
[galaxy.a_v]
kind = "sum"
profiles = [
    {kind = "ring", peak_mag = 0.5, ring_radius_kpc = 3, ring_sigma_kpc = 1},
    {kind = "product", profiles = [
        {kind = "constant", value = 0.5},
        {kind = "tabulated", radius_kpc = [0, 5], value = [1, 0]},
    ]},
]
"""
    )
    galaxy, _ = parse_mock(text)
    factors = Product((Constant(0.5), Tabulated((0.0, 5.0), (1.0, 0.0))))
    assert galaxy.a_v == Sum((Ring(0.5, 3.0, 1.0), factors))


def test_the_survey_s_galaxies_read_back_the_same():
    for galaxy in kurvs_sample():
        assert parse_mock(dump_mock(galaxy)) == (galaxy, {})


def test_the_round_trip_is_tried_with_every_kind():
    assert set(PROFILE_STRATEGIES) == set(PROFILES.kinds)
    # An image in a file of its own is read back as its pixels.
    assert set(SEEING_STRATEGIES) == set(SEEING.kinds) - {"image"}
    assert set(NOISE_STRATEGIES) == set(NOISE.kinds)
    assert set(STRUCTURE_STRATEGIES) == set(STRUCTURES.kinds)


def test_every_property_and_option_has_a_key():
    galaxy = Galaxy(halpha_profile=Exponential(central=1.0, scale_length=2.0))
    document = tomllib.loads(dump_mock(galaxy, {"psf": PointSpreadFunction()}))
    assert set(document["galaxy"]) == {field.name for field in dataclasses.fields(Galaxy)}
    definitions = mock_schema()["$defs"]
    options = set(inspect.signature(observe).parameters) - {"galaxy"}
    assert set(definitions["Observe"]["properties"]) == options


def test_one_table_where_a_list_is_expected_says_how_to_write_it():
    text = MINIMAL + "[galaxy.nuclear_sources]\nhalpha_flux = 1\ndispersion_kms = 900\n"
    with pytest.raises(ConfigurationError, match=r"write \[\[galaxy\.nuclear_sources\]\]"):
        parse_mock(text)


def test_a_name_that_could_not_be_read_back_is_refused():
    with pytest.raises(ConfigurationError, match=r"galaxy\.name is 'a/b'"):
        dump_mock(Galaxy(name="a/b"))


class Opaque:
    """A description that no file can state."""


OPAQUE = Opaque()


@dataclasses.dataclass(frozen=True)
class Lamp:
    brightness: float = 1.0
    glass: Opaque = OPAQUE


def test_what_only_python_can_state_keeps_its_default():
    assert section_for(Lamp).model_validate({"brightness": 2.0}).build() == Lamp(2.0)
    assert described(Lamp()) == {"brightness": 1.0}
    with pytest.raises(ConfigurationError, match="glass is of type Opaque"):
        described(Lamp(glass=Opaque()))


def test_what_has_no_form_in_toml_is_named():
    with pytest.raises(ConfigurationError, match="psf is of type set; expected"):
        dump_mock(Galaxy(), {"psf": {1, 2}})


@given(
    st.recursive(
        st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[A-Za-z0-9_-]+", fullmatch=True), inner, max_size=3),
        max_leaves=8,
    ).flatmap(lambda value: st.just({"key": value, "table": {"key": value}}))
)  # fmt: skip
@settings(max_examples=100)
def test_toml_text_is_what_the_standard_library_reads(document):
    assert tomllib.loads(toml_text(document)) == document


def references(node):
    """Return every reference within a schema."""
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in references(value)]
    return [ref for item in node for ref in references(item)] if isinstance(node, list) else []


def test_the_schema_is_json_and_complete():
    schema = mock_schema()
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert {ref.removeprefix("#/$defs/") for ref in references(schema)} == set(schema["$defs"])
    assert all(item["additionalProperties"] is False for item in schema["$defs"].values())


def test_a_validator_of_schemas_accepts_what_the_loader_does():
    schema = mock_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    documents = [tomllib.loads(path.read_text("utf-8")) for path in EXAMPLES.glob("*.toml")]
    for mock in [document for document in documents if "galaxy" in document]:
        validator.validate(mock)
    for galaxy in kurvs_sample():
        validator.validate(tomllib.loads(dump_mock(galaxy)))
    assert validator.is_valid(tomllib.loads(MINIMAL))
    for old, new in [("redshift", "redshfit"), ("= 45", '= "45"'), ("{", '{kind = "flat", ')]:
        assert not validator.is_valid(tomllib.loads(MINIMAL.replace(old, new, 1)))


def test_the_schema_says_what_keys_mean_and_what_they_are_by_default():
    galaxy = mock_schema()["$defs"]["Galaxy"]
    assert set(galaxy["required"]) == {
        "redshift", "inclination_deg", "position_angle_deg", "effective_radius_arcsec",
        "oxygen_abundance",
    }  # fmt: skip
    assert galaxy["properties"]["dispersion_kms"]["default"] == 50.0
    assert "face-on" in galaxy["properties"]["inclination_deg"]["description"]


def test_the_schema_lists_every_kind():
    kinds = mock_schema()["$defs"]["Galaxy"]["properties"]["a_v"]["discriminator"]["mapping"]
    assert set(kinds) == set(PROFILES.kinds)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("redshift", "redshfit", "unknown key galaxy.redshfit; allowed here: name, redshift"),
        ("redshift = 1.5\n", "", "galaxy.redshift is missing"),
        ("= 45\n", '= "steep"\n', "galaxy.inclination_deg is 'steep'"),
        ("= 45\n", "= 90\n", "inclination_deg is 90.0; expected a value in"),
        ("= 8.6", "= 12", "[galaxy.oxygen_abundance] central is 12.0; expected a value between"),
        (
            "-0.02}\n",
            '-0.02}\n[observation.psf]\nkind = "elongated"\nprofile = {}\naxis_ratio = 2\n',
            "[observation.psf] PSF axis_ratio is 2.0; expected",
        ),
        ("central =", "centre =", "unknown key galaxy.oxygen_abundance.centre"),
        ("[galaxy]", "[galaxy", "is not TOML"),
        ("[galaxy]", "[galaxie]", "unknown key galaxie; allowed here: galaxy, observation"),
        (
            "-0.02}\n",
            '-0.02}\na_v = {kind = "exponential", value_mag = 1}\n',
            "key galaxy.a_v.value_mag; allowed with kind exponential: kind, central_mag, scale_",
        ),
        (
            "-0.02}\n",
            '-0.02}\na_v = {kind = "flat", value_mag = 1}\n',
            "galaxy.a_v.kind is 'flat'; expected one of constant, exponential",
        ),
        (
            "-0.02}\n",
            "-0.02}\na_v = {value_mag = 1}\n",
            "galaxy.a_v.kind is missing; expected one of constant, exponential",
        ),
        ("-0.02}\n", "-0.02}\nhalpha_flux = nan\n", "galaxy.halpha_flux is nan"),
        ("= 45\n", '= "45"\n', "galaxy.inclination_deg is '45'"),
        ("= 45\n", "= true\n", "galaxy.inclination_deg is True"),
        ("-0.02}\n", '-0.02}\nname = "a/b"\n', "galaxy.name is 'a/b'"),
        ("-0.02}\n", "-0.02}\n[observation.effects.fog]\n", "allowed here: covariance, "),
        ("-0.02}\n", "-0.02}\nrotation = {speed = 1}\n", "unknown key galaxy.rotation.speed"),
        ("-0.02}\n", "-0.02}\n[observation]\nseed = -1\n", "observation.seed is -1"),
        (
            "-0.02}\n",
            '-0.02}\n[observation]\nhalpha_snr = "no"\n',
            "a number from 0.001 to 1e+06, or",
        ),
        (
            "-0.02}\n",
            "-0.02}\n[observation]\nhalpha_snr = -3\n",
            "a number from 0.001 to 1e+06, or",
        ),
        ("-0.02}\n", "-0.02}\n[observation]\nhalpha_snr = 1e300\n", "a number from 0.001 to"),
        ("-0.02}\n", "-0.02}\n[observation]\nseed = 9223372036854775808\n", "less than or equal"),
        (
            "-0.02}\n",
            "-0.02}\n[observation.psf]\nbeta = 3\n",
            "allowed with kind gaussian: kind, fwhm_arcsec",
        ),
        ("-0.02}\n", "-0.02}\n[observation.grid]\nx = 3\n", "allowed here: n_x, n_y"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_that_names_the_key(tmp_path, old, new, message):
    path = write(tmp_path, MINIMAL.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as error:
        load_mock(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml: no such file"):
        load_mock(tmp_path / "nowhere.toml")


def test_the_psf_may_be_an_image_beside_the_file(tmp_path):
    image = np.outer([1.0, 2.0, 1.0], [1.0, 3.0, 1.0])
    fits.PrimaryHDU(image).writeto(tmp_path / "star.fits")
    path = tmp_path / "mock.toml"
    psf = '{kind = "image", file = "star.fits", pixel_arcsec = 0.1}'
    path.write_text(f"{MINIMAL}\n[observation]\npsf = {psf}\n")
    assert load_mock(path)[1]["psf"] == StarImage(image, 0.1)


def test_a_band_that_was_registered_can_be_stated(monkeypatch):
    fine = dataclasses.replace(KMOS_BANDS["H"], name="H_fine", n_channels=100)
    monkeypatch.setitem(KMOS_BANDS, "H_fine", fine)
    assert parse_mock(f'{MINIMAL}\n[observation]\nbands = ["H_fine"]\n')[1]["bands"] == ("H_fine",)
