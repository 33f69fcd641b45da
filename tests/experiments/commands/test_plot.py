"""``kurvs plot``: figures from folders of results."""

from dataclasses import replace

import pytest
import xarray as xr
from matplotlib.figure import Figure

from experiments.cli import BAD_INPUT, execute
from experiments.measuring.plotting import _save, read_truths
from experiments.mocks.simulating import truth_of
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.results.writing import write_results
from kurvs_sim import Galaxy, PointSpreadFunction, observe

KINDS = ("spectra", "profiles", "summary")
FIRST_BYTES = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


@pytest.fixture(scope="module")
def mock():
    """Return a mock H-band cube."""
    return observe(
        Galaxy(name="disk", redshift=1.5, inclination_deg=30.0), bands=["H"], seed=4,
        psf=PointSpreadFunction("gaussian", 0.6), halpha_snr=60.0, within_kms_of_lines=2000.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def measured(mock, tmp_path_factory):
    """Return the folder of the mock's measurement, and that of another name."""
    galaxy = Pipeline().run(mock)
    folder = tmp_path_factory.mktemp("measured")
    for name in ("disk", "other"):
        (folder / name).mkdir()
        renamed = replace(galaxy, metadata=replace(galaxy.metadata, name=name))
        write_results(renamed, folder / name)
    return folder


@pytest.fixture(scope="module")
def truth(mock, tmp_path_factory):
    """Return the mock's truth as kurvs simulate writes it."""
    path = tmp_path_factory.mktemp("truth") / "truth.nc"
    truth_of(mock).to_netcdf(path, engine="h5netcdf")
    return path


def plot(kind, *arguments):
    return execute(["plot", kind, *map(str, arguments)])


def complaint(capsys):
    """Return the one line on standard error."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", FIRST_BYTES)
def test_every_figure_is_written_in_the_format_of_its_suffix(kind, suffix, measured, tmp_path):
    output = tmp_path / "new" / f"figure.{suffix}"
    assert plot(kind, measured / "disk", "--output", output, "--quiet") == 0
    assert output.read_bytes().startswith(FIRST_BYTES[suffix])
    assert [item.name for item in output.parent.iterdir()] == [output.name]


def test_two_at_once_draw_to_one_path_without_taking_each_others_file(tmp_path):
    output = tmp_path / "figure.png"

    class Slow(Figure):
        """Another process draws to the same path while this one does."""

        def savefig(self, *arguments, **options):
            super().savefig(*arguments, **options)
            _save(Figure(), "spectra", output)

    _save(Slow(), "spectra", output)
    assert [item.name for item in tmp_path.iterdir()] == ["figure.png"]


def test_without_a_name_figures_are_numbered(measured, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert plot("spectra", measured / "disk") == 0
    names = sorted(item.name for item in (tmp_path / "kurvs-out").iterdir())
    assert names == ["spectra-2.png", "spectra.png"]
    assert capsys.readouterr().out.splitlines()[1] == "Figure in kurvs-out/spectra-2.png"


def test_galaxies_are_drawn_in_the_order_given(measured, tmp_path):
    output = tmp_path / "figure.svg"
    assert plot("profiles", measured / "other", measured / "disk", "--output", output) == 0
    # Text in svg is drawn as shapes, behind a comment that spells it.
    drawing = output.read_text()
    assert 0 < drawing.index("<!-- other -->") < drawing.index("<!-- disk -->")


def test_a_truth_is_drawn_with_its_galaxy(measured, truth, tmp_path):
    with_truth, without = tmp_path / "with.svg", tmp_path / "without.svg"
    assert plot("profiles", measured / "disk", "--truth", truth, "--output", with_truth) == 0
    assert plot("profiles", measured / "disk", "--output", without) == 0
    assert "<!-- truth -->" in with_truth.read_text()
    assert "<!-- truth -->" not in without.read_text()


def test_a_truth_has_the_profiles_of_the_mock(mock, truth):
    profile = read_truths([truth], {"disk"})["disk"]
    expected = mock["truth"]["abundance_profile"].sel(diagnostic="n2")
    xr.testing.assert_equal(
        xr.DataArray(profile.abundance["n2"], dims="radius_kpc",
                     coords={"radius_kpc": profile.radius_kpc}),
        expected.drop_vars("diagnostic").reset_coords(drop=True),
    )  # fmt: skip


def test_two_truths_of_a_galaxy_are_refused(truth):
    with pytest.raises(ConfigurationError, match="second truth of disk"):
        read_truths([truth, truth], {"disk"})


def test_the_truth_of_another_galaxy_is_refused(measured, truth, tmp_path, capsys):
    output = tmp_path / "figure.png"
    arguments = [measured / "other", "--truth", truth, "--output", output]
    assert plot("profiles", *arguments) == BAD_INPUT
    assert "truth of disk, which is not among the results (other)" in complaint(capsys)


@pytest.mark.parametrize("name", ["nothing.nc", "fluxes.ecsv", "measurement.nc"])
def test_what_is_no_truth_is_refused(name, measured, tmp_path, capsys):
    folder = measured / "disk"
    arguments = [folder, "--truth", folder / name, "--output", tmp_path / "figure.png"]
    assert plot("profiles", *arguments) == BAD_INPUT
    assert f"{name}: expected a truth.nc of kurvs simulate" in complaint(capsys)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_without_results_is_refused_in_one_line(kind, tmp_path, capsys):
    output = tmp_path / "figure.png"
    assert plot(kind, tmp_path, "--output", output) == BAD_INPUT
    assert "holds no results" in complaint(capsys)
    assert not output.exists()


def test_one_bad_folder_among_many_is_named(measured, tmp_path, capsys):
    arguments = [measured / "disk", tmp_path / "nowhere", "--output", tmp_path / "figure.png"]
    assert plot("profiles", *arguments) == BAD_INPUT
    assert "nowhere: expected a folder" in complaint(capsys)


@pytest.mark.parametrize("name", ["figure.jpg", "figure"])
def test_another_format_is_refused_before_any_work(name, tmp_path, capsys):
    assert plot("summary", tmp_path / "nowhere", "--output", tmp_path / name) == BAD_INPUT
    assert "ends with .png, .pdf, .svg" in complaint(capsys)


def test_a_figure_is_replaced_only_on_request(measured, tmp_path, capsys):
    output = tmp_path / "figure.png"
    output.write_text("mine")
    arguments = [measured / "disk", "--output", output, "--quiet"]
    assert plot("spectra", *arguments) == BAD_INPUT
    assert "--overwrite" in complaint(capsys)
    assert output.read_text() == "mine"
    assert plot("spectra", *arguments, "--overwrite") == 0
    assert output.read_bytes().startswith(FIRST_BYTES["png"])


def test_a_figure_cannot_be_written_below_a_file(measured, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    output = tmp_path / "file" / "figure.png"
    assert plot("spectra", measured / "disk", "--output", output) == BAD_INPUT
    assert "cannot be written" in complaint(capsys)


@pytest.mark.parametrize("kind", KINDS)
def test_help_has_examples(kind, capsys):
    assert plot(kind, "--help") == 0
    shown = capsys.readouterr().out
    assert f"  kurvs plot {kind} " in shown
    assert "--output" in shown


def test_without_a_figure_the_command_lists_them(capsys):
    assert execute(["plot"]) == 0
    shown = capsys.readouterr().out
    assert all(kind in shown for kind in KINDS)
