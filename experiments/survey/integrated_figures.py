"""The figures of Li et al. (2025) that show whole galaxies, of a twin: 1 to 4 and B1.

Filled circles are the twin, open diamonds the survey; curves of other papers only where a folder
of published points has them.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.survey.observed import INTEGRATED_DIAGNOSTICS, ObservedTwin, measured_a_v
from experiments.survey.points import PublishedPoints
from experiments.survey.statistics import LOG_MASS_ERR
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.gas.attenuation import STACKED_INTEGRATED
from kurvs_pipeline.gas.classes import JUNEAU14_LOWER, JUNEAU14_UPPER, KAUFFMANN03, KEWLEY01
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration
from kurvs_pipeline.lines import DETECTION_SNR
from kurvs_pipeline.plots.parts import (
    DATA_COLOUR,
    MUTED_COLOUR,
    PURPLE,
    RANGE_COLOUR,
    SURVEY_COLOUR,
    TWIN_COLOUR,
)
from kurvs_pipeline.scaling_relations import (
    N2_RELATION,
    fit_mass_metallicity,
    main_sequence_log_sfr,
)

DIAGNOSTIC_LABEL = {"n2": "N2", "n2s2": "D16", "o3n2": "O3N2", "r23": "R23", "n2o2": "N2O2"}


class Literature(NamedTuple):
    """Abundances of other galaxies, and the calibration that their file is on.

    Without one, the file holds log([N II]/H-alpha) itself.
    """

    label: str
    calibration: str | None
    style: str = "^"


LITERATURE_ABUNDANCES = {
    "n2": {
        "KashinoMZR": Literature("Kashino+17", "n2_marino13", "s"),
        "YabeMZR": Literature("Yabe+15", "n2_marino13", "v"),
        "ToppingMZR": Literature("Topping+21", "n2_marino13", "D"),
        "WuytsMZR": Literature("Wuyts+12", "n2_maiolino08"),
        "ZahidMZR": Literature("Zahid+14", None, ":"),
    },
    "r23": {"HenryMZR": Literature("Henry+13", "r23")},
}
"""Files of the survey's public repository, by the diagnostic of the panel. Which calibration each
is on follows from where its figure of the relation draws them, on the scale of Marino et al."""
_LOG_MASS = np.linspace(9.2, 11.8, 200)


def _draw_points(axes: Axes, x: Array, y: Array, *errors: Array | None, **style: Any) -> None:  # noqa: ANN401
    """Draw points with errors of y and x where there are some, and mark those beyond the limits."""
    if not (np.isfinite(x) & np.isfinite(y)).any():
        return
    y_err, x_err = (*errors, None, None)[:2]
    shared: dict[str, Any] = {
        "markersize": 5,
        "elinewidth": 0.6,
        "linestyle": "none",
        "alpha": 0.85,
    }
    axes.errorbar(x, y, y_err, x_err, **(shared | style))
    mark_beyond(axes, x, y, style["color"])


draw_twin = partial(_draw_points, fmt="o", color=TWIN_COLOUR, label="twin")
"""Draw points of the twin: :func:`_draw_points` as filled circles."""

draw_survey = partial(
    _draw_points, fmt="D", color=SURVEY_COLOUR, markerfacecolor="none", label="survey"
)
"""Draw points of the survey: :func:`_draw_points` as open diamonds."""


def mark_beyond(axes: Axes, x: Array, y: Array, colour: str) -> None:
    """Mark points beyond the limits of axes by triangles at that edge, and count them."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    outside = {"<": x < left, ">": x > right, "v": y < bottom, "^": y > top}
    known = np.isfinite(x) & np.isfinite(y)
    for marker, beyond in outside.items():
        here = known & beyond
        if not here.any():
            continue
        axes.plot(np.clip(x[here], left, right), np.clip(y[here], bottom, top), marker,
                  color=colour, markersize=7, clip_on=False, zorder=4)  # fmt: skip
    number = int((known & np.logical_or.reduce(list(outside.values()))).sum())
    if number:
        axes.plot([], [], "^", color=colour, label=f"{number} beyond the edge")


def explain(axes: Axes, **style: object) -> None:
    """Add a legend if anything was drawn."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(**style)


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, np.nan)


def _twin_ratios(twin: ObservedTwin) -> tuple[Array, Array, Array, BoolArray]:
    """Return mass, log N2 and log [O III]/H-beta of galaxies, and which are lower limits."""
    lines = twin.numbers.sel(definition="published", aperture="integrated")
    flux = {str(n): lines["flux"].sel(line=n).to_numpy() for n in lines["line"].to_numpy()}
    err = {name: lines["flux_err"].sel(line=name).to_numpy() for name in flux}
    with np.errstate(invalid="ignore"):
        found = {name: flux[name] > DETECTION_SNR * err[name] for name in flux}
        kept = found["nii_6584"] & found["oiii_5007"] & found["halpha"] & np.isfinite(err["hbeta"])
    hbeta = np.where(found["hbeta"], flux["hbeta"], DETECTION_SNR * err["hbeta"])
    with np.errstate(invalid="ignore", divide="ignore"):
        n2 = np.log10(flux["nii_6584"] / flux["halpha"])
        r3 = np.log10(flux["oiii_5007"] / hbeta)
    mass = twin.of_entries("log_stellar_mass")
    return mass[kept], n2[kept], r3[kept], ~found["hbeta"][kept]


def on_calibration(values: Array, source: str | None, wanted: str) -> Array:
    """Return 12 + log(O/H) by another calibration of the same line ratio.

    Without a ``source`` the values are the logarithm of the ratio.
    """
    if source == wanted:
        return values
    ratio = (
        values if source is None else InverseCalibration(DIAGNOSTICS[source]).log_ratio(values)[0]
    )
    return DIAGNOSTICS[wanted].oxygen_abundance(ratio)


def _draw_relations(axes: Axes, mass: Array, value: Array, error: Array) -> None:
    axes.plot(_LOG_MASS, N2_RELATION(_LOG_MASS), "--", color=SURVEY_COLOUR, label="survey's fit")
    try:
        relation = fit_mass_metallicity(
            mass, value, log_stellar_mass_err=LOG_MASS_ERR, oxygen_abundance_err=error
        )
    except CoverageError:
        return
    axes.plot(_LOG_MASS, relation(_LOG_MASS), color=TWIN_COLOUR, label="fit to the twin")


@dataclass(frozen=True)
class IntegratedFigures:
    """Figures of integrated properties of a twin, beside published ones."""

    twin: ObservedTwin
    published: PublishedPoints

    def main_sequence(self) -> Figure:
        """Draw Fig. 1: star formation rate against stellar mass; the twin has those of Table A1."""
        figure, axes = plt.subplots(figsize=(6.0, 5.0), layout="constrained")
        low, high = (main_sequence_log_sfr(_LOG_MASS, z) for z in (1.2, 1.8))
        axes.fill_between(
            _LOG_MASS, low, high, color=RANGE_COLOUR, label="main sequence, z = 1.2-1.8"
        )
        log_sfr = np.log10(self.twin.of_entries("star_formation_rate"))
        log_mass = self.twin.of_entries("log_stellar_mass")
        draw_twin(axes, log_mass, log_sfr, label="twin and survey")
        axes.set(xlabel="log stellar mass (solar)", ylabel="log star formation rate (solar/yr)")
        axes.legend()
        return figure

    def excitation(self) -> Figure:
        """Draw Fig. 2: log [O III]/H-beta against log [N II]/H-alpha and against mass.

        Full symbols have all lines above 4 sigma with the errors that the survey would state;
        arrows are lower limits, with H-beta at 4 sigma.
        """
        twin, published = self.twin, self.published
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(11.0, 5.0), layout="constrained", sharey=True
        )
        mass, n2, r3, limit = _twin_ratios(twin)
        abscissa = np.linspace(-2.0, 0.4, 300)
        for curve, style in ((KAUFFMANN03, "--"), (KEWLEY01, ":")):
            left.plot(abscissa, _finite(curve.curve(abscissa)), style, color=MUTED_COLOUR,
                      linewidth=1.0, label=curve.source.split(",")[0])  # fmt: skip
        for curve, style in ((JUNEAU14_LOWER, "--"), (JUNEAU14_UPPER, ":")):
            right.plot(_LOG_MASS, _finite(curve.curve(_LOG_MASS)), style, color=MUTED_COLOUR,
                       linewidth=1.0, label=curve.source.replace("et al. ", ""))  # fmt: skip
        aurora = published.literature("ShapleyBPT")
        if aurora is not None:
            left.plot(*aurora, ".", color=PURPLE, markersize=4, label="Shapley+24")
        for axes, x in ((left, n2), (right, mass)):
            draw_twin(axes, x[~limit], r3[~limit])
            draw_twin(axes, x[limit], r3[limit], np.full(limit.sum(), 0.12), lolims=True,
                      markersize=3, alpha=0.5, label="twin, limits")  # fmt: skip
        ratios = published.line_ratios
        if ratios is not None:
            found = ratios[3] > DETECTION_SNR
            draw_survey(left, ratios[0][found], ratios[1][found])
            draw_survey(right, ratios[2][found], ratios[1][found])
        left.set(xlabel="log [N II] 6584 / H$\\alpha$", ylabel="log [O III] 5007 / H$\\beta$",
                 xlim=(-1.8, 0.3), ylim=(-1.0, 1.4))  # fmt: skip
        right.set(xlabel="log stellar mass (solar)", xlim=(9.2, 11.8))
        for axes in (left, right):
            axes.legend(fontsize=8, loc="lower left")
        return figure

    def attenuation(self) -> Figure:
        """Draw Fig. 3: A_V by the Balmer decrement, of galaxies and of their mass-weighted stack.

        The twin has no stars to fit: its abscissa is its true A_V, and the survey's, of the
        starlight, has a panel of its own.
        """
        twin, published = self.twin, self.published
        survey = published.attenuation
        n_panels = 1 if survey is None else 2
        figure, panels = plt.subplots(1, n_panels, figsize=(5.5 * n_panels, 5.0),
                                      layout="constrained", sharey=True, squeeze=False)  # fmt: skip
        axes = panels[0, 0]
        axes.set(xlabel="true A$_V$ of the gas (mag)", ylabel="A$_V$ of the gas (mag)",
                 xlim=(0.1, 0.8), ylim=(-0.5, 5.0))  # fmt: skip
        a_v, error = measured_a_v(twin)
        true = np.array([galaxy.true_a_v for galaxy in twin.galaxies])
        draw_twin(axes, true, a_v, error, label=f"{np.isfinite(a_v).sum()} galaxies of the twin")
        stack, stack_err = twin.stacked_a_v["integrated"]
        faint = "" if np.isfinite(stack) else ": H$\\beta$ not detected"
        axes.errorbar([true.mean()], [stack], [stack_err], fmt="s", color=DATA_COLOUR, markersize=9,
                      label=f"stack of all{faint}")  # fmt: skip
        published_stack, published_err = STACKED_INTEGRATED
        axes.axhspan(published_stack - published_err, published_stack + published_err,
                     color=SURVEY_COLOUR, alpha=0.2, linewidth=0.0,
                     label="stack of the survey")  # fmt: skip
        axes.axline((0.3, 0.3), slope=1.0, color=MUTED_COLOUR, linestyle="--", linewidth=1.0)
        if survey is not None:
            draw_survey(panels[0, 1], survey[1], survey[0])
            panels[0, 1].set(xlabel="A$_V$ of the starlight (mag)")
        for each in panels.ravel():
            explain(each, fontsize=9)
        return figure

    def mass_metallicity(self) -> Figure:
        """Draw Fig. 4: integrated abundances by N2, R23, N2O2 against mass, with the fit to N2."""
        twin, published = self.twin, self.published
        figure, panels = plt.subplots(1, 3, figsize=(12.5, 4.6), layout="constrained", sharey=True)
        mass, survey = twin.of_entries("log_stellar_mass"), published.abundances
        numbers = twin.numbers.sel(definition="published")
        for axes, name in zip(panels, ("n2", "r23", "n2o2"), strict=True):
            value, error = (
                numbers[part].sel(diagnostic=name).to_numpy()
                for part in ("abundance", "abundance_err")
            )
            if name in survey:
                draw_survey(axes, published.of_galaxies("log_stellar_mass"), *survey[name])
            draw_twin(axes, mass, value, error)
            for file, source in LITERATURE_ABUNDANCES.get(name, {}).items():
                points = published.literature(file)
                if points is not None:
                    x = np.log10(points[0]) if points[0].min() > 100.0 else points[0]
                    y = on_calibration(points[1], source.calibration, name)
                    axes.plot(x, y, source.style, color=MUTED_COLOUR, markersize=4,
                              label=source.label)  # fmt: skip
            if name == "n2":
                _draw_relations(axes, mass, value, error)
            axes.set(title=DIAGNOSTIC_LABEL[name], xlabel="log stellar mass (solar)",
                     xlim=(9.2, 11.8), ylim=(7.9, 9.4))  # fmt: skip
            explain(axes, fontsize=8, loc="lower right")
        panels[0].set_ylabel("12 + log(O/H)")
        return figure

    def indicators(self) -> Figure:
        """Draw Fig. B1: integrated abundances by five diagnostics against one another.

        Abundances of the twin are as the survey would detect them, except D16, of [S II], as the
        pipeline does.
        """
        twin, published = self.twin, self.published
        names, survey = INTEGRATED_DIAGNOSTICS, published.abundances
        found = {
            name: np.array([galaxy.abundances[index].value for galaxy in twin.galaxies])
            for index, name in enumerate(names)
        }
        n = len(names) - 1
        figure, grid = plt.subplots(n, n, figsize=(10.0, 10.0), layout="constrained", sharex="col",
                                    sharey="row")  # fmt: skip
        for row, vertical in enumerate(names[1:]):
            for column, horizontal in enumerate(names[:-1]):
                axes = grid[row, column]
                if column > row:
                    axes.set_axis_off()
                    continue
                axes.axline((8.5, 8.5), slope=1.0, color=MUTED_COLOUR, linestyle=":", linewidth=1.0)
                if survey:
                    draw_survey(axes, survey[horizontal][0], survey[vertical][0], markersize=4)
                draw_twin(axes, found[horizontal], found[vertical], markersize=4)
                axes.set(xlim=(7.9, 9.4), ylim=(7.9, 9.4))
                if row == n - 1:
                    axes.set_xlabel(DIAGNOSTIC_LABEL[horizontal])
                if column == 0:
                    axes.set_ylabel(DIAGNOSTIC_LABEL[vertical])
        explain(grid[0, 0], fontsize=8, loc="lower right")
        figure.suptitle("12 + log(O/H) of whole galaxies by five diagnostics")
        return figure
