"""Tables 1 and A1 of Li et al. (2025), of a twin, for programs and for readers."""

import html
from collections.abc import Mapping, Sequence

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from experiments.survey.numbers import DIAGNOSTICS, FORWARD
from experiments.survey.observed import ObservedGalaxy, ObservedTwin
from experiments.survey.statistics import SurveyTable
from experiments.survey.twin import DEFINITIONS
from kurvs_pipeline.arrays import Array
from kurvs_sim.survey.catalogue import AIR_TO_VACUUM, kurvs_catalogue

GRADIENT = u.dex / u.kpc
NOTHING = ""
COLUMN_OF = {
    "survey": "Li et al. (2025)",
    "published": "twin, the survey's errors",
    "calibrated": "twin, calibrated errors",
}
"""What the columns of the page hold: the survey, or the twin by a definition of its errors."""

_STYLE = (
    "body{font-family:sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}"
    "td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}"
)


def table_1(twin: ObservedTwin) -> QTable:
    """Return the gradients of a twin by every diagnostic and definition, beside the published.

    Returns
    -------
    QTable
        ``kurvs_id, gradient_true``; ``gradient_DIAGNOSTIC_DEFINITION`` with ``_err`` and
        ``n_bins_``, the slope through the annuli above 4 sigma times f_grad; the forward
        estimators by N2, with ``_flag``, ``ok`` or why not to take it at its word; and
        ``gradient_DIAGNOSTIC_survey``, Table 1 of Li et al. (2025). NaN where there is none.
    """
    numbers, survey = twin.numbers.isel(scheme=0), SurveyTable.published()
    order = list(kurvs_catalogue())
    place = [order.index(galaxy.kurvs_id) for galaxy in twin.galaxies]
    table = QTable({"kurvs_id": [galaxy.kurvs_id for galaxy in twin.galaxies]})
    table["gradient_true"] = numbers["gradient_true"].to_numpy() * GRADIENT
    for definition in DEFINITIONS:
        for name in DIAGNOSTICS:
            here = numbers.sel(definition=definition, diagnostic=name)
            column = f"gradient_{name}_{definition}"
            table[column] = here["gradient"].to_numpy() * GRADIENT
            table[f"{column}_err"] = here["gradient_err"].to_numpy() * GRADIENT
            table[f"n_bins_{name}_{definition}"] = here["n_bins"].to_numpy()
    for name in FORWARD:
        here = numbers.sel(estimator=name)
        table[f"gradient_n2_{name}"] = here["forward_gradient"].to_numpy() * GRADIENT
        table[f"gradient_n2_{name}_err"] = here["forward_gradient_err"].to_numpy() * GRADIENT
        table[f"gradient_n2_{name}_flag"] = [_flag(g, name) for g in twin.galaxies]
    for name in DIAGNOSTICS:
        table[f"gradient_{name}_survey"] = survey.gradient[name][place] * GRADIENT
        table[f"gradient_{name}_survey_err"] = survey.gradient_err[name][place] * GRADIENT
    return table


def table_a1(twin: ObservedTwin) -> QTable:
    """Return the properties of the galaxies of a twin as Table A1 has them.

    Returns
    -------
    QTable
        ``kurvs_id, name, ra, dec, redshift_survey, redshift, redshift_err, log_stellar_mass,
        star_formation_rate, position_angle, inclination, effective_radius``. The redshift is
        measured, in vacuum, and brought to the survey's air scale; all else the twin takes over.
    """
    metadata = [galaxy.results.metadata for galaxy in twin.galaxies]
    entries = [galaxy.entry for galaxy in twin.galaxies]
    vacuum = np.array([m.redshift for m in metadata])
    return QTable({
        "kurvs_id": [entry.kurvs_id for entry in entries],
        "name": [entry.target for entry in entries],
        "ra": np.array([m.ra_deg for m in metadata]) * u.deg,
        "dec": np.array([m.dec_deg for m in metadata]) * u.deg,
        "redshift_survey": [entry.published_redshift for entry in entries],
        "redshift": (1.0 + vacuum) * AIR_TO_VACUUM - 1.0,
        "redshift_err": [galaxy.results.redshift_err for galaxy in twin.galaxies],
        "log_stellar_mass": [entry.log_stellar_mass for entry in entries] * u.dex,
        "star_formation_rate": [entry.star_formation_rate for entry in entries]
        * (u.Msun / u.yr),
        "position_angle": np.array([m.position_angle_deg for m in metadata]) * u.deg,
        "inclination": np.array([m.inclination_deg for m in metadata]) * u.deg,
        "effective_radius": np.array([m.effective_radius_arcsec for m in metadata]) * u.arcsec,
    })  # fmt: skip


def page(twin: ObservedTwin, summary: Mapping[str, Mapping[str, float]]) -> str:
    """Return both tables and a summary, numbers by row and column, as one HTML page."""
    columns = list(dict.fromkeys(name for row in summary.values() for name in row))
    parts = [
        "<h1>A twin of the KURVS survey</h1>",
        "<p>Mocks, set beside Li et al. (2025), MNRAS 544, 4025.</p>",
        _html_table(
            "What the survey reports, and this twin",
            ["", *(COLUMN_OF[column] for column in columns)],
            [
                [name, *(_plain(row.get(c, np.nan)) for c in columns)]
                for name, row in summary.items()
            ],
        ),
        "<p>A_V of a stack is left out where its H-beta is below 4 sigma.</p>",
        _html_table("Table 1: gradients (0.001 dex/kpc)", *_rows_of_table_1(twin)),
        "<p>In brackets: flagged, not to be taken at its word (table-1.ecsv says why).</p>",
        _html_table("Table A1", *_rows_of_table_a1(twin)),
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Survey twin</title>'
        f"<style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _rows_of_table_1(twin: ObservedTwin) -> tuple[list[str], list[list[str]]]:
    table = table_1(twin)
    headings = ["KURVS", "true"]
    cells = [[str(i) for i in table["kurvs_id"]], _thousandths(table["gradient_true"].value)]
    for definition in DEFINITIONS:
        for name in ("n2o2", "r23", "n2"):
            headings.append(f"{name.upper()}, {COLUMN_OF[definition]}")
            cells.append(_pair(table, f"gradient_{name}_{definition}"))
    headings += ["N2, twin, forward", "N2, Li et al. (2025)"]
    forward = _pair(table, "gradient_n2_forward")
    cells.append(bracketed(forward, table["gradient_n2_forward_flag"]))
    cells.append(_pair(table, "gradient_n2_survey"))
    return headings, [list(row) for row in zip(*cells, strict=True)]


def bracketed(cells: Sequence[str], flags: Sequence[str]) -> list[str]:
    """Return cells in brackets where their flag is not ``ok``; empty ones as they are."""
    return [
        f"({cell})" if cell and flag != "ok" else cell
        for cell, flag in zip(cells, flags, strict=True)
    ]


def _flag(galaxy: ObservedGalaxy, estimator: str) -> str:
    """Return the flag of a gradient by N2."""
    gradients = galaxy.results.gradients
    here = (gradients["diagnostic"] == "n2") & (gradients["estimator"] == estimator)
    return ",".join(str(flag) for flag in gradients["flag"][here])


def _rows_of_table_a1(twin: ObservedTwin) -> tuple[list[str], list[list[str]]]:
    table = table_a1(twin)
    places = SkyCoord(table["ra"], table["dec"])
    headings = ["KURVS", "name", "RA", "Dec", "z (Ha)", "z of survey", "log M", "SFR", "PA (deg)",
                "incl. (deg)", "Re (arcsec)"]  # fmt: skip
    return headings, [
        [
            str(row["kurvs_id"]), row["name"],
            place.ra.to_string("hourangle", sep=":", precision=2, pad=True),
            place.dec.to_string("deg", sep=":", precision=2, pad=True, alwayssign=True),
            f"{row['redshift']:.4f}", f"{row['redshift_survey']:.4f}",
            f"{row['log_stellar_mass'].value:.2f}", f"{row['star_formation_rate'].value:.0f}",
            f"{row['position_angle'].value:.0f}", f"{row['inclination'].value:.0f}",
            f"{row['effective_radius'].value:.2f}",
        ]
        for row, place in zip(table, places, strict=True)
    ]  # fmt: skip


def _pair(table: QTable, column: str) -> list[str]:
    value, error = table[column].value, table[f"{column}_err"].value
    return [
        f"{v} ± {e}" if v else NOTHING
        for v, e in zip(_thousandths(value), _thousandths(error), strict=True)
    ]


def _thousandths(values: Array) -> list[str]:
    return [f"{1e3 * value:.0f}" if np.isfinite(value) else NOTHING for value in values]


def _plain(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else NOTHING


def _html_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(f"<{tag}>{html.escape(value)}</{tag}>" for value in values)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<h2>{html.escape(title)}</h2><table><tr>{cells('th', headings)}</tr>{body}</table>"
