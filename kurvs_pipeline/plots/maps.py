"""Maps of a measured galaxy with its apertures. North is up, East is left."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.patches import Circle, Ellipse
from matplotlib.patheffects import withStroke

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import INTEGRATED, Aperture
from kurvs_pipeline.geometry import axis_ratio
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.plots.parts import (
    FIT_COLOUR,
    MUTED_COLOUR,
    NO_DATA_COLOUR,
    NOTE_POINTS,
    TEXT_POINTS,
    printed_ticks,
)

SMALLEST_VELOCITY_RANGE_KMS = 20.0
LEAST_SNR_SHOWN = 3.0
_HALO = [withStroke(linewidth=2.0, foreground="white")]
_CORNER = 0.05


def plot_halpha_map(galaxy: MeasuredGalaxy, axes: Axes) -> Axes:
    """Draw the H-alpha flux of the velocity map's fits relative to its peak, with the apertures.

    Spaxels of S/N < 3 stay blank.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.
    axes : Axes
        Axes to draw into.
    """
    flux = np.where(galaxy.maps.halpha_snr > LEAST_SNR_SHOWN, galaxy.maps.halpha_flux, np.nan)
    # Noise at the edge of the field must not set the scale.
    trusted = galaxy.maps.measured & np.isfinite(flux)
    peak = float(np.max(flux, where=trusted, initial=0.0))
    scaled = flux / peak if peak > 0.0 else np.full_like(flux, np.nan)
    mesh = _draw_map(galaxy, scaled, axes, cmap="cividis", limits=(0.0, 1.0))
    _draw_colour_bar(mesh, axes, r"H$\alpha$ flux / peak")
    return axes


def plot_velocity_map(galaxy: MeasuredGalaxy, axes: Axes) -> Axes:
    """Draw the measured velocities, km/s; spaxels filled from a neighbour stay blank.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.
    axes : Axes
        Axes to draw into.
    """
    velocity = np.where(galaxy.maps.measured, galaxy.maps.velocity_kms, np.nan)
    speed = np.abs(velocity[np.isfinite(velocity)])
    # Few spaxels may be wrong by a lot.
    largest = float(np.percentile(speed, 98)) if speed.size else 0.0
    limit = max(largest, SMALLEST_VELOCITY_RANGE_KMS)
    mesh = _draw_map(galaxy, velocity, axes, cmap="RdBu_r", limits=(-limit, limit))
    _draw_colour_bar(mesh, axes, "velocity (km s$^{-1}$)")
    return axes


def _draw_map(
    results: MeasuredGalaxy, values: Array, axes: Axes, *, cmap: str, limits: tuple[float, float]
) -> QuadMesh:
    # x runs to the West: drawn to the right, East is left.
    mesh = axes.pcolormesh(
        results.x_arcsec, results.y_arcsec, np.ma.masked_invalid(values), shading="nearest",
        cmap=cmap, vmin=limits[0], vmax=limits[1], rasterized=True,
    )  # fmt: skip
    # Apertures may leave the field: the field stays what is shown.
    axes.set(xlim=_extent(results.x_arcsec), ylim=_extent(results.y_arcsec), aspect="equal")
    axes.set_facecolor(NO_DATA_COLOUR)
    for aperture in results.apertures:
        _draw_aperture(results, aperture, axes)
    _draw_beam(results, axes)
    if not np.isfinite(values).any():
        axes.text(0.5, 0.88, "no spaxel with H$\\alpha$", transform=axes.transAxes, ha="center",
                  fontsize=TEXT_POINTS, color=FIT_COLOUR, path_effects=_HALO)  # fmt: skip
    axes.set_xlabel("West (arcsec)", fontsize=TEXT_POINTS)
    axes.set_ylabel("North (arcsec)", fontsize=TEXT_POINTS)
    printed_ticks(axes, n_x=5, n_y=5)
    return mesh


def _extent(centres: Array) -> tuple[float, float]:
    """Return the edges of a row of spaxels, the lower one first."""
    half = 0.5 * abs(float(centres[1] - centres[0]))
    return float(centres.min()) - half, float(centres.max()) + half


def _draw_colour_bar(mesh: QuadMesh, axes: Axes, label: str) -> None:
    """Draw it above the map, as wide as the map is."""
    place = axes.inset_axes((0.0, 1.04, 1.0, 0.05))
    bar = axes.figure.colorbar(mesh, cax=place, orientation="horizontal", ticklocation="top")
    bar.set_label(label, fontsize=TEXT_POINTS)
    place.tick_params(labelsize=NOTE_POINTS, direction="in", pad=1.5)


def _draw_aperture(results: MeasuredGalaxy, aperture: Aperture, axes: Axes) -> None:
    metadata = results.metadata
    ratio = axis_ratio(metadata.inclination_deg, metadata.disk_thickness)
    # The position angle counts from North, the ellipse's from the x axis.
    angle = 90.0 + float(np.nan_to_num(metadata.position_angle_deg))
    whole = aperture.name == INTEGRATED
    diameter = 2.0 * aperture.outer_arcsec
    ellipse = Ellipse(
        (0.0, 0.0), diameter, diameter * ratio, angle=angle, fill=False,
        edgecolor=FIT_COLOUR if whole else "black", linestyle="--" if whole else "-",
        linewidth=1.1, path_effects=_HALO, label=aperture.name,
    )  # fmt: skip
    axes.add_patch(ellipse)
    if not whole:
        _name_annulus(aperture, np.radians(angle), axes)


def _name_annulus(aperture: Aperture, angle_rad: float, axes: Axes) -> None:
    """Write the name along the major axis, where even an edge-on annulus is wide."""
    radius = aperture.middle_arcsec
    axes.text(
        radius * np.cos(angle_rad), radius * np.sin(angle_rad), aperture.name, ha="center",
        va="center", fontsize=TEXT_POINTS, weight="bold", path_effects=_HALO, clip_on=True,
    )  # fmt: skip


def _draw_beam(results: MeasuredGalaxy, axes: Axes) -> None:
    """Draw the full width at half-maximum of the seeing in the lower corner without names."""
    seeing = results.metadata.seeing_fwhm_arcsec
    if not seeing > 0.0:
        return
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    inset = _CORNER * (top - bottom) + 0.5 * seeing
    names_in_the_west = np.sin(np.radians(results.metadata.position_angle_deg)) < 0.0
    x = left + inset if names_in_the_west else right - inset
    axes.add_patch(Circle((x, bottom + inset), 0.5 * seeing, facecolor="white",
                          edgecolor=MUTED_COLOUR, linewidth=0.8, alpha=0.8,
                          label="seeing"))  # fmt: skip
