"""The figure of f_grad: its map, and what else it depends on."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullFormatter

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.plots.parts import (
    BLACK,
    BLUE,
    MUTED_COLOUR,
    ORANGE,
    SKY_BLUE,
    SURVEY_COLOUR,
    VERMILION,
)
from kurvs_pipeline.smearing.f_grad_map import RADII_ARCSEC, SmearedDisks
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_sim.survey.catalogue import kurvs_catalogue

Curves = Mapping[float, tuple[Array, Array]]

COLOURS = (BLUE, SKY_BLUE, BLACK, ORANGE, VERMILION)
GRADIENTS = (-0.10, -0.05, 0.0, 0.05, 0.10)
BETAS = (2.5, 3.0, 4.0, np.inf)
SHOWN_INCLINATION_DEG = 50.0
SHOWN_RATIOS = (0.3, 0.5, 0.7, 0.9)
LEVELS = (1.2, 1.5, 2.0, 3.0, 5.0, 10.0)
LARGEST = 20.0
RADIUS_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0)
F_TICKS = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0)
DISKS_DRAWN = (len(GRADIENTS) + len(BETAS)) * RADII_ARCSEC.size

Advance = Callable[[int], None]


def f_grad_figure(
    disks: SmearedDisks | None = None, *, known: xr.Dataset | None = None,
    curves: Curves | None = None, advance: Advance = lambda _: None,
) -> Figure:  # fmt: skip
    """Draw f_grad.

    From left to right: the map of inclination and effective radius, with the 43 galaxies of KURVS
    as points; f_grad at 50 degrees for several gradients, and for several wings of the seeing;
    where they are given, the curves of Gillman et al. (2021) and what disks in six annuli of half
    an effective radius give.

    Parameters
    ----------
    disks : SmearedDisks, optional
        Seeing, gradient and annuli of the map.
    known : Dataset, optional
        The map, if it is there already.
    curves : mapping of float to (array, array), optional
        Seeing over effective radius and observed over intrinsic gradient, by axis ratio.
    advance : callable
        Called with the number of disks just drawn, of ``DISKS_DRAWN``.
    """
    disks = disks or SmearedDisks()
    number = 4 if curves else 3
    figure = Figure(figsize=(4.6 * number, 4.4), layout="constrained")
    panels = figure.subplots(1, number)
    plot_map(disks, disks.map() if known is None else known, panels[0])
    plot_gradients(disks, panels[1], advance)
    plot_wings(disks, panels[2], advance)
    if curves:
        plot_curves(curves, panels[3])
    return figure


def plot_map(disks: SmearedDisks, known: xr.Dataset, axes: Axes) -> Axes:
    """Draw the map with contours, and the galaxies of the survey on it.

    Parameters
    ----------
    disks : SmearedDisks
        Seeing and gradient, for the title.
    known : Dataset
        f_grad by inclination and effective radius.
    axes : Axes
        Axes to draw into.
    """
    inclination, radius = known["inclination"].to_numpy(), known["effective_radius"].to_numpy()
    values = np.clip(known["f_grad"].to_numpy().T, 1.0, LARGEST)
    mesh = axes.pcolormesh(inclination, radius, values, norm=LogNorm(1.0, LARGEST),
                           cmap="cividis", shading="gouraud", rasterized=True)  # fmt: skip
    lines = axes.contour(inclination, radius, values, LEVELS, colors="white", linewidths=0.9)
    axes.clabel(lines, fmt="%g", fontsize=9)
    survey = kurvs_catalogue().values()
    axes.plot([g.inclination_deg for g in survey], [g.effective_radius_arcsec for g in survey],
              "o", markersize=4.0, color=SURVEY_COLOUR, markeredgecolor="white",
              markeredgewidth=0.5)  # fmt: skip
    axes.set(xlabel="inclination (deg)", ylabel="effective radius (arcsec)", yscale="log",
             xlim=(inclination[0], inclination[-1]), ylim=(radius[0], radius[-1]),
             title=f"galaxies of KURVS; {_gradient_of(disks)}\n{_seeing_of(disks)}")  # fmt: skip
    _plain_ticks(axes.yaxis, RADIUS_TICKS)
    bar = axes.figure.colorbar(mesh, ax=axes, label="f$_\\nabla$", extend="max")
    _plain_ticks(bar.ax.yaxis, F_TICKS)
    return axes


def plot_gradients(disks: SmearedDisks, axes: Axes, advance: Advance = lambda _: None) -> Axes:
    """Draw f_grad against effective radius for several gradients.

    Dotted where [N II] is brighter outwards: there it hangs on how far out the abundance rises.

    Parameters
    ----------
    disks : SmearedDisks
        Seeing, annuli and thickness.
    axes : Axes
        Axes to draw into.
    advance : callable
        Called with the number of disks just drawn.
    """
    for gradient, colour in zip(GRADIENTS, COLOURS, strict=True):
        _draw(replace(disks, gradient=gradient), axes, f"{gradient:+.2f}", colour)
        advance(RADII_ARCSEC.size)
    axes.plot([], [], ":", color=MUTED_COLOUR, label="[N II] brighter outwards")
    return _label(axes, "gradient (dex kpc$^{-1}$)", _seeing_of(disks))


def plot_wings(disks: SmearedDisks, axes: Axes, advance: Advance = lambda _: None) -> Axes:
    """Draw f_grad against effective radius for several wings of the seeing.

    Parameters
    ----------
    disks : SmearedDisks
        Gradient, annuli and thickness, and the width of the seeing.
    axes : Axes
        Axes to draw into.
    advance : callable
        Called with the number of disks just drawn.
    """
    for beta, colour in zip(BETAS, COLOURS, strict=False):
        name = f"Moffat, {beta:g}" if np.isfinite(beta) else "Gaussian"
        seeing = Seeing.moffat(disks.seeing.fwhm_arcsec, 1.0 / beta)
        _draw(replace(disks, seeing=seeing), axes, name, colour)
        advance(RADII_ARCSEC.size)
    return _label(axes, "wings of the seeing", f"{_width_of(disks)}, {_gradient_of(disks)}")


def _width_of(disks: SmearedDisks) -> str:
    return f'seeing {disks.seeing.fwhm_arcsec:g}"'


def _seeing_of(disks: SmearedDisks) -> str:
    wings = disks.seeing.kind.capitalize()
    if disks.seeing.kind == "moffat":
        wings += f", $\\beta$ = {disks.seeing.moffat_beta:g}"
    return f"{_width_of(disks)}, {wings}"


def _gradient_of(disks: SmearedDisks) -> str:
    return f"gradient {disks.gradient:+g} dex kpc$^{{-1}}$"


def _plain_ticks(axis: Axis, values: tuple[float, ...]) -> None:
    """Write numbers, not powers, on a logarithmic axis."""
    axis.set_major_locator(FixedLocator(values))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_formatter(NullFormatter())


def _draw(disks: SmearedDisks, axes: Axes, name: str, colour: str) -> None:
    values = [disks.f_grad(SHOWN_INCLINATION_DEG, radius) for radius in RADII_ARCSEC.tolist()]
    fading = disks.largest_fading_arcsec >= RADII_ARCSEC
    axes.plot(RADII_ARCSEC, values, ":", color=colour)
    axes.plot(RADII_ARCSEC[fading], np.array(values)[fading], color=colour, label=name)


def _label(axes: Axes, what: str, held: str) -> Axes:
    axes.set(xlabel="effective radius (arcsec)", ylabel="f$_\\nabla$", xscale="log",
             yscale="log", ylim=(1.0, 30.0), xlim=(RADII_ARCSEC[0], RADII_ARCSEC[-1]),
             title=f"inclination {SHOWN_INCLINATION_DEG:g} deg\n{held}")  # fmt: skip
    _plain_ticks(axes.xaxis, RADIUS_TICKS)
    _plain_ticks(axes.yaxis, F_TICKS)
    axes.legend(title=what, frameon=False)
    return axes


def plot_curves(curves: Curves, axes: Axes) -> Axes:
    """Draw published curves, and those of disks in six annuli of half an effective radius.

    Parameters
    ----------
    curves : mapping of float to (array, array)
        By axis ratio: seeing over effective radius, and the factor.
    axes : Axes
        Axes to draw into.
    """
    scheme = BinningScheme.uniform(6, 0.5, in_effective_radii=True)
    at = np.linspace(0.15, 2.8, 25)
    for ratio, colour in zip(SHOWN_RATIOS, COLOURS, strict=False):
        axes.plot(*curves[ratio], "--", color=colour)
        inclination = float(np.degrees(np.arccos(ratio)))
        seen = [
            1.0 / SmearedDisks(seeing=Seeing(x), scheme=scheme, gradient=-0.005, disk_thickness=0.0)
            .f_grad(inclination, 1.0)
            for x in at.tolist()
        ]  # fmt: skip
        axes.plot(at, seen, color=colour, label=f"{ratio:g}")
    axes.set(xlabel="seeing over effective radius", ylabel="observed over intrinsic gradient",
             xlim=(0.0, 2.8), ylim=(0.0, 1.05),
             title="dashed: Gillman et al. (2021)")  # fmt: skip
    axes.legend(title="axis ratio", frameon=False)
    return axes
