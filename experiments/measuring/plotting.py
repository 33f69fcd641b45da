"""The commands ``kurvs plot``: figures of galaxies that were measured before."""

import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from experiments.runs.run import OUTPUT_ROOT, PARTIAL
from experiments.runs.style import figure_style
from kurvs_pipeline.errors import ConfigurationError, CubeFormatError, OutputError
from kurvs_pipeline.plots.profile import TrueProfile
from kurvs_pipeline.plots.profiles_page import profiles_figure
from kurvs_pipeline.results.reading import read_results

FORMATS = (".png", ".pdf", ".svg")
RESOLUTION_DPI = 200
"""Of png: what print needs of a page that is 7 to 11 inches wide."""


def write_figure(
    name: str, draw: Callable[[], Figure], *, output: Path | None, overwrite: bool
) -> Path:
    """Draw a figure and write it, whole or not at all.

    Parameters
    ----------
    name : str
        Of its file, where no other is stated.
    draw : callable
        Makes the figure, in the style of the project.
    output : Path or None
        File of the figure.
    overwrite : bool
        Whether it may exist.

    Returns
    -------
    Path
        Where the figure is.

    Raises
    ------
    ConfigurationError, OutputError
        If the figure cannot be written as asked.
    """
    check_output(output, overwrite=overwrite)
    with figure_style():
        return _save(draw(), name, output)


def draw_profiles(results: Sequence[Path], truths: Sequence[Path]) -> Figure:
    """Draw the radial profiles of galaxies.

    Parameters
    ----------
    results : sequence of Path
        Folders that ``kurvs measure`` wrote, in the order drawn.
    truths : sequence of Path
        ``truth.nc`` of mocks among them.

    Raises
    ------
    ResultsError, CubeFormatError, ConfigurationError
        If results or truths cannot be read, or do not go together.
    """
    galaxies = [read_results(directory) for directory in results]
    known = read_truths(truths, {galaxy.metadata.name for galaxy in galaxies})
    return profiles_figure(galaxies, truths=known)


def read_truths(paths: Sequence[Path], galaxies: set[str]) -> dict[str, TrueProfile]:
    """Read the true profiles of mocks, by the names of the galaxies.

    Parameters
    ----------
    paths : sequence of Path
        Files ``truth.nc`` of ``kurvs simulate``.
    galaxies : set of str
        Names of those that are drawn.

    Raises
    ------
    CubeFormatError
        If a file holds no truth.
    ConfigurationError
        If a truth belongs to none of the galaxies, or two to the same.
    """
    truths: dict[str, TrueProfile] = {}
    for path in paths:
        name, profile = _truth(path)
        if name not in galaxies:
            raise ConfigurationError(
                f"{path}: is the truth of {name}, which is not among the results "
                f"({', '.join(sorted(galaxies))})"
            )
        if name in truths:
            raise ConfigurationError(f"{path}: is a second truth of {name}; expected one a galaxy")
        truths[name] = profile
    return truths


def _truth(path: Path) -> tuple[str, TrueProfile]:
    if not path.is_file():
        raise CubeFormatError(f"{path}: expected a truth.nc of kurvs simulate, found none there")
    try:
        with xr.open_dataset(path, engine="h5netcdf") as truth:
            profiles = {
                str(name): truth["abundance_profile"].sel(diagnostic=name).to_numpy()
                for name in truth["diagnostic"].to_numpy()
            }
            radius = truth["radius_kpc"].to_numpy()
            return str(truth.attrs["name"]), TrueProfile(radius, profiles)
    except (OSError, KeyError, ValueError) as error:
        raise CubeFormatError(
            f"{path}: expected a truth.nc of kurvs simulate, found something else "
            f"({str(error).partition(chr(10))[0]})"
        ) from error


def check_output(output: Path | None, *, overwrite: bool) -> None:
    """Refuse a figure that could not be written, before any work is done.

    Parameters
    ----------
    output : Path or None
        File of the figure.
    overwrite : bool
        Whether it may exist.

    Raises
    ------
    ConfigurationError
        If its suffix names no format of figures.
    OutputError
        If it exists and may not be overwritten.
    """
    if output is None:
        return
    if output.suffix.lower() not in FORMATS:
        raise ConfigurationError(
            f"--output is {output}; expected a name that ends with {', '.join(FORMATS)}"
        )
    if output.is_dir():
        raise OutputError(f"{output}: is a folder; expected the name of a figure's file")
    if output.exists() and not overwrite:
        raise OutputError(f"{output}: exists; choose another --output or add --overwrite")


def _save(figure: Figure, kind: str, output: Path | None) -> Path:
    """Write a figure whole or not at all."""
    path = _numbered(kind) if output is None else output
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In a folder of its own: another process may draw to the same path.
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=path.parent) as folder:
            staged = Path(folder) / path.name
            figure.savefig(staged, dpi=RESOLUTION_DPI, format=path.suffix[1:].lower())
            staged.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{path}: the figure cannot be written ({reason}); choose another --output"
        ) from error
    return path


def _numbered(kind: str) -> Path:
    """Return ``spectra.png``, ``spectra-2.png``...: the first that does not exist."""
    names = (f"{kind}.png" if n == 1 else f"{kind}-{n}.png" for n in itertools.count(1))
    return next(path for path in (OUTPUT_ROOT / name for name in names) if not path.exists())
