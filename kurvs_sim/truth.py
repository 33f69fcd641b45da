"""What a mock was made from, in the form that measurements are compared with."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from kurvs_pipeline.abundances import DIAGNOSTICS
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.galaxy import Galaxy
from kurvs_sim.scene import Scene

Array = NDArray[np.float64]

PROFILE_EFFECTIVE_RADII = 3.0
GRADIENT_EFFECTIVE_RADII = 2.0
"""Intrinsic gradients are fitted from the centre to this many effective radii."""

_SAMPLES_PER_EFFECTIVE_RADIUS = 50


def truth_dataset(scene: Scene) -> xr.Dataset:
    """Return the truth of a scene.

    Parameters
    ----------
    scene : Scene
        The galaxy, and where it is seen.

    Returns
    -------
    xarray.Dataset
        ``line_map`` and ``line_map_smeared`` (line, y, x): flux per spaxel behind dust, before
        and after the PSF, 1e-16 erg/s/cm2. ``velocity_map`` (y, x): km/s at spaxel centres,
        before the PSF. ``oxygen_abundance``, ``a_v``, ``halpha_surface_brightness`` (behind
        dust, 1e-16 erg/s/cm2/arcsec2 on the sky) on ``radius_kpc``, 0 to 3 effective radii.
        ``abundance_profile`` (diagnostic, radius_kpc) from dust-free fluxes before the PSF,
        and ``gradient`` (diagnostic): the unweighted least-squares slope of that profile from
        0 to 2 effective radii, dex/kpc.
    """
    maps, radial = _map_variables(scene), _radial_variables(scene.galaxy)
    return xr.Dataset(
        {**maps, **radial},
        coords={
            "line": list(REST_WAVELENGTH_UM),
            "diagnostic": list(DIAGNOSTICS),
            "y": ("y", scene.y_arcsec, {"units": "arcsec", "direction": "north"}),
            "x": ("x", scene.x_arcsec, {"units": "arcsec", "direction": "west"}),
            "radius_kpc": ("radius_kpc", radius_grid_kpc(scene.galaxy), {"units": "kpc"}),
        },
        attrs={
            "dispersion_kms": scene.galaxy.dispersion_kms,
            "halpha_flux": scene.galaxy.halpha_flux,
            "kpc_per_arcsec": scene.galaxy.kpc_per_arcsec,
            "gradient_range_effective_radii": GRADIENT_EFFECTIVE_RADII,
        },
    )


def radius_grid_kpc(galaxy: Galaxy) -> Array:
    """Return the radii of the truth's profiles, from 0 to 3 effective radii."""
    n_radii = round(PROFILE_EFFECTIVE_RADII * _SAMPLES_PER_EFFECTIVE_RADIUS) + 1
    in_effective_radii = np.linspace(0.0, PROFILE_EFFECTIVE_RADII, n_radii)
    return in_effective_radii * galaxy.effective_radius_arcsec * galaxy.kpc_per_arcsec


def intrinsic_gradients(radius_kpc: Array, profiles: Array) -> Array:
    """Return the least-squares slope of each abundance profile.

    Parameters
    ----------
    radius_kpc : array, shape (n_radii,)
        Evenly spaced.
    profiles : array, shape (n_diagnostics, n_radii)
        12 + log(O/H).

    Returns
    -------
    array, shape (n_diagnostics,)
        dex/kpc.
    """
    from_mean = radius_kpc - radius_kpc.mean()
    return np.asarray(profiles @ from_mean / (from_mean @ from_mean))


def _map_variables(scene: Scene) -> dict[str, tuple[tuple[str, ...], Array, dict[str, str]]]:
    flux = {"units": "1e-16 erg / (s cm2)"}
    image = ("line", "y", "x")
    before = np.stack([scene.line_maps[line] for line in REST_WAVELENGTH_UM])
    after = np.stack([scene.smeared_line_maps[line] for line in REST_WAVELENGTH_UM])
    return {
        "line_map": (image, before, flux),
        "line_map_smeared": (image, after, flux),
        "velocity_map": (("y", "x"), scene.velocity_map_kms, {"units": "km / s"}),
    }


def _radial_variables(galaxy: Galaxy) -> dict[str, tuple[tuple[str, ...], Array, dict[str, str]]]:
    radius = radius_grid_kpc(galaxy)
    fluxes = galaxy.lines(radius, dust=False)
    profiles = np.stack([d.from_fluxes(fluxes) for d in DIAGNOSTICS.values()])
    used = radius <= (1.0 + 1e-9) * radius[-1] * GRADIENT_EFFECTIVE_RADII / PROFILE_EFFECTIVE_RADII
    gradients = intrinsic_gradients(radius[used], profiles[:, used])
    brightness = {"units": "1e-16 erg / (s cm2 arcsec2)"}
    axis = ("radius_kpc",)
    return {
        "oxygen_abundance": (axis, galaxy.oxygen_abundance(radius), {"units": "dex"}),
        "a_v": (axis, galaxy.a_v(radius), {"units": "mag"}),
        "halpha_surface_brightness": (axis, galaxy.halpha(radius), brightness),
        "abundance_profile": (("diagnostic", "radius_kpc"), profiles, {"units": "dex"}),
        "gradient": (("diagnostic",), gradients, {"units": "dex / kpc"}),
    }
