"""Maps of a measured galaxy with its apertures. North is up, East is left."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.patches import Circle, Ellipse
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from kurvs_pipeline.binning import Aperture
from kurvs_pipeline.figure_parts import FIT_COLOUR, MUTED_COLOUR, NOTE_POINTS
from kurvs_pipeline.galaxy_results import GalaxyResults, results_of
from kurvs_pipeline.geometry import axis_ratio
from kurvs_pipeline.measure import MeasuredGalaxy

Array = NDArray[np.float64]

INTEGRATED = "integrated"
SMALLEST_VELOCITY_RANGE_KMS = 20.0
_HALO = [withStroke(linewidth=2.0, foreground="white")]
_CORNER = 0.05


def plot_halpha_map(galaxy: MeasuredGalaxy | GalaxyResults, axes: Axes) -> Axes:
    """Draw the H-alpha flux of the velocity map's fits relative to its peak, with the apertures.

    Parameters
    ----------
    galaxy : MeasuredGalaxy or GalaxyResults
        What was measured.
    axes : Axes
        To draw on.
    """
    results = results_of(galaxy)
    flux = results.maps.halpha_flux
    # Noise at the edge of the field must not set the scale.
    trusted = results.maps.measured & np.isfinite(flux)
    peak = float(np.max(flux, where=trusted, initial=0.0))
    scaled = flux / peak if peak > 0.0 else np.full_like(flux, np.nan)
    mesh = _draw_map(results, scaled, axes, cmap="cividis", limits=(0.0, 1.0))
    axes.figure.colorbar(mesh, ax=axes, fraction=0.046).set_label("H$\\alpha$ flux / peak")
    return axes


def plot_velocity_map(galaxy: MeasuredGalaxy | GalaxyResults, axes: Axes) -> Axes:
    """Draw the measured velocities, km/s; spaxels filled from a neighbour stay blank.

    Parameters
    ----------
    galaxy : MeasuredGalaxy or GalaxyResults
        What was measured.
    axes : Axes
        To draw on.
    """
    results = results_of(galaxy)
    velocity = np.where(results.maps.measured, results.maps.velocity_kms, np.nan)
    speed = np.abs(velocity[np.isfinite(velocity)])
    # Few spaxels may be wrong by a lot.
    largest = float(np.percentile(speed, 98)) if speed.size else 0.0
    limit = max(largest, SMALLEST_VELOCITY_RANGE_KMS)
    mesh = _draw_map(results, velocity, axes, cmap="RdBu_r", limits=(-limit, limit))
    axes.figure.colorbar(mesh, ax=axes, fraction=0.046).set_label("velocity (km s$^{-1}$)")
    return axes


def _draw_map(
    results: GalaxyResults, values: Array, axes: Axes, *, cmap: str, limits: tuple[float, float]
) -> QuadMesh:
    # x runs to the West: drawn to the right, East is left.
    mesh = axes.pcolormesh(
        results.x_arcsec, results.y_arcsec, np.ma.masked_invalid(values), shading="nearest",
        cmap=cmap, vmin=limits[0], vmax=limits[1], rasterized=True,
    )  # fmt: skip
    # Apertures may leave the field: the field stays what is shown.
    axes.autoscale(enable=False)
    axes.set_facecolor("#EEEEEE")
    for aperture in results.apertures:
        _draw_aperture(results, aperture, axes)
    _draw_beam(results, axes)
    if not np.isfinite(values).any():
        axes.text(0.5, 0.88, "no spaxel with H$\\alpha$", transform=axes.transAxes, ha="center",
                  fontsize="small", color=FIT_COLOUR, path_effects=_HALO)  # fmt: skip
    axes.set(aspect="equal")
    axes.set_xlabel("\N{LEFTWARDS ARROW} East    West \N{RIGHTWARDS ARROW}  (arcsec)")
    axes.set_ylabel("North \N{RIGHTWARDS ARROW}  (arcsec)")
    return mesh


def _draw_aperture(results: GalaxyResults, aperture: Aperture, axes: Axes) -> None:
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
        va="center", fontsize=NOTE_POINTS + 0.5, weight="bold", path_effects=_HALO, clip_on=True,
    )  # fmt: skip


def _draw_beam(results: GalaxyResults, axes: Axes) -> None:
    """Draw the full width at half-maximum of the seeing in the lower left corner."""
    seeing = results.metadata.seeing_fwhm_arcsec
    if not seeing > 0.0:
        return
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    centre = (
        left + _CORNER * (right - left) + 0.5 * seeing,
        bottom + _CORNER * (top - bottom) + 0.5 * seeing,
    )
    axes.add_patch(Circle(centre, 0.5 * seeing, facecolor="white", edgecolor=MUTED_COLOUR,
                          linewidth=0.8, alpha=0.8, label="seeing"))  # fmt: skip
