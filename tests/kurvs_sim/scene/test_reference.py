"""The fast simulator against brute force that shares no code with it."""

import brute_force_reference as brute_force
import numpy as np
import pytest

from kurvs_pipeline.bands import Band
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid
from kurvs_sim.profiles.radial import Arctan, Constant, Exponential, Linear
from kurvs_sim.scene.scene import Scene

REDSHIFT = 1.5
# Proper scale at z = 1.5 for H0 = 67.3 and Omega_m = 0.315 by Gauss-Legendre integration.
_z, _w = np.polynomial.legendre.leggauss(20)
COMOVING_MPC = (299792.458 / 67.3) * np.sum(
    0.5 * REDSHIFT * _w / np.sqrt(0.315 * (1.0 + 0.5 * REDSHIFT * (1.0 + _z)) ** 3 + 0.685)
)
KPC_PER_ARCSEC = 1e3 * COMOVING_MPC / (1.0 + REDSHIFT) * np.pi / 180.0 / 3600.0

HBETA_UM, HALPHA_UM, NII_UM, NII_WEAK_UM = 0.4862683, 0.6564610, 0.6585270, 0.6549860
CHANNEL_UM, LSF_FWHM_CHANNELS = 2.1582e-4, 1.76
LSF_SIGMA_UM = LSF_FWHM_CHANNELS * CHANNEL_UM / np.sqrt(8.0 * np.log(2.0))

GRID = SpaxelGrid(n_x=8, n_y=7, spaxel_arcsec=0.2)
GAUSSIAN = PointSpreadFunction("gaussian", 0.6)
MOFFAT = PointSpreadFunction("moffat", 0.5, moffat_beta=2.5)
FINER = Numerics(
    fine_pixel_arcsec=0.0125,
    pixels_per_scale_length=6.0,
    padding_arcsec=2.5,
    velocity_tolerance=1e-7,
)

CASES = {
    "slow, inclined": (
        {"inclination_deg": 45.0, "effective_radius_arcsec": 0.4}, (150.0, 1.5), 60.0, GAUSSIAN),
    "face-on": (
        {"inclination_deg": 0.0, "effective_radius_arcsec": 0.5}, (150.0, 1.5), 40.0, GAUSSIAN),
    "compact, steep, off-centre": (
        {"inclination_deg": 65.0, "position_angle_deg": 130.0, "effective_radius_arcsec": 0.25,
         "offset_x_arcsec": 0.13, "offset_y_arcsec": -0.21}, (250.0, 0.7), 45.0, GAUSSIAN),
    "large, Moffat": (
        {"inclination_deg": 55.0, "position_angle_deg": 250.0, "effective_radius_arcsec": 0.7},
        (220.0, 2.0), 50.0, MOFFAT),
    "v/sigma = 10": (
        {"inclination_deg": 60.0, "position_angle_deg": 20.0, "effective_radius_arcsec": 0.5},
        (300.0, 1.0), 30.0, GAUSSIAN),
    "v/sigma = 10, Moffat, edge": (
        {"inclination_deg": 70.0, "position_angle_deg": 340.0, "effective_radius_arcsec": 0.4},
        (260.0, 0.5), 26.0, MOFFAT),
}  # fmt: skip


def near_band(line_um, reach_kms):
    """Return a band that is nothing but the channels near a line."""
    centre = line_um * (1.0 + REDSHIFT)
    n_channels = 2 * round(centre * reach_kms / 299792.458 / CHANNEL_UM) + 1
    first = centre - CHANNEL_UM * (n_channels // 2) + 0.3 * CHANNEL_UM
    return Band("H", first, CHANNEL_UM, (1.0, 2.0), LSF_FWHM_CHANNELS, n_channels)


def reference_cube(galaxy, lines, grid, psf, band, *, dispersion=None, **thickness):
    """Describe a galaxy to the brute force in arcsec, by the formulas of its documentation."""

    def rotation(radius):
        turnover = galaxy.rotation.turnover_radius / KPC_PER_ARCSEC
        return galaxy.rotation.asymptote * 2.0 / np.pi * np.arctan(radius / turnover)

    disk = brute_force.ReferenceDisk(
        inclination_deg=galaxy.inclination_deg,
        position_angle_deg=galaxy.position_angle_deg,
        rotation_kms=rotation,
        dispersion_kms=dispersion or (lambda radius: np.full_like(radius, galaxy.dispersion_kms)),
        offset_x_arcsec=galaxy.offset_x_arcsec,
        offset_y_arcsec=galaxy.offset_y_arcsec,
        **thickness,
    )
    if psf.kind == "gaussian":
        star = brute_force.gaussian(psf.fwhm_arcsec)
    else:
        star = brute_force.moffat(psf.fwhm_arcsec, psf.moffat_beta)
    # A compact disk needs small pixels, a large one a wide sky.
    compact = galaxy.effective_radius_arcsec < 0.45
    reference_grid = brute_force.ReferenceGrid(
        n_x=grid.n_x, n_y=grid.n_y, spaxel_arcsec=grid.spaxel_arcsec,
        oversampling=17 if compact else 11, padding=8 if compact else 12,
    )  # fmt: skip
    edges = band.first_channel_um + CHANNEL_UM * (np.arange(band.n_channels + 1) - 0.5)
    return brute_force.brute_force_cube(
        disk, {um * (1.0 + REDSHIFT): profile for um, profile in lines.items()},
        reference_grid, star, channel_edges_um=edges, lsf_sigma_um=LSF_SIGMA_UM,
    )  # fmt: skip


def exponential(galaxy):
    """Surface brightness of H-alpha on the sky, of radius in arcsec; unit flux."""
    scale = galaxy.effective_radius_arcsec / 1.6783469900166605
    cosine = np.cos(np.radians(galaxy.inclination_deg))
    return lambda radius: np.exp(-radius / scale) / (2.0 * np.pi * scale**2 * cosine)


def assert_cubes_agree(fast, reference, *, of_peak):
    """Every voxel to a fraction of the peak, the sum to 1e-4."""
    worst = np.abs(fast - reference).max() / reference.max()
    assert worst <= of_peak
    assert fast.sum(dtype=float) == pytest.approx(reference.sum(), rel=1e-4)


@pytest.fixture(scope="module", params=CASES)
def thin_disk(request):
    """Return a galaxy seen in H-beta by brute force: the line has no neighbours."""
    geometry, (asymptote, turnover), dispersion_kms, psf = CASES[request.param]
    galaxy = Galaxy(
        redshift=REDSHIFT,
        rotation=Arctan(asymptote, turnover),
        dispersion_kms=dispersion_kms,
        a_v=Constant(0.0),
        **geometry,
    )
    band = near_band(HBETA_UM, 450.0)
    halpha = exponential(galaxy)
    lines = {HBETA_UM: lambda radius: halpha(radius) / 2.86}
    return galaxy, psf, band, reference_cube(galaxy, lines, GRID, psf, band)


@pytest.mark.parametrize(
    ("numerics", "of_peak"), [(Numerics(), 5e-4), (FINER, 1e-4)], ids=["default", "finer"]
)
def test_a_thin_disk_is_that_of_brute_force(thin_disk, numerics, of_peak):
    galaxy, psf, band, reference = thin_disk
    fast = Scene(galaxy, GRID, psf, numerics).cube(band)
    assert_cubes_agree(fast, reference, of_peak=of_peak)


@pytest.mark.parametrize(
    ("inclination_deg", "psf"), [(45.0, GAUSSIAN), (75.0, GAUSSIAN), (60.0, MOFFAT)]
)
@pytest.mark.parametrize(
    ("numerics", "of_peak"), [(Numerics(), 5e-4), (FINER, 1e-4)], ids=["default", "finer"]
)
def test_a_thick_disk_is_a_pile_of_thin_ones(inclination_deg, psf, numerics, of_peak):
    """Gaussian heights whose sigma is 0.2 sqrt(3) scale lengths; gas rotates alike at all."""
    galaxy = Galaxy(
        redshift=REDSHIFT,
        inclination_deg=inclination_deg,
        position_angle_deg=70.0,
        effective_radius_arcsec=0.5,
        disk_thickness=0.2,
        rotation=Arctan(220.0, 1.0),
        dispersion_kms=40.0,
        a_v=Constant(0.0),
    )
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    sigma = 0.2 * np.sqrt(3.0) * galaxy.effective_radius_arcsec / 1.6783469900166605
    band = near_band(HBETA_UM, 450.0)
    halpha = exponential(galaxy)
    reference = reference_cube(
        galaxy, {HBETA_UM: lambda radius: halpha(radius) / 2.86}, GRID, psf, band,
        heights_arcsec=tuple(sigma * nodes), height_weights=tuple(weights / weights.sum()),
    )  # fmt: skip
    fast = Scene(galaxy, GRID, psf, numerics).cube(band)
    assert_cubes_agree(fast, reference, of_peak=of_peak)


def test_lines_of_different_profiles_overlap_as_in_brute_force():
    """H-alpha and [N II] behind a constant abundance gradient: log N2 = (Z - 8.98) / 0.63."""
    galaxy = Galaxy(
        redshift=REDSHIFT,
        inclination_deg=50.0,
        position_angle_deg=75.0,
        effective_radius_arcsec=0.4,
        oxygen_abundance=Linear(central=8.7, gradient=-0.06),
        a_v=Constant(0.0),
        rotation=Arctan(200.0, 1.0),
        dispersion_kms=120.0,
    )
    halpha = exponential(galaxy)

    def nii(radius):
        abundance = np.maximum(8.7 - 0.06 * KPC_PER_ARCSEC * radius, 7.0)
        return halpha(radius) * 10.0 ** ((abundance - 8.98) / 0.63)

    lines = {HALPHA_UM: halpha, NII_UM: nii, NII_WEAK_UM: lambda radius: nii(radius) / 3.0}
    band = near_band(HALPHA_UM, 1300.0)
    reference = reference_cube(galaxy, lines, GRID, GAUSSIAN, band)
    fast = Scene(galaxy, GRID, GAUSSIAN, Numerics()).cube(band)
    assert_cubes_agree(fast, reference, of_peak=5e-4)


def test_dust_with_a_gradient_reddens_as_in_brute_force():
    """Attenuation of H-beta over H-alpha by k = 3.82 and 2.46 (Battisti et al. 2022)."""
    galaxy = Galaxy(
        redshift=REDSHIFT,
        inclination_deg=50.0,
        effective_radius_arcsec=0.4,
        a_v=Exponential(central=1.5, scale_length=3.0),
    )
    halpha = exponential(galaxy)

    def hbeta(radius):
        a_v = 1.5 * np.exp(-radius * KPC_PER_ARCSEC / 3.0)
        return halpha(radius) / 2.86 * 10.0 ** (-0.4 * a_v * (3.82 - 2.46) / 3.22)

    band = near_band(HBETA_UM, 450.0)
    reference = reference_cube(galaxy, {HBETA_UM: hbeta}, GRID, GAUSSIAN, band)
    fast = Scene(galaxy, GRID, GAUSSIAN, Numerics()).cube(band)
    # The published k are rounded to 0.005, which is 0.3 per cent of the flux at A_V = 1.5.
    np.testing.assert_allclose(fast, reference, rtol=0.0, atol=3e-3 * reference.max())


def test_brute_force_itself_conserves_the_flux_of_a_disk():
    """A wide field and band hold the unit flux of the formula."""
    galaxy = Galaxy(inclination_deg=40.0, effective_radius_arcsec=0.25, redshift=REDSHIFT)
    grid = SpaxelGrid(n_x=22, n_y=22, spaxel_arcsec=0.2)
    band = near_band(HALPHA_UM, 350.0)
    lines = {HALPHA_UM: exponential(galaxy)}
    cube = reference_cube(galaxy, lines, grid, GAUSSIAN, band)
    assert cube.sum() * CHANNEL_UM == pytest.approx(1.0, abs=5e-5)


def test_brute_force_adds_variances_of_disk_star_and_spaxel():
    """Second moments: 3 h^2 for the disk, sigma^2 for the star, width^2 / 12 for the spaxel."""
    galaxy = Galaxy(inclination_deg=0.0, effective_radius_arcsec=0.25, redshift=REDSHIFT)
    grid = SpaxelGrid(n_x=22, n_y=22, spaxel_arcsec=0.2)
    cube = reference_cube(
        galaxy, {HALPHA_UM: exponential(galaxy)}, grid, GAUSSIAN, near_band(HALPHA_UM, 40.0)
    )
    image = cube.sum(axis=0)
    second = (image * grid.x_arcsec**2).sum() / image.sum()
    expected = 3.0 * (0.25 / 1.67834699) ** 2 + 0.36 / (8.0 * np.log(2.0)) + 0.04 / 12.0
    assert second == pytest.approx(expected, rel=1e-3)


def test_brute_force_thickens_a_disk_along_its_minor_axis():
    """Second moment across the line of nodes: 3 h^2 cos^2 i + sigma_z^2 sin^2 i, and the rest."""
    galaxy = Galaxy(
        inclination_deg=60.0,
        effective_radius_arcsec=0.25,
        redshift=REDSHIFT,
        rotation=Arctan(0.0, 1.0),
    )
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    grid = SpaxelGrid(n_x=22, n_y=22, spaxel_arcsec=0.2)
    cube = reference_cube(
        galaxy, {HALPHA_UM: exponential(galaxy)}, grid, GAUSSIAN, near_band(HALPHA_UM, 40.0),
        heights_arcsec=tuple(0.08 * nodes), height_weights=tuple(weights / weights.sum()),
    )  # fmt: skip
    image = cube.sum(axis=0)
    scale, seeing = 0.25 / 1.67834699, 0.36 / (8.0 * np.log(2.0))
    across = (image * grid.x_arcsec**2).sum() / image.sum()
    along = (image * grid.y_arcsec[:, None] ** 2).sum() / image.sum()
    rest = seeing + 0.04 / 12.0
    assert along == pytest.approx(3.0 * scale**2 + rest, rel=1e-3)
    assert across == pytest.approx(0.25 * 3.0 * scale**2 + 0.75 * 0.08**2 + rest, rel=1e-3)


def test_brute_force_widens_lines_as_the_dispersion_profile_says():
    """Mean of sigma0^2 exp(-2 R / s) over an exponential disk: sigma0^2 / (1 + 2 h / s)^2."""
    galaxy = Galaxy(inclination_deg=0.0, effective_radius_arcsec=0.25, redshift=REDSHIFT)
    grid = SpaxelGrid(n_x=22, n_y=22, spaxel_arcsec=0.2)
    band = near_band(HALPHA_UM, 450.0)
    cube = reference_cube(
        galaxy, {HALPHA_UM: exponential(galaxy)}, grid, GAUSSIAN, band,
        dispersion=lambda radius: 90.0 * np.exp(-radius / 0.3),
    )  # fmt: skip
    spectrum = cube.sum(axis=(1, 2))
    offset = band.wavelength_um - HALPHA_UM * (1.0 + REDSHIFT)
    found = (spectrum * offset**2).sum() / spectrum.sum()
    scale = 0.25 / 1.67834699
    sigma_um = HALPHA_UM * (1.0 + REDSHIFT) * 90.0 / 299792.458 / (1.0 + 2.0 * scale / 0.3)
    assert found == pytest.approx(sigma_um**2 + LSF_SIGMA_UM**2 + CHANNEL_UM**2 / 12.0, rel=2e-3)


@pytest.mark.parametrize(
    ("central_kms", "scale_arcsec"), [(90.0, 0.5), (60.0, 1.5)], ids=["steep", "shallow"]
)
def test_a_dispersion_that_falls_with_radius_is_that_of_brute_force(central_kms, scale_arcsec):
    galaxy = Galaxy(
        redshift=REDSHIFT,
        inclination_deg=50.0,
        position_angle_deg=75.0,
        effective_radius_arcsec=0.4,
        rotation=Arctan(200.0, 1.0),
        dispersion_kms=central_kms,
        relative_dispersion=Exponential(1.0, scale_arcsec * KPC_PER_ARCSEC) + 0.3,
        a_v=Constant(0.0),
    )
    halpha, band = exponential(galaxy), near_band(HBETA_UM, 700.0)
    reference = reference_cube(
        galaxy, {HBETA_UM: lambda radius: halpha(radius) / 2.86}, GRID, GAUSSIAN, band,
        dispersion=lambda radius: central_kms * (np.exp(-radius / scale_arcsec) + 0.3),
    )  # fmt: skip
    assert_cubes_agree(Scene(galaxy, GRID, GAUSSIAN, Numerics()).cube(band), reference,
                       of_peak=5e-4)  # fmt: skip
