"""The report of a recovery as one self-contained HTML page."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable
from matplotlib.figure import Figure

from experiments.recovery.figure import recovery_figure
from experiments.recovery.trust_figure import trust_figure
from experiments.runs.run import Run
from experiments.statistics.estimator_figure import TITLES
from experiments.statistics.trust import (
    FACTORS,
    LARGEST_BIAS,
    RULES,
    SIGNIFICANT,
    STANDARD_ERRORS,
    Judgement,
    Trust,
    factors_of,
    judged_by,
)
from kurvs_pipeline.errors import ResultsError
from kurvs_pipeline.provenance import software_version

TABLE = "recovery.ecsv"
NEEDED = ("galaxy", "realisation", "gradient_true", "diagnostic", "estimator", "gradient",
          "gradient_err", "snr_halpha")  # fmt: skip

GRADIENTS = ("gradient_true", "gradient", "gradient_err")
PER_KPC = u.dex / u.kpc

ESTIMATORS = {
    "slope": "a line through the detected annuli, not corrected for seeing",
    "slope_fgrad": "the same, times f_grad",
    "forward": "a disk fitted to the fluxes of all annuli through the seeing",
    "forward_prior": "the same with the population as prior: for one galaxy, not for averages",
}

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; width: 100%; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2), th:last-child, td:last-child
     { text-align: left; }
td:nth-child(n+3):not(:last-child) { white-space: nowrap; }
img { max-width: 100%; height: auto; }
summary { cursor: pointer; font-weight: 600; padding: 0.3rem 0; }
.trusted { color: #00593f; } .not { color: #a33a00; font-weight: 600; } .undecided { color: #555; }
"""

HEADINGS = ("mocks", "with a gradient", "bias (dex/kpc)", "error (dex/kpc)", "inside 68 %",
            "verdict")  # fmt: skip


def read_recovery(folder: Path) -> QTable:
    """Read the table of a recovery from a folder that ``kurvs recover`` wrote.

    Raises
    ------
    ResultsError
        If the folder holds no such table, or one that is not understood.
    """
    path = folder / TABLE
    if not path.is_file():
        raise ResultsError(
            f"{folder}: no {TABLE} there; expected a folder that kurvs recover wrote"
        )
    try:
        table = QTable.read(path, format="ascii.ecsv")
    except (ValueError, TypeError) as error:
        raise ResultsError(f"{path}: not a table in ECSV ({error}); run kurvs recover") from error
    problem = _problem(table)
    if problem:
        raise ResultsError(f"{path}: {problem}; expected the table that kurvs recover writes")
    return table


def _problem(table: QTable) -> str:
    """Say what keeps a table from being judged; nothing, if it can be."""
    missing = [name for name in NEEDED if name not in table.colnames]
    if missing or len(table) == 0:
        return f"no column {missing[0]}" if missing else "no rows"
    numbers = [name for name in (*GRADIENTS, *FACTORS) if name in table.colnames]
    for name in numbers:
        if np.asarray(table[name]).dtype.kind not in "fi":
            return f"column {name} holds no numbers"
    for name in GRADIENTS:
        if not u.Unit(table[name].unit or "").is_equivalent(PER_KPC):
            return f"column {name} is in '{table[name].unit or ''}', not in {PER_KPC}"
    if np.any(table["gradient_err"].value < 0.0):
        return f"column gradient_err holds {np.nanmin(table['gradient_err'].value):g}"
    unknown = set(table["estimator"].tolist()) - set(TITLES)
    return f"estimator '{min(unknown)}' is unknown" if unknown else ""


def run_report(folder: Path, *, run: Run) -> list[str]:
    """Judge the recovery in a folder, write ``report.html``, and return the verdicts."""
    table = read_recovery(folder)
    with run.writing() as directory:
        (directory / "report.html").write_text(page(table), encoding="utf-8")
    return [
        sentence
        for diagnostic in dict.fromkeys(table["diagnostic"].tolist())
        for sentence in verdicts(table[table["diagnostic"] == diagnostic], diagnostic)
    ]


def verdicts(table: QTable, diagnostic: str) -> list[str]:
    """Say in one sentence per estimator where it may be trusted, for the rows of one diagnostic."""
    return [
        f"{diagnostic}, {estimator}: {_verdict(rows)}" for estimator, rows in _by_estimator(table)
    ]


def _by_estimator(table: QTable) -> Iterable[tuple[str, QTable]]:
    there = set(table["estimator"].tolist())
    return [(name, table[table["estimator"] == name]) for name in TITLES if name in there]


def _verdict(rows: QTable) -> str:
    whole = Judgement.of(rows)
    reasons = whole.problems or (("errors are too large",) if whole.is_cautious else ())
    told = f"{whole.trust} over all {whole.n_mocks} mocks"
    told += f" ({', '.join(reasons)})" if reasons else ""
    apart = []
    for factor, title in factors_of(rows).items():
        judged = judged_by(rows, factor)
        bad = [label for label, judgement in judged if judgement.trust is Trust.NO]
        if bad:
            where = "any" if len(bad) == len(judged) else ", ".join(bad)
            apart.append(f"{title} of {where}")
    if apart:
        return f"{told}; not trusted at {'; '.join(apart)}."
    if whole.trust is Trust.NO and factors_of(rows):
        return f"{told}; groups of mocks are too small to say where."
    return f"{told}."


def page(table: QTable) -> str:
    """Return the whole page as HTML without references to anything outside."""
    diagnostics = list(dict.fromkeys(table["diagnostic"].tolist()))
    n_mocks = len(set(zip(table["galaxy"], table["realisation"], strict=True)))
    parts = [
        "<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<title>Where gradients may be trusted</title>", f"<style>{STYLE}</style></head><body>",
        "<h1>Where gradients may be trusted</h1>",
        (f"<p>{n_mocks} simulated galaxies of known metallicity gradient, measured by kurvs "
        f"{escape(software_version())}.</p>"),
        _table("diagnostic", [
            (diagnostic, name, Judgement.of(rows))
            for diagnostic in diagnostics
            for name, rows in _by_estimator(table[table["diagnostic"] == diagnostic])
        ]),
        "<details><summary>Rules of the verdicts</summary><p>An estimator is trusted where</p>",
        "<ul>", *(f"<li>{escape(rule)}</li>" for rule in RULES), "</ul>",
        (f"<p>A limit counts as passed by {STANDARD_ERRORS:g} standard errors, or by a count that "
        f"is as rare ({SIGNIFICANT:.1%}); where it is passed by less, or the error of the bias is "
        f"above {LARGEST_BIAS:g} dex/kpc, the verdict is left undecided. Errors of gradients "
        "(1.48 times the median absolute error, dex/kpc) are no part of the rules: an estimator "
        "can be right and of little use.</p></details>"),
    ]  # fmt: skip
    for diagnostic in diagnostics:
        parts += _of_diagnostic(table[table["diagnostic"] == diagnostic], str(diagnostic))
    return "\n".join([*parts, "</body></html>", ""])


def _of_diagnostic(table: QTable, diagnostic: str) -> list[str]:
    by_estimator = list(_by_estimator(table))
    parts = [
        f"<h2>12 + log(O/H) by {escape(diagnostic.upper())}</h2>", "<ul>",
        *(f"<li><b>{name}</b>, {escape(ESTIMATORS[name])}: {escape(_verdict(rows))}</li>"
          for name, rows in by_estimator),
        "</ul>",
    ]  # fmt: skip
    if np.isfinite(table["gradient"].value).any():
        figure = _image(recovery_figure(table, diagnostic), "recovered against true gradient")
        parts.append(_folded("Recovered against true gradient", [figure]))
    for factor, title in factors_of(table).items():
        judged = [
            (label, name, judgement)
            for name, rows in by_estimator for label, judgement in judged_by(rows, factor)
        ]  # fmt: skip
        shown = [
            _image(trust_figure(table, factor, title), f"bias and coverage by {title}"),
            _table(title, judged),
        ]
        parts.append(_folded(f"By {title}", shown))
    return parts


def _folded(summary: str, parts: Sequence[str]) -> str:
    return f"<details><summary>{escape(summary)}</summary>\n{''.join(parts)}\n</details>"


def _table(title: str, judged: Sequence[tuple[str, str, Judgement]]) -> str:
    heads = "".join(f"<th>{escape(text)}</th>" for text in (title, "estimator", *HEADINGS))
    rows = "\n".join(_table_row(label, name, judgement) for label, name, judgement in judged)
    return f"<table><tr>{heads}</tr>\n{rows}</table>"


def _table_row(label: str, estimator: str, judgement: Judgement) -> str:
    reasons = judgement.problems if judgement.trust is Trust.NO else ()
    if judgement.is_cautious:
        reasons = (*reasons, "errors are too large")
    why = f" ({', '.join(reasons)})" if reasons else ""
    cells = (
        escape(label), escape(estimator), f"{judgement.n_mocks}",
        f"{judgement.measured.value:.0%}",
        f"{judgement.bias.value:+.4f} &plusmn; {judgement.bias.error:.4f}",
        f"{judgement.scatter:.4f}", f"{judgement.n_inside} of {judgement.n_measured}",
        f'<span class="{judgement.trust}">{judgement.trust}{escape(why)}</span>',
    )  # fmt: skip
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _image(figure: Figure, description: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img alt="{escape(description)}" src="data:image/png;base64,{data}">'
