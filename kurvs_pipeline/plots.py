"""Figures of a measured galaxy. Every function draws on axes and returns them."""

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

from kurvs_pipeline.geometry import axis_ratio, kpc_per_arcsec
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.measure import MeasuredGalaxy

Array = NDArray[np.float64]

DIAGNOSTIC_LABEL = {
    "n2": "N2 (Bian+18, survey)",
    "n2_analogues": "N2 (Bian+18, analogues)",
    "n2_marino13": "N2 (Marino+13)",
    "o3n2": "O3N2 (Bian+18, survey)",
    "n2o2": "N2O2 (Kewley+19)",
    "n2s2": "N2S2 (Dopita+16)",
}
LIMIT_MARKER = {"upper": "v", "lower": "^"}
FIT_COLOUR = "#D55E00"
DATA_COLOUR = "#333333"
HALPHA_RANGE_UM = (0.6500, 0.6640)


def plot_halpha_map(galaxy: MeasuredGalaxy, axes: Axes) -> Axes:
    """Draw the H-alpha flux of the velocity map's fits, with the apertures. North is up, East left.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.
    axes : Axes
        To draw on.
    """
    # Noise at the edge of the field must not set the scale.
    peak = np.max(galaxy.maps.halpha_flux, where=galaxy.maps.measured, initial=0.0)
    flux = galaxy.maps.halpha_flux / (peak if peak > 0.0 else 1.0)
    mesh = _draw_map(galaxy, flux, axes, cmap="cividis", limits=(0.0, 1.0))
    axes.figure.colorbar(mesh, ax=axes, label="H$\\alpha$ flux / peak", fraction=0.046)
    axes.set_title("H$\\alpha$")
    return axes


def plot_velocity_map(galaxy: MeasuredGalaxy, axes: Axes) -> Axes:
    """Draw the measured velocities; spaxels filled from a neighbour stay blank.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.
    axes : Axes
        To draw on.
    """
    velocity = np.where(galaxy.maps.measured, galaxy.maps.velocity_kms, np.nan)
    measured = np.abs(velocity[galaxy.maps.measured])
    limit = float(np.percentile(measured, 98)) if measured.size else 100.0
    mesh = _draw_map(galaxy, velocity, axes, cmap="RdBu_r", limits=(-limit, limit))
    axes.figure.colorbar(mesh, ax=axes, label="velocity (km s$^{-1}$)", fraction=0.046)
    axes.set_title("Velocity")
    return axes


def _draw_map(
    galaxy: MeasuredGalaxy, values: Array, axes: Axes, *, cmap: str, limits: tuple[float, float]
) -> QuadMesh:
    # x runs to the West: drawn to the right, East is left.
    mesh = axes.pcolormesh(
        galaxy.x_arcsec, galaxy.y_arcsec, values, shading="nearest", cmap=cmap,
        vmin=limits[0], vmax=limits[1],
    )  # fmt: skip
    ratio = axis_ratio(galaxy.metadata.inclination_deg, galaxy.metadata.disk_thickness)
    angle = 90.0 + np.nan_to_num(galaxy.metadata.position_angle_deg)
    for aperture in galaxy.apertures:
        integrated = aperture.name == "integrated"
        ellipse = Ellipse(
            (0.0, 0.0), 2.0 * aperture.outer_arcsec, 2.0 * aperture.outer_arcsec * ratio,
            angle=angle, fill=False, edgecolor=FIT_COLOUR if integrated else "black",
            linestyle="--" if integrated else "-", linewidth=1.2,
        )  # fmt: skip
        axes.add_patch(ellipse)
    axes.set(xlabel="West (arcsec)", ylabel="North (arcsec)", aspect="equal")
    return mesh


def plot_aperture_spectrum(galaxy: MeasuredGalaxy, index: int, axes: Axes) -> Axes:
    """Draw the co-added spectrum of an aperture about H-alpha, its 1-sigma noise and the fit.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.
    index : int
        Of the aperture.
    axes : Axes
        To draw on.
    """
    fit = galaxy.halpha_fit
    rest = fit.model.wavelength_um / (1.0 + galaxy.metadata.redshift)
    shown = (rest > HALPHA_RANGE_UM[0]) & (rest < HALPHA_RANGE_UM[1])
    flux = np.where(fit.spectra.valid[index], fit.spectra.flux[index], np.nan)
    noise = np.where(fit.spectra.valid[index], np.sqrt(fit.spectra.variance[index]), np.nan)
    axes.fill_between(rest[shown], -noise[shown], noise[shown], step="mid", color="#BBBBBB")
    axes.step(rest[shown], flux[shown], where="mid", color=DATA_COLOUR, linewidth=0.9)
    axes.plot(rest[shown], fit.fits.model_spectra()[index][shown], color=FIT_COLOUR, linewidth=1.4)
    for line in ("nii_6548", "halpha", "nii_6584"):
        axes.axvline(REST_WAVELENGTH_UM[line], color="#999999", linestyle=":", linewidth=0.8)
    # Residuals of sky lines must not set the scale.
    scale = np.nanmax(np.concatenate([fit.fits.model_spectra()[index][shown], [0.0]]))
    quiet = np.nanmedian(noise[shown]) if np.isfinite(noise[shown]).any() else 1.0
    top = max(1.35 * scale, 5.0 * quiet)
    axes.set(xlim=HALPHA_RANGE_UM, ylim=(-0.3 * top, top), ylabel="flux density")
    axes.set_title(_spectrum_title(galaxy, index), loc="left", fontsize="medium")
    return axes


def _spectrum_title(galaxy: MeasuredGalaxy, index: int) -> str:
    aperture = galaxy.apertures[index]
    halpha, nii = (galaxy.snr(aperture.name, line) for line in ("halpha", "nii_6584"))
    edges = f"{aperture.inner_arcsec:g}-{aperture.outer_arcsec:g} arcsec"
    return f"{aperture.name}  {edges}   S/N: H$\\alpha$ {halpha:.1f}, [N II] {nii:.1f}"


def plot_radial_profile(galaxy: MeasuredGalaxy, axes: Axes, *, diagnostic: str = "n2") -> Axes:
    """Draw the abundance of every annulus with the gradients; arrows are 4-sigma limits.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.
    axes : Axes
        To draw on.
    diagnostic : str
        Which abundance.
    """
    scale = kpc_per_arcsec(galaxy.metadata.redshift)
    middles = {a.name: a.middle_arcsec * scale for a in galaxy.apertures}
    table = galaxy.abundances[galaxy.abundances["diagnostic"] == diagnostic]
    for row in table[table["aperture"] != "integrated"]:
        radius, value = middles[str(row["aperture"])], row["value"].value
        if row["limit"] == "":
            interval = [[row["err_low"].value], [row["err_high"].value]]
            axes.errorbar(radius, value, interval, fmt="o", color=DATA_COLOUR, capsize=3)
        elif row["limit"] in LIMIT_MARKER:
            axes.plot(radius, value, marker=LIMIT_MARKER[row["limit"]], color="#999999",
                      markersize=9)  # fmt: skip
    _draw_gradients(galaxy, axes, diagnostic, table, middles)
    outer = galaxy.apertures[-1].outer_arcsec * scale
    axes.set(xlim=(0.0, outer), xlabel="radius (kpc)", ylabel="12 + log(O/H)")
    axes.set_title(DIAGNOSTIC_LABEL.get(diagnostic, diagnostic))
    return axes


def _draw_gradients(
    galaxy: MeasuredGalaxy, axes: Axes, diagnostic: str, table: QTable, middles: dict[str, float]
) -> None:
    detected = table[(table["aperture"] != "integrated") & (table["limit"] == "")]
    if len(detected) < 2:
        axes.set_title("fewer than two annuli detected: no gradient", loc="right",
                       fontsize="small")  # fmt: skip
        return
    error = 0.5 * (detected["err_low"] + detected["err_high"]).value
    radii = np.array([middles[str(name)] for name in detected["aperture"]])
    pivot = np.average(radii, weights=error**-2)
    level = np.average(detected["value"].value, weights=error**-2)
    span = np.array([0.0, galaxy.apertures[-1].outer_arcsec * kpc_per_arcsec(
        galaxy.metadata.redshift)])  # fmt: skip
    chosen = galaxy.gradients[galaxy.gradients["diagnostic"] == diagnostic]
    for row, style in zip(chosen, ("-", "--"), strict=True):
        gradient, gradient_err = row["gradient"].value, row["gradient_err"].value
        if np.isfinite(gradient):
            label = f"{row['estimator']}: {gradient:+.3f} ± {gradient_err:.3f} dex/kpc"
            axes.plot(span, level + gradient * (span - pivot), style, color=FIT_COLOUR, label=label)
    axes.legend(loc="best", frameon=False)


def summary(galaxy: MeasuredGalaxy) -> Figure:
    """Draw one page on a galaxy: maps, spectra with fits, and the radial profile.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.

    Returns
    -------
    Figure
    """
    n_spectra = len(galaxy.apertures)
    figure = Figure(figsize=(13.0, 2.1 * max(n_spectra, 4)), layout="constrained")
    page = figure.add_gridspec(1, 2, width_ratios=(1.15, 1.0))
    left = page[0].subgridspec(2, 2, height_ratios=(1.0, 1.1))
    right = page[1].subgridspec(n_spectra, 1)
    plot_halpha_map(galaxy, figure.add_subplot(left[0, 0]))
    plot_velocity_map(galaxy, figure.add_subplot(left[0, 1]))
    plot_radial_profile(galaxy, figure.add_subplot(left[1, :]))
    for index in range(n_spectra):
        axes = plot_aperture_spectrum(galaxy, index, figure.add_subplot(right[index, 0]))
        axes.tick_params(labelbottom=index == n_spectra - 1)
    axes.set_xlabel("rest wavelength (µm, vacuum)")
    metadata = galaxy.metadata
    figure.suptitle(
        f"{metadata.name}    z = {metadata.redshift:.5f} ± {galaxy.redshift_err:.5f}    "
        f"inclination {metadata.inclination_deg:.0f}°"
    )
    return figure
