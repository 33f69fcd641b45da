"""Integrated abundances of the survey's own spectra beside those in its tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable, Table, vstack

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.binning import INTEGRATED, Aperture
from kurvs_pipeline.dust import R_V
from kurvs_pipeline.extracted.fluxes import fit_spectra, read_redshifts, read_spectra_table
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.attenuation import (
    STACKED_INTEGRATED,
    Attenuation,
    attenuation_of,
    balmer_a_v,
)
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gas.quantities import dust_free, needed_a_v, parts_of
from kurvs_pipeline.io.tables import read_table
from kurvs_pipeline.lines import DETECTION_SNR, OII_PAIR
from kurvs_pipeline.robust import MAD_TO_SIGMA

PUBLISHED_COLUMN = {"n2": "B18N2", "o3n2": "B18O3N2", "r23": "M08R23", "n2o2": "K19N2O2"}
"""Diagnostics in the survey's tables of integrated abundances."""

PUBLISHED_LINE = {
    "oii": "oii_3727", "hbeta": "hbeta", "oiii_5007": "oiii_5007", "halpha": "halpha",
    "nii_6584": "nii_6584",
}  # fmt: skip
"""Lines in the survey's table of integrated fluxes."""

LEAST_ROUNDED_FLUX = 0.05
"""Public fluxes are rounded to 0.01, and fainter ones say little of their errors."""

STACK_A_V = {"text": STACKED_INTEGRATED[0], "tables": STACKED_INTEGRATED[0] * R_V}
"""What the survey takes for galaxies without H-beta: its text has 0.38 mag as A_V, its tables
come out with 0.38 as E(B-V)."""


@dataclass(frozen=True)
class IntegratedComparison:
    """What the survey's integrated spectra tell us, and what they told the survey.

    Parameters
    ----------
    values : Table
        One row a galaxy, diagnostic and attenuation, see :func:`compare_integrated`.
    summary : Table
        One row a diagnostic and attenuation.
    lines : Table
        One row a line: by how much our errors exceed the survey's.
    """

    values: Table
    summary: Table
    lines: Table


def compare_integrated(shared: Path) -> IntegratedComparison:
    """Measure integrated abundances and set them beside the published ones.

    Parameters
    ----------
    shared : Path
        Holds ``real`` and ``reference/output``.

    Returns
    -------
    IntegratedComparison
        ``values`` has ``kurvs_id, diagnostic, attenuation, value, err, published,
        published_err, weakest_line, weakest_snr, detected``: abundances whatever the
        signal-to-noise ratio, NaN where a line is not positive, and whether all lines are
        above 4 sigma. ``attenuation`` is ``own`` as the pipeline has it; ``text`` and
        ``tables`` have the survey's Balmer decrement, else its stack's 0.38 as A_V or E(B-V).

    Raises
    ------
    CubeFormatError
        If a table is missing.
    """
    catalogue = shared / "real" / "integrated_fluxes.csv"
    spectra = read_spectra_table(shared / "real" / "integrated_spectra.csv")
    fits = fit_spectra(spectra, medium="air", redshifts=read_redshifts(catalogue, spectra)).table
    galaxies = read_table(catalogue)
    published = {str(row["name"]): row for row in _both_fields(shared)}
    rows: list[dict[str, Any]] = []
    for galaxy in galaxies:
        lines = fits[fits["kurvs_id"] == galaxy["kurvs_id"]]
        fluxes = joint_fluxes(lines)
        for attenuation in ("own", *STACK_A_V):
            drawn = AbundanceDraws.of(
                fluxes, _attenuation(fluxes, galaxy, attenuation), np.random.default_rng(1)
            )
            identity = {"kurvs_id": int(galaxy["kurvs_id"]), "attenuation": attenuation}
            rows += [identity | row for row in _values(drawn, published[str(galaxy["name"])])]
    values, lines = Table(rows=rows), _compare_lines(fits, galaxies)
    in_tables = {
        name: int(sum(np.isfinite(_number(row[column])) for row in published.values()))
        for name, column in PUBLISHED_COLUMN.items()
    }
    return IntegratedComparison(values, _summary(values, lines, in_tables), lines)


def joint_fluxes(lines: QTable) -> JointFluxes:
    """Join the fluxes of a galaxy's bands, as a table of fitted spectra has them.

    Parameters
    ----------
    lines : QTable
        Rows of one galaxy, from ``SpectraFits.table``. Errors are taken as independent; the
        lines of [O II], which are not, have half of the variance of their sum each.

    Returns
    -------
    JointFluxes
    """
    flux: dict[str, float] = {}
    variance: dict[str, float] = {}
    for row in lines:
        name, error = str(row["line"]), float(row["flux_err"].value)
        if name not in variance or error**2 < variance[name] or np.isnan(variance[name]):
            flux[name], variance[name] = float(row["flux"].value), error**2
    if "oii" in variance:
        half = 0.5 * variance.pop("oii")
        variance |= dict.fromkeys(OII_PAIR, half)
        del flux["oii"]
    names = tuple(variance)
    return JointFluxes(
        (INTEGRATED,),
        names,
        np.array([[flux[name] for name in names]]),
        np.diag([variance[name] for name in names])[None],
    )


def _both_fields(shared: Path) -> Table:
    directory = shared / "reference" / "output"
    return vstack(
        [read_table(directory / f"{field}_integ_met.csv") for field in ("cosmos", "cdfs")]
    )


def _number(value: object) -> float:
    return float("nan") if value is np.ma.masked else float(str(value))


def _attenuation(fluxes: JointFluxes, galaxy: Table.Row, kind: str) -> Attenuation:
    """Return the attenuation that the pipeline or the survey would take."""
    if kind == "own":
        return attenuation_of(fluxes, [Aperture(INTEGRATED, 0.0, 1.0)])
    a_v = STACK_A_V[kind]
    if galaxy["sn_hbeta"] > DETECTION_SNR:
        halpha, hbeta = np.array([galaxy["halpha"]]), np.array([galaxy["hbeta"]])
        own = float(balmer_a_v(halpha, hbeta)[0])
        a_v = own if own > 0.0 else a_v
    return Attenuation(np.array([a_v]), np.array([STACKED_INTEGRATED[1]]), np.array(["stack"]))


def _values(drawn: AbundanceDraws, published: Table.Row) -> Iterable[dict[str, Any]]:
    """Yield one galaxy's abundances by every diagnostic."""
    fluxes = drawn.fluxes
    observed = {name: fluxes.of_line(name) for name in fluxes.names}
    for name, column in PUBLISHED_COLUMN.items():
        diagnostic = DIAGNOSTICS[name]
        value, err, line, snr = float("nan"), float("nan"), "", float("nan")
        if set(diagnostic.lines) <= set(fluxes.names):
            free = dust_free(observed, needed_a_v(diagnostic, drawn.attenuation.a_v))
            value = float(diagnostic.from_fluxes(free)[0])
            abundance = drawn.of_diagnostic(diagnostic)
            err = 0.5 * float(abundance.high[0] - abundance.low[0])
            line, snr = min(_snr(fluxes, parts_of(diagnostic)).items(), key=lambda item: item[1])
        yield {
            "diagnostic": name, "value": value, "err": err if np.isfinite(value) else np.nan,
            "published": _number(published[column]),
            "published_err": _number(published[f"e_{column}"]),
            "weakest_line": line, "weakest_snr": snr,
            "detected": bool(snr > DETECTION_SNR and np.isfinite(value)),
        }  # fmt: skip


def _snr(fluxes: JointFluxes, parts: Sequence[tuple[str, ...]]) -> dict[str, float]:
    """Return the signal-to-noise ratio of each line, of pairs by their sum."""
    ratios = {
        "oii" if len(lines) > 1 else lines[0]: float(
            np.sum([fluxes.of_line(name)[0] for name in lines]) / fluxes.error_of(*lines)[0]
        )
        for lines in parts
    }
    return {name: -np.inf if np.isnan(ratio) else ratio for name, ratio in ratios.items()}


def _compare_lines(fits: QTable, galaxies: Table) -> Table:
    """Return by how much our errors exceed the survey's, line by line."""
    rows = []
    for line, column in PUBLISHED_LINE.items():
        measured = {row["kurvs_id"]: row for row in fits[fits["line"] == line]}
        flux, error = [], []
        for galaxy in galaxies:
            ours, theirs = measured.get(galaxy["kurvs_id"]), float(galaxy[column])
            snr = float(galaxy[f"sn_{column}"])
            if ours is None or theirs < LEAST_ROUNDED_FLUX or snr <= DETECTION_SNR:
                continue
            flux.append(ours["flux"].value / theirs)
            error.append(ours["flux_err"].value * snr / theirs)
        kept = np.isfinite(flux)
        low, median, high = np.percentile(np.array(error)[kept], (16, 50, 84))
        rows.append({
            "line": line, "n_galaxies": int(kept.sum()),
            "median_flux_ratio": round(float(np.median(np.array(flux)[kept])), 3),
            "error_ratio": round(float(median), 2), "error_ratio_16": round(float(low), 2),
            "error_ratio_84": round(float(high), 2),
        })  # fmt: skip
    return Table(rows=rows)


def _summary(values: Table, lines: Table, in_tables: Mapping[str, int]) -> Table:
    """Return the statistics of each diagnostic with each attenuation."""
    error_ratio = {str(row["line"]): float(row["error_ratio"]) for row in lines}
    rows = []
    for attenuation in ("own", *STACK_A_V):
        for name in PUBLISHED_COLUMN:
            here = values[(values["attenuation"] == attenuation) & (values["diagnostic"] == name)]
            measured = here[np.isfinite(here["value"])]
            ratio = np.array([error_ratio[str(line)] for line in measured["weakest_line"]])
            also = measured["weakest_snr"] * ratio > DETECTION_SNR
            rows.append({
                "attenuation": attenuation, "diagnostic": name, "n_tables": in_tables[name],
                "n_published": int(np.isfinite(here["published"]).sum()),
                "n_ours": int(here["detected"].sum()),
                "n_with_their_errors": int(also.sum()),
                "n_of_these_published": int(np.isfinite(measured["published"][also]).sum()),
                **_differences(here[here["detected"]], ""),
                **_differences(here, "_any_snr"),
            })  # fmt: skip
    return Table(rows=rows)


def _differences(rows: Table, suffix: str) -> dict[str, float]:
    """Return median, scatter and expected scatter of ours minus published."""
    both = np.isfinite(rows["value"]) & np.isfinite(rows["published"])
    rows = rows[both]
    result = dict.fromkeys(("median", "scatter", "expected", "chi"), float("nan"))
    if len(rows):
        difference = np.asarray(rows["value"] - rows["published"])
        expected = np.hypot(rows["err"], np.nan_to_num(rows["published_err"]))
        median = float(np.median(difference))
        result["median"] = median
        if len(rows) > 2:
            result["scatter"] = float(MAD_TO_SIGMA * np.median(np.abs(difference - median)))
        result["expected"] = float(np.median(expected))
        result["chi"] = float(np.sqrt(np.mean((difference / expected) ** 2)))
    rounded = {f"{name}{suffix}": round(value, 3) for name, value in result.items()}
    return {f"n_both{suffix}": len(rows)} | rounded
