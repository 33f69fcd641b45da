"""The TOML description of a mock."""

from pathlib import Path

import pytest

from kurvs_pipeline.errors import ConfigurationError
from kurvs_sim import Galaxy, PointSpreadFunction, SpaxelGrid
from kurvs_sim.configuration import load_mock
from kurvs_sim.profiles import Exponential, Linear

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "galaxy.toml"

MINIMAL = """
[galaxy]
redshift = 1.5
inclination_deg = 45
position_angle_deg = 30
effective_radius_arcsec = 0.5
oxygen_abundance = {central = 8.6, gradient_dex_per_kpc = -0.02}
"""


def write(tmp_path, text):
    path = tmp_path / "mock.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_reads_as_it_says():
    galaxy, options = load_mock(EXAMPLE)
    assert galaxy.oxygen_abundance == Linear(central=8.8, gradient=-0.04)
    assert galaxy.a_v == Exponential(central=0.8, scale_length=5.0)
    assert options["psf"] == PointSpreadFunction("moffat", 0.6, 3.0)
    assert options["grid"] == SpaxelGrid()
    assert (options["halpha_snr"], options["seed"]) == (54.0, 1)


def test_the_defaults_that_the_example_names_are_the_defaults(tmp_path):
    commented = EXAMPLE.read_text(encoding="utf-8")
    spelled_out = commented.replace("\n# [", "\n[").replace("\n# Keys", "\n## Keys")
    lines = [line[2:] if line.startswith("# ") and " = " in line else line
             for line in spelled_out.splitlines()]  # fmt: skip
    galaxy, options = load_mock(write(tmp_path, "\n".join(lines)))
    assert galaxy == load_mock(EXAMPLE)[0]
    assert options.pop("bands") == ("IZ", "YJ", "H")
    assert options == load_mock(EXAMPLE)[1]


def test_what_is_left_out_has_the_defaults_of_the_galaxy(tmp_path):
    galaxy, options = load_mock(write(tmp_path, MINIMAL))
    assert galaxy == Galaxy(
        redshift=1.5, inclination_deg=45.0, position_angle_deg=30.0, effective_radius_arcsec=0.5
    )
    assert options == {"psf": PointSpreadFunction(), "grid": SpaxelGrid()}


def test_noise_free_means_no_signal_to_noise_ratio(tmp_path):
    text = MINIMAL + '[observation]\nhalpha_snr = "noise-free"\n'
    assert load_mock(write(tmp_path, text))[1]["halpha_snr"] is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("redshift", "redshfit", "unknown key galaxy.redshfit; allowed here: name, redshift"),
        ("redshift = 1.5\n", "", "galaxy.redshift is missing"),
        ("= 45\n", '= "steep"\n', "galaxy.inclination_deg is 'steep'"),
        ("= 45\n", "= 90\n", "inclination_deg is 90.0; expected a value in"),
        ("central =", "centre =", "unknown key galaxy.oxygen_abundance.centre"),
        ("[galaxy]", "[galaxy", "is not TOML"),
        ("[galaxy]", "[galaxie]", "unknown key galaxie; allowed here: galaxy, observation"),
        ("-0.02}\n", '-0.02}\na_v = {kind = "exponential", value_mag = 1}\n', "a_v.exponential"),
        ("-0.02}\n", "-0.02}\nrotation = {speed = 1}\n", "unknown key galaxy.rotation.speed"),
        ("-0.02}\n", "-0.02}\n[observation]\nseed = -1\n", "observation.seed is -1"),
        ("-0.02}\n", '-0.02}\n[observation]\nhalpha_snr = "no"\n', "a number > 0 or"),
        ("-0.02}\n", "-0.02}\n[observation]\nhalpha_snr = -3\n", "a number > 0 or"),
        ("-0.02}\n", "-0.02}\n[observation.psf]\nbeta = 3\n", "allowed here: kind, fwhm_arcsec"),
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
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml: cannot be read"):
        load_mock(tmp_path / "nowhere.toml")
