"""What the columns of the tables of experiments mean, beside those of measurements."""

from collections.abc import Mapping

from kurvs_pipeline import vocabulary
from kurvs_pipeline.vocabulary import Entry

_GRADIENT = "dex / kpc"

_OF_TABLE_1: dict[str, Entry] = {}
for _diagnostic in ("n2", "n2o2", "r23"):
    for _errors, _whose in (
        ("calibrated", "with the calibrated errors of the noise"),
        ("published", "with errors as the survey states them"),
    ):
        _name = f"gradient_{_diagnostic}_{_errors}"
        _OF_TABLE_1 |= {
            _name: Entry(f"Gradient of the twin by {_diagnostic.upper()}, {_whose}", _GRADIENT),
            f"{_name}_err": Entry("Its standard error", _GRADIENT),
            f"n_bins_{_diagnostic}_{_errors}": Entry("Number of its annuli"),
        }
    _OF_TABLE_1 |= {
        f"gradient_{_diagnostic}_survey": Entry(
            f"Gradient by {_diagnostic.upper()} of Table 1 of Li et al. (2025)", _GRADIENT
        ),
        f"gradient_{_diagnostic}_survey_err": Entry("Its standard error", _GRADIENT),
    }
for _estimator in ("forward", "forward_prior"):
    _OF_TABLE_1 |= {
        f"gradient_n2_{_estimator}": Entry(f"Gradient of the twin by N2, {_estimator}", _GRADIENT),
        f"gradient_n2_{_estimator}_err": Entry("Half its 68 per cent interval", _GRADIENT),
        f"gradient_n2_{_estimator}_flag": Entry("Its flags"),
    }

COLUMNS: Mapping[str, Entry] = {
    **_OF_TABLE_1,
    "alone_bias": Entry("Median change of a gradient by the effect alone", _GRADIENT),
    "alone_bias_err": Entry("Its standard error", _GRADIENT),
    "alone_n": Entry("Mocks with a gradient without the effect and with it alone"),
    "alone_scatter": Entry("Scatter of the change by the effect alone", _GRADIENT),
    "annulus_error_68": Entry(
        "Least error of each annulus, apart from what both binnings share, for the published r to "
        "lie in the central 68 per cent of samples",
        "dex",
    ),
    "annulus_error_95": Entry("The same for the central 95 per cent", "dex"),
    "bias_share": Entry("Share of the bias with all effects that the effect makes"),
    "clump_fraction": Entry("Share of the light that is in clumps"),
    "dec": Entry("Declination", "deg"),
    "dust_gradient_mag_per_kpc": Entry("Gradient of A_V", "mag / kpc"),
    "effect": Entry("Effect of the simulator"),
    "effective_radius": Entry("Effective radius along the major axis", "arcsec"),
    "effective_radius_arcsec": Entry("Effective radius along the major axis", "arcsec"),
    "effects": Entry("Effects that are switched on, joined by +"),
    "error": Entry("Kind of error"),
    "exposure": Entry("Time on the target", "h"),
    "flux_density": Entry("Flux density of the stack"),
    "flux_density_err": Entry("Its error by bootstrap over galaxies"),
    "gradient_annuli": Entry("Gradient that annuli without seeing and noise have", _GRADIENT),
    "gradient_err_persistent": Entry(
        "Expected error with residuals of sky lines that do not average down", _GRADIENT
    ),
    "gradient_per_dex": Entry(
        "Error of the gradient for an independent error of one dex in each annulus", "1 / kpc"
    ),
    "gradient_true": Entry("Gradient that was put in", _GRADIENT),
    "inclination": Entry("Inclination", "deg"),
    "inclination_deg": Entry("Inclination", "deg"),
    "label": Entry("Effect in words"),
    "model": Entry("Flux density of the fitted lines and continuum"),
    "n_effective": Entry("Their effective number, (sum of weights)^2 / sum of weights^2"),
    "n_galaxies": Entry("Galaxies that the channel is from"),
    "n_mocks": Entry("Mocks that were simulated"),
    "n_pairs": Entry("Mocks with a gradient in both binnings"),
    "name": Entry("Name of the galaxy"),
    "noise": Entry("Standard error from the noise alone"),
    "plan.gradient_err": Entry("Expected standard error of the gradient", _GRADIENT),
    "position_angle": Entry("Position angle of the major axis, North through East", "deg"),
    "psf_beta": Entry("Moffat beta of the seeing; infinite for a Gaussian"),
    "r_high": Entry("84th percentile of Pearson's r of samples"),
    "r_low": Entry("16th percentile of Pearson's r of samples"),
    "r_median": Entry("Median of Pearson's r of samples as large as the published one"),
    "r_perturbed": Entry("The same after perturbing gradients by their errors, as published"),
    "r_points_published": Entry("Published r of the points"),
    "r_published": Entry("Published r with gradients perturbed by their errors"),
    "r_published_err": Entry("Its standard error"),
    "r_truth": Entry("Pearson's r of the gradient in the second binning with the truth"),
    "ra": Entry("Right ascension", "deg"),
    "realisation": Entry("Number of the draw of the noise, from 0"),
    "reason": Entry("Why it failed, in one line"),
    "redshift_survey": Entry("Redshift of Table A1 of Li et al. (2025)"),
    "reference": Entry("Binning that others are compared with"),
    "rest_wavelength_um": Entry("Wavelength in the galaxy's frame", "um"),
    "rotation_kms": Entry("Rotation velocity where the curve is flat", "km / s"),
    "sample_size": Entry("Number of gradients in a sample, as in the published comparison"),
    "scheme": Entry("Annuli, as --scheme has them"),
    "seed": Entry("Seed of the task's random draws"),
    "seeing_fwhm_arcsec": Entry("Full width at half-maximum of the seeing", "arcsec"),
    "snr_halpha": Entry("S/N of H-alpha in 1.5 effective radii"),
    "snr_nii": Entry("S/N of [N II]6584 in 1.5 effective radii"),
    "stack": Entry("Name of the stack"),
    "star_formation_rate": Entry("Star-formation rate", "solMass / yr"),
    "task": Entry("Number of the task in the run"),
    "traceback": Entry("Where in the program it failed"),
    "variance_share": Entry("Share of the variance with all effects that the effect makes"),
    "within_bias": Entry("Median change of a gradient by the effect with all others on", _GRADIENT),
    "within_bias_err": Entry("Its standard error", _GRADIENT),
    "within_n": Entry("Mocks with a gradient with all effects and with all but this one"),
    "within_scatter": Entry("Scatter of that change", _GRADIENT),
}
"""Columns that measurements do not have, or mean otherwise."""

EVERY_COLUMN: Mapping[str, Entry] = {**vocabulary.COLUMNS, **COLUMNS}
"""Columns of all tables."""
