"""Read the abundances of all annuli off the vector graphics of the survey's Fig. 6.

    python -m experiments.studies.published.figure_6 annuli.csv --shared ../shared

The figure, ``figure/met_grads_radbin0.5.pdf`` of the survey's public repository, holds every point
and error bar as a path. The table that this writes is kept as ``kurvs_sim/data/kurvs_annuli.csv``.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from experiments.runs.terminal import run_alone
from kurvs_pipeline.errors import CubeFormatError
from kurvs_sim.survey.annuli import AnnularAbundance, Limit
from kurvs_sim.survey.catalogue import kurvs_catalogue

FIGURE = Path("authors") / "figure" / "met_grads_radbin0.5.pdf"

COLOURS = {(0.576, 0.439, 0.859): "n2o2", (0.251, 0.878, 0.816): "r23", (0.875, 0.114, 0.153): "n2"}
"""Colour of each diagnostic: red, green and blue."""

LIMIT_OF: dict[str, Limit] = {"n2": "upper", "n2o2": "lower"}
"""Direction of the arrows: [N II] is not detected in the first, [O II] in the second."""

PANEL_ORIGIN, PANEL_SIZE, COLUMNS = (57.6, 776.0290909), (162.0, 70.6909091), 4
"""Lower left corner of the first panel, and width and height of all, in points."""

TICK_5_KPC, TICK_10_KPC, TICK_8_DEX, TICK_9_DEX = 106.81519, 158.081013, 780.447273, 824.629091
"""Positions of the ticks of the first panel, in points."""

JOINING_WIDTH, ERROR_BAR_WIDTH, LIMIT_RADIUS = 0.5, 1.5, 2.236068
"""In points: widths of the lines that join measurements and of error bars; radius of a limit."""

ANNULUS_KPC = 4.3
"""Width of an annulus of 0.5 arcsec at the redshifts of the survey."""

FIRST_LINES = (
    "# 12 + log(O/H) in annuli of 0.5 arcsec of KURVS galaxies, read off the vector graphics of",
    "# Fig. 6 of Li et al. (2025), MNRAS 544, 4025, in the survey's public repository.",
    "# n2 is on the scale of Marino et al. (2013); limits come from a line below 4 sigma.",
)


_Key = tuple[int, str]
"""Number of the galaxy, and diagnostic."""


class _Point(NamedTuple):
    """A place in a panel: kpc and 12 + log(O/H)."""

    radius_kpc: float
    abundance: float


@dataclass(frozen=True)
class _Drawn:
    """One path in one panel."""

    kurvs_id: int
    diagnostic: str
    filled: bool
    line_width: float
    size: float
    points: tuple[_Point, ...]


def read_figure(path: Path) -> tuple[AnnularAbundance, ...]:
    """Return all points and limits of the figure, ordered by galaxy, diagnostic and radius.

    Raises
    ------
    CubeFormatError
        If the file is missing, or a point has no error bar, as in another figure.
    """
    from pypdf import PdfReader  # noqa: PLC0415  (needed here alone)

    if not path.is_file():
        raise CubeFormatError(f"{path}: no such file; expected Fig. 6 of the survey as a PDF")
    contents = PdfReader(path).pages[0].get_contents()
    points: defaultdict[_Key, set[_Point]] = defaultdict(set)
    bars: defaultdict[_Key, list[tuple[_Point, ...]]] = defaultdict(list)
    found: list[AnnularAbundance] = []
    for drawn in _paths([] if contents is None else contents.operations):
        of = drawn.kurvs_id, drawn.diagnostic
        if drawn.filled:
            if abs(drawn.size - LIMIT_RADIUS) < 0.01:
                found.append(_limit(of, _centre(drawn.points)))
        elif drawn.line_width == JOINING_WIDTH:
            points[of].update(drawn.points)
        elif drawn.line_width == ERROR_BAR_WIDTH:
            bars[of].append(drawn.points)
    for of, places in points.items():
        found += [_measured(of, place, bars[of], path) for place in places]
    return tuple(sorted(found, key=lambda one: (one.kurvs_id, one.diagnostic, one.radius_kpc)))


def _paths(operations: Sequence[tuple[Sequence[Any], bytes]]) -> Iterator[_Drawn]:
    """Follow the graphics state, and yield the paths in the colours of diagnostics."""
    clip, colour, width = [0.0, 0.0, 0.0, 0.0], (0.0, 0.0, 0.0), 0.0
    path: list[tuple[float, float]] = []
    for operands, operator in operations:
        numbers = [float(x) for x in operands if isinstance(x, (int, float))]
        match operator:
            case b"re":
                clip = numbers
            case b"RG":
                colour = (round(numbers[0], 3), round(numbers[1], 3), round(numbers[2], 3))
            case b"w":
                width = numbers[0]
            case b"m" | b"l" | b"c":
                path.append((numbers[-2], numbers[-1]))
            case b"S" | b"B" | b"f" | b"n":
                if colour in COLOURS and path:
                    yield _in_panel(clip, colour, width, path, filled=operator == b"B")
                path = []


def _in_panel(
    clip: Sequence[float],
    colour: tuple[float, float, float],
    width: float,
    path: Sequence[tuple[float, float]],
    *,
    filled: bool,
) -> _Drawn:
    column = round((clip[0] - PANEL_ORIGIN[0]) / PANEL_SIZE[0])
    row = round((PANEL_ORIGIN[1] - clip[1]) / PANEL_SIZE[1])
    kurvs_id = list(kurvs_catalogue())[COLUMNS * row + column]
    across, up = column * PANEL_SIZE[0], row * PANEL_SIZE[1]
    points = tuple(
        _Point(
            5.0 + 5.0 * (x - across - TICK_5_KPC) / (TICK_10_KPC - TICK_5_KPC),
            8.0 + (y + up - TICK_8_DEX) / (TICK_9_DEX - TICK_8_DEX),
        )
        for x, y in path
    )
    # Markers of limits are the only filled circles: eight arcs, so nine points.
    size = 0.5 * (max(x for x, _ in path) - min(x for x, _ in path)) if len(path) == 9 else math.nan
    return _Drawn(kurvs_id, COLOURS[colour], filled, width, size, points)


def _centre(points: Sequence[_Point]) -> _Point:
    radii, abundances = zip(*points, strict=True)
    return _Point(
        0.5 * (min(radii) + max(radii)), 0.5 * (min(abundances) + max(abundances))
    )  # fmt: skip


def _limit(of: _Key, place: _Point) -> AnnularAbundance:
    return _entry(of, place, math.nan, LIMIT_OF[of[1]])


def _measured(
    of: _Key, place: _Point, bars: Sequence[tuple[_Point, ...]], path: Path
) -> AnnularAbundance:
    for bar in bars:
        if math.dist(_centre(bar), place) < 1e-4:
            height = abs(bar[1].abundance - bar[0].abundance)
            return _entry(of, place, 0.5 * height, "")
    raise CubeFormatError(
        f"{path}: a point of KURVS {of[0]} by {of[1]} has no error bar; expected Fig. 6"
    )


def _entry(of: _Key, place: _Point, error: float, limit: Limit) -> AnnularAbundance:
    annulus = "ABC"[int(place.radius_kpc / ANNULUS_KPC)]
    return AnnularAbundance(
        *of, annulus, round(place.radius_kpc, 3), round(place.abundance, 4),
        round(error, 4), limit,
    )  # fmt: skip


def write_annuli(annuli: Sequence[AnnularAbundance], path: Path) -> None:
    """Write the table that is kept in ``kurvs_sim/data``."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}\n" for line in FIRST_LINES)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ("kurvs_id", "diagnostic", "annulus", "radius_kpc", "abundance", "abundance_err",
             "limit")
        )  # fmt: skip
        for one in annuli:
            error = "" if one.limit else f"{one.abundance_err:.4f}"
            writer.writerow(
                (one.kurvs_id, one.diagnostic, one.annulus, f"{one.radius_kpc:.3f}",
                 f"{one.abundance:.4f}", error, one.limit)
            )  # fmt: skip


def main(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="Table to write.")],
    *,
    shared: Annotated[Path, typer.Option(metavar="DIR", help="Holds authors/figure.")],
) -> None:
    """Read Fig. 6 and write its points as a table."""
    write_annuli(read_figure(shared / FIGURE), table)


if __name__ == "__main__":
    run_alone(main)
