"""Extracted 1-D spectra: tables in, fluxes with honest errors out, real data matched."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from paths import SHARED

from kurvs_pipeline.bands import KMOS_BANDS, SPEED_OF_LIGHT_KMS
from kurvs_pipeline.errors import ConfigurationError, CoverageError, CubeFormatError, MetadataError
from kurvs_pipeline.extracted.fluxes import fit_spectra, read_redshifts, read_spectra_table
from kurvs_pipeline.extracted.spectrum import (
    _autocorrelation,
    _running_scatter,
    _variance_inflation,
)
from kurvs_pipeline.lines import REST_WAVELENGTH_UM, air_from_vacuum

REAL = SHARED / "real"
REDSHIFT = 1.5

needs_real_data = pytest.mark.skipif(
    not (REAL / "integrated_spectra.csv").is_file(),
    reason="the real KMOS spectra are not beside the checkout (../shared/real)",
)


def halpha_table(*, seed=1, noise=20.0, halpha=1.0, n_galaxies=1, resampled=True):
    """Rest-frame H-band spectra in air, resampled onto a finer grid like published ones."""
    rng = np.random.default_rng(seed)
    grid = np.arange(0.6521, 0.6610, 5e-5)
    native_step = KMOS_BANDS["H"].channel_width_um / (1 + REDSHIFT) if resampled else 5e-5
    native = np.arange(0.6515, 0.6616, native_step)
    lsf = KMOS_BANDS["H"].lsf_sigma_um / (1 + REDSHIFT)
    tables = []
    for galaxy in range(n_galaxies):
        flux = rng.normal(0.0, noise, native.size)
        for name, strength in {"halpha": 1.0, "nii_6584": 0.3, "nii_6548": 0.1}.items():
            centre = float(air_from_vacuum(REST_WAVELENGTH_UM[name]))
            width = np.hypot(lsf, centre * 60.0 / SPEED_OF_LIGHT_KMS)
            profile = np.exp(-0.5 * ((native - centre) / width) ** 2)
            flux += halpha * strength * profile / (width * np.sqrt(2 * np.pi))
        tables.append(
            Table(
                {
                    "galaxy": np.full(grid.size, f"g{galaxy}"),
                    "band": np.full(grid.size, "H"),
                    "rest_wavelength_um": grid,
                    "flux_density": np.interp(grid, native, flux),
                }
            )
        )
    joined = tables[0]
    for table in tables[1:]:
        joined = Table({name: np.append(joined[name], table[name]) for name in joined.colnames})
    return joined


def written(table, tmp_path, name="spectra.csv"):
    path = tmp_path / name
    table.write(path, format="ascii.ecsv" if name.endswith("ecsv") else "ascii.csv")
    return path


def fluxes(path, **options):
    return fit_spectra(read_spectra_table(path), **options).table


def value(table, line, column="flux"):
    return np.asarray(u.Quantity(table[table["line"] == line][column]).value)


def test_a_table_becomes_line_fluxes_with_units(tmp_path):
    table = fluxes(written(halpha_table(), tmp_path), medium="air")
    assert list(table["line"]) == ["halpha", "nii_6584", "nii_6548"]
    assert table["flux"].unit == u.Unit("1e-16 erg / (s cm2)")
    assert table["snr"].unit == u.dimensionless_unscaled
    assert table["velocity_kms"].unit == u.km / u.s
    assert table["galaxy"][0] == "g0"
    assert value(table, "halpha")[0] == pytest.approx(1.0, abs=0.1)
    assert abs(value(table, "halpha", "velocity_kms")[0]) < 10.0


def test_air_and_vacuum_differ_by_83_kms(tmp_path):
    path = written(halpha_table(noise=5.0), tmp_path)
    in_air = value(fluxes(path, medium="air"), "halpha", "velocity_kms")[0]
    in_vacuum = value(fluxes(path, medium="vacuum"), "halpha", "velocity_kms")[0]
    assert in_air - in_vacuum == pytest.approx(83.0, abs=2.0)


def test_fluxes_count_per_um_of_the_axis_given(tmp_path):
    rest = halpha_table(noise=5.0)
    observed = rest.copy()
    observed["wavelength_um"] = rest["rest_wavelength_um"] * (1 + REDSHIFT)
    observed["redshift"] = REDSHIFT
    del observed["rest_wavelength_um"]
    in_rest = value(fluxes(written(rest, tmp_path)), "halpha")[0]
    in_observed = value(fluxes(written(observed, tmp_path, "o.csv")), "halpha")[0]
    assert in_observed == pytest.approx(in_rest * (1 + REDSHIFT), rel=0.005)


def test_given_errors_are_used(tmp_path):
    table = halpha_table(resampled=False)
    table["flux_density_err"] = 20.0
    once = fluxes(written(table, tmp_path))
    table["flux_density_err"] = 40.0
    twice = fluxes(written(table, tmp_path, "twice.csv"))
    assert value(twice, "halpha", "flux_err") == pytest.approx(
        2 * value(once, "halpha", "flux_err"), rel=0.01
    )


def test_errors_from_the_spectrum_itself_are_the_errors_made(tmp_path):
    table = fluxes(written(halpha_table(n_galaxies=100, seed=2, noise=30.0), tmp_path))
    pulls = (value(table, "halpha") - 1.0) / value(table, "halpha", "flux_err")
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.3)


def test_spectra_of_noise_give_no_detections(tmp_path):
    table = fluxes(written(halpha_table(n_galaxies=100, seed=3, halpha=0.0), tmp_path))
    snr = value(table, "halpha", "snr")
    fixed = np.asarray(table[table["line"] == "halpha"]["kinematics"]) == "fixed"
    assert fixed.mean() > 0.97
    assert np.std(snr[fixed]) == pytest.approx(1.0, abs=0.25)
    assert np.sum(snr > 6.0) == 0


def test_a_sky_residual_does_not_change_the_flux(tmp_path):
    clean = halpha_table(seed=4)
    spoilt = clean.copy()
    spoilt["flux_density"][20:23] += [400.0, -900.0, 500.0]
    flux = value(fluxes(written(clean, tmp_path)), "halpha")[0]
    assert value(fluxes(written(spoilt, tmp_path, "s.csv")), "halpha")[0] == pytest.approx(
        flux, rel=0.02
    )


def test_a_faint_band_takes_the_kinematics_of_the_brightest(tmp_path):
    bright = halpha_table(noise=5.0)
    faint = bright.copy()
    faint.replace_column("band", np.full(len(faint), "YJ"))
    faint["rest_wavelength_um"] = np.linspace(0.4805, 0.5048, len(faint))
    faint["flux_density"] = np.random.default_rng(5).normal(0.0, 20.0, len(faint))
    both = Table({name: np.append(bright[name], faint[name]) for name in bright.colnames})
    table = fluxes(written(both, tmp_path))
    halpha, hbeta = table[table["line"] == "halpha"][0], table[table["line"] == "hbeta"][0]
    assert (halpha["kinematics"], hbeta["kinematics"]) == ("free", "fixed")
    assert hbeta["sigma_kms"] == halpha["sigma_kms"]
    assert hbeta["velocity_kms"] == halpha["velocity_kms"]


def test_missing_channels_are_put_back_as_gaps(tmp_path):
    full = halpha_table(noise=5.0)
    flux = value(fluxes(written(full, tmp_path)), "halpha")[0]
    full.remove_rows(slice(40, 47))
    path = written(full, tmp_path, "gap.csv")
    assert np.isnan(read_spectra_table(path)[0].flux_density).sum() == 7
    assert value(fluxes(path), "halpha")[0] == pytest.approx(flux, rel=0.02)


def test_an_ecsv_table_brings_its_own_units(tmp_path):
    table = halpha_table()
    table["rest_wavelength_um"] = (table["rest_wavelength_um"] * 1e3) * u.nm
    table["flux_density"].unit = "1e-20 erg / (s cm2 um)"
    found = fluxes(written(table, tmp_path, "spectra.ecsv"))
    assert found["flux"].unit == u.Unit("1e-20 erg / (s cm2)")
    assert value(found, "halpha")[0] == pytest.approx(1.0, abs=0.1)


def test_an_unknown_redshift_is_an_assumption_on_record(tmp_path):
    path = written(halpha_table(), tmp_path)
    spectra = read_spectra_table(path)
    catalogue = written(Table({"galaxy": ["g0"], "redshift": [REDSHIFT]}), tmp_path, "c.csv")
    unknown = fit_spectra(spectra, medium="air").assumptions
    known = fit_spectra(
        spectra, medium="air", redshifts=read_redshifts(catalogue, spectra)
    ).assumptions
    assert any("redshift 1.5" in line for line in unknown)
    assert not any("redshift" in line for line in known)


def test_an_assumed_unit_is_on_record(tmp_path):
    table = halpha_table()
    unstated = fit_spectra(read_spectra_table(written(table, tmp_path))).assumptions
    assert any("1e-16 erg / (s cm2 um), as the table states no unit" in line for line in unstated)
    table["flux_density"].unit = "1e-16 erg / (s cm2 um)"
    stated = fit_spectra(read_spectra_table(written(table, tmp_path, "s.ecsv"))).assumptions
    assert not any("states no unit" in line for line in stated)


def without(name):
    def change(table):
        del table[name]

    return change


def setting(name, new):
    def change(table):
        if name in table.colnames:
            table.remove_column(name)
        table[name] = new

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("flux_density"), "missing column flux_density; found galaxy, band"),
        (without("band"), "missing column band"),
        (without("rest_wavelength_um"), "wavelength_um or rest_wavelength_um"),
        (setting("wavelength_um", 1.6), "both"),
        (setting("flux_density", "bright"), "'flux_density' is not numeric"),
        (setting("rest_wavelength_um", np.linspace(6521.0, 6610.0, 179)), "not um"),
        (setting("rest_wavelength_um", 0.65), "same wavelength twice"),
        (setting("band", "K"), "unknown band 'K'"),
        (lambda table: table.remove_rows(slice(0, None)), "no rows"),
        (lambda table: table.remove_rows(slice(5, None)), "at least"),
        (setting("rest_wavelength_um", np.nan), "missing or infinite"),
        (setting("rest_wavelength_um", np.inf), "missing or infinite"),
        (setting("rest_wavelength_um", [*np.linspace(0.6521, 0.661, 178), 50.0]), "at most 20000"),
        (setting("band", ""), "column 'band' is empty in 179 of 179 rows"),
        (setting("galaxy", ["", *["g0"] * 178]), "column 'galaxy' is empty in 1 of 179 rows"),
        (setting("galaxy", np.nan), "column 'galaxy' is empty in 179 of 179 rows"),
        (setting("line", "halpha"), "line has the name of a result"),
        (setting("channel", np.arange(179)), "galaxy g0, channel 0, H has channels: 1; expected"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(tmp_path, change, message):
    table = halpha_table()
    change(table)
    with pytest.raises(CubeFormatError, match=message) as caught:
        read_spectra_table(written(table, tmp_path))
    assert "\n" not in str(caught.value)


def test_a_column_that_comes_twice_is_refused(tmp_path):
    table = halpha_table()
    table["flux_density_err"] = 20.0
    path = written(table, tmp_path)
    path.write_text(path.read_text().replace("flux_density_err", "flux_density", 1))
    with pytest.raises(CubeFormatError, match="column flux_density twice"):
        read_spectra_table(path)


def test_errors_in_another_unit_than_the_fluxes_are_converted(tmp_path):
    table = halpha_table(resampled=False)
    table["flux_density"].unit = "1e-16 erg / (s cm2 um)"
    table["flux_density_err"] = np.full(len(table), 200.0) * u.Unit("1e-17 erg / (s cm2 um)")
    (spectrum,) = read_spectra_table(written(table, tmp_path, "spectra.ecsv"))
    assert spectrum.flux_density_err == pytest.approx(20.0)


@pytest.mark.parametrize("name", ["flux_density", "flux_density_err"])
def test_fluxes_in_a_unit_of_something_else_are_refused(tmp_path, name):
    table = halpha_table()
    table["flux_density_err"] = 20.0
    table["flux_density"].unit = "1e-16 erg / (s cm2 um)"
    table[name].unit = u.Unit("K") if name == "flux_density_err" else u.Unit("mag(AB)")
    with pytest.raises(CubeFormatError, match=f"column '{name}' is in "):
        read_spectra_table(written(table, tmp_path, "spectra.ecsv"))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(CubeFormatError, match="no such file"):
        read_spectra_table(tmp_path / "nothing.csv")


def test_a_file_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "image.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x01\xff,\xfe\n1\n2,3,4\n")
    with pytest.raises(CubeFormatError, match=r"image\.csv"):
        read_spectra_table(path)


def test_wavelengths_in_another_kind_of_unit_are_refused(tmp_path):
    table = halpha_table()
    table["rest_wavelength_um"].unit = "s"
    with pytest.raises(CubeFormatError, match="is in s; expected um"):
        read_spectra_table(written(table, tmp_path, "spectra.ecsv"))


def test_an_observed_axis_needs_a_redshift(tmp_path):
    table = halpha_table()
    table.rename_column("rest_wavelength_um", "wavelength_um")
    table["wavelength_um"] *= 1 + REDSHIFT
    with pytest.raises(MetadataError, match="needs a redshift"):
        fluxes(written(table, tmp_path))


def test_a_negative_redshift_is_refused(tmp_path):
    table = halpha_table()
    table["redshift"] = -0.5
    with pytest.raises(MetadataError, match=r"redshift is -0\.5"):
        fluxes(written(table, tmp_path))


def test_two_redshifts_for_one_spectrum_are_refused(tmp_path):
    table = halpha_table()
    table["redshift"] = np.where(np.arange(len(table)) < 50, 1.5, 1.6)
    with pytest.raises(CubeFormatError, match=r"galaxy g0.*1\.5 to 1\.6; expected one"):
        read_spectra_table(written(table, tmp_path))


def test_two_redshifts_for_one_catalogue_entry_are_refused(tmp_path):
    spectra = read_spectra_table(written(halpha_table(), tmp_path))
    catalogue = Table({"galaxy": ["g0", "g1", "g0"], "redshift": [1.5, 1.4, 1.6]})
    path = written(catalogue, tmp_path, "catalogue.csv")
    with pytest.raises(CubeFormatError, match=r"galaxy g0 has two redshifts, 1\.5 and 1\.6"):
        read_redshifts(path, spectra)


def test_an_entry_that_a_catalogue_repeats_is_one_entry(tmp_path):
    spectra = read_spectra_table(written(halpha_table(), tmp_path))
    catalogue = Table({"galaxy": ["g0", "g0"], "redshift": [1.5, 1.5]})
    found = read_redshifts(written(catalogue, tmp_path, "catalogue.csv"), spectra)
    assert list(found.values()) == [1.5]


def test_a_catalogue_entry_without_a_redshift_leaves_the_word_to_others(tmp_path):
    spectra = read_spectra_table(written(halpha_table(), tmp_path))
    catalogue = Table({"galaxy": ["g0", "g0"], "redshift": [np.nan, 1.5]})
    found = read_redshifts(written(catalogue, tmp_path, "catalogue.csv"), spectra)
    assert list(found.values()) == [1.5]


def test_spectra_without_lines_are_refused(tmp_path):
    table = halpha_table()
    table["rest_wavelength_um"] += 0.1
    with pytest.raises(CoverageError, match="covers an emission line"):
        fluxes(written(table, tmp_path))


def test_an_unknown_medium_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="'air' or 'vacuum'"):
        fluxes(written(halpha_table(), tmp_path), medium="water")


def test_all_missing_data_is_a_flag_and_nan(tmp_path):
    table = halpha_table()
    table["flux_density"] = np.nan
    found = fluxes(written(table, tmp_path))
    assert np.isnan(value(found, "halpha")).all()
    assert "no_data" in found["flag"][0]


def no_flux(table):
    table["flux_density"] = np.nan


def no_errors(table):
    table["flux_density_err"] = np.where(np.arange(len(table)) % 2, np.inf, -1.0)


def no_noise(table):
    table["flux_density"] = 1.0


def no_flux_near_lines(table):
    table["flux_density"][12:] = np.nan


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (no_flux, "no finite flux density"),
        (no_errors, "no finite error > 0"),
        (no_noise, "no scatter to take for noise"),
        (no_flux_near_lines, "too few channels"),
    ],
)
def test_a_spectrum_without_a_fit_is_said_with_its_reason(tmp_path, caplog, change, reason):
    table = halpha_table()
    change(table)
    found = fluxes(written(table, tmp_path))
    assert np.isnan(value(found, "halpha", "snr")).all()
    (message,) = caplog.messages
    assert message == f"1 of 1 spectra have no fit: {reason} in 1 (galaxy g0, H)"


def test_spectra_that_are_left_out_or_fail_are_counted_by_reason(tmp_path, caplog):
    table = halpha_table(n_galaxies=4)
    table["flux_density"][: 2 * 179] = np.inf
    table["rest_wavelength_um"][2 * 179 : 3 * 179] += 0.1
    found = fluxes(written(table, tmp_path))
    assert set(found["galaxy"]) == {"g0", "g1", "g3"}
    (message,) = caplog.messages
    assert message == (
        "3 of 4 spectra have no fit: no emission line covered in 1 (galaxy g2, H), "
        "no finite flux density in 2 (galaxy g0, H and others)"
    )


def test_spectra_that_are_all_fitted_need_no_words(tmp_path, caplog):
    fluxes(written(halpha_table(), tmp_path))
    assert caplog.messages == []


def test_channels_with_infinite_errors_count_as_missing(tmp_path):
    table = halpha_table(resampled=False)
    table["flux_density_err"] = 20.0
    table["flux_density"][:10] = np.nan
    missing = fluxes(written(table, tmp_path))
    table["flux_density"][:10] = 1e9
    table["flux_density_err"][:10] = np.inf
    infinite = fluxes(written(table, tmp_path, "infinite.csv"))
    assert value(infinite, "halpha") == pytest.approx(value(missing, "halpha"))


def test_the_running_scatter_follows_the_noise():
    rng = np.random.default_rng(6)
    truth = np.where(np.arange(2000) < 1000, 1.0, 4.0)
    scatter = _running_scatter(rng.normal(0.0, truth), np.ones(2000, dtype=bool), n_window=201)
    assert np.median(scatter[:900]) == pytest.approx(1.0, abs=0.1)
    assert np.median(scatter[1100:]) == pytest.approx(4.0, abs=0.4)


def test_variance_inflation_is_that_of_the_covariance_matrix():
    rng = np.random.default_rng(7)
    noise = np.convolve(rng.normal(size=200_001), [0.5, 0.5], mode="valid") * np.sqrt(2.0)
    correlation = _autocorrelation(noise, np.ones(noise.size, dtype=bool))
    assert correlation[0] == pytest.approx(0.5, abs=0.02)
    profile = np.exp(-0.5 * (np.arange(-15, 16) / 3.0) ** 2)
    covariance = np.eye(31) + 0.5 * (np.eye(31, k=1) + np.eye(31, k=-1))
    expected = profile @ covariance @ profile / (profile @ profile)
    assert _variance_inflation([0.5], profile) == pytest.approx(expected)


@pytest.fixture(scope="module")
def real_comparison():
    spectra = read_spectra_table(REAL / "integrated_spectra.csv")
    catalogue = REAL / "integrated_fluxes.csv"
    fits = fit_spectra(spectra, medium="air", redshifts=read_redshifts(catalogue, spectra))
    published = {int(row["kurvs_id"]): row for row in Table.read(catalogue)}
    columns = {"oii": "oii_3727", "hbeta": "hbeta", "oiii_5007": "oiii_5007",
               "halpha": "halpha", "nii_6584": "nii_6584"}  # fmt: skip
    return [
        (
            row["line"],
            float(row["flux"].value),
            float(row["snr"].value),
            float(published[row["kurvs_id"]][columns[row["line"]]]),
            float(published[row["kurvs_id"]]["sn_" + columns[row["line"]]]),
        )
        for row in fits.table
        if row["line"] in columns
    ]


@needs_real_data
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("line", "tolerance"), [("halpha", 0.04), ("nii_6584", 0.12), ("oiii_5007", 0.12)]
)
def test_real_fluxes_agree_with_the_published_ones(real_comparison, line, tolerance):
    ratio = [flux / published for name, flux, _, published, snr in real_comparison
             if name == line and snr > 10 and published > 0.04]  # fmt: skip
    median = np.median(ratio)
    assert len(ratio) >= 7
    assert median == pytest.approx(1.0, abs=tolerance)
    assert 1.4826 * np.median(np.abs(ratio - median)) < 0.15


@needs_real_data
@pytest.mark.real_data
def test_real_spectra_without_a_published_line_show_none(real_comparison):
    snr = [snr for _, _, snr, published, published_snr in real_comparison
           if published == 0.0 and published_snr == -1.0]  # fmt: skip
    assert len(snr) >= 5
    assert max(snr) < 6.0
