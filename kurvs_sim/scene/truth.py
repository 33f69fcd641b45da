"""What a mock was made from, in the form that measurements are compared with."""

import numpy as np
import xarray as xr

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.galaxy.galaxy import Galaxy
from kurvs_sim.scene.scene import Scene

PROFILE_EFFECTIVE_RADII = 3.0
GRADIENT_EFFECTIVE_RADII = 2.0
"""Intrinsic gradients are fitted from the centre to this many effective radii."""

_SAMPLES_PER_EFFECTIVE_RADIUS = 50
_ANGLES = 360


@takes_quantities
def truth_dataset(scene: Scene) -> xr.Dataset:
    """Return the truth of a scene.

    Parameters
    ----------
    scene : Scene
        Galaxy, grid and seeing.

    Returns
    -------
    xarray.Dataset
        ``line_map`` and ``line_map_smeared`` (line, y, x): flux of the disk's lines per spaxel
        behind dust, before and after the PSF, 1e-16 erg/s/cm2. ``nuclear_line_map_smeared``
        (line, y, x): that of nuclear sources, after the PSF. ``stellar_map_smeared`` (y, x):
        flux density of the stars in the continuum at H-alpha, after the PSF,
        1e-16 erg/s/cm2/um. ``velocity_map`` (y, x): km/s, and ``oxygen_abundance_map`` (y, x),
        at spaxel centres, before the PSF. ``oxygen_abundance``, ``a_v``,
        ``halpha_surface_brightness`` (behind dust, 1e-16 erg/s/cm2/arcsec2 on the sky) of the
        smooth disk on ``radius_kpc``, 0 to 3 effective radii. ``abundance_profile``
        (diagnostic, radius_kpc) from dust-free fluxes before the PSF, summed around each
        circle of the disk, structures included and nuclear sources not; NaN where there is no
        light. ``gradient`` (diagnostic): the unweighted least-squares slope of that profile
        from 0 to 2 effective radii, dex/kpc.
    """
    maps, radial = _map_variables(scene), _radial_variables(scene.galaxy)
    return xr.Dataset(
        {**maps, **radial},
        coords={
            "line": list(REST_WAVELENGTH_UM),
            "diagnostic": list(DIAGNOSTICS),
            "y": ("y", scene.y_arcsec, {"units": "arcsec", "direction": "north"}),
            "x": ("x", scene.x_arcsec, {"units": "arcsec", "direction": "west"}),
            "radius_kpc": ("radius_kpc", _radius_grid_kpc(scene.galaxy), {"units": "kpc"}),
        },
        attrs={
            "dispersion_kms": scene.galaxy.dispersion_kms,
            "halpha_flux": scene.galaxy.halpha_flux,
            "kpc_per_arcsec": scene.galaxy.kpc_per_arcsec,
            "gradient_range_effective_radii": GRADIENT_EFFECTIVE_RADII,
        },
    )


def _radius_grid_kpc(galaxy: Galaxy) -> Array:
    """Return the radii of the truth's profiles, from 0 to 3 effective radii."""
    n_radii = round(PROFILE_EFFECTIVE_RADII * _SAMPLES_PER_EFFECTIVE_RADIUS) + 1
    in_effective_radii = np.linspace(0.0, PROFILE_EFFECTIVE_RADII, n_radii)
    return in_effective_radii * galaxy.effective_radius_arcsec * galaxy.kpc_per_arcsec


def _gradient(radius_kpc: Array, profile: Array) -> float:
    """Return the least-squares slope where there is a profile; NaN with fewer than two radii."""
    known = np.isfinite(profile)
    if known.sum() < 2:
        return float("nan")
    from_mean = radius_kpc[known] - radius_kpc[known].mean()
    return float(profile[known] @ from_mean / (from_mean @ from_mean))


def _map_variables(scene: Scene) -> dict[str, tuple[tuple[str, ...], Array, dict[str, str]]]:
    flux = {"units": "1e-16 erg / (s cm2)"}
    flux_density = {"units": "1e-16 erg / (s cm2 um)"}
    image = ("line", "y", "x")
    before = np.stack([scene.line_maps[line] for line in REST_WAVELENGTH_UM])
    after = np.stack([scene.smeared_line_maps[line] for line in REST_WAVELENGTH_UM])
    return {
        "line_map": (image, before, flux),
        "line_map_smeared": (image, after, flux),
        "nuclear_line_map_smeared": (image, _nuclear_maps(scene), flux),
        "stellar_map_smeared": (("y", "x"), _stellar_map(scene), flux_density),
        "velocity_map": (("y", "x"), scene.velocity_map_kms, {"units": "km / s"}),
        "oxygen_abundance_map": (("y", "x"), _abundance_map(scene), {"units": "dex"}),
    }


def _nuclear_maps(scene: Scene) -> Array:
    """Return the lines of nuclear sources behind the PSF, shape (n_lines, n_y, n_x)."""
    total = np.zeros((len(REST_WAVELENGTH_UM), scene.grid.n_y, scene.grid.n_x))
    sources = scene.galaxy.nuclear_sources
    for source, share in zip(sources, scene.added_light.nuclear_maps, strict=True):
        fluxes = source.line_fluxes()
        total += np.array([fluxes[line] for line in REST_WAVELENGTH_UM])[:, None, None] * share
    return total


def _stellar_map(scene: Scene) -> Array:
    total = np.zeros((scene.grid.n_y, scene.grid.n_x))
    for stars, share in zip(scene.galaxy.stars, scene.added_light.star_maps, strict=True):
        total += stars.unabsorbed(REST_WAVELENGTH_UM["halpha"]) * share
    return total


def _abundance_map(scene: Scene) -> Array:
    x_kpc, y_kpc = scene.galaxy.in_plane_kpc(scene.x_arcsec, scene.y_arcsec[:, None])
    return scene.galaxy.oxygen_abundance_at(x_kpc, y_kpc)


def _radial_variables(galaxy: Galaxy) -> dict[str, tuple[tuple[str, ...], Array, dict[str, str]]]:
    radius = _radius_grid_kpc(galaxy)
    profiles = _abundance_profiles(galaxy, radius)
    used = radius <= (1.0 + 1e-9) * radius[-1] * GRADIENT_EFFECTIVE_RADII / PROFILE_EFFECTIVE_RADII
    gradients = np.array([_gradient(radius[used], profile[used]) for profile in profiles])
    brightness = {"units": "1e-16 erg / (s cm2 arcsec2)"}
    axis = ("radius_kpc",)
    return {
        "oxygen_abundance": (axis, galaxy.oxygen_abundance(radius), {"units": "dex"}),
        "a_v": (axis, galaxy.a_v(radius), {"units": "mag"}),
        "halpha_surface_brightness": (axis, galaxy.halpha(radius), brightness),
        "abundance_profile": (("diagnostic", "radius_kpc"), profiles, {"units": "dex"}),
        "gradient": (("diagnostic",), gradients, {"units": "dex / kpc"}),
    }


def _abundance_profiles(galaxy: Galaxy, radius_kpc: Array) -> Array:
    """Return 12 + log(O/H) of circles by every diagnostic, from dust-free light; NaN where dark."""
    if galaxy.structures:
        angle = 2.0 * np.pi * np.arange(_ANGLES) / _ANGLES
        around = galaxy.lines_at(
            radius_kpc[:, None] * np.cos(angle), radius_kpc[:, None] * np.sin(angle), dust=False
        )
        fluxes = {line: light.mean(axis=1) for line, light in around.items()}
    else:
        fluxes = galaxy.lines(radius_kpc, dust=False)
    dark = fluxes["halpha"] <= 0.0
    lit = {line: np.where(dark, np.nan, light) for line, light in fluxes.items()}
    return np.stack([diagnostic.from_fluxes(lit) for diagnostic in DIAGNOSTICS.values()])
