"""The figure of what a noise-free galaxy costs against what is asked for.

Run as ``python benchmarks/bench_simulator_cost.py docs/images`` on one thread
(``OMP_NUM_THREADS=1``); it writes ``simulator-cost.png``. Times are of the processor.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.runs.style import figure_style
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.plots.parts import DATA_COLOUR, FIT_COLOUR
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid
from kurvs_sim.profiles.radial import Arctan
from kurvs_sim.scene.scene import Scene

REPEATS = 9
SPAXEL_ARCSEC = 0.1
COLOURS = {"gaussian": DATA_COLOUR, "moffat": FIT_COLOUR}


def simulate(
    *,
    kind: str,
    oversampling: int = 3,
    n_spaxels: int = 28,
    n_lines: int = len(REST_WAVELENGTH_UM),
    v_over_sigma: float = 3.0,
) -> None:
    """Make the noise-free cubes of some lines in three bands, from nothing."""
    dispersion_kms = 40.0
    galaxy = Galaxy(
        inclination_deg=50.0,
        position_angle_deg=30.0,
        dispersion_kms=dispersion_kms,
        rotation=Arctan(v_over_sigma * dispersion_kms, 1.5),
    )
    # The galaxy and its seeing are wide enough for the coarsest pixel asked for.
    numerics = Numerics(
        fine_pixel_arcsec=SPAXEL_ARCSEC / oversampling,
        pixels_per_scale_length=1.0,
        pixels_per_psf_fwhm=1.0,
    )
    grid = SpaxelGrid(n_spaxels, n_spaxels, SPAXEL_ARCSEC)
    scene = Scene(galaxy, grid, PointSpreadFunction(kind, 0.6), numerics)
    for band in KMOS_BANDS.values():
        cube = np.zeros((band.n_channels, n_spaxels, n_spaxels), dtype=np.float32)
        for line in list(REST_WAVELENGTH_UM)[:n_lines]:
            scene.add_line(cube, line, band)


def shortest_ms(function: Callable[[], None]) -> float:
    """Return the shortest of some times, after one call that is not counted."""
    function()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def plot_cost(axes: Axes, option: str, values: list[float], label: str) -> Axes:
    """Draw the time against one option, for two shapes of the seeing."""
    for kind, colour in COLOURS.items():
        times = [shortest_ms(partial(simulate, kind=kind, **{option: value})) for value in values]
        axes.plot(values, times, "o-", color=colour, markersize=4, label=kind)
    axes.set(xlabel=label, ylabel="processor time (ms)", ylim=(0.0, None))
    return axes


def main(directory: Path) -> None:
    """Time everything and write the figure."""
    with figure_style():
        figure = Figure(figsize=(8.0, 5.6), layout="constrained")
        panels = figure.subplots(2, 2)
        for axes, (option, values, label) in zip(
            panels.flat,
            [
                ("oversampling", [2, 3, 4, 5, 7], "fine pixels across a spaxel"),
                ("n_spaxels", [14, 20, 28, 40, 56], "spaxels across the field"),
                ("n_lines", [1, 2, 4, 7, 10], "lines"),
                ("v_over_sigma", [0.5, 2.0, 4.0, 7.0, 10.0], "rotation / dispersion"),
            ],
            strict=True,
        ):
            plot_cost(axes, option, values, label)
        panels[0, 0].legend()
        figure.savefig(directory / "simulator-cost.png", dpi=120)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
