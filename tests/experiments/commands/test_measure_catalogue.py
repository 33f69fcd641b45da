"""``kurvs measure --catalogue``: a list of galaxies, of which some cannot be measured."""

import json

import numpy as np
import pytest
from astropy.table import QTable, Table

from experiments.cli import BAD_INPUT, INTERRUPTED, execute
from experiments.measuring.catalogue import GalaxyCatalogue
from experiments.measuring.many_galaxies import GalaxyTask, measure_or_fail
from experiments.measuring.request import GalaxyRequest
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy, PointSpreadFunction, observe

REDSHIFTS = {"near": 1.4, "far": 1.5}
HEADER = "name,redshift,inclination_deg,effective_radius_arcsec,cubes,comment"


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """Return a catalogue of two mocks, of a file that is no cube and of one that is missing."""
    folder = tmp_path_factory.mktemp("catalogue")
    rows = []
    for seed, (name, redshift) in enumerate(REDSHIFTS.items()):
        galaxy = Galaxy(name=name, redshift=redshift, inclination_deg=30.0)
        psf = PointSpreadFunction("gaussian", 0.6)
        cube = write_eso(observe(galaxy, bands=["H"], psf=psf, seed=seed), folder, name)["H"]
        rows.append(f"{name},{redshift},30,0.5,{cube.name},seen well")
    (folder / "text.fits").write_text("no cube")
    rows.insert(1, "broken,1.5,30,0.5,text.fits,")
    rows.append("lost,1.5,,,gone.fits,")
    path = folder / "galaxies.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def run(catalogue, out, *options):
    arguments = ["measure", "--catalogue", str(catalogue), "--seeing", "0.6"]
    return execute([*arguments, "--output", str(out), *options])


@pytest.fixture(scope="module")
def measured(catalogue, tmp_path_factory):
    """Return the folder of the catalogue's measurement."""
    out = tmp_path_factory.mktemp("measured") / "out"
    assert run(catalogue, out, "--quiet") == BAD_INPUT
    return out


def test_every_good_galaxy_has_a_folder_of_its_own(measured):
    assert {item.name for item in (measured / "galaxies").iterdir()} == set(REDSHIFTS)
    for name in REDSHIFTS:
        files = {item.name for item in (measured / "galaxies" / name).iterdir()}
        assert {"gradients.ecsv", "measurement.nc", "summary.png", "galaxy.json"} <= files


def test_tables_of_all_galaxies_hold_those_of_each(measured):
    for kind in (
        "fluxes",
        "attenuation",
        "abundances",
        "gradients",
        "classes",
        "ionization",
        "mass_excitation",
    ):
        combined = QTable.read(measured / f"{kind}.ecsv")
        assert list(dict.fromkeys(combined["galaxy"])) == list(REDSHIFTS)
        for name in REDSHIFTS:
            own = QTable.read(measured / "galaxies" / name / f"{kind}.ecsv")
            assert (combined["galaxy"] == name).sum() == len(own)
    gradients = QTable.read(measured / "gradients.ecsv")
    own = QTable.read(measured / "galaxies" / "far" / "gradients.ecsv")
    of_far = gradients[gradients["galaxy"] == "far"]
    assert np.array_equal(of_far["gradient"].value, own["gradient"].value, equal_nan=True)
    assert of_far["gradient"].unit == own["gradient"].unit


def test_redshifts_of_all_galaxies_stand_in_one_table(measured):
    galaxies = Table.read(measured / "galaxies.ecsv")
    for row in galaxies:
        assert row["redshift"] == pytest.approx(REDSHIFTS[row["galaxy"]], abs=3e-4)


def test_failures_are_listed_with_their_causes(measured):
    failures = Table.read(measured / "failures.ecsv")
    assert list(failures["galaxy"]) == ["broken", "lost"]
    assert "text.fits" in failures["reason"][0]
    assert "gone.fits" in failures["reason"][1]
    assert not (measured / "failures.log").exists()


def test_an_option_holds_where_the_catalogue_has_no_value(measured):
    record = json.loads((measured / "galaxies" / "near" / "galaxy.json").read_text())
    assert "'seeing_fwhm_arcsec': 0.6" in record["request"]
    assert "'redshift': 1.4" in record["request"]


def test_resuming_keeps_what_was_measured_and_tries_the_rest_again(
    catalogue, tmp_path, capsys, measured
):
    out = tmp_path / "out"
    assert run(catalogue, out, "--quiet", "--workers", "1") == BAD_INPUT
    kept = out / "galaxies" / "near" / "gradients.ecsv"
    before = kept.stat().st_mtime_ns
    again = out / "galaxies" / "far"
    (again / "galaxy.json").unlink()
    for item in again.iterdir():
        item.unlink()
    again.rmdir()
    capsys.readouterr()
    assert run(catalogue, out, "--resume") == BAD_INPUT
    captured = capsys.readouterr()
    assert "measured 2 of 4 galaxies, 1 of them before" in captured.out
    assert "columns without meaning here: comment" in captured.out
    assert all(name in captured.out for name in REDSHIFTS)
    told = [line for line in captured.err.splitlines() if not line.startswith("measuring")]
    assert [line.split(":")[1].strip() for line in told] == ["broken", "lost"]
    assert kept.stat().st_mtime_ns == before
    # One worker or two, resumed or not: the same bits.
    for kind in ("fluxes", "abundances", "gradients"):
        one, other = (folder / f"{kind}.ecsv" for folder in (measured, out))
        assert one.read_bytes() == other.read_bytes()


def test_a_galaxy_asked_for_otherwise_is_measured_again(measured):
    record = json.loads((measured / "galaxies" / "near" / "galaxy.json").read_text())
    (cube,) = record["inputs_sha256"]
    other = GalaxyRequest.of((type(measured)(cube),), {"redshift": 1.41})
    assert not GalaxyTask("near", other, Pipeline(), measured / "galaxies").is_done


def test_a_defect_in_one_galaxy_is_reported_with_its_traceback(monkeypatch, tmp_path):
    def fails(_self, _pipeline):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(GalaxyRequest, "measure", fails)
    failure = measure_or_fail(GalaxyTask("one", GalaxyRequest(()), Pipeline(), tmp_path))
    assert (failure.error, failure.reason) == ("ZeroDivisionError", "a defect")
    assert "Traceback" in failure.trace


def test_folders_of_others_are_left_alone(catalogue, tmp_path):
    foreign = tmp_path / "out" / "galaxies" / "near"
    foreign.mkdir(parents=True)
    (foreign / "thesis.txt").write_text("precious")
    assert run(catalogue, tmp_path / "out", "--overwrite", "--quiet") == BAD_INPUT
    assert (foreign / "thesis.txt").read_text() == "precious"
    failures = Table.read(tmp_path / "out" / "failures.ecsv")
    assert list(failures["galaxy"]) == ["near", "broken", "lost"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name,redshift\na,1\n", "no column cubes"),
        ("name,cubes\na/b,c.fits\n", "a/b"),
        ("name,cubes\nA,c.fits\na,d.fits\n", "several galaxies named 'a'"),
        ("name,cubes\na,\n", "no cubes for a"),
        ("name,cubes,redshift\na,c.fits,high\n", "redshift"),
        (
            "name,cubes,inclination_err_deg\na,a.fits,5\nb,b.fits,\nc,c.fits,abc\n",
            "column 'inclination_err_deg' is not numeric: row 3 below the header has 'abc'",
        ),
        ("name,cubes,arm\na,c.fits,25\n", "arm is 25"),
        ("name,cubes,centre_x\na,c.fits,3\n", "centre_y"),
    ],
)
def test_a_catalogue_that_cannot_be_used_is_refused(text, complaint, tmp_path):
    path = tmp_path / "galaxies.csv"
    path.write_text(text)
    with pytest.raises(CubeFormatError, match=complaint):
        GalaxyCatalogue.read(path, {})


def test_numbers_serve_as_names_and_quotes_keep_spaces(tmp_path):
    path = tmp_path / "galaxies.csv"
    path.write_text("name,cubes,arm,redshift\n9,\"'a b.fits' c.fits\",3,\n10,d.fits,,1.5\n")
    requests = GalaxyCatalogue.read(path, {"redshift": 2.0}).requests
    assert requests["9"].cubes == (tmp_path / "a b.fits", tmp_path / "c.fits")
    assert requests["9"].cube_options == {"arm": 3}
    assert requests["9"].properties["redshift"] == 2.0
    assert requests["10"].properties["redshift"] == 1.5


def test_a_galaxy_may_have_an_error_of_its_inclination(tmp_path):
    path = tmp_path / "galaxies.csv"
    path.write_text("name,cubes,inclination_deg,inclination_err_deg\na,a.fits,40,6\n")
    found = GalaxyCatalogue.read(path, {"inclination_err_deg": 3.0}).requests["a"].properties
    assert (found["inclination_deg"], found["inclination_err_deg"]) == (40.0, 6.0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "neither"),
        (["cube.fits", "--catalogue", "galaxies.csv"], "both"),
        (["cube.fits", "--resume"], "--catalogue"),
        (["--catalogue", "galaxies.csv", "--resume"], "--output"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments, complaint, capsys):
    assert execute(["measure", *arguments]) == BAD_INPUT
    assert complaint in capsys.readouterr().err


def test_interruption_says_what_is_kept(catalogue, tmp_path, capsys, monkeypatch):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.measuring.many_galaxies.run_tasks", interrupt)
    assert run(catalogue, tmp_path / "out") == INTERRUPTED
    assert "--resume goes on" in capsys.readouterr().err
