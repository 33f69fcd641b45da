"""The one style of all figures."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files

from matplotlib import style


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
