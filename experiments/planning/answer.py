"""The work of ``kurvs plan``: how long to observe, as a sentence, a table and a figure."""

import math
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.mocks.simulating import Mock
from experiments.planning.airglow import FARTHEST
from experiments.planning.planner import LONGEST_HOURS, ExposurePlanner
from experiments.runs.run import Run
from experiments.runs.tables import write_table
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.plots.parts import DATA_COLOUR, FIT_COLOUR, MUTED_COLOUR
from kurvs_sim import ExposureModel

BRIGHT_SNR = 30.0
"""S/N of [N II] in the stack of known noise; in 1000 h it is more than 100."""

FEWEST_ANNULI = 2
SHOWN_KMS = 1200.0
"""Spectrum that is drawn beyond the lines."""

TAKEN_OVER = ("grid",)
"""Options of an observation that a plan takes over unchanged."""


def planner_for(mock: Mock, *, scheme: BinningScheme, seeing_known: bool) -> ExposurePlanner:
    """Return the plan of a mock: its galaxy, seeing, spaxels and stack.

    Parameters
    ----------
    mock : Mock
        From a file or the survey. A signal-to-noise ratio that it states is ignored: here the
        exposures set it.
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
    """Say in words how long to observe for an error in dex/kpc, or why no exposure is enough."""
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
    if planner.airglow.hits and math.isfinite(_without_airglow(planner).hours_for(goal)):
        return "as sky lines lie on its lines"
    snr = planner.reference_snr[1]
    told = f"its S/N in 1.5 effective radii is {snr:.1f} in {planner.reference_hours:g} h"
    if snr < BRIGHT_SNR:
        return f"as [N II] is faint: {told}"
    radius = planner.galaxy.effective_radius_arcsec
    return f"as seeing and annuli are wide for {radius:g} arcsec, not as [N II] is faint: {told}"


def _without_airglow(planner: ExposurePlanner) -> ExposurePlanner:
    """Return the plan of the same galaxy at the nearest clean redshift; the same if none is."""
    clean = planner.airglow.clean_redshift
    if math.isnan(clean):
        return planner
    return replace(planner, galaxy=replace(planner.galaxy, redshift=clean))


def airglow_verdict(planner: ExposurePlanner, goal: float) -> str:
    """Name the sky lines on the galaxy's lines and the nearest redshift without; empty if none."""
    airglow = planner.airglow
    if not airglow.hits:
        return ""
    told = f"airglow: {'; '.join(map(str, airglow.hits))}"
    clean = airglow.clean_redshift
    if math.isnan(clean):
        return f"{told}; no redshift within {FARTHEST:g} of {planner.galaxy.redshift:g} is clean"
    hours = _without_airglow(planner).hours_for(goal)
    needed = f"{_told(hours)} would do" if math.isfinite(hours) else "no exposure would do either"
    return f"{told}. At the nearest clean redshift, {clean:.4f}, {needed}"


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


def _plan_figure(planner: ExposurePlanner, goal: float) -> Figure:
    """Draw the error of the gradient against exposure, and the lines among the airglow."""
    figure = Figure(figsize=(7.5, 8.5), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(1.4, 1.0))
    _plot_errors(planner, goal, above)
    _plot_airglow(planner, below)
    return figure


def _plot_errors(planner: ExposurePlanner, goal: float, axes: Axes) -> None:
    """Draw the error of the gradient against exposure.

    Solid: all noise averages down. Dashed: the same with the seeing known from a star. Dotted: the
    noise beyond photons and electrons averages down no further than in the stack of known noise,
    which is marked. Grey: the goal.
    """
    known = f"{planner.reference_hours:g} h"
    table, with_star = planner.table(), replace(planner, seeing_known=True).table()
    hours = table["exposure"].value
    for rows, column, style, colour, label in (
        (table, "gradient_err", "-", DATA_COLOUR, "all noise falls as 1/√time"),
        (with_star, "gradient_err", "--", DATA_COLOUR, "the same, and a star gives the seeing"),
        (
            table,
            "gradient_err_persistent",
            ":",
            FIT_COLOUR,
            f"excess over photon noise stays as in {known}",
        ),
    ):
        if not (planner.seeing_known and rows is with_star):
            axes.loglog(hours, rows[column].value, style, color=colour, label=label)
    axes.axhline(goal, color=MUTED_COLOUR, linewidth=1.0, label=f"goal: {goal:g} dex kpc$^{{-1}}$")
    axes.plot(
        planner.reference_hours, planner.gradient_error(planner.reference_hours), "o",
        color=FIT_COLOUR, label=f"{known}: the stack whose noise is known",
    )  # fmt: skip
    axes.set(
        xlabel="exposure time in H (hours)",
        ylabel="error (1$\\sigma$) of the gradient (dex kpc$^{-1}$)",
        title=f"{planner.galaxy.name}: z = {planner.galaxy.redshift:.4f}, gradient "
        f"{planner.gradient:+.3f} dex kpc$^{{-1}}$",
    )  # fmt: skip
    axes.legend()


def _plot_airglow(planner: ExposurePlanner, axes: Axes) -> None:
    """Draw the galaxy's lines in 1.5 effective radii, and the noise of every channel."""
    expected = planner.airglow.expected
    band, redshift = expected.band, planner.galaxy.redshift
    lines = [REST_WAVELENGTH_UM[line] * (1.0 + redshift) for line in planner.airglow.lines]
    margin = SHOWN_KMS / SPEED_OF_LIGHT_KMS
    shown = (band.wavelength_um > min(lines) * (1.0 - margin)) & (
        band.wavelength_um < max(lines) * (1.0 + margin)
    )
    wavelength, noise = band.wavelength_um[shown], np.sqrt(expected.channel_variance[shown])
    spectrum = expected.spectrum[shown]
    axes.fill_between(wavelength, noise, step="mid", color=MUTED_COLOUR, alpha=0.4, linewidth=0,
                      label=f"noise (1$\\sigma$) in {planner.reference_hours:g} h")  # fmt: skip
    axes.plot(wavelength, spectrum, color=DATA_COLOUR, drawstyle="steps-mid",
              label="lines of the galaxy in 1.5 R$_e$")  # fmt: skip
    peak = max(float(spectrum.max()), float(np.median(noise)))
    for hit in planner.airglow.hits:
        axes.plot([hit.wavelength_um] * 2, [0.0, 1.1 * peak], ":", color=FIT_COLOUR,
                  label=hit.label)  # fmt: skip
    axes.set(
        xlim=(wavelength[0], wavelength[-1]), ylim=(-0.04 * peak, 1.9 * peak),
        xlabel="wavelength (µm, vacuum)",
        ylabel="flux density\n(10$^{-16}$ erg s$^{-1}$ cm$^{-2}$ µm$^{-1}$)",
    )  # fmt: skip
    axes.legend(loc="upper center", fontsize="small", ncols=2, title=_clean_in_words(planner))


def _clean_in_words(planner: ExposurePlanner) -> str | None:
    """Say where no sky line would lie on the galaxy's lines; nothing where none does."""
    clean = planner.airglow.clean_redshift
    if not planner.airglow.hits or math.isnan(clean):
        return None
    return f"nearest redshift without sky lines on these: {clean:.4f}"


def run_plan(planner: ExposurePlanner, goal: float, *, run: Run) -> str:
    """Compute the exposure for an error of the gradient, dex/kpc, and return the answer in words.

    The run gets ``plan.ecsv`` and ``plan.png``.

    Raises
    ------
    ConfigurationError
        If the goal is not above 0.
    """
    if not 0.0 < goal < math.inf:
        raise ConfigurationError(f"--goal is {goal}; expected a finite number > 0, in dex/kpc")
    answer, table = verdict(planner, goal), planner.table()
    airglow = airglow_verdict(planner, goal)
    with run.writing() as directory:
        write_table(
            table, directory / "plan.ecsv", galaxy=planner.galaxy.name,
            gradient=planner.gradient, goal=goal, answer=answer,
            hours=str(planner.hours_for(goal)),
            hours_persistent=str(planner.hours_for(goal, persistent=True)),
            airglow=airglow, clean_redshift=str(planner.airglow.clean_redshift),
        )  # fmt: skip
        _plan_figure(planner, goal).savefig(directory / "plan.png", dpi=130)
    return f"{answer}\n{airglow}" if airglow else answer
