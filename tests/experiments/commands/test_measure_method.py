"""Options of ``kurvs measure`` that say how to measure."""

import json

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.table import QTable

from experiments.cli import BAD_INPUT, execute
from experiments.measuring.one_galaxy import pipeline_of
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fluxes.stellar_absorption import BalmerAbsorption
from kurvs_pipeline.gas.attenuation import SURVEY_STACK
from kurvs_pipeline.io.files import checksum
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.io.reading import read_observation
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy, PointSpreadFunction, observe

GALAXY = Galaxy(name="disk", redshift=1.5, inclination_deg=30.0)
KNOWN = ("--redshift", "1.5", "--inclination", "30", "--effective-radius", "0.5", "--seeing", "0.6")


@pytest.fixture(scope="module")
def cube(tmp_path_factory):
    """Return the path of a mock H-band cube."""
    mock = observe(GALAXY, bands=["H"], psf=PointSpreadFunction("gaussian", 0.6), seed=2)
    return write_eso(mock, tmp_path_factory.mktemp("cube"), "disk")["H"]


def measure(cube, out, *options):
    return execute(
        ["measure", str(cube), *KNOWN, "--scheme", "2x0.7", "--output", str(out), *options]
    )


def test_the_attenuation_to_assume_is_the_stack_s_or_the_one_stated():
    assert pipeline_of().assumed_attenuation is None
    assert pipeline_of(stack_attenuation=True).assumed_attenuation is SURVEY_STACK
    stated = pipeline_of(attenuation=(0.8, 0.3)).assumed_attenuation
    assert (stated.a_v, stated.a_v_err, stated.source) == (0.8, 0.3, "stated")
    with pytest.raises(ConfigurationError, match="one of them"):
        pipeline_of(attenuation=(0.8, 0.3), stack_attenuation=True)


def test_a_velocity_map_of_others_is_used_and_recorded(cube, tmp_path):
    shape = read_observation([cube])["H"]["flux"].shape[1:]
    slope = np.tile(np.arange(shape[1]) - shape[1] / 2.0 + 0.5, (shape[0], 1)) * 1e4
    velocity_map = tmp_path / "velocity.fits"
    fits.PrimaryHDU(slope, fits.Header({"BUNIT": "m/s"})).writeto(velocity_map)
    out = tmp_path / "out"
    assert measure(cube, out, "--velocity-map", str(velocity_map), "--quiet") == 0
    with xr.open_datatree(out / "measurement.nc", engine="h5netcdf") as tree:
        found = tree["maps"]["velocity"].to_numpy()
    # Only the systemic velocity is taken off, which shrinks velocities by 1 + v/c.
    assert np.allclose(np.diff(found, axis=1), 10.0, rtol=1e-2)
    record = json.loads((out / "run.json").read_text())
    assert record["inputs_sha256"][str(velocity_map)] == checksum(velocity_map)
    stated = QTable.read(out / "gradients.ecsv").meta["provenance"]["inputs_sha256"]
    assert stated == {str(path): checksum(path) for path in (cube, velocity_map)}


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_a_velocity_map_that_does_not_fit_is_refused(shape, cube, tmp_path, capsys):
    velocity_map = tmp_path / "velocity.fits"
    fits.PrimaryHDU(np.zeros(shape)).writeto(velocity_map)
    out = tmp_path / "out"
    assert measure(cube, out, "--velocity-map", str(velocity_map)) == BAD_INPUT
    assert str(shape) in capsys.readouterr().err
    assert not out.exists()


def test_a_velocity_map_of_one_galaxy_is_refused_for_a_catalogue(capsys):
    arguments = ["measure", "--catalogue", "galaxies.csv", "--velocity-map", "velocity.fits"]
    assert execute(arguments) == BAD_INPUT
    assert "column velocity_map" in capsys.readouterr().err


def test_options_describe_the_pipeline():
    described = pipeline_of(
        scheme="2x0.8", broad_halpha=True, balmer_absorption=(2.0, 3.0),
        balmer_absorption_err=(0.5, 0.6), seed=7,
    )  # fmt: skip
    assert described == Pipeline(
        BinningScheme.parse("2x0.8"),
        seed=7,
        broad_halpha=True,
        balmer_absorption=BalmerAbsorption(
            halpha_angstrom=2.0, hbeta_angstrom=3.0,
            halpha_err_angstrom=0.5, hbeta_err_angstrom=0.6,
        ),
    )  # fmt: skip
    assert pipeline_of() == Pipeline()


def halpha(folder):
    fluxes = QTable.read(folder / "fluxes.ecsv")
    return fluxes[(fluxes["aperture"] == "integrated") & (fluxes["line"] == "halpha")][0]


def test_absorption_and_a_broad_line_are_options(cube, tmp_path):
    options = ["--balmer-absorption", "2", "3", "--balmer-absorption-err", "1", "1"]
    assert measure(cube, tmp_path / "without", "--quiet") == 0
    assert measure(cube, tmp_path / "with", *options, "--broad-halpha", "--quiet") == 0
    record = json.loads((tmp_path / "with" / "run.json").read_text())
    assert record["configuration"]["balmer_absorption"] == [2.0, 3.0]
    assert record["configuration"]["broad_halpha"] is True
    plain, corrected = (halpha(tmp_path / name) for name in ("without", "with"))
    assert corrected["flux"] != plain["flux"]
    assert corrected["flux_err"] > plain["flux_err"]


def n2_gradient(folder, estimator):
    table = QTable.read(folder / "gradients.ecsv")
    (row,) = table[(table["diagnostic"] == "n2") & (table["estimator"] == estimator)]
    return row


def test_an_uncertain_inclination_widens_the_forward_gradient_alone(cube, tmp_path):
    for name, options in (("exact", ()), ("uncertain", ("--inclination-err", "15"))):
        assert measure(cube, tmp_path / name, *options, "--quiet") == 0
    exact, uncertain = (
        {kind: n2_gradient(tmp_path / name, kind) for kind in ("forward", "slope")}
        for name in ("exact", "uncertain")
    )
    assert uncertain["forward"]["gradient_err"] > exact["forward"]["gradient_err"]
    assert uncertain["slope"]["gradient_err"] == exact["slope"]["gradient_err"]


@pytest.mark.parametrize("error", ["-5", "91", "1e9"])
def test_an_impossible_error_of_the_inclination_is_refused(cube, tmp_path, capsys, error):
    assert measure(cube, tmp_path / "out", "--inclination-err", error) == BAD_INPUT
    assert f"inclination_err_deg is {float(error)}; expected degrees" in capsys.readouterr().err


def test_the_seed_sets_the_draws_of_errors(cube, tmp_path):
    for seed in ("1", "2"):
        assert measure(cube, tmp_path / seed, "--seed", seed, "--quiet") == 0
    one, other = (QTable.read(tmp_path / seed / "abundances.ecsv") for seed in ("1", "2"))
    assert np.all(one["abundance"] == other["abundance"])
    assert np.any(one["err_low"] != other["err_low"])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"balmer_absorption": (-1.0, 2.0)}, "--balmer-absorption is -1 2"),
        ({"balmer_absorption": (1.0, float("nan"))}, "--balmer-absorption is 1 nan"),
        (
            {"balmer_absorption": (1.0, 2.0), "balmer_absorption_err": (1.0, -2.0)},
            "--balmer-absorption-err is 1 -2",
        ),
        ({"balmer_absorption_err": (1.0, 2.0)}, "without --balmer-absorption"),
    ],
)
def test_impossible_absorption_is_refused(options, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        pipeline_of(**options)


def test_the_stellar_mass_reaches_the_classes(cube, tmp_path):
    options = ["--log-stellar-mass", "10.3", "--log-stellar-mass-err", "0.15"]
    assert measure(cube, tmp_path / "out", *options, "--quiet") == 0
    (row,) = QTable.read(tmp_path / "out" / "mass_excitation.ecsv")
    assert (row["log_stellar_mass"].value, row["log_stellar_mass_err"].value) == (10.3, 0.15)


def test_a_mass_that_is_no_logarithm_is_refused(cube, tmp_path, capsys):
    assert measure(cube, tmp_path / "out", "--log-stellar-mass", "2e10") == BAD_INPUT
    assert "--log-stellar-mass" in capsys.readouterr().err


def test_another_way_to_find_the_centre_is_refused(cube, tmp_path, capsys):
    assert measure(cube, tmp_path / "out", "--centre-by", "eye") == BAD_INPUT
    assert "--centre-by is 'eye'; expected halpha or continuum" in capsys.readouterr().err


def test_the_way_to_find_the_centre_is_an_option():
    assert pipeline_of(centre_by="continuum") == Pipeline(centre_by="continuum")
