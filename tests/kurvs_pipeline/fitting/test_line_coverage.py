"""Lines that the grid or a mask cuts, and doublets that are not in their ratio, are flagged."""

from dataclasses import replace

import numpy as np
import pytest

from kurvs_pipeline.fitting.coverage import line_coverage, line_flags
from kurvs_pipeline.fitting.fit import fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fluxes.band_fit import BandFit
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.spectra.coaddition import ApertureSpectra

STEP_UM = 2.0e-4
LSF_UM = 1.5e-4
SIGMA_KMS = 60.0
REDSHIFT = 1.5
NII_UM = 0.6585270 * (1.0 + REDSHIFT)
OBSERVED_SIGMA_UM = np.hypot(NII_UM * SIGMA_KMS / 299792.458, LSF_UM)


def fitted(*, end_um=1.70, masked=(), nii_6548_times=1.0, halpha_lacks=0.0):
    """Return the fit of H-alpha 10, [N II] 3 and 1, errors of 0.02 or so, and what was used.

    The core of H-alpha may lack a fraction of its light.
    """
    wavelength = np.arange(1.60, end_um, STEP_UM)
    model = BandLineModel.for_band(wavelength, np.full(wavelength.size, LSF_UM), REDSHIFT)
    flux = np.zeros(wavelength.size)
    for rest, light in ((0.6564610, 10.0), (0.6585270, 3.0), (0.6549860, nii_6548_times)):
        centre = rest * (1.0 + REDSHIFT)
        width = np.hypot(centre * SIGMA_KMS / 299792.458, LSF_UM)
        flux += light * np.exp(-0.5 * ((wavelength - centre) / width) ** 2) / width / 2.5066
    flux[np.abs(wavelength - 0.6564610 * (1.0 + REDSHIFT)) < STEP_UM] *= 1.0 - halpha_lacks
    valid = np.ones((1, wavelength.size), dtype=bool)
    for low, high in masked:
        valid[0, (wavelength > low) & (wavelength < high)] = False
    variance = np.full((1, wavelength.size), 50.0**2)
    fits = fit_lines(model, flux[None], variance, mask=~valid)
    spectra = ApertureSpectra(flux[None], variance, valid)
    return BandFit(model, spectra, fits, "1e-16 erg / (s cm2 um)", np.ones(1))


def of_line(fit, values, name="nii_6584"):
    return values[0, fit.fits.to_lines().names.index(name)]


def test_a_line_with_all_its_channels_is_whole():
    fit = fitted()
    assert of_line(fit, fit.line_coverage) == pytest.approx(1.0)
    assert not fit.line_flags.astype(bool).any()


@pytest.mark.parametrize(("sigmas", "coverage", "flag"),
                         [(3.2, 0.9, ""), (2.0, 0.75, "truncated")])  # fmt: skip
def test_a_line_at_the_end_of_the_grid_is_as_whole_as_the_grid(sigmas, coverage, flag):
    """Of the 8 sigma about it, 4 and so many are there; to the width of a channel."""
    fit = fitted(end_um=NII_UM + sigmas * OBSERVED_SIGMA_UM)
    one_channel = STEP_UM / (8.0 * OBSERVED_SIGMA_UM)
    assert of_line(fit, fit.line_coverage) == pytest.approx(coverage, abs=one_channel)
    assert of_line(fit, fit.line_flags) == flag
    assert of_line(fit, fit.line_flags, "halpha") == ""


def test_masked_channels_beside_a_line_count():
    fit = fitted(masked=[(NII_UM - 4.0 * OBSERVED_SIGMA_UM, NII_UM - 1.5 * OBSERVED_SIGMA_UM)])
    assert of_line(fit, fit.line_coverage) == pytest.approx(1.0 - 2.5 / 8.0, abs=0.07)
    assert of_line(fit, fit.line_flags) == "truncated"


def test_a_truncated_line_is_measured_all_the_same():
    cut, whole = fitted(end_um=NII_UM + 2.0 * OBSERVED_SIGMA_UM), fitted()
    flux = [of_line(fit, fit.fits.to_lines().flux) for fit in (cut, whole)]
    error = [of_line(fit, fit.fits.to_lines().flux_err) for fit in (cut, whole)]
    np.testing.assert_allclose(flux, 3.0, rtol=2e-3)
    assert error[0] > error[1]


@pytest.mark.parametrize(("times", "flag"), [(1.0, ""), (1.01, ""), (3.0, "doublet_ratio")])
def test_a_doublet_out_of_its_ratio_is_flagged(times, flag):
    fit = fitted(nii_6548_times=times)
    assert of_line(fit, fit.line_flags) == of_line(fit, fit.line_flags, "nii_6548") == flag


def test_a_fit_that_failed_has_no_coverage_and_no_flag():
    fit = fitted()
    nothing = replace(fit.spectra, valid=np.zeros_like(fit.spectra.valid))
    failed = fit_lines(fit.model, nothing.flux, nothing.variance, mask=~nothing.valid)
    none = replace(fit, spectra=nothing, fits=failed)
    assert np.isnan(line_coverage(failed, nothing.valid)).all()
    assert not line_flags(none.line_coverage, none.sums).astype(bool).any()


def test_flags_go_with_the_lines_that_abundances_are_made_of():
    fit = fitted(end_um=NII_UM + 2.0 * OBSERVED_SIGMA_UM)
    joint = JointFluxes.of(("integrated",), {"H": fit})
    assert joint.flags_of("halpha", "nii_6584").tolist() == ["truncated"]
    assert joint.flags_of("halpha").tolist() == [""]


@pytest.mark.parametrize(("lacks", "flag"), [(0.0, ""), (1.0, "poor_fit")])
def test_a_poor_fit_goes_with_abundances_too(lacks, flag):
    joint = JointFluxes.of(("integrated",), {"H": fitted(halpha_lacks=lacks)})
    assert joint.flags_of("halpha", "nii_6584").tolist() == [flag]


def test_a_poor_fit_stands_beside_the_flags_of_its_lines():
    joint = JointFluxes.of(("integrated",), {"H": fitted(halpha_lacks=1.0, nii_6548_times=3.0)})
    assert joint.flags_of("nii_6584").tolist() == ["doublet_ratio+poor_fit"]
