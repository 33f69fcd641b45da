"""``kurvs measure``: from cubes in files to tables, figure and a short report."""

import json
from itertools import chain

import pytest
import xarray as xr
from astropy.io import fits
from astropy.table import QTable

from experiments.cli import BAD_INPUT, execute
from kurvs_pipeline.io.files import checksum
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.io.native import write_native
from kurvs_sim import Galaxy, PointSpreadFunction, observe
from kurvs_sim.profiles.radial import Linear

REDSHIFT = 1.5
KNOWN = {
    "--redshift": REDSHIFT,
    "--inclination": 30.0,
    "--position-angle": 40.0,
    "--effective-radius": 0.6,
    "--seeing": 0.6,
}


@pytest.fixture(scope="module")
def cube(tmp_path_factory):
    """Return the path of a mock H-band cube."""
    galaxy = Galaxy(
        name="disk",
        redshift=REDSHIFT,
        inclination_deg=KNOWN["--inclination"],
        position_angle_deg=KNOWN["--position-angle"],
        effective_radius_arcsec=KNOWN["--effective-radius"],
    )
    psf = PointSpreadFunction("gaussian", KNOWN["--seeing"])
    mock = observe(galaxy, bands=["H"], psf=psf, halpha_snr=54.0, seed=11)
    return write_eso(mock, tmp_path_factory.mktemp("cube"), galaxy.name)["H"]


def known_of_the_galaxy():
    return [*chain.from_iterable((option, str(value)) for option, value in KNOWN.items())]


@pytest.fixture(scope="module")
def measured(cube, tmp_path_factory):
    """Return the folder of the mock's measurement."""
    out = tmp_path_factory.mktemp("measure") / "out"
    arguments = ["measure", str(cube), *known_of_the_galaxy(), "--output", str(out), "--quiet"]
    assert execute(arguments) == 0
    return out


def test_the_files_are_those_promised(measured):
    assert {item.name for item in measured.iterdir()} == {
        "fluxes.ecsv", "attenuation.ecsv", "abundances.ecsv", "ionization.ecsv", "classes.ecsv",
        "mass_excitation.ecsv", "gradients.ecsv", "measurement.nc",
        "summary.png", "run.json",
    }  # fmt: skip


def test_tables_read_back_with_units(measured):
    abundances = QTable.read(measured / "abundances.ecsv")
    assert str(abundances["abundance"].unit) == "dex"
    gradients = QTable.read(measured / "gradients.ecsv")
    assert {"slope", "slope_fgrad"} <= set(gradients["estimator"])
    assert str(gradients["gradient"].unit) == "dex / kpc"


def test_the_signal_to_noise_ratio_is_the_one_asked_of_the_mock(measured):
    fluxes = QTable.read(measured / "fluxes.ecsv")
    row = (fluxes["aperture"] == "integrated") & (fluxes["line"] == "halpha")
    assert fluxes["snr"].value[row][0] == pytest.approx(54.0, rel=0.2)


def test_the_measurement_opens_as_netcdf(measured):
    with xr.open_datatree(measured / "measurement.nc", engine="h5netcdf") as tree:
        assert tree.attrs["name"] == "disk"


def test_the_record_names_the_cube_with_its_checksum(measured, cube):
    record = json.loads((measured / "run.json").read_text())
    assert list(record["inputs_sha256"]) == [str(cube)]
    assert record["configuration"]["redshift"] == REDSHIFT


def test_the_report_shows_assumptions_redshift_gradient_and_every_aperture(cube, tmp_path, capsys):
    arguments = ["measure", str(cube), "--scheme", "2x0.8", "--output", str(tmp_path / "out")]
    assert execute([*arguments, *known_of_the_galaxy()]) == 0
    shown = capsys.readouterr().out
    assert "assumed: " in shown
    assert "disk: z = 1." in shown
    assert "gradient by N2, slope:" in shown
    assert all(f" {aperture} " in shown for aperture in ("integrated", "A", "B"))
    assert " C " not in shown


def test_a_redshift_in_doubt_is_said_to_be_so(cube, tmp_path, capsys):
    arguments = ["measure", str(cube), *known_of_the_galaxy(), "--scheme", "2x0.8"]
    wrong = ["--redshift", str(REDSHIFT + 0.01), "--output", str(tmp_path / "out")]
    assert execute([*arguments, *wrong]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "as given: likely wrong" in shown
    assert "H-alpha not detected" not in shown


@pytest.mark.parametrize("scheme", ["3by5", "0x0.5", "3x-0.5", ""])
def test_a_bad_scheme_is_refused_in_one_line(scheme, cube, capsys, tmp_path):
    out = tmp_path / "out"
    arguments = ["measure", str(cube), "--scheme", scheme, "--output", str(out)]
    assert execute(arguments) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "3x0.5" in captured.err
    assert not out.exists()


def test_a_zarr_store_is_measured_and_its_checksum_recorded(tmp_path):
    store, other = tmp_path / "mock.zarr", tmp_path / "other.zarr"
    write_native(observe(Galaxy(), bands=["H"], seed=1), store)
    write_native(observe(Galaxy(), bands=["H"], seed=2), other)
    out = tmp_path / "out"
    assert execute(["measure", str(store), "--output", str(out), "--quiet"]) == 0
    assert checksum(store) in (out / "run.json").read_text(encoding="utf-8")
    assert checksum(store) != checksum(other)


def test_with_three_bands_attenuation_and_other_diagnostics_are_shown(tmp_path, capsys):
    galaxy = Galaxy(name="bands", redshift=REDSHIFT, inclination_deg=30.0)
    mock = observe(galaxy, psf=PointSpreadFunction("gaussian", 0.6), halpha_snr=200.0, seed=3)
    cubes = write_eso(mock, tmp_path, galaxy.name)
    arguments = ["measure", *map(str, cubes.values()), "--redshift", str(REDSHIFT),
                 "--inclination", "30", "--effective-radius", "0.5",
                 "--output", str(tmp_path / "out")]  # fmt: skip
    assert execute(arguments) == 0
    shown = capsys.readouterr().out
    assert "A_V (mag)" in shown
    assert "(balmer)" in shown
    assert all(name in shown for name in ("o3n2", "n2o2", "n2s2"))


def test_abundances_at_a_turnover_or_on_the_wrong_side_are_marked(tmp_path, capsys):
    # R23 turns over at 8.05: gas of 8.15 is near it, and its [N II] is that of the metal-poor side.
    galaxy = Galaxy(
        name="turn", inclination_deg=40.0, effective_radius_arcsec=0.6,
        oxygen_abundance=Linear(central=8.15, gradient=-0.01),
    )  # fmt: skip
    mock = observe(galaxy, psf=PointSpreadFunction("gaussian", 0.6), halpha_snr=100.0, seed=3)
    cubes = write_eso(mock, tmp_path, galaxy.name)
    out = tmp_path / "out"
    assert execute(["measure", *map(str, cubes.values()), "--output", str(out)]) == 0
    shown = capsys.readouterr().out
    table = QTable.read(out / "abundances.ecsv")
    flagged = table[["turnover" in str(flag) for flag in table["flag"]]]
    assert "C" in flagged["aperture"][flagged["diagnostic"] == "r23"]
    assert "* turnover: r23 in C" in shown
    assert "* wrong_side: r23 in integrated, A, B, C" in shown
    assert shown.count("*") > 4


def test_what_a_missing_radius_does_is_among_what_is_assumed(cube, tmp_path, capsys):
    unsized = tmp_path / "unsized.fits"
    with fits.open(cube) as hdus:
        for hdu in hdus:
            hdu.header.remove("KURVS EFFECTIVE RADIUS", ignore_missing=True)
        hdus.writeto(unsized)
    out = ["--output", str(tmp_path / "out"), "--scheme", "2x0.5"]
    assert execute(["measure", str(unsized), *out]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "reaches as far as the annuli, 1 arcsec" in shown
    assert "state --effective-radius" in shown


def test_what_an_unknown_seeing_does_is_among_what_is_assumed(cube, tmp_path, capsys):
    unknown = tmp_path / "unknown.fits"
    with fits.open(cube) as hdus:
        for hdu in hdus:
            for keyword in [name for name in hdu.header if "SEEING" in name]:
                hdu.header.remove(keyword)
        hdus.writeto(unknown)
    out = ["--output", str(tmp_path / "out"), "--scheme", "2x0.5"]
    assert execute(["measure", str(unknown), *out]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "seeing not stated: gradients are not corrected for it" in shown
    assert "smoothed as for 0.6 arcsec" in shown
    assert "no_psf_or_radius" in shown
