"""The one style of all figures."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files

from matplotlib import style

from kurvs_pipeline.plots.parts import DATA_COLOUR, FIT_COLOUR, MUTED_COLOUR, NOISE_COLOUR

__all__ = [
    "DATA_COLOUR",
    "FIT_COLOUR",
    "LINE_LABEL",
    "MUTED_COLOUR",
    "NOISE_COLOUR",
    "figure_style",
]

LINE_LABEL = {
    "oii_3726": "[O II]",
    "oii_3729": "[O II]",
    "hbeta": r"H$\beta$",
    "oiii_4959": "[O III]",
    "oiii_5007": "[O III]",
    "nii_6548": "[N II]",
    "halpha": r"H$\alpha$",
    "nii_6584": "[N II]",
    "sii_6716": "[S II]",
    "sii_6731": "[S II]",
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Make and save figures in the project's style, whatever the user's own is.

    Yields
    ------
    None
    """
    with (
        as_file(files("experiments.runs") / "kurvs.mplstyle") as path,
        style.context(["default", path]),
    ):
        yield
