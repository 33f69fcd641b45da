"""The radial profile of a galaxy's abundances, with its gradients."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.plots.parts import (
    BLUE,
    GREEN,
    NOTE_POINTS,
    PURPLE,
    TEXT_POINTS,
    VERMILION,
    printed_ticks,
    signed,
)
from kurvs_pipeline.representation import short_repr

Range = tuple[float, float]

SHOWN_DIAGNOSTICS = ("n2", "r23", "n2o2")
"""Those of the paper's Fig. 6."""

LIMIT_ARROW_DEX = 0.08
LEAST_ABUNDANCE_RANGE = (8.0, 9.2)
"""12 + log(O/H) that panels show at least; wider, in steps of 0.2, where points need it."""

CORRECTED = ("forward", "slope_fgrad")
"""For seeing, the one to quote first."""

UNCORRECTED = "*"
"""After a gradient that could not be corrected for seeing."""

_HALO = [withStroke(linewidth=1.5, foreground="white")]
_STEP_DEX = 0.2
_FADED, _BAND = 0.35, 0.13
"""Opacity of doubtful gradients, and of intervals."""

_ROOM_FOR_A_NOTE = 0.09
"""Of a panel's height."""


@dataclass(frozen=True)
class Mark:
    """How a diagnostic is drawn."""

    marker: str
    colour: str


MARKS = (Mark("o", BLUE), Mark("D", VERMILION), Mark("s", GREEN), Mark("h", PURPLE))
"""Told apart without colour too."""


def marks_of(diagnostics: Sequence[str]) -> dict[str, Mark]:
    """Return the mark of each diagnostic, by its place; those of Fig. 6 always have their own."""
    own = dict(zip(SHOWN_DIAGNOSTICS, MARKS, strict=False))
    spare = iter([mark for mark in MARKS if mark not in {own.get(name) for name in diagnostics}])
    return {name: own[name] if name in own else next(spare) for name in diagnostics}


@dataclass(frozen=True, eq=False)
class TrueProfile:
    """What a mock was made from.

    Parameters
    ----------
    radius_kpc : array, shape (n_radii,)
        In the plane of the disk.
    abundance : mapping of str to array, shape (n_radii,)
        12 + log(O/H) by diagnostic.
    """

    __repr__ = short_repr

    radius_kpc: Array
    abundance: Mapping[str, Array]


def plot_radial_profile(
    galaxy: MeasuredGalaxy,
    axes: Axes,
    *,
    diagnostics: Sequence[str] = SHOWN_DIAGNOSTICS,
    truth: TrueProfile | None = None,
    abundance_range: Range | None = None,
) -> Axes:
    """Draw the abundance of every annulus and the gradients through them.

    Points are measurements, small arrows 4-sigma limits. Full lines are slopes through the
    points. Dashed ones are corrected for seeing: the forward fit with its 68 per cent, about the
    weighted middle of the points, or f_grad times the slope where there is none. Dotted ones are
    the truth. What a flag makes doubtful is faded, its number in brackets. Open symbols are of
    the side of a two-valued diagnostic that the nitrogen lines exclude.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.
    axes : Axes
        Axes to draw into.
    diagnostics : sequence of str
        Up to four; those that were not measured are left out.
    truth : TrueProfile, optional
        Of a mock.
    abundance_range : tuple of float, optional
        12 + log(O/H) of the points; :func:`common_abundance_range` of this galaxy otherwise.
    """
    low, high = abundance_range or common_abundance_range([galaxy], diagnostics)
    marks = marks_of(diagnostics)
    for name, mark in marks.items():
        if truth is not None and name in truth.abundance:
            axes.plot(truth.radius_kpc, truth.abundance[name], ":", color=mark.colour,
                      linewidth=1.3, zorder=1, label=f"{name} truth")  # fmt: skip
        _draw_points(galaxy, name, mark, axes)
        _draw_slopes(galaxy, name, mark, axes)
    _write_notes(galaxy, marks, axes)
    # Notes stand below the points, never on them.
    room = _ROOM_FOR_A_NOTE * len(marks)
    axes.set(
        xlim=(0.0, outermost_kpc([galaxy])), ylim=(low - room / (1.0 - room) * (high - low), high)
    )
    axes.set_xlabel("radius (kpc)", fontsize=TEXT_POINTS)
    axes.set_ylabel("12 + log(O/H)", fontsize=TEXT_POINTS)
    printed_ticks(axes, n_x=5, n_y=5)
    return axes


def _draw_points(results: MeasuredGalaxy, diagnostic: str, mark: Mark, axes: Axes) -> None:
    middles = {a.name: a.middle_arcsec * results.kpc_per_arcsec for a in results.annuli}
    for row in _of_annuli(results, diagnostic):
        radius, value, limit = middles[str(row["aperture"])], row["abundance"].value, row["limit"]
        excluded = str(row["branch_check"]) == "wrong"
        style: dict[str, Any] = {
            "color": mark.colour, "marker": mark.marker, "linestyle": "", "linewidth": 0.8,
            "markerfacecolor": "white" if excluded else mark.colour,
        }  # fmt: skip
        if limit == "":
            # Where the relation curves, draws may all lie on one side of the value.
            error = np.maximum([[row["err_low"].value], [row["err_high"].value]], 0.0)
            # Symbols that overlap stay apart by white edges.
            style["markeredgecolor"] = mark.colour if excluded else "white"
            axes.errorbar(radius, value, error, markersize=5.0, markeredgewidth=0.5,
                          label=diagnostic, **style)  # fmt: skip
        elif limit in {"upper", "lower"}:
            axes.errorbar(
                radius, value, LIMIT_ARROW_DEX, markersize=2.0, label=f"{diagnostic} limit",
                uplims=limit == "upper", lolims=limit == "lower", capsize=1.5, **style,
            )  # fmt: skip


def _draw_slopes(results: MeasuredGalaxy, diagnostic: str, mark: Mark, axes: Axes) -> None:
    """Draw the gradients about the weighted middle of the points that they were fitted to."""
    table = _of_annuli(results, diagnostic)
    error = 0.5 * (table["err_low"] + table["err_high"]).value
    used = (table["limit"] == "") & np.isfinite(error) & (error > 0.0)
    if not used.any():
        return
    middles = {a.name: a.middle_arcsec * results.kpc_per_arcsec for a in results.annuli}
    radii = np.array([middles[str(name)] for name in table["aperture"]])
    weight = error[used] ** -2
    pivot = np.average(radii[used], weights=weight)
    level = np.average(table["abundance"].value[used], weights=weight)
    span = np.array([results.annuli[0].inner_arcsec, results.annuli[-1].outer_arcsec])
    span *= results.kpc_per_arcsec
    fitted = _first_known(results, diagnostic, ("slope",))
    corrected = _first_known(results, diagnostic, CORRECTED)
    for found, style in ((fitted, "-"), (corrected, "--")):
        if found is not None:
            axes.plot(span, level + found.gradient * (span - pivot), style, color=mark.colour,
                      linewidth=0.9, alpha=_FADED if found.is_doubtful else 1.0,
                      label=f"{diagnostic} {found.estimator}")  # fmt: skip
    if corrected is not None and corrected.estimator == "forward" and not corrected.is_doubtful:
        ends = [level + end * (span - pivot) for end in (corrected.low, corrected.high)]
        axes.fill_between(span, *ends, color=mark.colour, alpha=_BAND, linewidth=0.0,
                          label=f"{diagnostic} forward interval")  # fmt: skip


def _of_annuli(results: MeasuredGalaxy, diagnostic: str) -> QTable:
    table = results.abundances
    annuli = np.isin(table["aperture"], [a.name for a in results.annuli])
    return table[annuli & (table["diagnostic"] == diagnostic)]


@dataclass(frozen=True)
class ShownGradient:
    """A gradient, dex/kpc, as figures show it; its flag says whether it is doubtful."""

    estimator: str
    gradient: float
    error: float
    low: float
    high: float
    is_doubtful: bool


def _first_known(
    results: MeasuredGalaxy, diagnostic: str, estimators: Sequence[str]
) -> ShownGradient | None:
    """Return the gradient of the first estimator that has one."""
    table = results.gradients[results.gradients["diagnostic"] == diagnostic]
    rows = {str(row["estimator"]): row for row in table if math.isfinite(row["gradient"].value)}
    for name in estimators:
        if name in rows:
            row = rows[name]
            gradient, error, low, high = (
                float(row[column].value)
                for column in ("gradient", "gradient_err", "gradient_low", "gradient_high")
            )
            return ShownGradient(name, gradient, error, low, high, bool(row["flag"] != "ok"))
    return None


def _write_notes(results: MeasuredGalaxy, marks: Mapping[str, Mark], axes: Axes) -> None:
    """Write the gradient of every diagnostic that was measured, from the bottom up."""
    measured = [name for name in marks if name in results.gradients["diagnostic"]]
    for row, name in enumerate(reversed(measured)):
        axes.text(
            0.03, 0.02 + row * _ROOM_FOR_A_NOTE, _note(results, name), transform=axes.transAxes,
            color=marks[name].colour, fontsize=NOTE_POINTS, va="bottom", path_effects=_HALO,
        )  # fmt: skip


def _note(results: MeasuredGalaxy, diagnostic: str) -> str:
    """Spell a gradient: as corrected, else as fitted, else why there is none."""
    symbol = DIAGNOSTICS[diagnostic].ratio.symbol
    found = _first_known(results, diagnostic, (*CORRECTED, "slope"))
    if found is None:
        return f"{symbol}: < 2 annuli"
    spelt = f"{found.error:.3f}" if math.isfinite(found.error) else "?"
    remark = UNCORRECTED if found.estimator == "slope" else ""
    text = f"{symbol} {signed(found.gradient, 3)} ± {spelt}{remark}"
    return f"({text})" if found.is_doubtful else text


def outermost_kpc(galaxies: Sequence[MeasuredGalaxy]) -> float:
    """Return the outer radius of the largest annulus of some galaxies."""
    return max(g.annuli[-1].outer_arcsec * g.kpc_per_arcsec for g in galaxies)


def common_abundance_range(
    galaxies: Sequence[MeasuredGalaxy], diagnostics: Sequence[str] = SHOWN_DIAGNOSTICS
) -> Range:
    """Return a range of 12 + log(O/H) that holds every point, error and limit."""
    low, high = LEAST_ABUNDANCE_RANGE
    for galaxy in galaxies:
        for diagnostic in diagnostics:
            table = _of_annuli(galaxy, diagnostic)
            value = table["abundance"].value
            below = value - np.nan_to_num(table["err_low"].value, nan=LIMIT_ARROW_DEX)
            above = value + np.nan_to_num(table["err_high"].value, nan=LIMIT_ARROW_DEX)
            low = min(low, float(np.min(below, where=np.isfinite(below), initial=low)))
            high = max(high, float(np.max(above, where=np.isfinite(above), initial=high)))
    # In whole steps, so that figures of other galaxies often have the same axes.
    return (
        round(math.floor(round(low / _STEP_DEX, 6)) * _STEP_DEX, 6),
        round(math.ceil(round(high / _STEP_DEX, 6)) * _STEP_DEX, 6),
    )
