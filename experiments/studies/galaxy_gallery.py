"""Figure of what a galaxy can contain beside a smooth disk, and what the seeing leaves of it.

    python -m experiments.studies.galaxy_gallery docs/images

draws it. Every galaxy has the same disk and the same gradient.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from experiments.runs.style import figure_style
from kurvs_pipeline.arrays import Array
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid
from kurvs_sim.galaxy.abundance_scatter import AbundanceScatter
from kurvs_sim.galaxy.clumps import Clumps
from kurvs_sim.galaxy.nucleus import NuclearSource
from kurvs_sim.profiles.radial import Exponential, Linear
from kurvs_sim.profiles.shapes import Ring
from kurvs_sim.scene.scene import Scene

FIGURE_NAME = "simulator-galaxies.png"
DISK = Galaxy(
    inclination_deg=40.0, position_angle_deg=120.0, effective_radius_arcsec=0.6,
    oxygen_abundance=Linear(central=8.7, gradient=-0.03),
)  # fmt: skip
SEEING = PointSpreadFunction("moffat", 0.6, moffat_beta=3.0)
NO_SEEING = PointSpreadFunction(fwhm_arcsec=0.0)
GRID = SpaxelGrid(n_x=60, n_y=60, spaxel_arcsec=0.05)
RATIO_RANGE = (0.08, 0.6)
_RATIO = r"[N II]/H$\alpha$"
_ROWS = (r"H$\alpha$", r'H$\alpha$, 0.6" seeing', _RATIO, f'{_RATIO}, 0.6" seeing')


def gallery() -> Mapping[str, Galaxy]:
    """Return the galaxies by what they have beside the smooth disk."""
    scale_kpc = DISK.scale_length_arcsec * DISK.kpc_per_arcsec
    ringed = Exponential(central=1.0, scale_length=scale_kpc) + Ring(0.3, 5.5, 0.5)
    clumps = Clumps(
        seed=7, number=12, flux_fraction=0.3, fwhm_kpc=1.0,
        effective_radius_kpc=0.6 * DISK.kpc_per_arcsec, oxygen_abundance_offset_dex=-0.2,
    )  # fmt: skip
    scatter = AbundanceScatter(seed=3, amplitude_dex=0.08, correlation_length_kpc=1.0)
    active = NuclearSource(halpha_flux=0.15, dispersion_kms=250.0, nii_6584_to_halpha=1.0)
    return {
        "smooth disk": DISK,
        "ring": replace(DISK, halpha_profile=ringed),
        "metal-poor clumps": replace(DISK, structures=(clumps,)),
        "azimuthal scatter": replace(DISK, structures=(scatter,)),
        "active nucleus": replace(DISK, nuclear_sources=(active,)),
    }


def maps_of(galaxy: Galaxy, psf: PointSpreadFunction) -> tuple[Array, Array]:
    """Return H-alpha per spaxel and [N II]/H-alpha, with nuclear sources, after the seeing.

    Returns
    -------
    halpha, ratio : array, shape (n_y, n_x)
        1e-16 erg/s/cm2, and a pure number.
    """
    scene = Scene(galaxy, GRID, psf, Numerics())
    halpha, nii = (
        scene.smeared_line_maps[line]
        + sum(source.line_fluxes()[line] * share for source, share in
              zip(galaxy.nuclear_sources, scene.added_light.nuclear_maps, strict=True))
        for line in ("halpha", "nii_6584")
    )  # fmt: skip
    return halpha, nii / halpha


def draw(galaxies: Mapping[str, Galaxy]) -> Figure:
    """Draw H-alpha and [N II]/H-alpha of galaxies, one column each, without and with seeing."""
    with figure_style():
        figure, axes = plt.subplots(
            4, len(galaxies), figsize=(2.1 * len(galaxies) + 0.8, 8.2), sharex=True, sharey=True,
            layout="constrained",
        )  # fmt: skip
        for first_row, psf in enumerate((NO_SEEING, SEEING)):
            brightest = maps_of(DISK, psf)[0].max()
            for column, galaxy in zip(axes.T, galaxies.values(), strict=True):
                halpha, ratio = maps_of(galaxy, psf)
                _show(column[first_row], np.sqrt(halpha / brightest), "magma", Normalize(0.0, 1.0))
                shown = _show(column[first_row + 2], ratio, "viridis", LogNorm(*RATIO_RANGE))
        for column, title in zip(axes.T, galaxies, strict=True):
            column[0].set_title(title)
            column[-1].set_xlabel("West (arcsec)")
        for place, name in zip(axes[:, 0], _ROWS, strict=True):
            place.set_ylabel(name)
        bar = figure.colorbar(shown, ax=axes[2:, :], label=_RATIO, aspect=40)
        bar.set_ticks([0.1, 0.2, 0.3, 0.4, 0.6], labels=["0.1", "0.2", "0.3", "0.4", "0.6"])
        bar.ax.minorticks_off()
    return figure


def _show(place: Axes, image: Array, colours: str, norm: Normalize) -> AxesImage:
    half = 0.5 * GRID.n_x * GRID.spaxel_arcsec
    extent = (-half, half, -half, half)
    return place.imshow(image, origin="lower", extent=extent, cmap=colours, norm=norm)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figure into a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    directory = parser.parse_args(arguments).directory
    directory.mkdir(parents=True, exist_ok=True)
    draw(gallery()).savefig(directory / FIGURE_NAME, dpi=110)


if __name__ == "__main__":
    main()
