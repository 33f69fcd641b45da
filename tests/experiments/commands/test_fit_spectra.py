"""``kurvs fit-spectra``: a table of spectra in, a table of lines and a figure out."""

import json
import subprocess
import sys

import numpy as np
import pytest
from astropy.table import QTable, Table

from experiments.cli import BAD_INPUT, execute
from experiments.extracted import figure as spectra_figure
from experiments.extracted.figure import GALAXIES_ON_A_PAGE, spectra_pages
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.extracted.fluxes import fit_spectra, read_spectra_table
from kurvs_pipeline.lines import REST_WAVELENGTH_UM

HALPHA_FLUX = 2.0
NOISE = 20.0


def spectra_table(n_galaxies=2):
    """Observed H-band spectra at z = 1.5 with H-alpha only, and errors."""
    rng = np.random.default_rng(5)
    centre = 2.5 * REST_WAVELENGTH_UM["halpha"]
    wavelength = np.arange(centre - 0.02, centre + 0.02, KMOS_BANDS["H"].channel_width_um)
    sigma = 4e-4
    line = np.exp(-0.5 * ((wavelength - centre) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    n = wavelength.size
    return Table(
        {
            "galaxy": np.repeat([f"g{i}" for i in range(n_galaxies)], n),
            "band": np.full(n * n_galaxies, "H"),
            "redshift": np.full(n * n_galaxies, 1.5),
            "wavelength_um": np.tile(wavelength, n_galaxies),
            "flux_density": np.tile(HALPHA_FLUX * line, n_galaxies)
            + rng.normal(0.0, NOISE, n * n_galaxies),
            "flux_density_err": np.full(n * n_galaxies, NOISE),
        }
    )


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "spectra.csv"
    spectra_table().write(path)
    return path


def fit(table, *arguments):
    out = table.parent / "out"
    code = execute(["fit-spectra", str(table), "--output", str(out), *arguments])
    return code, out


def test_fluxes_are_those_put_in(table):
    code, out = fit(table, "--medium", "vacuum")
    assert code == 0
    fluxes = QTable.read(out / "fluxes.ecsv")
    halpha = fluxes[fluxes["line"] == "halpha"]
    assert list(halpha["galaxy"]) == ["g0", "g1"]
    pull = (halpha["flux"].value - HALPHA_FLUX) / halpha["flux_err"].value
    assert np.all(np.abs(pull) < 4.0)
    assert str(halpha["flux"].unit) == "1e-16 erg / (s cm2)"


def test_the_files_are_those_promised(table):
    _, out = fit(table)
    assert {item.name for item in out.iterdir()} == {"fluxes.ecsv", "spectra.png", "run.json"}
    record = json.loads((out / "run.json").read_text())
    assert list(record["inputs_sha256"]) == [str(table)]


def test_the_outcome_says_what_was_assumed(table, capsys):
    fit(table, "--medium", "vacuum")
    assert "wavelengths are in vacuum" in capsys.readouterr().out


def test_a_table_without_bands_is_refused_in_one_line(table, capsys):
    spectra = spectra_table()
    spectra.remove_column("band")
    spectra.write(table, overwrite=True)
    code, out = fit(table)
    assert code == BAD_INPUT
    shown = capsys.readouterr().err
    assert "missing column band" in shown
    assert shown.count("\n") == 1
    assert not out.exists()


def test_spectra_without_a_fit_are_said_on_standard_error(table):
    spectra = spectra_table()
    spectra["flux_density"][spectra["galaxy"] == "g1"] = np.nan
    spectra.write(table, overwrite=True)
    program = [sys.executable, "-c", "from experiments.cli import main; main()"]
    arguments = ["fit-spectra", str(table), "--output", str(table.parent / "out")]
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stderr == (
        "1 of 2 spectra have no fit: no finite flux density in 1 (galaxy g1, H)\n"
    )


def pages_of(n_galaxies, tmp_path):
    """Return the number of panels and the title of every page."""
    path = tmp_path / "spectra.csv"
    spectra_table(n_galaxies).write(path, overwrite=True)
    pages = spectra_pages(fit_spectra(read_spectra_table(path), medium="vacuum"))
    return [(len(page.axes), page.get_suptitle()) for page in pages]


def test_a_page_has_one_panel_a_spectrum_and_no_more_galaxies_than_can_be_read(tmp_path):
    pages = pages_of(GALAXIES_ON_A_PAGE + 3, tmp_path)
    assert [panels for panels, _ in pages] == [GALAXIES_ON_A_PAGE, 3]
    first, last, n = GALAXIES_ON_A_PAGE + 1, GALAXIES_ON_A_PAGE + 3, GALAXIES_ON_A_PAGE + 3
    assert pages[1][1].startswith(f"galaxies {first} to {last} of {n}: ")


def test_pages_say_when_they_leave_galaxies_out(tmp_path, monkeypatch):
    monkeypatch.setattr(spectra_figure, "MOST_GALAXIES", 2)
    ((panels, title),) = pages_of(3, tmp_path)
    assert panels == 2
    assert "galaxies 1 to 2 of 3, of which the first 2 are drawn" in title


@pytest.mark.real_data
def test_all_galaxies_of_the_survey_are_fitted_and_drawn(shared_data, tmp_path):
    real = shared_data / "real"
    arguments = ["--catalogue", str(real / "integrated_fluxes.csv"), "--output", str(tmp_path)]
    assert execute(["fit-spectra", str(real / "integrated_spectra.csv"), *arguments]) == 0
    fluxes = QTable.read(tmp_path / "fluxes.ecsv")
    assert len(set(fluxes["kurvs_id"])) == 29
    assert len(list(tmp_path.glob("spectra*.png"))) == 4
