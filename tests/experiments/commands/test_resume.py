"""``--resume``, ``--overwrite`` and ``--output`` mean the same in every command that runs long."""

import json
import shutil

import numpy as np
import pytest
from astropy.table import Table

from experiments.cli import BAD_INPUT, INTERRUPTED, execute
from experiments.survey import making
from experiments.survey.kept import read_observed, write_observed
from experiments.survey.observed import observe_galaxy
from experiments.survey.twin import INTRINSIC
from experiments.survey.twin import twin as whole_twin

RESUMABLE = {
    "ablate": ["ablate", "--effects", "noise", "--realisations", "1"],
    "binning": ["binning", "--realisations", "1"],
    "measure": ["measure", "--catalogue", "galaxies.csv"],
    "recover": ["recover", "--gradients", "0"],
    "survey": ["survey"],
}
INTERRUPTED_AT = {
    "measure": "experiments.measuring.many_galaxies.run_tasks",
    "survey": "experiments.survey.kept.run_tasks",
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "galaxies.csv").write_text("name,cubes,redshift\na,a.fits,1.5\n")
    return tmp_path


@pytest.fixture(params=RESUMABLE)
def command(request):
    return RESUMABLE[request.param]


def refused(arguments, capsys):
    assert execute(arguments) == BAD_INPUT
    return capsys.readouterr().err


def interrupted(command, monkeypatch):
    """Begin a run, and stop it before its first task."""

    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    place = INTERRUPTED_AT.get(command[0], "experiments.campaign.campaign._batches")
    with monkeypatch.context() as patch:
        patch.setattr(place, stop)
        assert execute([*command, "--output", "out", "--workers", "1", "--quiet"]) == INTERRUPTED


def test_resuming_needs_the_place_of_the_run(command, capsys):
    assert "give the --output DIR" in refused([*command, "--resume"], capsys)


def test_resuming_what_is_not_there_is_refused(command, here, capsys):
    said = refused([*command, "--resume", "--output", "none"], capsys)
    assert "none: no such folder" in said
    assert not (here / "none").exists()


def test_resuming_in_an_empty_folder_is_refused(command, here, capsys):
    (here / "out").mkdir()
    said = refused([*command, "--resume", "--output", "out"], capsys)
    assert "holds no run to go on with" in said
    assert list((here / "out").iterdir()) == []


def test_resuming_and_replacing_at_once_is_refused(command, capsys):
    said = refused([*command, "--resume", "--overwrite", "--output", "out"], capsys)
    assert "--resume and --overwrite" in said


def test_an_interrupted_run_is_gone_on_with_by_the_same_version_only(
    command, here, monkeypatch, capsys
):
    interrupted(command, monkeypatch)
    stated = json.loads((here / "out" / "begun.json").read_text())
    assert stated["command"] == command[0]
    assert "expected a new or empty directory" in refused([*command, "--output", "out"], capsys)
    stated["version"] = "0.1.0+g0123456789ab"
    (here / "out" / "begun.json").write_text(json.dumps(stated))
    said = refused([*command, "--resume", "--output", "out"], capsys)
    assert 'begun with "0.1.0+g0123456789ab"' in said


def test_an_interrupted_run_is_not_gone_on_with_by_another_seed(command, monkeypatch, capsys):
    interrupted(command, monkeypatch)
    said = refused([*command, "--seed", "77", "--resume", "--output", "out"], capsys)
    assert "seed is 77, begun with" in said


def test_an_interrupted_catalogue_is_gone_on_with_and_leaves_one_record(here, monkeypatch):
    command = RESUMABLE["measure"]
    interrupted(command, monkeypatch)
    arguments = [*command, "--resume", "--output", "out", "--quiet"]
    assert execute(arguments) == BAD_INPUT  # the one galaxy has no cube
    assert list(Table.read(here / "out" / "failures.ecsv")["galaxy"]) == ["a"]
    assert (here / "out" / "run.json").is_file()
    assert not (here / "out" / "begun.json").exists()


@pytest.fixture(scope="module")
def galaxies():
    members = whole_twin(INTRINSIC["scattered"], seed=3)
    return [observe_galaxy(member) for member in members if member.kurvs_id in {2, 34}]


def test_galaxies_of_a_survey_are_kept_to_the_bit(galaxies, here):
    before = galaxies[0]
    (here / "kept").mkdir()
    write_observed(before, here / "kept")
    after = read_observed(here / "kept")
    assert after.numbers.drop_attrs().equals(before.numbers)
    pairs = [[(a.value, a.error) for a in galaxy.abundances] for galaxy in (after, before)]
    assert np.array_equal(*pairs, equal_nan=True)
    assert (after.kurvs_id, after.true_a_v) == (before.kurvs_id, before.true_a_v)
    for name in before.truth.abundance:
        assert np.array_equal(after.truth.abundance[name], before.truth.abundance[name])
    assert [s.label for s in after.spectra] == [s.label for s in before.spectra]
    for one, other in zip(after.spectra, before.spectra, strict=True):
        for name in ("wavelength_um", "flux_density", "variance", "valid", "halpha_flux"):
            assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
    assert after.results.gradients.colnames == before.results.gradients.colnames
    assert after.results.provenance == before.results.provenance


def test_a_survey_goes_on_past_the_galaxies_that_are_there(galaxies, here, monkeypatch):
    def few(intrinsic, *, seed):
        return tuple(m for m in whole_twin(intrinsic, seed=seed) if m.kurvs_id in {2, 34})

    asked = []

    def at_hand(member):
        asked.append(member.kurvs_id)
        return next(galaxy for galaxy in galaxies if galaxy.kurvs_id == member.kurvs_id)

    def made():
        return [(here / "out" / name).read_bytes() for name in ("table-1.ecsv", "figure-6.png")]

    monkeypatch.setattr(making, "twin", few)
    monkeypatch.setattr("experiments.survey.kept.observe_galaxy", at_hand)
    arguments = ["survey", "--seed", "3", "--workers", "1", "--quiet", "--output", "out"]
    assert execute(arguments) == 0
    assert asked == [2, 34]
    assert sorted(p.name for p in (here / "out" / "galaxies").iterdir()) == ["KURVS-2", "KURVS-34"]
    before = made()
    shutil.rmtree(here / "out" / "galaxies" / "KURVS-34")
    assert execute([*arguments, "--resume"]) == 0
    assert asked == [2, 34, 34]
    assert made() == before
    assert execute([*arguments, "--overwrite"]) == 0
    assert asked == [2, 34, 34, 2, 34]
