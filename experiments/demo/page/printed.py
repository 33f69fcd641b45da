"""Maps and profile of a state on paper."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.image import AxesImage
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from experiments.demo.model.sky import GRID
from experiments.demo.model.state import DemoState
from experiments.demo.page.map_views import Quantity
from experiments.demo.page.views import PROFILE_X_KPC, PROFILE_Y
from kurvs_pipeline.plots.parts import (
    CORRECTED_COLOUR,
    DATA_COLOUR,
    FORWARD_COLOUR,
    NO_DATA_COLOUR,
    SLOPE_COLOUR,
)

HALF_FIELD_ARCSEC = 0.5 * GRID.n_x * GRID.spaxel_arcsec
EXTENT = (-HALF_FIELD_ARCSEC, HALF_FIELD_ARCSEC) * 2

_HALO = [withStroke(linewidth=2.6, foreground="white")]


def draw_map(
    values: NDArray[np.floating], quantity: Quantity, state: DemoState, axes: Axes
) -> AxesImage:
    """Draw a map of the sky with the annuli; North is up, East left.

    Parameters
    ----------
    values : array, shape (n_y, n_x)
        NaN where nothing is known.
    quantity : Quantity
        What they are, for colours and limits.
    state : DemoState
        For the annuli.
    axes : Axes
        Axes to draw into.

    Returns
    -------
    AxesImage
        For a colour bar.
    """
    image = axes.imshow(values, extent=EXTENT, cmap=ListedColormap(quantity.palette),
                        vmin=quantity.low, vmax=quantity.high)  # fmt: skip
    for west, north in state.outlines_arcsec:
        axes.plot(west, north, color=DATA_COLOUR, linewidth=1.1, path_effects=_HALO)
    axes.set_facecolor(NO_DATA_COLOUR)
    axes.set(xlim=EXTENT[:2], ylim=EXTENT[2:], xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    return image


def draw_profile(state: DemoState, axes: Axes) -> Axes:
    """Draw truth, points and estimators against radius.

    Parameters
    ----------
    state : DemoState
        From the sliders.
    axes : Axes
        Axes to draw into.
    """
    profiles, radius = state.profiles, state.profiles.radius_kpc
    axes.fill_between(radius, profiles.forward[0], profiles.forward[2], color=FORWARD_COLOUR,
                      alpha=0.25, linewidth=0.0)  # fmt: skip
    axes.plot(radius, profiles.truth, "--", color="black", linewidth=2.4,
              label=f"truth: {_signed(state.gradients.truth)} dex/kpc")  # fmt: skip
    for values, colour, style, name, label in (
        (profiles.slope, SLOPE_COLOUR, "-", "slope", "slope of the annuli"),
        (profiles.slope_fgrad, CORRECTED_COLOUR, "-.", "slope_fgrad", r"slope $\times$ f_grad"),
        (profiles.forward[1], FORWARD_COLOUR, "-", "forward", "forward fit, 68 %"),
    ):
        gradient = getattr(state.gradients, name)[1]
        axes.plot(radius, values, style, color=colour, linewidth=2.0,
                  label=f"{label}: {_signed(gradient)}")  # fmt: skip
    axes.errorbar(profiles.annulus_kpc, profiles.abundance, profiles.abundance_err, fmt="o",
                  color="black", markersize=8, label="annuli, observed")  # fmt: skip
    if np.isfinite(profiles.limit).any():
        axes.plot(profiles.annulus_kpc, profiles.limit, "v", color="black", fillstyle="none",
                  markersize=8, label=r"upper limit, 4$\sigma$")  # fmt: skip
    axes.set(xlim=PROFILE_X_KPC, ylim=PROFILE_Y, xlabel="radius (kpc)", ylabel="12 + log(O/H)")
    falling = state.gradients.truth <= 0.0
    axes.legend(loc="upper right" if falling else "lower right")
    return axes


def _signed(gradient: float) -> str:
    return f"{gradient:+.3f}".replace("-", "\N{MINUS SIGN}") if math.isfinite(gradient) else "none"
