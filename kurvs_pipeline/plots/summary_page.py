"""The one-page summary of a measured galaxy."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from kurvs_pipeline.gas.attenuation import a_v_in_words
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.plots.maps import plot_halpha_map, plot_velocity_map
from kurvs_pipeline.plots.parts import (
    NOTE_POINTS,
    TEXT_POINTS,
    signal_to_noise_label,
)
from kurvs_pipeline.plots.profile import SHOWN_DIAGNOSTICS, plot_radial_profile
from kurvs_pipeline.plots.profiles_page import profile_key
from kurvs_pipeline.plots.spectra_page import draw_spectra, spectra_key

WIDTH_INCHES = 11.0
LEFT_INCHES = 4.7
ROW_INCHES = 1.15
LEAST_HEIGHT_INCHES = 7.4
_LEFT_HEIGHTS_INCHES = (2.7, 2.9)


def summary(galaxy: MeasuredGalaxy) -> Figure:
    """Draw one page on a galaxy: maps, radial profiles, and all spectra with fits.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured, in any number of bands and annuli, detected or not.

    Returns
    -------
    Figure
    """
    names = [aperture.name for aperture in galaxy.apertures]
    height = max(ROW_INCHES * len(names) + 0.9, LEAST_HEIGHT_INCHES)
    figure = Figure(figsize=(WIDTH_INCHES, height), layout=ConstrainedLayoutEngine(h_pad=0.08))
    widths = (LEFT_INCHES, WIDTH_INCHES - LEFT_INCHES)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=widths).ravel()
    _draw_left(galaxy, left, height)
    draw_spectra(galaxy, right, names)
    figure.suptitle(headline(galaxy), fontsize=TEXT_POINTS + 2.0, weight="bold")
    return figure


def _draw_left(results: MeasuredGalaxy, figure: SubFigure, height: float) -> None:
    below = max(height - sum(_LEFT_HEIGHTS_INCHES), 0.01)
    heights = (*_LEFT_HEIGHTS_INCHES, below)
    maps, profile, notes = figure.subfigures(3, 1, squeeze=False, height_ratios=heights).ravel()
    halpha, velocity = maps.subplots(1, 2)
    plot_halpha_map(results, halpha)
    plot_velocity_map(results, velocity).set_ylabel("")
    _draw_profile(results, profile.subplots())
    notes.text(0.03, 0.98, apertures_in_words(results), va="top", fontsize=NOTE_POINTS,
               family="monospace", linespacing=1.3)  # fmt: skip
    notes.legend(handles=spectra_key(results), loc="upper right", fontsize=NOTE_POINTS,
                 frameon=False, borderaxespad=0.0, handlelength=1.4)  # fmt: skip


def _draw_profile(results: MeasuredGalaxy, axes: Axes) -> None:
    measured = [name for name in SHOWN_DIAGNOSTICS if name in results.gradients["diagnostic"]]
    plot_radial_profile(results, axes, diagnostics=measured)
    radius = results.metadata.effective_radius_arcsec * results.kpc_per_arcsec
    if math.isfinite(radius):
        above = axes.secondary_xaxis(
            "top",
            functions=(lambda r: np.asarray(r) / radius, lambda r: np.asarray(r) * radius),
        )
        above.set_xlabel("radius ($R_e$)", fontsize=TEXT_POINTS)
        above.tick_params(labelsize=NOTE_POINTS, direction="in")
        axes.tick_params(top=False)
    axes.legend(
        handles=profile_key(measured, with_truth=False), loc="upper left", bbox_to_anchor=(1.01, 1),
        borderaxespad=0.0, fontsize=NOTE_POINTS, frameon=False, handlelength=1.8,
    )  # fmt: skip


def headline(results: MeasuredGalaxy) -> str:
    """Return what is known of a galaxy, in one line."""
    metadata, error = results.metadata, results.redshift_err
    how = "(as given)" if math.isnan(error) else f"± {error:.5f}"
    known = {
        "inclination {:.0f}°": metadata.inclination_deg,
        "PA {:.0f}°": metadata.position_angle_deg,
        "$R_e$ {:.2f}\N{DOUBLE PRIME}": metadata.effective_radius_arcsec,
        "seeing {:.2f}\N{DOUBLE PRIME}": metadata.seeing_fwhm_arcsec,
    }
    stated = [text.format(value) for text, value in known.items() if math.isfinite(value)]
    return "   ".join([metadata.name, f"z = {metadata.redshift:.5f} {how}", *stated])


def apertures_in_words(results: MeasuredGalaxy) -> str:
    """Return a small table: the edges, coverage, S/N of H-alpha and A_V of every aperture."""
    lines = ["aperture    arcsec     cover  S/N Ha  A_V (mag)"]
    for aperture, coverage, row in zip(
        results.apertures, results.coverage, results.attenuation, strict=True
    ):
        edges = f"{aperture.inner_arcsec:.2f}-{aperture.outer_arcsec:.2f}"
        snr = signal_to_noise_label(results.snr(aperture.name, "halpha"))
        a_v = f"{a_v_in_words(row)} {row['source']}"
        lines.append(f"{aperture.name:<11} {edges:<10} {coverage:>4.0%}  {snr:>6}  {a_v}")
    return "\n".join(lines)
