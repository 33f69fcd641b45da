"""Figure of what seeing does to the gradient of one galaxy, and of the corrections.

    python -m experiments.studies.one_galaxy docs/images

draws it, with the galaxy that the demo opens with, brighter.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from experiments.demo.model.parameters import DemoParameters
from experiments.demo.model.sky import DemoSky
from experiments.demo.model.state import demo_state
from experiments.demo.page.map_views import QUANTITIES, map_images
from experiments.demo.page.printed import draw_map, draw_profile
from experiments.runs.style import figure_style

FIGURE_NAME = "one-galaxy.png"
GALAXY = DemoParameters(halpha_snr=100.0)
RATIO = next(quantity for quantity in QUANTITIES if quantity.name == "log_n2")


def one_galaxy_figure() -> Figure:
    """Draw [N II]/H-alpha before and behind the seeing and in a cube, and the profile."""
    state = demo_state(GALAXY)
    seen = DemoSky(GALAXY).scene.smeared_line_maps
    behind = replace(state.observed, log_n2=np.log10(seen["nii_6584"] / seen["halpha"]))
    figure = Figure(figsize=(15.0, 4.6), layout="constrained")
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(1.75, 1.0)))
    panels = np.asarray(left.subplots(1, 3, sharey=True))
    shown = {
        "the galaxy": state.intrinsic,
        f'through {GALAXY.seeing_fwhm_arcsec:g}" of seeing': behind,
        "in the cube, where seen": state.observed,
    }
    for axes, (title, maps) in zip(panels, shown.items(), strict=True):
        image = draw_map(map_images(maps)[RATIO.name], RATIO, state, axes)
        axes.set(title=title, xlabel="West (arcsec)")
    panels[0].set_ylabel("North (arcsec)")
    left.colorbar(image, ax=panels, location="bottom", label=RATIO.unit, aspect=50,
                  ticks=list(RATIO.ticks))  # fmt: skip
    draw_profile(state, right.subplots())
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figure into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    with figure_style():
        one_galaxy_figure().savefig(folder / FIGURE_NAME)


if __name__ == "__main__":
    main()
