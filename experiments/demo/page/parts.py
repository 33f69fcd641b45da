"""What the figures of the page share: colours of text and frames, and text for the last row."""

from bokeh.plotting import figure

INK_COLOUR = "#16324F"
FRAME_COLOUR = "#7A8793"

LABEL_SIZE = "15px"
TICK_SIZE = "14px"
TITLE_SIZE = "15px"
"""On a window 1280 pixels wide; the page scales them with its own width."""


def plain_figure(title: str, *, x_label: str = "", y_label: str = "", **options: object) -> figure:
    """Return an empty figure that fills its place, without tools that would move it.

    Parameters
    ----------
    title, x_label, y_label : str
        Its text.
    **options
        Of the Bokeh figure, such as fixed ranges.
    """
    plot = figure(
        title=title, toolbar_location=None, tools="", sizing_mode="stretch_both", min_height=60,
        min_width=60, output_backend="canvas", **options,
    )  # fmt: skip
    plot.xaxis.axis_label, plot.yaxis.axis_label = x_label or None, y_label or None
    plot.toolbar.active_drag = plot.toolbar.active_scroll = None
    return plot


def legible(plot: figure) -> None:
    """Set the size of all text of a figure.

    Parameters
    ----------
    plot : bokeh figure
        With its legends; it is changed.
    """
    plot.title.text_font_size = TITLE_SIZE
    plot.title.text_color = INK_COLOUR
    plot.axis.axis_label_text_font_size = LABEL_SIZE
    plot.axis.axis_label_text_font_style = "normal"
    plot.axis.major_label_text_font_size = TICK_SIZE
    plot.axis.axis_label_standoff = 4
    plot.grid.grid_line_color = "#E7ECF1"
    plot.outline_line_color = FRAME_COLOUR
    for legend in plot.legend:
        legend.label_text_font_size = TICK_SIZE
        legend.background_fill_alpha = 0.85
        legend.border_line_color = None
        legend.padding, legend.spacing, legend.margin = 3, 0, 4
        legend.glyph_height = legend.label_height = 16
