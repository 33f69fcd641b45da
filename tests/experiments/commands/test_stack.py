"""``kurvs stack``: tables of spectra in; stacks, their lines and a figure out."""

import json

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from experiments.cli import BAD_INPUT, execute
from experiments.commands.stack import EXAMPLES
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.lines import REST_WAVELENGTH_UM

LOG_MASS = (9.2, 9.6, 9.9, 10.2, 10.5, 10.8)
NII_RATIO = (0.10, 0.12, 0.14, 0.30, 0.32, 0.34)
NOISE = 10.0


def spectra_table(galaxies=range(6), *, annulus=None):
    """H-band spectra of galaxies whose [N II] rises with mass, at z = 1.40, 1.42, ..."""
    columns = {"galaxy": [], "band": [], "wavelength_um": [], "flux_density": []}
    for index in galaxies:
        redshift = 1.4 + 0.02 * index
        step = KMOS_BANDS["H"].channel_width_um
        centre = REST_WAVELENGTH_UM["halpha"] * (1.0 + redshift)
        wavelength = np.arange(centre - 0.025, centre + 0.025, step)
        flux = np.random.default_rng(index).normal(0.0, NOISE, wavelength.size)
        fluxes = {"halpha": 1.0, "nii_6584": NII_RATIO[index], "nii_6548": NII_RATIO[index] / 3}
        for name, value in fluxes.items():
            offset = (wavelength - REST_WAVELENGTH_UM[name] * (1.0 + redshift)) / 4e-4
            flux += value * np.exp(-0.5 * offset**2) / (4e-4 * np.sqrt(2.0 * np.pi))
        columns["galaxy"] += [f"g{index}"] * wavelength.size
        columns["band"] += ["H"] * wavelength.size
        columns["wavelength_um"] += wavelength.tolist()
        columns["flux_density"] += flux.tolist()
    table = Table(columns)
    table["flux_density_err"] = NOISE
    if annulus is not None:
        table["annulus"] = annulus
    return table


@pytest.fixture
def files(tmp_path):
    """Write the spectra and the catalogue, and return their paths."""
    spectra, catalogue = tmp_path / "spectra.csv", tmp_path / "galaxies.csv"
    spectra_table().write(spectra)
    names = [f"g{index}" for index in range(6)]
    redshift = [1.4 + 0.02 * index for index in range(6)]
    Table({"galaxy": names, "redshift": redshift, "log_stellar_mass": LOG_MASS}).write(catalogue)
    return spectra, catalogue


def stack(files, *arguments, extra=(), name="out"):
    spectra, catalogue = files
    out = spectra.parent / name
    command = ["stack", *map(str, (spectra, *extra)), "--catalogue", str(catalogue)]
    return execute([*command, "--medium", "vacuum", "--output", str(out), *arguments]), out


def nii(out):
    fluxes = Table.read(out / "fluxes.ecsv")
    rows = fluxes[fluxes["line"] == "nii_6584"]
    return dict(zip(rows["stack"].tolist(), rows["flux"].tolist(), strict=True))


def test_the_files_are_those_promised(files):
    code, out = stack(files)
    assert code == 0
    assert {item.name for item in out.iterdir()} == {
        "spectra.ecsv", "fluxes.ecsv", "attenuation.ecsv", "abundances.ecsv", "galaxies.ecsv",
        "stack.png", "run.json",
    }  # fmt: skip
    record = json.loads((out / "run.json").read_text())
    assert record["configuration"]["weights"] == "uniform"
    assert list(record["inputs_sha256"]) == [str(path) for path in files]


def test_the_stack_of_all_has_the_mean_ratio(files):
    _, out = stack(files)
    assert nii(out)["all"] == pytest.approx(np.mean(NII_RATIO), abs=0.03)


def test_weights_by_mass_favour_the_ratio_of_massive_galaxies(files):
    _, out = stack(files, "--weights", "mass")
    weight = 10.0 ** np.array(LOG_MASS)
    expected = np.sum(weight * NII_RATIO) / np.sum(weight)
    assert nii(out)["all"] == pytest.approx(expected, abs=0.03)


def test_bins_of_mass_are_stacks_of_their_own(files, capsys):
    _, out = stack(files, "--by", "mass", "--bins", "9,10,10.6")
    measured = nii(out)
    assert list(measured) == ["9 to 10", "10 to 10.6"]
    assert measured["9 to 10"] == pytest.approx(0.12, abs=0.04)
    assert measured["10 to 10.6"] == pytest.approx(0.31, abs=0.05)
    assert "outside all bins of mass: g5 (10.8)" in capsys.readouterr().out


def test_an_edge_belongs_to_the_bin_above_it_and_the_last_to_the_last(files):
    _, out = stack(files, "--by", "mass", "--bins", "9.2,9.9,10.8")
    galaxies = Table.read(out / "galaxies.ecsv")
    sizes = {name: int(np.sum(galaxies["stack"] == name)) for name in set(galaxies["stack"])}
    assert sizes == {"9.2 to 9.9": 2, "9.9 to 10.8": 4}


def test_apertures_are_stacks_of_their_own(files):
    inner, outer = (files[0].parent / f"{name}.csv" for name in "AB")
    spectra_table(range(3), annulus="A").write(inner)
    spectra_table(range(3, 6), annulus="B").write(outer)
    code, out = stack((inner, files[1]), "--by", "aperture", extra=[outer])
    assert code == 0
    measured = nii(out)
    assert list(measured) == ["A", "B"]
    assert measured["A"] < 0.2 < measured["B"]


def test_the_spectrum_can_be_plotted_from_its_table(files):
    _, out = stack(files, "--as-they-are")
    table = Table.read(out / "spectra.ecsv")
    known = np.isfinite(table["flux_density"])
    step = np.median(np.diff(table["rest_wavelength_um"]))
    assert table["flux_density"].unit == u.Unit("1e-16 erg / (s cm2 um)")
    # H-alpha is 1, each [N II] line a third of the other.
    expected = 1.0 + 4.0 / 3.0 * np.mean(NII_RATIO)
    assert np.sum(table["flux_density"][known]) * step == pytest.approx(expected, rel=0.1)
    assert table["n_galaxies"].max() == 6


def test_the_same_seed_gives_the_same_errors(files):
    errors = [
        Table.read(stack(files, "--seed", seed, name=name)[1] / "fluxes.ecsv")["flux_err"][0]
        for name, seed in (("one", "3"), ("two", "3"), ("three", "4"))
    ]
    assert errors[0] == errors[1] != errors[2]


def test_a_bin_that_cannot_be_stacked_does_not_stop_the_others(files, capsys):
    spectra = spectra_table()
    spectra["flux_density"][spectra["galaxy"] == "g0"] = np.nan
    spectra.write(files[0], overwrite=True)
    code, out = stack(files, "--by", "mass", "--bins", "9,9.5,11")
    assert code == 0
    assert list(nii(out)) == ["9.5 to 11"]
    assert "stack 9 to 9.5 is left out: none of the 1 galaxies" in capsys.readouterr().out


def refused(files, capsys, *arguments, **more):
    code, out = stack(files, *arguments, **more)
    shown = capsys.readouterr().err
    assert code == BAD_INPUT
    assert shown.count("\n") == 1
    assert not out.exists()
    return shown


def test_a_galaxy_in_two_tables_is_refused_in_one_line(files, capsys):
    again = files[0].parent / "again.csv"
    spectra_table([2]).write(again)
    assert "galaxy g2 comes twice in H" in refused(files, capsys, extra=[again])


def test_bins_without_mass_are_refused(files, capsys):
    assert "expected edges such as" in refused(files, capsys, "--bins", "9,10")
    assert "expected edges such as" in refused(files, capsys, "--by", "mass")


def test_bins_that_do_not_increase_are_refused(files, capsys):
    shown = refused(files, capsys, "--by", "mass", "--bins", "10,9")
    assert "expected at least two edges that increase" in shown


def test_bins_without_any_galaxy_are_refused(files, capsys):
    shown = refused(files, capsys, "--by", "mass", "--bins", "12,13")
    assert "no galaxy has a log stellar mass within --bins 12,13" in shown


def test_masses_without_a_catalogue_are_refused(files, capsys):
    code = execute(["stack", str(files[0]), "--weights", "mass"])
    assert code == BAD_INPUT
    assert "expected --catalogue TABLE" in capsys.readouterr().err


def test_every_option_of_the_examples_is_one(capsys):
    assert execute(["stack", "--help"]) == 0
    shown = capsys.readouterr().out
    options = {word for word in EXAMPLES.split() if word.startswith("--")}
    assert options == {"--medium", "--by", "--catalogue", "--weights", "--bins"}
    assert all(option in shown for option in options)


@pytest.mark.real_data
def test_the_surveys_spectra_can_be_stacked(shared_data, tmp_path, capsys):
    out = tmp_path / "out"
    code = execute([
        "stack", str(shared_data / "real" / "integrated_spectra.csv"), "--weights", "variance",
        "--catalogue", str(shared_data / "paper" / "table_a1.csv"), "--output", str(out),
    ])  # fmt: skip
    assert code == 0
    assert capsys.readouterr().out.startswith("all: 28 galaxies")
    lines = Table.read(out / "fluxes.ecsv")
    assert set(lines["line"]) >= {"oii", "hbeta", "oiii_5007", "halpha", "nii_6584"}
