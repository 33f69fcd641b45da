"""Answer how long to observe: in one line, a table and a figure."""

import math
from dataclasses import replace
from importlib.metadata import version

from matplotlib.figure import Figure

from experiments.mocks.simulating import Mock
from experiments.planning.planner import LONGEST_HOURS, ExposurePlanner
from experiments.runs.run import Run
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.io.tables import write_table
from kurvs_pipeline.plots.parts import DATA_COLOUR, FIT_COLOUR, MUTED_COLOUR
from kurvs_sim import ExposureModel

BRIGHT_SNR = 30.0
"""Of [N II] in the stack of known noise: in 1000 h more than 100."""

FEWEST_ANNULI = 2
TAKEN_OVER = ("grid",)
"""Options of an observation that a plan needs as they are."""


def planner_for(mock: Mock, *, scheme: BinningScheme, seeing_known: bool) -> ExposurePlanner:
    """Return the plan of a mock: its galaxy, seeing, spaxels and stack.

    Parameters
    ----------
    mock : Mock
        From a file or the survey; a signal-to-noise ratio that it asks for is left aside, as
        exposures are to tell it.
    scheme : BinningScheme
        The annuli.
    seeing_known : bool
        Whether a star gives the seeing.

    Raises
    ------
    ConfigurationError
        If H-alpha or [N II] is outside the H band, or there is one annulus only.
    CoverageError
        If an annulus leaves the field.
    """
    if len(scheme.edges) <= FEWEST_ANNULI:
        raise ConfigurationError(
            f"--scheme has {len(scheme.edges) - 1} annulus; expected at least {FEWEST_ANNULI}, "
            "between which there is a gradient"
        )
    options = {name: mock.options[name] for name in TAKEN_OVER if name in mock.options}
    if "psf" in mock.options:
        options["seeing"] = mock.options["psf"]
    if isinstance(mock.options.get("noise"), ExposureModel):
        options["exposures"] = mock.options["noise"]
    planner = ExposurePlanner(mock.galaxy, scheme=scheme, seeing_known=seeing_known, **options)
    planner.require_coverage()
    return planner


def verdict(planner: ExposurePlanner, goal: float) -> str:
    """Say in words how long to observe, or why no exposure is enough.

    Parameters
    ----------
    planner : ExposurePlanner
        The galaxy and how it is observed.
    goal : float
        Error of the gradient, dex/kpc.

    Returns
    -------
    str
        One sentence, with the hours in H.
    """
    wanted = f"{planner.galaxy.name}: an error of {goal:g} dex/kpc in the N2 gradient"
    hours = planner.hours_for(goal)
    if math.isinf(hours):
        reached = planner.gradient_error(LONGEST_HOURS)
        return (
            f"{wanted} cannot be reached: {LONGEST_HOURS:g} h in H leave {reached:.2g}, "
            f"{_why_not(planner, goal)}"
        )
    return f"{wanted} needs {_told(hours)} in H{_caution(planner, goal, hours)}"


def _why_not(planner: ExposurePlanner, goal: float) -> str:
    with_star = replace(planner, seeing_known=True).hours_for(goal)
    if math.isfinite(with_star):
        return (
            "as the galaxy is small for a seeing that is uncertain; with a star that gives it, "
            f"{_told(with_star)} would do"
        )
    snr = planner.reference_snr[1]
    told = f"its S/N in 1.5 effective radii is {snr:.1f} in {planner.reference_hours:g} h"
    if snr < BRIGHT_SNR:
        return f"as [N II] is faint: {told}"
    radius = planner.galaxy.effective_radius_arcsec
    return f"as seeing and annuli are wide for {radius:g} arcsec, not as [N II] is faint: {told}"


def _caution(planner: ExposurePlanner, goal: float, hours: float) -> str:
    """Say what else may come of exposures longer than the stack of known noise."""
    known = planner.reference_hours
    if hours <= known:
        return ""
    condition = (
        f" if noise averages down beyond {known:g} h; if what sky subtraction adds to photon "
        "noise does not, "
    )
    persistent = planner.hours_for(goal, persistent=True)
    if math.isfinite(persistent):
        return f"{condition}{_told(persistent)}"
    floor = planner.gradient_error(LONGEST_HOURS, persistent=True)
    return f"{condition}no exposure does: {floor:.2g} is left"


def _told(hours: float) -> str:
    return f"{hours:.0f} h" if hours >= 10.0 else f"{hours:.1f} h"


def plan_figure(planner: ExposurePlanner, goal: float) -> Figure:
    """Draw the error of the gradient against exposure.

    Drawn: all noise averages down. Dashed: the same with the seeing known from a star. Dotted:
    the noise beyond photons and electrons averages down no further than in the stack of known
    noise, which is marked. Grey: the goal.

    Parameters
    ----------
    planner : ExposurePlanner
        The galaxy and how it is observed.
    goal : float
        dex/kpc.
    """
    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    axes = figure.subplots()
    table, with_star = planner.table(), replace(planner, seeing_known=True).table()
    hours = table["exposure"].value
    for rows, column, style, colour, label in (
        (table, "gradient_err", "-", DATA_COLOUR, "all noise averages down"),
        (with_star, "gradient_err", "--", DATA_COLOUR, "and the seeing is known"),
        (table, "gradient_err_persistent", ":", FIT_COLOUR, "noise beyond photons stays"),
    ):
        if not (planner.seeing_known and rows is with_star):
            axes.loglog(hours, rows[column].value, style, color=colour, label=label)
    axes.axhline(goal, color=MUTED_COLOUR, linewidth=1.0, label=f"goal, {goal:g}")
    axes.plot(
        planner.reference_hours, planner.gradient_error(planner.reference_hours), "o",
        color=FIT_COLOUR, label=f"{planner.reference_hours:g} h, whose noise is known",
    )  # fmt: skip
    axes.set(
        xlabel="exposure in H (h)", ylabel="error of the gradient (dex kpc$^{-1}$)",
        title=f"{planner.galaxy.name}, gradient {planner.gradient:+.3f} dex kpc$^{{-1}}$",
    )  # fmt: skip
    axes.legend()
    return figure


def run_plan(planner: ExposurePlanner, goal: float, *, run: Run) -> str:
    """Run the command ``kurvs plan``: compute, write, and answer.

    Parameters
    ----------
    planner : ExposurePlanner
        The galaxy and how it is observed.
    goal : float
        Error of the gradient, dex/kpc, > 0.
    run : Run
        Where results go.

    Returns
    -------
    str
        The answer in one line.

    Raises
    ------
    ConfigurationError
        If the goal is not above 0.
    """
    if not 0.0 < goal < math.inf:
        raise ConfigurationError(f"--goal is {goal}; expected a finite number > 0, in dex/kpc")
    answer, table = verdict(planner, goal), planner.table()
    with run.writing() as directory:
        write_table(
            table, directory / "plan.ecsv", version=version("kurvs"), galaxy=planner.galaxy.name,
            gradient=planner.gradient, goal=goal, answer=answer,
            hours=str(planner.hours_for(goal)),
            hours_persistent=str(planner.hours_for(goal, persistent=True)),
        )  # fmt: skip
        plan_figure(planner, goal).savefig(directory / "plan.png", dpi=130)
    return answer
