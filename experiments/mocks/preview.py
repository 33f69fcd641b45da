"""The preview of a mock on one page: image, velocities, metallicity, and spectra with noise."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.binning import Aperture
from kurvs_pipeline.geometry import aperture_weights
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.observation import band_names, metadata_of
from kurvs_pipeline.plots.parts import LINE_LABEL, MUTED_COLOUR
from kurvs_pipeline.plots.spectrum import draw_channels
from kurvs_pipeline.spectra.calibration import around_lines, calibrate
from kurvs_pipeline.spectra.coaddition import coadd

IMAGE_HALF_WIDTH_KMS = 250.0
MARGIN_KMS = 1500.0
FAINTEST_SHOWN = 0.03
"""Velocities and abundances are drawn where H-alpha is brighter than this fraction of its peak."""


NARROWEST_RANGE_DEX = 0.1
"""Of the colours of abundances."""

_APERTURE_RE = 1.5

_CLEAR_SNR = 4.0
"""S/N above which a channel on a sky line counts as light of the galaxy."""


def lines_in(band: xr.Dataset, redshift: float) -> dict[str, float]:
    """Return the observed wavelength, um, of every line that lies in a band."""
    low, high = band["wavelength"].to_numpy()[[0, -1]]
    observed = {name: rest * (1.0 + redshift) for name, rest in REST_WAVELENGTH_UM.items()}
    return {name: centre for name, centre in observed.items() if low < centre < high}


def _plot_line_image(observation: xr.DataTree, line: str, axes: Axes) -> Axes:
    """Draw the cube averaged over a line, noise included; spaxels without data stay blank."""
    centre = REST_WAVELENGTH_UM[line] * (1.0 + metadata_of(observation).redshift)
    band = _band_with(observation, line)
    velocity = (band["wavelength"] / centre - 1.0) * SPEED_OF_LIGHT_KMS
    near = band.isel(wavelength=np.abs(velocity.to_numpy()) < IMAGE_HALF_WIDTH_KMS)
    # All channels alike: leaving out those on sky lines would favour one side of a rotating disk.
    image = near["flux"].where(~near["mask"]).mean("wavelength")
    mesh = _draw_map(image / image.max(), axes, cmap="cividis", limits=(0.0, 1.0))
    axes.figure.colorbar(mesh, ax=axes, label="flux / peak")
    axes.set_title(f"{LINE_LABEL[line]} in the cube")
    return axes


def _plot_true_velocity(observation: xr.DataTree, axes: Axes) -> Axes:
    """Draw the velocity map before the seeing, where H-alpha is bright enough to matter."""
    velocity = _true_where_bright(observation, "velocity_map")
    limit = float(np.abs(velocity).max())
    mesh = _draw_map(velocity, axes, cmap="RdBu_r", limits=(-limit, limit))
    axes.figure.colorbar(mesh, ax=axes, label="velocity (km s$^{-1}$)")
    axes.set_title("true velocity")
    return axes


def _plot_true_abundance(observation: xr.DataTree, axes: Axes) -> Axes:
    """Draw 12 + log(O/H) before the seeing, where H-alpha is bright enough to matter."""
    abundance = _true_where_bright(observation, "oxygen_abundance_map")
    low, high = float(abundance.min()), float(abundance.max())
    # A flat galaxy has one colour, not its rounding errors.
    margin = 0.5 * max(NARROWEST_RANGE_DEX - (high - low), 0.0)
    limits = (low - margin, high + margin)
    mesh = _draw_map(abundance, axes, cmap="viridis", limits=limits)
    axes.figure.colorbar(mesh, ax=axes, label="12 + log(O/H)")
    axes.set_title(f"true metallicity, {_true_gradient(observation):+.3f} dex/kpc")
    return axes


def _true_gradient(observation: xr.DataTree) -> float:
    """Return the slope of 12 + log(O/H) of the disk within two effective radii, dex/kpc."""
    truth = observation["truth"].to_dataset()
    profile = truth["oxygen_abundance"]
    reach = truth.attrs["gradient_range_effective_radii"]
    inside = (
        profile["radius_kpc"]
        <= reach
        * metadata_of(observation).effective_radius_arcsec
        * (truth.attrs["kpc_per_arcsec"])
    )
    return float(profile[inside].polyfit("radius_kpc", 1)["polyfit_coefficients"][0])


def _true_where_bright(observation: xr.DataTree, name: str) -> xr.DataArray:
    truth = observation["truth"].to_dataset()
    halpha = truth["line_map_smeared"].sel(line="halpha")
    return truth[name].where(halpha > FAINTEST_SHOWN * halpha.max())


def plot_integrated_spectrum(observation: xr.DataTree, band_name: str, axes: Axes) -> Axes:
    """Draw a band's spectrum in 1.5 effective radii about its lines.

    The shade is 1 sigma as the pipeline measures it on the cube: it includes noise that
    neighbouring voxels share and that the cube understates.
    """
    band, metadata = observation[band_name].to_dataset(), metadata_of(observation)
    aperture = Aperture("integrated", 0.0, _APERTURE_RE * metadata.effective_radius_arcsec)
    weight = xr.DataArray(aperture_weights(aperture, metadata, band["x"], band["y"]),
                          dims=("y", "x"))  # fmt: skip
    lines = lines_in(band, metadata.redshift)
    centres = list(lines.values()) or [float(band["wavelength"].mean())]
    margin = MARGIN_KMS / SPEED_OF_LIGHT_KMS
    limits = min(centres) * (1.0 - margin), max(centres) * (1.0 + margin)
    shown = band.sel(wavelength=slice(*limits))
    usable = shown.where(~shown["mask"])
    flux = (usable["flux"] * weight).sum(("y", "x"))
    noise = _measured_noise(observation, band_name, weight.to_numpy()).sel(
        wavelength=shown["wavelength"]
    )
    wavelength = shown["wavelength"].to_numpy()
    sigma = noise.to_numpy()
    draw_channels(axes, wavelength, flux.to_numpy(), (-sigma, sigma))
    # Sky lines run off the panel: scaled to them it would hide the galaxy's.
    clear = ((noise < 3.0 * noise.median()) | (flux > _CLEAR_SNR * noise)).to_numpy()
    near = _near_lines(wavelength, centres) & clear
    lit = float(flux.where(near).max()) if near.any() else 0.0
    top = 1.35 * max(lit, 3.0 * float(noise.median()))
    axes.set(xlim=limits, ylim=(-0.5 * top, top), xlabel="wavelength (µm, vacuum)")
    axes.set_title(band_name)
    _label_lines(lines, axes)
    return axes


def _measured_noise(observation: xr.DataTree, band_name: str, weights: Array) -> xr.DataArray:
    metadata = metadata_of(observation)
    band = around_lines(observation[band_name].to_dataset(), metadata.redshift)
    calibrated = calibrate(
        band, redshift=metadata.redshift,
        source_radius_arcsec=_APERTURE_RE * metadata.effective_radius_arcsec,
    )  # fmt: skip
    spectrum = coadd(calibrated, weights[None])
    sigma = np.where(spectrum.valid[0], np.sqrt(spectrum.variance[0]), np.nan)
    return xr.DataArray(sigma, coords={"wavelength": band["wavelength"]}, dims="wavelength")


def preview(observation: xr.DataTree) -> Figure:
    """Draw one page on a mock. North is up and East is left."""
    figure = Figure(figsize=(15.0, 8.0), layout="constrained")
    names, metadata = band_names(observation), metadata_of(observation)
    page = figure.add_gridspec(2, 1, height_ratios=(1.15, 1.0))
    top, bottom = page[0].subgridspec(1, 3), page[1].subgridspec(1, len(names))
    _plot_line_image(observation, _imaged_line(observation), figure.add_subplot(top[0]))
    _plot_true_velocity(observation, figure.add_subplot(top[1]))
    _plot_true_abundance(observation, figure.add_subplot(top[2]))
    panels = [
        plot_integrated_spectrum(observation, name, figure.add_subplot(bottom[column]))
        for column, name in enumerate(names)
    ]
    panels[0].set_ylabel("flux density\n(10$^{-16}$ erg s$^{-1}$ cm$^{-2}$ µm$^{-1}$)")
    figure.suptitle(
        f"{metadata.name}   z = {metadata.redshift:g}   inclination "
        f'{metadata.inclination_deg:g}°   R$_e$ = {metadata.effective_radius_arcsec:g}"   '
        f'seeing {metadata.seeing_fwhm_arcsec:g}" ({metadata.psf_kind})'
    )
    return figure


def _near_lines(wavelength_um: Array, centres_um: Sequence[float]) -> BoolArray:
    offset = np.abs(wavelength_um[:, None] / np.array(centres_um) - 1.0) * SPEED_OF_LIGHT_KMS
    return np.asarray((offset < IMAGE_HALF_WIDTH_KMS).any(axis=1))


def _draw_map(
    values: xr.DataArray, axes: Axes, *, cmap: str, limits: tuple[float, float]
) -> QuadMesh:
    # x runs to the West: drawn to the right, East is left.
    mesh = axes.pcolormesh(
        values["x"], values["y"], values, shading="nearest", cmap=cmap,
        vmin=limits[0], vmax=limits[1],
    )  # fmt: skip
    axes.set(xlabel="West (arcsec)", ylabel="North (arcsec)", aspect="equal")
    return mesh


def _label_lines(lines: dict[str, float], axes: Axes) -> None:
    """Write each name once: the two lines of a close pair share one label."""
    previous, label = -np.inf, ""
    pair = 0.12 * float(np.ptp(axes.get_xlim()))
    for name, centre in sorted(lines.items(), key=lambda item: item[1]):
        axes.axvline(centre, color=MUTED_COLOUR, linestyle=":", linewidth=0.8, zorder=0)
        if LINE_LABEL[name] != label or centre - previous > pair:
            axes.text(centre, 0.97, LINE_LABEL[name], rotation=90, ha="right", va="top",
                      fontsize="small", transform=axes.get_xaxis_transform())  # fmt: skip
        previous, label = centre, LINE_LABEL[name]


def _band_with(observation: xr.DataTree, line: str) -> xr.Dataset:
    redshift = metadata_of(observation).redshift
    bands = (observation[name].to_dataset() for name in band_names(observation))
    return next(band for band in bands if line in lines_in(band, redshift))


def _imaged_line(observation: xr.DataTree) -> str:
    """Choose the line that is usually brightest among those that the bands hold."""
    redshift = metadata_of(observation).redshift
    held = {
        line
        for name in band_names(observation)
        for line in lines_in(observation[name].to_dataset(), redshift)
    }
    by_brightness = ("halpha", "oiii_5007", "oii_3729", "hbeta", "sii_6716")
    return next(line for line in by_brightness if line in held)
