"""What a student can download: the figure and the numbers of a state."""

from io import BytesIO, StringIO

import numpy as np
from astropy import units as u
from astropy.table import QTable
from matplotlib.figure import Figure

from experiments.demo.model.parameters import SLIDERS
from experiments.demo.model.state import DemoState
from experiments.demo.page.map_views import QUANTITIES, map_images
from experiments.demo.page.printed import draw_map, draw_profile
from experiments.runs.style import figure_style
from kurvs_pipeline.provenance import software


def table_text(state: DemoState) -> str:
    """Return the annuli as an ECSV table, with parameters and gradients in its header."""
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
    table.meta["provenance"] = software()
    table.meta["f_grad"] = gradients.f_grad
    table.meta["forward_flag"] = gradients.forward_flag
    text = StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue()


def figure_png(state: DemoState) -> bytes:
    """Return maps and profile as a PNG image."""
    buffer = BytesIO()
    with figure_style():
        state_figure(state).savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def state_figure(state: DemoState) -> Figure:
    """Draw maps and profile on one page."""
    figure = Figure(figsize=(14.0, 6.6), layout="constrained")
    maps, profile = np.asarray(figure.subfigures(1, 2, width_ratios=(1.5, 1.0)))
    panels = np.asarray(maps.subplots(2, 3, sharex=True, sharey=True))
    for column, quantity in zip(panels.T, QUANTITIES, strict=True):
        for axes, shown, when in zip(
            column, (state.intrinsic, state.observed), ("true", "observed"), strict=True
        ):
            image = draw_map(map_images(shown)[quantity.name], quantity, state, axes)
            axes.set_title(f"{quantity.title}, {when}")
        column[-1].set_xlabel("West (arcsec)")
        bar = maps.colorbar(image, ax=column, location="bottom", label=quantity.unit,
                            ticks=list(quantity.ticks))  # fmt: skip
        if quantity.tick_labels:
            bar.set_ticklabels(list(quantity.tick_labels))
    maps.supylabel("North (arcsec)", fontsize=11)
    draw_profile(state, profile.subplots())
    figure.suptitle(_slider_values(state), fontsize=12)
    return figure


def _slider_values(state: DemoState) -> str:
    """Return where the sliders stood."""
    values = vars(state.parameters)
    told = [f"{s.label} {s.as_text(values[s.name])} {s.unit}".strip() for s in SLIDERS]
    first, second = ",  ".join(told[:4]), ",  ".join(told[4:])
    return f"{first},\n{second}".replace("-", "\N{MINUS SIGN}")
