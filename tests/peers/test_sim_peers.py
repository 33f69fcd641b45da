"""The same disk by other simulators: moment maps of H-alpha, side by side."""

import math

import numpy as np
import peer_cubes
import pytest

from kurvs_pipeline.bands import Band
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid
from kurvs_sim.profiles.radial import Arctan, Constant, Linear
from kurvs_sim.scene.scene import Scene

HALPHA_UM = 2.5 * 0.656461
MISSING = "{} is not installed; pip install '.[peers]' for the comparison with other simulators"


@pytest.fixture(scope="module", params=[(50.0, 30.0), (30.0, 290.0)], ids=["i=50", "i=30"])
def disk(request):
    inclination, angle = request.param
    return peer_cubes.PeerDisk(inclination_deg=inclination, position_angle_deg=angle)


@pytest.fixture(scope="module")
def ours(disk):
    """Return flux, velocity and dispersion by this simulator, and the radius of spaxels."""
    kpc_per_arcsec = Galaxy(redshift=1.5).kpc_per_arcsec
    galaxy = Galaxy(
        redshift=1.5,
        inclination_deg=disk.inclination_deg,
        position_angle_deg=disk.position_angle_deg,
        effective_radius_arcsec=disk.effective_radius_arcsec,
        # Hardly any [N II], which other simulators do not have.
        oxygen_abundance=Linear(central=7.0, gradient=0.0),
        a_v=Constant(0.0),
        dispersion_kms=disk.dispersion_kms,
        rotation=Arctan(disk.asymptote_kms, disk.turnover_radius_arcsec * kpc_per_arcsec),
    )
    channel_um = HALPHA_UM * disk.channel_kms / 299792.458
    lsf_channels = peer_cubes.FWHM_PER_SIGMA * disk.lsf_sigma_kms / disk.channel_kms
    first = HALPHA_UM - channel_um * (disk.n_channels // 2)
    band = Band("H", first, channel_um, (1.0, 2.0), lsf_channels, disk.n_channels)
    grid = SpaxelGrid(disk.n_spaxels, disk.n_spaxels, disk.spaxel_arcsec)
    psf = PointSpreadFunction("gaussian", disk.seeing_fwhm_arcsec)
    cube = Scene(galaxy, grid, psf, Numerics()).cube(band).astype(float) * channel_um
    radius_kpc, _ = galaxy.deproject(grid.x_arcsec[None, :], grid.y_arcsec[:, None])
    inside = radius_kpc < 2.0 * disk.effective_radius_arcsec * kpc_per_arcsec
    return moments(cube, disk), inside


def moments(cube, disk):
    """Flux, mean velocity and dispersion of the line in each spaxel."""
    velocity = disk.channel_kms * (np.arange(disk.n_channels) - disk.n_channels // 2)
    near = np.abs(velocity) <= 440.0
    cube, velocity = cube[near], velocity[near, None, None]
    flux = cube.sum(axis=0)
    mean = (velocity * cube).sum(axis=0) / flux
    spread = ((velocity - mean) ** 2 * cube).sum(axis=0) / flux
    return flux, mean, np.sqrt(spread)


@pytest.mark.parametrize(
    ("name", "options"),
    [("kinms", {"n_clouds": 4_000_000}), ("galpak", {"oversampling": 2})],
    ids=["KinMS", "GalPaK"],
)
def test_moment_maps_agree_with_another_simulator(disk, ours, name, options):
    """Inside 2 effective radii: flux 1 per cent, velocity 3 km/s, dispersion 5 km/s."""
    try:
        peer_cubes.import_peer(name)
    except ImportError:
        pytest.skip(MISSING.format(name))
    (flux, velocity, dispersion), inside = ours
    make = getattr(peer_cubes, f"{name}_model")(disk, **options)
    peer_flux, peer_velocity, peer_dispersion = moments(make(), disk)
    assert inside.sum() * disk.spaxel_arcsec**2 == pytest.approx(
        math.pi * 0.64 * math.cos(math.radians(disk.inclination_deg)), rel=0.1
    )
    assert np.abs(flux / peer_flux - 1.0)[inside].max() < 0.01
    assert np.abs(velocity - peer_velocity)[inside].max() < 3.0
    assert np.abs(dispersion - peer_dispersion)[inside].max() < 5.0
