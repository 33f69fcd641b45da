"""The numbers of a state, in text that the last row can read."""

import math

from experiments.demo.model.state import DemoState, Gradients
from experiments.demo.page.parts import FRAME_COLOUR
from kurvs_pipeline.plots.parts import CORRECTED_COLOUR, FORWARD_COLOUR, SLOPE_COLOUR, TRUTH_COLOUR

READOUT_STYLE = """
.tiles { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 0.3rem;
  font: 1.1rem/1.2 "Liberation Sans", Arial, sans-serif; color: #16324F; }
.tile { border-top: 0.35rem solid; padding: 0.25rem 0 0; text-align: center;
  white-space: nowrap; }
.tile b { display: block; font-size: 1.85rem; font-variant-numeric: tabular-nums; color: #111; }
.tile sub { line-height: 0; }
.tile small { font-size: 1rem; }
@media (max-width: 900px) { .tiles { grid-template-columns: repeat(3, 1fr); } }
"""

FLAG_TEXT = {
    "ok": "",
    "no_halpha": "no Hα",
    "unconstrained": "unconstrained",
    "poor_fit": "poor fit",
    "approximate": "approximate",
    "no_fit": "no fit",
}


def readout_html(state: DemoState) -> str:
    """Return the gradients and f_grad as HTML."""
    gradients = state.gradients
    tiles = [
        _tile("truth", _signed(gradients.truth), "dex/kpc", TRUTH_COLOUR),
        _tile("slope", _signed(gradients.slope[1]), _error(gradients.slope), SLOPE_COLOUR),
        _tile("slope × f<sub>grad</sub>", _signed(gradients.slope_fgrad[1]),
              _error(gradients.slope_fgrad), CORRECTED_COLOUR),
        _tile("forward", _signed(gradients.forward[1]), _forward_note(gradients), FORWARD_COLOUR),
        _tile("f<sub>grad</sub>", _number(gradients.f_grad, "{:.2f}"), _needed(gradients),
              FRAME_COLOUR),
    ]  # fmt: skip
    return f'<div class="tiles" aria-live="polite">{"".join(tiles)}</div>'


def _tile(title: str, value: str, note: str, colour: str) -> str:
    return (
        f'<div class="tile" style="border-color:{colour}">{title}<b>{value}</b>'
        f"<small>{note or '&nbsp;'}</small></div>"
    )


def _number(value: float, form: str) -> str:
    return form.format(value).replace("-", "\N{MINUS SIGN}") if math.isfinite(value) else "none"


def _signed(value: float) -> str:
    return _number(value, "{:+.3f}")


def _error(gradient: tuple[float, float, float]) -> str:
    low, best, high = gradient
    if not math.isfinite(best):
        return "fewer than 2 points"
    return f"± {_size(0.5 * (high - low))}"


def _size(error: float) -> str:
    """Write an error, > 0, so that it is never 0.000."""
    for digits in (3, 4):
        if error >= 0.5 * 10.0**-digits:
            return f"{error:.{digits}f}"
    return "<0.0001"


def _forward_note(gradients: Gradients) -> str:
    low, best, high = gradients.forward
    flag = FLAG_TEXT[gradients.forward_flag]
    if flag or not math.isfinite(best):
        return flag
    return f"+{_size(high - best)} \N{MINUS SIGN}{_size(best - low)}"


def _needed(gradients: Gradients) -> str:
    """Return the factor that would have been right for this draw."""
    if not math.isfinite(gradients.slope[1]) or gradients.slope[1] == 0.0:
        return ""
    return f"true/slope {_number(gradients.truth / gradients.slope[1], '{:.1f}')}"
