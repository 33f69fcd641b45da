"""The numbers that are kept of one galaxy of one twin."""

import numpy as np
import xarray as xr

from experiments.survey.measurement import (
    BinnedGalaxy,
    corrected_slope,
    forward_of,
    integrated_abundance,
    measure_binnings,
    survey_draws,
)
from experiments.survey.procedure import survey_fluxes
from experiments.survey.twin import DEFINITIONS, SCHEMES, TwinGalaxy, schemes, survey_noise
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.fluxes.measured import MeasuredLines
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.kinematics.located import LocatedGalaxy
from kurvs_pipeline.lines import members_of

DIAGNOSTICS = ("n2", "n2o2", "r23")
"""Diagnostics of Table 1."""

LINES = ("halpha", "nii_6584", "hbeta", "oiii_5007", "oii")
APERTURES = ("integrated", "A", "B", "C")
"""Apertures of the first scheme."""

FORWARD = ("forward", "forward_prior")

_BY_DIAGNOSTIC = ("definition", "scheme", "diagnostic")
_VARIABLES: dict[str, tuple[tuple[str, ...], type]] = {
    "kurvs_id": ((), np.int32),
    "gradient_true": ((), np.float64),
    "flux": (("definition", "aperture", "line"), np.float64),
    "flux_err": (("definition", "aperture", "line"), np.float64),
    "gradient": (_BY_DIAGNOSTIC, np.float64),
    "gradient_err": (_BY_DIAGNOSTIC, np.float64),
    "f_grad": (_BY_DIAGNOSTIC, np.float64),
    "n_bins": (_BY_DIAGNOSTIC, np.int32),
    "abundance": (("definition", "diagnostic"), np.float64),
    "abundance_err": (("definition", "diagnostic"), np.float64),
    "forward_gradient": (("estimator",), np.float64),
    "forward_gradient_err": (("estimator",), np.float64),
}
_UNITS = {
    **dict.fromkeys(("flux", "flux_err"), "1e-16 erg / (s cm2)"),
    **dict.fromkeys(("abundance", "abundance_err"), "dex"),
    **dict.fromkeys(
        ("gradient", "gradient_true", "gradient_err", "forward_gradient", "forward_gradient_err"),
        "dex / kpc",
    ),
}
_COORDINATES = {
    "definition": DEFINITIONS, "scheme": SCHEMES, "diagnostic": DIAGNOSTICS, "line": LINES,
    "aperture": APERTURES, "estimator": FORWARD,
}  # fmt: skip


def empty_numbers() -> xr.Dataset:
    """Return the numbers of a galaxy of which nothing was measured: NaN, and -1 for integers."""
    coordinates = {name: np.array(values, dtype="<U24") for name, values in _COORDINATES.items()}
    numbers = xr.Dataset(coords=coordinates)
    for name, (dims, kind) in _VARIABLES.items():
        shape = tuple(len(_COORDINATES[dim]) for dim in dims)
        unit = {"units": _UNITS[name]} if name in _UNITS else {}
        numbers[name] = (dims, np.full(shape, -1 if kind is np.int32 else np.nan, dtype=kind), unit)
    return numbers


def measure_numbers(member: TwinGalaxy) -> xr.Dataset:
    """Observe one galaxy, and return its numbers; see :func:`numbers_of`."""
    return numbers_of(member, measure_binnings(member.observe(), schemes()))


def fluxes_by_definition(member: TwinGalaxy, lines: MeasuredLines) -> dict[str, JointFluxes]:
    """Return the lines of every aperture as the pipeline and as the survey would measure them."""
    published = survey_fluxes(lines, survey_noise(member.kurvs_id))
    return {"calibrated": lines.joint, "published": published}


def numbers_of(member: TwinGalaxy, galaxy: BinnedGalaxy) -> xr.Dataset:
    """Return the numbers of one galaxy, measured in the schemes of ``SCHEMES``.

    Returns
    -------
    Dataset
        As :func:`empty_numbers`. ``gradient`` is the slope through the detected annuli times
        f_grad, ``n_bins`` how many are detected; ``forward_gradient`` is by N2 in the first
        scheme, from the pipeline's fluxes. Fluxes are in 1e-16 erg/s/cm2.
    """
    numbers = empty_numbers()
    numbers["kurvs_id"][...] = member.kurvs_id
    numbers["gradient_true"][...] = member.gradient
    for name, scheme in zip(SCHEMES, schemes(), strict=True):
        for definition, fluxes in fluxes_by_definition(member, galaxy[scheme]).items():
            draws = survey_draws(fluxes, galaxy[scheme].located, member.draws_seed)
            _set_slopes(numbers, (definition, name), draws, galaxy[scheme].located)
            if scheme == schemes()[0]:
                _set_fluxes(numbers, definition, fluxes)
                _set_abundances(numbers, definition, draws)
    for row in forward_of(galaxy[schemes()[0]], ("n2",), member.draws_seed):
        at = FORWARD.index(str(row["estimator"]))
        numbers["forward_gradient"][at] = row["gradient"]
        numbers["forward_gradient_err"][at] = row["gradient_err"]
    return numbers


def _set_fluxes(numbers: xr.Dataset, definition: str, fluxes: JointFluxes) -> None:
    at = DEFINITIONS.index(definition)
    for index, line in enumerate(LINES):
        members = members_of(line)
        numbers["flux"][at, :, index] = sum(fluxes.of_line(name) for name in members)
        numbers["flux_err"][at, :, index] = fluxes.error_of(*members)


def _set_slopes(
    numbers: xr.Dataset, at: tuple[str, str], draws: AbundanceDraws, located: LocatedGalaxy
) -> None:
    """Fill in the slopes by every diagnostic, of a definition of fluxes and a scheme."""
    place = DEFINITIONS.index(at[0]), SCHEMES.index(at[1])
    for third, diagnostic in enumerate(DIAGNOSTICS):
        found = corrected_slope(diagnostic, draws, located)
        numbers["n_bins"][*place, third] = found.slope.n_bins if found else 0
        if found:
            for name in ("gradient", "gradient_err", "f_grad"):
                numbers[name][*place, third] = getattr(found, name)


def _set_abundances(numbers: xr.Dataset, definition: str, draws: AbundanceDraws) -> None:
    for at, diagnostic in enumerate(DIAGNOSTICS):
        abundance = integrated_abundance(diagnostic, draws)
        numbers["abundance"][DEFINITIONS.index(definition), at] = abundance.value
        numbers["abundance_err"][DEFINITIONS.index(definition), at] = abundance.error
