"""The work of ``kurvs measure``: one galaxy from its cubes to tables, figures and a summary."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable, Row
from rich.console import Group
from rich.table import Table

from experiments.measuring.request import GalaxyRequest, write_galaxy
from experiments.runs.run import Run
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fitting.coverage import LINE_FLAGS
from kurvs_pipeline.fitting.outcome import line_ratio
from kurvs_pipeline.fluxes.band_fit import LEAST_LIGHT, LOST_LIGHT
from kurvs_pipeline.fluxes.joint import POOR_FIT
from kurvs_pipeline.fluxes.stellar_absorption import BalmerAbsorption
from kurvs_pipeline.gas.attenuation import SURVEY_STACK, AssumedAttenuation, a_v_in_words
from kurvs_pipeline.kinematics.redshift import DOUBTFUL_REDSHIFT
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.pipeline import Pipeline

SHOWN_DIAGNOSTICS = ("n2", "o3n2", "r23", "n2o2", "n2s2")
"""One of each ratio on the terminal; the tables have all."""

MARK = "*"
"""Beside an abundance with a flag, extrapolated, or not known to be on its side of a relation."""

A_V_SOURCES = (
    "A_V: balmer, from the aperture's own H-alpha/H-beta; stack, that of the survey's stacked "
    "galaxies (Li et al. 2025), where H-beta is not detected or the ratio is below 2.86; stated, "
    "that of --attenuation instead; none, not known; lower_limit, where H-beta is too faint for "
    "these; negative_hbeta, where it is below -4 sigma"
)


def pipeline_of(
    *,
    scheme: str = "3x0.5",
    broad_halpha: bool = False,
    balmer_absorption: tuple[float, float] | None = None,
    balmer_absorption_err: tuple[float, float] | None = None,
    centre_by: str = "halpha",
    attenuation: tuple[float, float] | None = None,
    stack_attenuation: bool = False,
    seed: int = 0,
) -> Pipeline:
    """Return the pipeline that options of the command line describe.

    Parameters
    ----------
    balmer_absorption, balmer_absorption_err : (float, float), optional
        Rest-frame equivalent widths of the stars' H-alpha and H-beta and their errors,
        Angstrom.
    centre_by : str
        ``halpha`` or ``continuum``.
    attenuation : (float, float), optional
        A_V and its error, mag, where H-beta does not give it.
    stack_attenuation : bool
        Whether to take that of the survey's stacked galaxies there at any redshift.

    Raises
    ------
    ConfigurationError
        If a value is impossible, errors are given without widths, or both attenuations are.
    """
    if balmer_absorption is None and balmer_absorption_err is not None:
        raise ConfigurationError(
            "--balmer-absorption-err is given without --balmer-absorption; expected equivalent "
            "widths such as --balmer-absorption 2 3"
        )
    return Pipeline(
        BinningScheme.parse(scheme),
        seed=seed,
        broad_halpha=broad_halpha,
        centre_by=centre_by,
        balmer_absorption=_absorption(balmer_absorption, balmer_absorption_err or (0.0, 0.0)),
        assumed_attenuation=_assumed(attenuation, of_stack=stack_attenuation),
    )


def _assumed(
    attenuation: tuple[float, float] | None, *, of_stack: bool
) -> AssumedAttenuation | None:
    if attenuation is None:
        return SURVEY_STACK if of_stack else None
    if of_stack:
        raise ConfigurationError(
            "--attenuation is given beside --stack-attenuation; expected one of them"
        )
    return AssumedAttenuation(*attenuation)


def _absorption(
    widths: tuple[float, float] | None, errors: tuple[float, float]
) -> BalmerAbsorption | None:
    if widths is None:
        return None
    for option, values in (("", widths), ("-err", errors)):
        if not all(0.0 <= value < math.inf for value in values):
            raise ConfigurationError(
                f"--balmer-absorption{option} is {values[0]:g} {values[1]:g}; expected finite "
                "Angstrom >= 0 of H-alpha and of H-beta, such as 2 3"
            )
    return BalmerAbsorption(
        halpha_angstrom=widths[0],
        hbeta_angstrom=widths[1],
        halpha_err_angstrom=errors[0],
        hbeta_err_angstrom=errors[1],
    )


def run_measure(
    cubes: Sequence[Path], stated: Mapping[str, Any], *, pipeline: Pipeline, run: Run
) -> Group:
    """Read, measure and write one galaxy; return a summary for the terminal.

    Parameters
    ----------
    stated : mapping
        Metadata, by field, that headers lack or have wrong; None for what is not stated.
    """
    request = GalaxyRequest.of(tuple(cubes), stated)
    galaxy = request.measure(pipeline)
    with run.writing() as directory:
        write_galaxy(galaxy, directory)
    tables = [_aperture_table(galaxy)]
    shown = [name for name in SHOWN_DIAGNOSTICS if name in galaxy.abundances["diagnostic"]]
    if len(shown) > 1:
        tables.append(_abundance_table(galaxy, shown))
    return Group(*_headline(galaxy), *tables, *_marks_explained(galaxy, {"n2", *shown}))


def _headline(galaxy: MeasuredGalaxy) -> list[str]:
    lines = [f"assumed: {note}" for note in galaxy.assumptions]
    redshift = f"{galaxy.metadata.redshift:.5f} ({_redshift_in_words(galaxy)})"
    lines.append(f"{galaxy.metadata.name}: z = {redshift}")
    measured = galaxy.maps.velocity_kms[galaxy.maps.measured]
    if measured.size:
        lines.append(
            f"velocity map: {measured.size} spaxels, {measured.min():+.0f} to "
            f"{measured.max():+.0f} km/s"
        )
    lines += _doubtful_lines(galaxy)
    for row in galaxy.gradients[galaxy.gradients["diagnostic"] == "n2"]:
        value = f"{row['gradient'].value:+.4f} +/- {row['gradient_err'].value:.4f} dex/kpc"
        known = math.isfinite(row["gradient"].value)
        lines.append(
            f"gradient by N2, {row['estimator']}: {value if known else 'none'} "
            f"({row['n_bins']} bins, {row['flag']})"
        )
    return [*lines, *what_to_quote(galaxy.gradients)]


def what_to_quote(gradients: QTable) -> list[str]:
    """Say what to quote where no smooth disk explains the fluxes; nothing elsewhere.

    Parameters
    ----------
    gradients : QTable
        Gradients of one galaxy.
    """
    hopeless = [
        str(row["diagnostic"])
        for row in gradients[gradients["estimator"] == "forward"]
        if np.isnan(row["gradient"]) and POOR_FIT in str(row["flag"]).split("+")
    ]
    if not hopeless:
        return []
    corrected = gradients["gradient"][gradients["estimator"] == "slope_fgrad"]
    instead = (
        "quote slope_fgrad with its interval, and say that no smooth disk fits"
        if np.isfinite(corrected).any() else "there is no gradient to quote"
    )  # fmt: skip
    note = (
        f"no gradient by forward ({', '.join(hopeless)}; {POOR_FIT}), as no smooth disk explains "
        f"the fluxes: check inclination, position angle and centre; if they are right, {instead}"
    )
    return [note]


def _redshift_in_words(galaxy: MeasuredGalaxy) -> str:
    if any(str(flag).startswith(DOUBTFUL_REDSHIFT) for flag in galaxy.fluxes["flag"]):
        return "as given: likely wrong, as a brighter line than H-alpha is elsewhere"
    if math.isnan(galaxy.redshift_err):
        return "as given: H-alpha not detected"
    return f"+/- {galaxy.redshift_err:.5f}"


def _doubtful_lines(galaxy: MeasuredGalaxy) -> list[str]:
    """Say which lines are cut or out of the ratio of their doublet, and where."""
    where: dict[tuple[str, str], list[str]] = {}
    for row in galaxy.fluxes:
        for flag in LINE_FLAGS:
            if flag in str(row["flag"]).split("+"):
                where.setdefault((flag, str(row["line"])), []).append(str(row["aperture"]))
    lost = [
        str(row["aperture"])
        for row in galaxy.fluxes
        if row["line"] == "halpha" and LOST_LIGHT in str(row["flag"]).split("+")
    ]
    said = []
    if lost:
        share = f"less than {LEAST_LIGHT:.0%} of the H-alpha of {', '.join(lost)}"
        said.append(f"lost light: {share} is on spaxels with data")
    return said + [
        f"{flag.replace('_', ' ')}: {line} in {', '.join(apertures)} (see fluxes.ecsv)"
        for (flag, line), apertures in where.items()
    ]


def _aperture_table(galaxy: MeasuredGalaxy) -> Table:
    """Lay out S/N and [N II]/H-alpha, with the error of the ratio detected or not."""
    table = Table()
    for heading in ("aperture", "arcsec", "coverage", "S/N Ha", "S/N [NII]", "[NII]/Ha",
                    "12+log(O/H) N2"):  # fmt: skip
        table.add_column(heading, justify="right")
    for aperture, coverage, ratio in zip(
        galaxy.apertures, galaxy.coverage, nii_to_halpha(galaxy), strict=True
    ):
        table.add_row(
            aperture.name, f"{aperture.inner_arcsec:g}-{aperture.outer_arcsec:g}",
            f"{coverage:.0%}", *(f"{galaxy.snr(aperture.name, line):.1f}"
                                 for line in ("halpha", "nii_6584")),
            f"{ratio[0]:.3f} +/- {ratio[1]:.3f}", _n2_abundance(galaxy, aperture.name),
        )  # fmt: skip
    return table


def _n2_abundance(galaxy: MeasuredGalaxy, aperture: str) -> str:
    """Spell the abundance by N2 or its limit; none where [N II] tells nothing or is not covered."""
    found = galaxy.abundances
    for row in found[(found["diagnostic"] == "n2") & (found["aperture"] == aperture)]:
        return _value_or_limit(row, 3) + _mark(row)
    return "none"


def _abundance_table(galaxy: MeasuredGalaxy, diagnostics: Sequence[str]) -> Table:
    """Lay out the attenuation, and the abundance by several diagnostics."""
    found = galaxy.abundances
    table = Table(title="12 + log(O/H)", caption=A_V_SOURCES)
    for heading in ("aperture", "A_V (mag)", *diagnostics):
        table.add_column(heading, justify="right")
    for row in galaxy.attenuation:
        of_aperture = found[found["aperture"] == row["aperture"]]
        values = {str(value["diagnostic"]): _spelt(value) for value in of_aperture}
        a_v = f"{a_v_in_words(row)} ({row['source']})"
        table.add_row(row["aperture"], a_v, *(values[name] for name in diagnostics))
    return table


def _spelt(row: Row) -> str:
    """Spell an abundance with its error, or its limit, and mark it where it is doubtful."""
    text = _value_or_limit(row, 2)
    if row["limit"] == "":
        text += f"±{0.5 * (row['err_low'] + row['err_high']).value:.2f}"
    return text + _mark(row)


def _mark(row: Row) -> str:
    return MARK if _doubts(row) else ""


def _doubts(row: Row) -> list[str]:
    """Return why an abundance is not to be taken as it stands: its flags, side and range."""
    doubts = {
        "wrong_side": row["branch_check"] == "wrong",
        "side_unknown": row["branch_check"] == "unknown",
        "extrapolated": bool(row["extrapolated"]),
    }
    flags = filter(None, str(row["flag"]).split("+"))
    return [*flags, *(doubt for doubt, applies in doubts.items() if applies)]


def _marks_explained(galaxy: MeasuredGalaxy, diagnostics: set[str]) -> list[str]:
    """Say what the marks beside abundances mean, and where they stand."""
    where: dict[tuple[str, str], list[str]] = {}
    for row in galaxy.abundances:
        if row["diagnostic"] in diagnostics:
            for doubt in _doubts(row):
                where.setdefault((doubt, str(row["diagnostic"])), []).append(str(row["aperture"]))
    notes = [
        f"{MARK} {doubt}: {diagnostic} in {', '.join(apertures)}"
        for (doubt, diagnostic), apertures in where.items()
    ]
    return [*notes, "* see flag, branch_check and extrapolated in abundances.ecsv"] if notes else []


def _value_or_limit(row: Row, decimals: int) -> str:
    """Spell an abundance, or what bounds it."""
    signs = {"": "", "upper": "< ", "lower": "> "}
    limit = str(row["limit"])
    return f"{signs[limit]}{row['abundance'].value:.{decimals}f}" if limit in signs else "none"


def nii_to_halpha(galaxy: MeasuredGalaxy) -> list[tuple[float, float]]:
    """Return [N II] 6584 / H-alpha with error by aperture, detected or not; NaN if not covered."""
    ratio, error = line_ratio(next(iter(galaxy.fits.values())).fits, "nii_6584", "halpha")
    return list(zip(ratio.tolist(), error.tolist(), strict=True))
