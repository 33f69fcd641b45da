"""What a student takes home: the figure and the numbers of a state."""

import math
from io import BytesIO, StringIO

import numpy as np
from astropy import units as u
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.demo.plot_parts import CORRECTED_COLOUR, FORWARD_COLOUR, SLOPE_COLOUR
from experiments.demo.sky import GRID
from experiments.demo.state import DemoState, SkyMaps
from experiments.style import figure_style

HALF_FIELD_ARCSEC = 0.5 * GRID.n_x * GRID.spaxel_arcsec
EXTENT = (-HALF_FIELD_ARCSEC, HALF_FIELD_ARCSEC) * 2


def table_text(state: DemoState) -> str:
    """Return the annuli as an ECSV table, with parameters and gradients in its header.

    Parameters
    ----------
    state : DemoState
        From the sliders.
    """
    profiles, gradients = state.profiles, state.gradients
    table = QTable({
        "annulus": list(state.annulus_names),
        "radius": profiles.annulus_kpc * u.kpc,
        "oxygen_abundance": profiles.abundance * u.dex,
        "oxygen_abundance_err": profiles.abundance_err * u.dex,
        "upper_limit": profiles.limit * u.dex,
    })  # fmt: skip
    table.meta["parameters"] = dict(vars(state.parameters))
    table.meta["gradients_dex_per_kpc"] = {
        name: list(getattr(gradients, name)) for name in ("slope", "slope_fgrad", "forward")
    }
    table.meta["f_grad"] = gradients.f_grad
    table.meta["forward_flag"] = gradients.forward_flag
    text = StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue()


def figure_png(state: DemoState) -> bytes:
    """Return maps and profile as a PNG image.

    Parameters
    ----------
    state : DemoState
        From the sliders.
    """
    with figure_style():
        figure = Figure(figsize=(13.0, 5.6), layout="constrained")
        maps, profile = np.asarray(figure.subfigures(1, 2, width_ratios=(1.45, 1.0)))
        panels = np.asarray(maps.subplots(2, 3))
        for row, name in ((0, "intrinsic"), (1, "observed")):
            _draw_maps(panels[row], getattr(state, name), name)
            for axes in panels[row]:
                for west, north in state.outlines_arcsec:
                    axes.plot(west, north, color="white", linewidth=1.0)
        draw_profile(state, profile.subplots())
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def _draw_maps(panels: np.ndarray, maps: SkyMaps, name: str) -> None:
    with np.errstate(invalid="ignore", divide="ignore"):
        log_halpha = np.log10(maps.halpha)
    for axes, values, title, cmap, limits in zip(
        panels, (log_halpha, maps.log_n2, maps.velocity_kms),
        (r"log H$\alpha$", r"log [N II]/H$\alpha$", "velocity (km/s)"),
        ("cividis", "viridis", "RdBu_r"), ((-1.5, 0.5), (-1.5, 0.0), (-180.0, 180.0)),
        strict=True,
    ):  # fmt: skip
        image = axes.imshow(values, extent=EXTENT, cmap=cmap, vmin=limits[0], vmax=limits[1])
        axes.set(title=f"{title}, {name}", xlim=EXTENT[:2], ylim=EXTENT[2:])
        axes.title.set_fontsize(10)
        axes.figure.colorbar(image, ax=axes, shrink=0.8)


def draw_profile(state: DemoState, axes: Axes) -> Axes:
    """Draw truth, points and estimators against radius.

    Parameters
    ----------
    state : DemoState
        From the sliders.
    axes : Axes
        To draw on.
    """
    profiles, radius = state.profiles, state.profiles.radius_kpc
    axes.fill_between(radius, profiles.forward[0], profiles.forward[2], color=FORWARD_COLOUR,
                      alpha=0.25, linewidth=0.0)  # fmt: skip
    axes.plot(radius, profiles.truth, "--", color="black", label="truth")
    for values, colour, style, name in (
        (profiles.slope, SLOPE_COLOUR, "-", "slope"),
        (profiles.slope_fgrad, CORRECTED_COLOUR, "-.", "slope_fgrad"),
        (profiles.forward[1], FORWARD_COLOUR, "-", "forward"),
    ):
        gradient = getattr(state.gradients, name)[1]
        told = f"{gradient:+.3f} dex/kpc" if math.isfinite(gradient) else "none"
        axes.plot(radius, values, style, color=colour, label=f"{name}: {told}")
    axes.errorbar(profiles.annulus_kpc, profiles.abundance, profiles.abundance_err, fmt="o",
                  color="black", label="annuli")  # fmt: skip
    axes.plot(profiles.annulus_kpc, profiles.limit, "v", color="black", fillstyle="none")
    axes.set(xlim=(0.0, 13.0), ylim=(7.85, 9.1), xlabel="radius (kpc)", ylabel="12 + log(O/H)")
    axes.legend(loc="upper right")
    return axes
