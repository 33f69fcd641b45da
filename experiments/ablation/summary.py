"""The share of every effect in the bias and the scatter of a gradient."""

from collections.abc import Collection, Iterable

import numpy as np
from astropy import units as u
from astropy.table import QTable
from rich.table import Table

from experiments.mocks.effects import EFFECTS, EVERYTHING, without
from experiments.statistics.repeated_measurements import Estimate, median_bias
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.robust import MAD_TO_SIGMA

TOTALS = {"nothing": frozenset[str](), "everything": EVERYTHING}
"""Rows that are compared with the truth."""


def set_name(names: Collection[str]) -> str:
    """Return the name of a set of effects in tables.

    Parameters
    ----------
    names : collection of str
        Keys of ``EFFECTS``, in any order.
    """
    return "+".join(name for name in EFFECTS if name in names) or "nothing"


def shares(gradients: QTable, effects: Iterable[str]) -> QTable:
    """Return what every effect does to the gradients of the same mocks.

    Parameters
    ----------
    gradients : QTable
        Rows of the mocks, as ``COLUMNS`` of :mod:`experiments.ablation.ablation`.
    effects : iterable of str
        Which.

    Returns
    -------
    QTable
        One row an effect and estimator: ``effect, label, estimator, alone_n, alone_bias,
        alone_bias_err, alone_scatter, within_n, within_bias, within_bias_err, within_scatter,
        bias_share, variance_share``. ``alone_bias`` is the median change of a mock's gradient
        when the effect is switched on with nothing else (but what it needs), ``alone_scatter``
        1.48 times the median absolute deviation of these changes; ``within`` the same with all
        others on. Shares are of the bias and variance with everything on: they need not add up
        to 1, as effects act on one another. The rows ``nothing`` and ``everything`` are
        compared with the true gradient.
    """
    rows = []
    for estimator in dict.fromkeys(gradients["estimator"].tolist()):
        own = gradients[gradients["estimator"] == estimator]
        by_set = {
            name: own["gradient"].value[own["effects"] == name]
            for name in np.unique(own["effects"])
        }
        truth = own["gradient_true"].value[own["effects"] == "nothing"]
        rows += _of_estimator(str(estimator), by_set, truth, effects)
    table = QTable(rows=rows)
    for name in table.colnames:
        if name.endswith(("bias", "bias_err", "scatter")):
            table[name] = table[name] * (u.dex / u.kpc)
    return table


def _of_estimator(
    estimator: str, by_set: dict[str, Array], truth: Array, effects: Iterable[str]
) -> list[dict[str, object]]:
    whole = by_set[set_name(EVERYTHING)]
    total_bias, total_scatter = _change(truth, whole)
    rows: list[dict[str, object]] = []
    for name, members in TOTALS.items():
        columns = _columns("alone", truth, by_set[set_name(members)])
        rows.append({"effect": name, "label": name, "estimator": estimator, **columns,
                     **_columns("within", truth, by_set[set_name(members)]),
                     "bias_share": 1.0, "variance_share": 1.0})  # fmt: skip
    for name in effects:
        effect = EFFECTS[name]
        beside, on = by_set[set_name(effect.needs)], by_set[set_name({name, *effect.needs})]
        bias, scatter = _change(by_set[set_name(without(name))], whole)
        rows.append({
            "effect": name, "label": effect.label, "estimator": estimator,
            **_columns("alone", beside, on),
            **_columns("within", by_set[set_name(without(name))], whole),
            "bias_share": _share(bias.value, total_bias.value),
            "variance_share": _share(scatter, total_scatter) ** 2,
        })  # fmt: skip
    return rows


def _share(part: float, whole: float) -> float:
    """Return a part of the whole, NaN of nothing: a single mock has no scatter."""
    return part / whole if whole != 0.0 else float("nan")


def _columns(prefix: str, before: Array, after: Array) -> dict[str, object]:
    bias, scatter = _change(before, after)
    return {
        f"{prefix}_n": int(np.isfinite(after - before).sum()), f"{prefix}_bias": bias.value,
        f"{prefix}_bias_err": bias.error, f"{prefix}_scatter": scatter,
    }  # fmt: skip


def _change(before: Array, after: Array) -> tuple[Estimate, float]:
    """Return the median change of the same mocks, and the robust scatter of the changes."""
    change = (after - before)[np.isfinite(after - before)]
    if change.size == 0:
        return Estimate(float("nan"), float("nan")), float("nan")
    spread = float(np.median(np.abs(change - np.median(change))))
    return median_bias(before, after), MAD_TO_SIGMA * spread


def ablation_table(table: QTable) -> Table:
    """Lay out what effects do to ``slope_fgrad`` and ``forward`` for the terminal.

    Parameters
    ----------
    table : QTable
        From :func:`shares`.

    Returns
    -------
    rich.table.Table
        One row an effect and estimator.
    """
    shown = Table(title="What each effect does to gradients by N2, dex/kpc", title_justify="left")
    for heading in ("effect", "estimator", "alone: bias", "scatter", "off: bias", "scatter",
                    "of bias", "of variance"):  # fmt: skip
        left = heading in {"effect", "estimator"}
        shown.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for name in dict.fromkeys(table["effect"].tolist()):
        for row in table[table["effect"] == name]:
            shown.add_row(
                row["label"], row["estimator"],
                *(f"{row[column].value:+.4f}" if "bias" in column else f"{row[column].value:.4f}"
                  for column in ("alone_bias", "alone_scatter", "within_bias", "within_scatter")),
                f"{row['bias_share']:+.0%}", f"{row['variance_share']:.0%}",
            )  # fmt: skip
    shown.caption = (
        "bias: median change of the same mocks; scatter: 1.48 MAD of these changes; off: what "
        "the effect adds where all others are on"
    )
    return shown
