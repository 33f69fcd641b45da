"""A wrong redshift of an extracted spectrum is doubted as it is in a cube."""

from dataclasses import replace

import numpy as np
import pytest

from kurvs_pipeline.extracted.fluxes import fit_spectra, read_spectra_table

STEP_UM, REDSHIFT = 2.158e-4, 1.5
REST_UM = {"halpha": 0.656461, "nii_6584": 0.658527, "nii_6548": 0.654986}
"""Vacuum."""


def spectra(tmp_path, stated_redshift, nii=0.3):
    """Return one spectrum in H of a galaxy at z = 1.5, with H-alpha of 1 and noise."""
    wavelength = REST_UM["halpha"] * (1.0 + REDSHIFT) + STEP_UM * (np.arange(400) - 200)
    flux = 20.0 * np.random.default_rng(2).standard_normal(wavelength.size)
    for line, amount in (("halpha", 1.0), ("nii_6584", nii), ("nii_6548", nii / 2.96)):
        centre = REST_UM[line] * (1.0 + REDSHIFT)
        sigma = np.hypot(centre * 50.0 / 299792.458, 1.7e-4)
        profile = np.exp(-0.5 * ((wavelength - centre) / sigma) ** 2)
        flux += amount * profile / (sigma * np.sqrt(2.0 * np.pi))
    rows = ["galaxy,band,wavelength_um,flux_density,flux_density_err,redshift"]
    rows += [
        f"a,H,{um:.7f},{value:.4f},20,{stated_redshift}"
        for um, value in zip(wavelength, flux, strict=True)
    ]
    path = tmp_path / "spectra.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return read_spectra_table(path)


def test_a_redshift_that_puts_nii_at_halpha_is_doubted(tmp_path):
    fits = fit_spectra(spectra(tmp_path, 1.51), medium="vacuum")
    assert all("doubtful_redshift" in flag for flag in fits.table["flag"])
    (note,) = [note for note in fits.assumptions if "likely wrong" in note]
    assert note.startswith("galaxy a, H: redshift 1.51 is likely wrong")
    assert "the redshift is 1.500" in note


@pytest.mark.parametrize("nii", [0.0, 0.3, 1.4])
def test_the_right_redshift_is_not_doubted(tmp_path, nii):
    fits = fit_spectra(spectra(tmp_path, REDSHIFT, nii), medium="vacuum")
    assert not any("doubtful" in flag for flag in fits.table["flag"])
    assert not any("wrong" in note for note in fits.assumptions)


def test_a_wrong_rest_frame_is_doubted_in_its_own_words(tmp_path):
    (spectrum,) = spectra(tmp_path, REDSHIFT)
    rest = replace(spectrum, wavelength_um=spectrum.wavelength_um / 2.51, rest_frame=True)
    fits = fit_spectra([rest], medium="vacuum")
    assert any("brought the axis to rest is likely wrong" in note for note in fits.assumptions)


@pytest.mark.real_data
def test_no_galaxy_of_the_survey_is_doubted(shared_data):
    table = read_spectra_table(shared_data / "real" / "integrated_spectra.csv")
    fits = fit_spectra(table, medium="air")
    assert not any("likely wrong" in note for note in fits.assumptions)
