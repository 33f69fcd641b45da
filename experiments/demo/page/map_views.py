"""Six maps of the sky with the annuli drawn: before the seeing, and as observed."""

from dataclasses import dataclass

import numpy as np
from bokeh.models import ColorBar, ColumnDataSource, DataRange1d, FixedTicker, LinearColorMapper
from bokeh.palettes import Cividis256, RdBu11, Viridis256, interp_palette
from bokeh.plotting import figure
from numpy.typing import NDArray

from experiments.demo.model.sky import GRID
from experiments.demo.model.state import DemoState, SkyMaps
from experiments.demo.page.parts import LABEL_SIZE, TICK_SIZE, legible, plain_figure
from kurvs_pipeline.plots.parts import DATA_COLOUR, NO_DATA_COLOUR, ORANGE

FAINTEST_SHOWN = 1e-3
"""1e-16 erg/s/cm2/arcsec2, where noise makes H-alpha negative."""


@dataclass(frozen=True)
class Quantity:
    """What a map shows: name, title, unit, colours, and limits that no slider moves.

    Ticks without labels are their own.
    """

    name: str
    title: str
    unit: str
    low: float
    high: float
    ticks: tuple[float, ...]
    palette: tuple[str, ...]
    tick_labels: tuple[str, ...] = ()


QUANTITIES = (
    Quantity("halpha", "Hα", "10⁻¹⁶ erg/s/cm²/″²", -1.5, 0.5, (-1, 0), tuple(Cividis256),
             ("0.1", "1")),
    Quantity("log_n2", "[N II] / Hα", "log [N II] / Hα", -1.5, 0.0, (-1.5, -1, -0.5, 0),
             tuple(Viridis256)),
    Quantity("velocity", "Velocity", "velocity (km/s)", -180.0, 180.0, (-150, 0, 150),
             tuple(interp_palette(RdBu11, 256))),
)  # fmt: skip


class MapViews:
    """The maps of one session: ``figures[row][column]``."""

    def __init__(self) -> None:
        self._annuli = ColumnDataSource(
            {"west": [], "north": [], "colour": [], "width": []}, name="annuli"
        )
        self._sources = {
            row: {q.name: ColumnDataSource({"image": []}, name=f"{row}_{q.name}")
                  for q in QUANTITIES}
            for row in ("intrinsic", "observed")
        }  # fmt: skip
        self.figures = [
            [self._map(row, quantity) for quantity in QUANTITIES] for row in self._sources
        ]

    def _map(self, row: str, quantity: Quantity) -> figure:
        when = "true" if row == "intrinsic" else "observed"
        plot = plain_figure(
            f"{quantity.title}, {when}",
            match_aspect=True,
            x_range=DataRange1d(range_padding=0.0), y_range=DataRange1d(range_padding=0.0),
        )  # fmt: skip
        colours = LinearColorMapper(
            palette=list(quantity.palette), low=quantity.low, high=quantity.high,
            nan_color=NO_DATA_COLOUR,
        )  # fmt: skip
        side = GRID.n_x * GRID.spaxel_arcsec
        image = plot.image(
            "image", source=self._sources[row][quantity.name], x=-0.5 * side, y=-0.5 * side,
            dw=side, dh=side, color_mapper=colours,
        )  # fmt: skip
        plot.x_range.renderers = plot.y_range.renderers = [image]
        plot.multi_line("west", "north", source=self._annuli, line_color="white",
                        line_width="width")  # fmt: skip
        plot.multi_line("west", "north", source=self._annuli, line_color="colour", line_width=1.6)
        legible(plot)
        plot.grid.visible = False
        plot.background_fill_color = NO_DATA_COLOUR
        plot.axis.ticker = FixedTicker(ticks=[-1, 0, 1])
        plot.axis.major_label_overrides = {-1: "\N{MINUS SIGN}1″", 0: "0", 1: "1″"}
        plot.min_border_left = plot.min_border_right = 8
        if row == "observed":
            plot.add_layout(_colour_bar(quantity, colours), "below")
        else:
            plot.xaxis.major_label_text_font_size = "0px"
        return plot

    def show(self, state: DemoState, annulus: int) -> None:
        """Show the maps of a state, with one annulus marked."""
        for row, maps in (("intrinsic", state.intrinsic), ("observed", state.observed)):
            for name, image in map_images(maps).items():
                self._sources[row][name].data = {"image": [image]}
        marked = {annulus, annulus - 1}
        number = range(len(state.outlines_arcsec))
        self._annuli.data = {
            "west": [outline[0] for outline in state.outlines_arcsec],
            "north": [outline[1] for outline in state.outlines_arcsec],
            "colour": [ORANGE if index in marked else DATA_COLOUR for index in number],
            "width": [5.0 if index in marked else 3.0 for index in number],
        }


def map_images(maps: SkyMaps) -> dict[str, NDArray[np.float32]]:
    """Return the images of some maps, by name of the quantity."""
    halpha = np.log10(np.maximum(np.nan_to_num(maps.halpha), FAINTEST_SHOWN))
    images = {"halpha": halpha, "log_n2": maps.log_n2, "velocity": maps.velocity_kms}
    return {name: np.asarray(image, dtype=np.float32) for name, image in images.items()}


def _colour_bar(quantity: Quantity, colours: LinearColorMapper) -> ColorBar:
    return ColorBar(
        color_mapper=colours, orientation="horizontal", height=9, padding=1, title=quantity.unit,
        title_text_font_size=LABEL_SIZE, title_text_font_style="normal", title_standoff=1,
        major_label_text_font_size=TICK_SIZE, label_standoff=3,
        ticker=FixedTicker(ticks=list(quantity.ticks)), background_fill_alpha=0.0,
        major_label_overrides=dict(zip(quantity.ticks, quantity.tick_labels, strict=False)),
    )  # fmt: skip
