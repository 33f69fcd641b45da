"""What the dust correction of the annuli does to published gradients by N2O2.

    python -m experiments.studies.published.annular_dust docs

The survey's text gives A_V of stacked annuli; its public procedure takes the same numbers as colour
excesses, E(B-V). This undoes the difference in the annuli of Fig. 6, and shows what the procedure
makes of galaxies without a gradient. Writes ``published-n2o2.ecsv`` and ``n2o2-of-dust.ecsv``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from astropy import units as u
from astropy.table import QTable

from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal, run_alone
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.dust import R_V, transmitted_fraction
from kurvs_pipeline.gas.attenuation import STACKED_ANNULI
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration
from kurvs_pipeline.lines import OII_PAIR, REST_WAVELENGTH_UM
from kurvs_sim.survey.annuli import AnnularAbundance, annular_abundances
from kurvs_sim.survey.catalogue import kurvs_catalogue

A_V_OF_ANNULUS = dict(zip("ABC", (value for value, _ in STACKED_ANNULI), strict=True))

RADII_KPC = np.array([2.16, 6.48, 10.80])
"""Middles of annuli of 0.5 arcsec at the survey's redshifts, as in Fig. 6."""

ABUNDANCES = (8.6, 8.7, 8.8, 8.9, 9.0)

_N2O2 = InverseCalibration(DIAGNOSTICS["n2o2"])


def log_ratio_of_excess(annuli: Sequence[str]) -> Array:
    """Return how much log([N II]/[O II]) falls if A_V is taken as E(B-V), shape (n_annuli,).

    Both are corrections for dust: the wrong one is that of an attenuation R_V times as large.
    """
    a_v = np.array([A_V_OF_ANNULUS[annulus] for annulus in annuli])
    oii_um = float(np.mean([REST_WAVELENGTH_UM[line] for line in OII_PAIR]))
    through = [
        transmitted_fraction(wavelength, (R_V - 1.0) * a_v)
        for wavelength in (REST_WAVELENGTH_UM["nii_6584"], oii_um)
    ]
    return np.asarray(np.log10(through[0] / through[1]))


def of_dust_alone() -> QTable:
    """Return the N2O2 slopes that the procedure finds in galaxies that have none.

    Returns
    -------
    QTable
        ``abundance, three_annuli, two_annuli``: 12 + log(O/H) at all radii, and slopes through the
        annuli A, B and C, and A and B, before correction for the seeing.
    """
    rows = []
    for abundance in ABUNDANCES:
        ratio = _N2O2.log_ratio(np.array([abundance]))[0] - log_ratio_of_excess("ABC")
        found = DIAGNOSTICS["n2o2"].oxygen_abundance(ratio)
        rows.append((abundance, _slope(RADII_KPC, found), _slope(RADII_KPC[:2], found[:2])))
    table = QTable(rows=rows, names=("abundance", "three_annuli", "two_annuli"))
    for name in ("three_annuli", "two_annuli"):
        table[name] = table[name] * (u.dex / u.kpc)
    return table


def published_with_a_v() -> QTable:
    """Return the published N2O2 gradients, and what they are with the stack's A_V as its A_V.

    The published factor for beam smearing stays. An annulus with a Balmer decrement of its own does
    not use the stack; the figure does not say which, and few have one.

    Returns
    -------
    QTable
        ``kurvs_id, annuli, slope, slope_a_v, published, published_a_v``, dex/kpc; the last is NaN
        where the slope is too near to 0 to tell the factor.
    """
    by_galaxy: dict[int, list[AnnularAbundance]] = {}
    for one in annular_abundances():
        if one.diagnostic == "n2o2" and not one.limit:
            by_galaxy.setdefault(one.kurvs_id, []).append(one)
    rows = [_row(number, annuli) for number, annuli in by_galaxy.items() if len(annuli) > 1]
    table = QTable(rows=rows)
    for name in ("slope", "slope_a_v", "published", "published_a_v"):
        table[name] = table[name] * (u.dex / u.kpc)
    return table


SMALLEST_SLOPE = 0.001
"""dex/kpc: Table 1 is rounded to this, and a factor from a smaller slope means nothing."""


def _row(number: int, annuli: Sequence[AnnularAbundance]) -> dict[str, object]:
    radius = np.array([one.radius_kpc for one in annuli])
    found = np.array([one.abundance for one in annuli])
    ratio = _N2O2.log_ratio(found)[0] + log_ratio_of_excess([one.annulus for one in annuli])
    before, after = (
        _slope(radius, found),
        _slope(radius, DIAGNOSTICS["n2o2"].oxygen_abundance(ratio)),
    )
    gradients = {name: value for name, value, _ in kurvs_catalogue()[number].gradients}
    factor = gradients["n2o2"] / before if abs(before) > SMALLEST_SLOPE else float("nan")
    return {
        "kurvs_id": number, "annuli": "".join(one.annulus for one in annuli), "slope": before,
        "slope_a_v": after, "published": gradients["n2o2"], "published_a_v": factor * after,
    }  # fmt: skip


def _slope(radius_kpc: Array, abundance: Array) -> float:
    return float(np.polyfit(radius_kpc, abundance, 1)[0])


def main(
    docs: Annotated[Path, typer.Argument(metavar="DOCS", help="Tables go there.")],
) -> None:
    """Write what the dust correction of annuli does to N2O2."""
    terminal = Terminal()
    tables = {"n2o2-of-dust": of_dust_alone(), "published-n2o2": published_with_a_v()}
    for name, table in tables.items():
        for column in table.itercols():
            if column.dtype.kind == "f":
                column.info.format = ".3g"
        write_table(table, docs / f"{name}.ecsv",
                    command="python -m experiments.studies.published.annular_dust")  # fmt: skip
        terminal.show("\n".join(table.pformat(max_lines=-1, max_width=-1)))


if __name__ == "__main__":
    run_alone(main)
