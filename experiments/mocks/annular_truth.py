"""The gradient that annuli would measure without noise or seeing: the effect of binning alone."""

import numpy as np
from scipy.integrate import quad

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.gradients.slope import weighted_slope
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.galaxy.galaxy import Galaxy


def annular_gradient(galaxy: Galaxy, scheme: BinningScheme, *, diagnostic: str = "n2") -> float:
    """Return the slope through the exact line fluxes of the annuli, dex/kpc.

    Light is brighter and, with a gradient, richer in metals on one side of an annulus: the slope
    through annuli placed at their middles is not the intrinsic one even with perfect data. The
    profiles of the exponential disk, its abundance and its dust are integrated along the radius,
    without a pixel grid. Only diagnostics of [N II]/H-alpha are possible.
    """
    halpha, nii = annular_fluxes(galaxy, scheme)
    abundance = DIAGNOSTICS[diagnostic].from_fluxes({"nii_6584": nii, "halpha": halpha})
    middles = np.array(
        [annulus.middle_arcsec for annulus in scheme.annuli(galaxy.effective_radius_arcsec)]
    )
    return weighted_slope(
        middles * galaxy.kpc_per_arcsec, abundance, np.ones(len(middles))
    ).gradient


def annular_fluxes(galaxy: Galaxy, scheme: BinningScheme) -> tuple[Array, Array]:
    """Return H-alpha and [N II] 6584 of every annulus, in the same arbitrary unit."""
    scale_arcsec = galaxy.scale_length_arcsec
    survey_n2 = DIAGNOSTICS["n2"].oxygen_abundance(np.array([0.0, 1.0]))

    def brightness(radius_arcsec: float, line: str) -> float:
        radius_kpc = np.array(radius_arcsec * galaxy.kpc_per_arcsec)
        # H-alpha is exponential as it leaves the dust; [N II] differs by its own dust.
        halpha = radius_arcsec * np.exp(-radius_arcsec / scale_arcsec)
        if line == "halpha":
            return float(halpha)
        log_n2 = (galaxy.oxygen_abundance(radius_kpc) - survey_n2[0]) / np.diff(survey_n2)
        nii, ha = (
            transmitted_fraction(REST_WAVELENGTH_UM[name], galaxy.a_v(radius_kpc))
            for name in (line, "halpha")
        )
        return float(halpha * 10.0 ** log_n2[0] * nii / ha)

    fluxes = [
        [
            quad(brightness, a.inner_arcsec, a.outer_arcsec, args=(line,))[0]
            for a in scheme.annuli(galaxy.effective_radius_arcsec)
        ]
        for line in ("halpha", "nii_6584")
    ]
    return np.array(fluxes[0]), np.array(fluxes[1])
