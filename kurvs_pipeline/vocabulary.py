"""What the flags and columns of result tables mean.

Tables carry these texts as descriptions of their columns, ``kurvs explain`` and the reference page
show them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from astropy.table import Table


@dataclass(frozen=True)
class Flag:
    """A remark about a row of a table.

    Parameters
    ----------
    meaning : str
        What it says, and when it is set.
    action : str
        What to do about it.
    """

    meaning: str
    action: str


FLAGS: Mapping[str, Flag] = {
    "ok": Flag("Nothing is known that makes the gradient doubtful.", "Use it."),
    # Fits of lines.
    "no_data": Flag(
        "Too few channels with data: everything is NaN.",
        "Check the mask and the coverage of the aperture.",
    ),
    "at_bound": Flag(
        "Velocity or width ran to the end of its range: everything is NaN.",
        "Check the redshift; the line may be noise, or wider than any galaxy's.",
    ),
    "not_converged": Flag("The fit found no minimum: everything is NaN.", "Look at the spectrum."),
    "unresolved": Flag(
        "The line is not wider than the line-spread function: the width is NaN, fluxes stand.",
        "Use the flux. Check the line-spread function if all galaxies have it.",
    ),
    "partial": Flag(
        "More than half of the core of some line is masked or off the grid: that line is NaN.",
        "Use the other lines.",
    ),
    "poor_fit": Flag(
        "Noise explains the residuals in less than 1 of 1000 cases: the lines are no Gaussians, "
        "or in a forward fit, the light is no smooth disk. Errors are enlarged to match; below a "
        "p-value of 1e-10 there is no forward gradient.",
        "Check inclination, position angle and centre. If they are right, quote slope_fgrad with "
        "its interval, and say that no smooth disk fits.",
    ),
    "faint_continuum": Flag(
        "Stellar absorption was corrected for by a continuum below 3 sigma.",
        "Compare with the result without --balmer-absorption.",
    ),
    "broad_line": Flag(
        "There is a broad H-alpha as well; the line fluxes are those of the narrow components.",
        "An outflow or an active nucleus: gradients of the narrow lines may still be affected.",
    ),
    "truncated": Flag(
        "Less than 80 per cent of the channels within 4 sigma of the line were used; airglow or "
        "the end of the band cuts it.",
        "Use with care: fit and error account for the channels that are missing.",
    ),
    "doublet_ratio": Flag(
        "The two lines of a doublet are not in their ratio of 3 to 1 by more than 3.5 sigma.",
        "Look for residuals of sky lines, or another line, on one of them.",
    ),
    "lost_light": Flag(
        "Less than 80 per cent of the H-alpha of the aperture is on spaxels with data.",
        "Fluxes are lower limits; leave the aperture out, or choose annuli inside the field.",
    ),
    "doubtful_velocities": Flag(
        "The velocity map that was given contradicts the velocities of the cube itself.",
        "Check the sign, axes and unit of the map, or measure without it.",
    ),
    "doubtful_redshift": Flag(
        "A brighter line than H-alpha stands elsewhere: the redshift is likely wrong, and nothing "
        "that depends on the names of lines is given.",
        "Give the redshift that the message names.",
    ),
    # Abundances.
    "attenuation_limit": Flag(
        "The diagnostic needs A_V, of which only a lower limit is known: no abundance.",
        "State A_V by --attenuation.",
    ),
    "attenuation_unknown": Flag(
        "The diagnostic needs A_V, which is neither measured nor assumed: no abundance.",
        "State A_V by --attenuation, or take that of the survey's stack by --stack-attenuation.",
    ),
    "negative_hbeta": Flag(
        "H-beta is more negative than noise makes it: A_V is not known.",
        "Look for residuals of sky lines on H-beta.",
    ),
    "turnover": Flag(
        "More than 16 per cent of the draws lie beyond the turnover of a two-valued relation, "
        "where the interval ends; the gas may be on the other side. Of a slope: in one annulus.",
        "Prefer another diagnostic.",
    ),
    # Gradients.
    "too_few_bins": Flag(
        "Fewer than two annuli have what the gradient needs: it is NaN.",
        "Take larger annuli, or a longer exposure.",
    ),
    "two_bins": Flag(
        "The slope is the line between two annuli: nothing tests that it is straight.",
        "Use it with its error.",
    ),
    "no_psf_or_radius": Flag(
        "Seeing or effective radius are not known: there is no f_grad.",
        "State --seeing (or --psf-star) and --effective-radius.",
    ),
    "unconstrained": Flag(
        "The seeing left next to nothing of the gradient: its error is above 0.1 dex/kpc, or it or "
        "its interval is beyond 0.4 dex/kpc.",
        "Do not quote it as a measurement.",
    ),
    "wrong_side": Flag(
        "By its nitrogen lines the gas is on the other side of a two-valued relation.",
        "Take the row of the other branch.",
    ),
    "side_unknown": Flag(
        "The nitrogen lines do not tell on which side of a two-valued relation the gas is.",
        "Prefer another diagnostic.",
    ),
    "few_draws": Flag(
        "Fewer than 80 per cent of the draws of the noise have a gradient at all.",
        "Prefer forward, which uses annuli that are not detected too.",
    ),
    "no_halpha": Flag(
        "H-alpha is not detected in all apertures together: no forward gradient.",
        "A longer exposure; check the redshift.",
    ),
    "no_fit": Flag("The likelihood is not a number: no forward gradient.", "Look at the fluxes."),
    "approximate": Flag(
        "Samples of the posterior do not confirm its approximation.",
        "Compare with slope_fgrad before quoting the interval.",
    ),
    "prior_alone": Flag(
        "The error is as large as the scatter of the population: the data add nothing.",
        "Use forward, or none.",
    ),
    "against_prior": Flag(
        "The data are three errors away from the population that is taken as prior.",
        "Use forward: the prior pulls a gradient that does not belong to it.",
    ),
}
"""Flags of ``flag`` columns, of which several are joined by ``+``. Stacks spell theirs out."""


@dataclass(frozen=True)
class Entry:
    """What a column holds, and its unit; empty where it has none."""

    meaning: str
    unit: str = ""


_GRADIENT, _LINE_FLUX = "dex / kpc", "1e-16 erg / (s cm2)"

COLUMNS: Mapping[str, Entry] = {
    "abundance": Entry("12 + log(O/H), or what a limit on a line bounds it by; see limit", "dex"),
    "aperture": Entry("Aperture: integrated, or an annulus, A the innermost"),
    "a_v": Entry("Attenuation A_V of the gas", "mag"),
    "a_v_err": Entry("Standard error of A_V", "mag"),
    "a_v_err_high": Entry("Error of A_V upwards, by bootstrap over galaxies", "mag"),
    "a_v_err_low": Entry("Error of A_V downwards, by bootstrap over galaxies", "mag"),
    "band": Entry("Spectrograph band that the line was measured in"),
    "beyond_turnover": Entry(
        "Fraction of draws whose ratio is larger than a two-valued relation reaches"
    ),
    "branch": Entry("Side of a two-valued relation that is used: upper or lower metallicity"),
    "branch_check": Entry("Whether the nitrogen lines agree with it: right, wrong or unknown"),
    "calibration_scatter": Entry(
        "Scatter of galaxies about the calibration, not part of the errors", "dex"
    ),
    "calibrations.branch": Entry("Sides of a relation with two abundances for one ratio"),
    "calibrations.source": Entry("Publication of the calibration"),
    "class_at_redshift": Entry("Class in the BPT diagram by the curve at the galaxy's redshift"),
    "class_local": Entry("Class in the BPT diagram by the curves of local galaxies"),
    "class_mass_excitation": Entry("Class by stellar mass and [O III]/H-beta"),
    "coverage": Entry("Fraction of the aperture's area on spaxels with data in the line's band"),
    "curve_at_redshift": Entry("Source of the curve at the galaxy's redshift"),
    "curves": Entry("Source of the demarcation curves, and the redshift that they hold for"),
    "curves_local": Entry("Source of the curves of local galaxies"),
    "diagnostic": Entry("Strong-line diagnostic of 12 + log(O/H); see kurvs calibrations"),
    "drawn_fraction": Entry("Fraction of the draws of the noise that have a gradient at all"),
    "err_high": Entry("Error upwards, to the end of the 68 per cent interval", "dex"),
    "err_low": Entry("Error downwards, to the end of the 68 per cent interval", "dex"),
    "estimator": Entry("How the gradient was found: slope, slope_fgrad, forward or forward_prior"),
    "extrapolated": Entry("Whether the value is outside the range of the calibration"),
    "f_grad": Entry("Factor that corrects the slope for beam smearing: intrinsic over observed"),
    "f_grad_reference_gradient": Entry("Gradient that f_grad is worked out for", _GRADIENT),
    "flag": Entry("What makes the row doubtful, joined by +; kurvs explain FLAG says more"),
    "flux": Entry("Flux of the line from the fit, detected or not", _LINE_FLUX),
    "flux_err": Entry("Standard error of the flux", _LINE_FLUX),
    "flux_err_noise": Entry("Error of the flux from the noise alone", _LINE_FLUX),
    "galaxy": Entry("Name of the galaxy"),
    "gradient": Entry("Metallicity gradient in the plane of the disk", _GRADIENT),
    "gradient_err": Entry("Half the width of its 68 per cent interval", _GRADIENT),
    "gradient_high": Entry("Upper end of its 68 per cent interval", _GRADIENT),
    "gradient_low": Entry("Lower end of its 68 per cent interval", _GRADIENT),
    "halpha_flux": Entry("Flux of H-alpha that the spectrum is divided by", _LINE_FLUX),
    "halpha_snr": Entry("S/N of H-alpha"),
    "highest": Entry("12 + log(O/H) up to which the calibration is used", "dex"),
    "kinematics": Entry("Where velocity and width are from: free, or fixed to a brighter line"),
    "kurvs_id": Entry("Number of the galaxy in Li et al. (2025)"),
    "limit": Entry(
        "Which way the value is bounded: upper, lower, none (no value), or empty for a measurement"
    ),
    "line": Entry("Emission line"),
    "line_coverage": Entry("Fraction of the channels within 4 sigma of the line that were used"),
    "lines": Entry("Emission lines that are needed"),
    "log_nii_halpha": Entry("Log [N II]6584/H-alpha", "dex"),
    "log_nii_halpha_err_high": Entry("Its error upwards", "dex"),
    "log_nii_halpha_err_low": Entry("Its error downwards", "dex"),
    "log_nii_halpha_limit": Entry("Which way it is bounded, as limit"),
    "log_oiii_hbeta": Entry("Log [O III]5007/H-beta", "dex"),
    "log_oiii_hbeta_err_high": Entry("Its error upwards", "dex"),
    "log_oiii_hbeta_err_low": Entry("Its error downwards", "dex"),
    "log_oiii_hbeta_limit": Entry("Which way it is bounded, as limit"),
    "log_stellar_mass": Entry("Log of the stellar mass in solar masses", "dex"),
    "log_stellar_mass_err": Entry("Its standard error", "dex"),
    "log_u": Entry("Log of the ionisation parameter U", "dex"),
    "lower_limit": Entry("Lower limit of A_V where source is lower_limit", "mag"),
    "lowest": Entry("12 + log(O/H) from which on the calibration is used", "dex"),
    "n_bins": Entry("Number of annuli that the gradient is from"),
    "note": Entry("What else is known of the calibration"),
    "p_agn": Entry("Probability of an active nucleus, by draws of the noise"),
    "p_agn_at_redshift": Entry("The same by the curve at the galaxy's redshift"),
    "p_composite": Entry("Probability of lying between the curves, by draws of the noise"),
    "p_intermediate": Entry("Probability of lying between the curves, by draws of the noise"),
    "p_star_forming": Entry("Probability of star formation alone, by draws of the noise"),
    "ratio": Entry("Line ratio that the calibration is for"),
    "redshift": Entry("Redshift, as measured"),
    "redshift_err": Entry("Its standard error; NaN where the redshift is the one given"),
    "reduced_chi2": Entry("Reduced chi squared of the fit of the band"),
    "relation": Entry("Relation that was used"),
    "sigma": Entry("Velocity dispersion of the line, without instrument", "km / s"),
    "sigma_kms": Entry("Velocity dispersion of the line, without instrument", "km / s"),
    "snr": Entry("Flux over its error"),
    "source": Entry(
        "Where A_V is from: balmer (H-alpha/H-beta), stated (by the user), the survey's stack, "
        "lower_limit, negative_hbeta, doubtful_redshift, or none"
    ),
    "statistical_flux": Entry("Sum of the flux over the line, whatever its shape", _LINE_FLUX),
    "statistical_flux_err": Entry("Standard error of the sum", _LINE_FLUX),
    "upper_limit": Entry("4-sigma limit where S/N is below 4", _LINE_FLUX),
    "used": Entry("Whether the galaxy is in the stack"),
    "velocity": Entry("Velocity of the line relative to the redshift", "km / s"),
    "velocity_kms": Entry("Velocity of the line relative to the redshift", "km / s"),
    "weight": Entry("Weight of the galaxy in the stack"),
}
"""Columns of the tables that measurements write; ``table.column`` where a table uses a name
otherwise. Line fluxes have the unit of the cube where that is another."""


def meaning_of(column: str, table: str, columns: Mapping[str, Entry] = COLUMNS) -> Entry | None:
    """Return what a column of a table holds, or None where it is not known."""
    return columns.get(f"{table}.{column}", columns.get(column))


def described(table: Table, name: str, columns: Mapping[str, Entry] = COLUMNS) -> Table:
    """Return a copy of a table whose columns say what they hold.

    Parameters
    ----------
    name : str
        Name of the table, as ``gradients``.
    columns : mapping of str to Entry
        What is known; columns that say already what they hold keep that.
    """
    told = table.copy()
    for column in told.colnames:
        entry = meaning_of(column, name, columns)
        if entry is not None and not told[column].info.description:
            told[column].info.description = entry.meaning
    return told
