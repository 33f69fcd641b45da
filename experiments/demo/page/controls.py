"""Sliders and buttons in the style of the page."""

from collections.abc import Callable
from functools import partial

import panel as pn
from bokeh.models import Slider

from experiments.demo.model.parameters import SLIDERS, DemoParameters, presets

SLIDER_STYLE = """
:host { font: 1.2rem/1.2 "Liberation Sans", Arial, sans-serif; color: #16324F; }
.bk-slider-title { font-size: 1.2rem; margin-bottom: 0.2rem; white-space: nowrap; }
.noUi-handle:focus { outline: 0.2rem solid #E69F00; }
.noUi-connect { background-color: #0072B2; }
"""
BUTTON_STYLE = """
:host { margin: 0; }
.bk-btn { font: 1.1rem/1.2 "Liberation Sans", Arial, sans-serif; padding: 0.45rem 0.5rem;
  border-radius: 0.3rem; border: 1px solid #9DB0C3; background: #EAF1F8; color: #16324F; }
.bk-btn:hover { background: #D5E4F2; }
.bk-btn:focus-visible, a:focus-visible { outline: 0.2rem solid #E69F00; }
.bk-btn.bk-active, .bk-btn-primary { background: #0072B2; color: white; border-color: #0072B2; }
"""


def slider_widgets(parameters: DemoParameters) -> dict[str, Slider]:
    """Return the sliders by parameter, set to some parameters.

    They are Bokeh's own: Panel's wait 50 ms for more changes before they report one.
    """
    return {
        slider.name: Slider(
            title=f"{slider.label} ({slider.unit})" if slider.unit else slider.label,
            start=slider.low, end=slider.high, step=slider.step,
            value=getattr(parameters, slider.name), format=_format(slider.digits),
            sizing_mode="stretch_width", stylesheets=[SLIDER_STYLE], margin=(2, 14),
        )
        for slider in SLIDERS
    }  # fmt: skip


def _format(digits: int) -> str:
    return f"0.{'0' * digits}" if digits else "0"


def button(label: str, action: Callable[[], object], *, kind: str = "default") -> pn.widgets.Button:
    """Return a button that calls an action; of kind ``primary`` if it is the one to press next."""
    made = pn.widgets.Button(
        name=label, button_type=kind, stylesheets=[BUTTON_STYLE], margin=0,
        sizing_mode="stretch_width",
    )  # fmt: skip
    made.on_click(lambda _: action())
    return made


def preset_buttons(show: Callable[[DemoParameters], object]) -> pn.Row:
    """Return a button for each preset, which calls a function with the preset's parameters."""
    made = [button(name, partial(show, chosen)) for name, chosen in presets().items()]
    grid = {"display": "grid", "grid-template-columns": "repeat(auto-fit, minmax(11rem, 1fr))",
            "gap": "0.5rem"}  # fmt: skip
    return pn.Row(*made, sizing_mode="stretch_width", margin=0, styles=grid)
