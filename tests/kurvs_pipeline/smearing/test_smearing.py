"""The smearing matrix: known answers, photons of another code path, smoothness."""

import math
from dataclasses import dataclass

import galsim
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rice

from kurvs_pipeline.bands import FWHM_PER_SIGMA
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.geometry import aperture_weights
from kurvs_pipeline.observation import metadata_of
from kurvs_pipeline.smearing.matrix import InclinedDisk, SmearingMatrix
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_pipeline.smearing.sky_apertures import EllipseApertures, SpaxelApertures
from kurvs_sim import Galaxy, PointSpreadFunction, observe

THREE_ANNULI = ((0.0, 0.5), (0.5, 1.0), (1.0, 1.5))
RADII = np.array([0.0, 0.1, 0.4, 0.7, 1.2, 2.0])


def matrix_of(*, inclination=0.0, position_angle=0.0, height=0.0, psf=None, edges=THREE_ANNULI):
    disk = InclinedDisk(inclination, position_angle, height)
    apertures = EllipseApertures(edges, disk.cosine, position_angle)
    return SmearingMatrix(disk, psf, apertures)


def exponential_fluxes(matrix, scale_arcsec):
    radius, weight = matrix.nodes
    return matrix.at_nodes @ (weight * radius * np.exp(-radius / scale_arcsec)) / scale_arcsec**2


def test_a_face_on_disk_behind_gaussian_seeing_matches_the_rice_distribution():
    sigma = 0.6 / FWHM_PER_SIGMA
    expected = [
        rice.cdf(outer / sigma, RADII / sigma) - rice.cdf(inner / sigma, RADII / sigma)
        for inner, outer in THREE_ANNULI
    ]
    np.testing.assert_allclose(matrix_of(psf=Seeing(0.6)).at(RADII), expected, atol=1e-6)


@pytest.mark.parametrize("beta", [40.0, 50.0, 3e10, math.inf])
def test_a_moffat_with_steep_wings_is_the_gaussian_that_it_tends_to(beta):
    sigma = 0.6 / FWHM_PER_SIGMA
    expected = [
        rice.cdf(outer / sigma, RADII / sigma) - rice.cdf(inner / sigma, RADII / sigma)
        for inner, outer in THREE_ANNULI
    ]
    found = matrix_of(psf=Seeing(0.6, "moffat", beta)).at(RADII)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_steepest_moffat_that_is_one_is_nearly_a_gaussian():
    # No step where one passes into the other.
    steep, gaussian = (
        matrix_of(psf=psf).at(RADII) for psf in (Seeing(0.6, "moffat", 39.9), Seeing(0.6))
    )
    np.testing.assert_allclose(steep, gaussian, atol=0.015)


@pytest.mark.parametrize("inclination", [0.0, 40.0, 75.0])
def test_without_seeing_it_is_the_identity_where_rings_equal_annuli(inclination):
    matrix = matrix_of(inclination=inclination, position_angle=35.0)
    np.testing.assert_array_equal(matrix.of_rings(np.array([0.0, 0.5, 1.0, 1.5])), np.eye(3))


def test_the_limit_of_sharp_seeing_is_no_seeing():
    sharp = matrix_of(inclination=40.0, psf=Seeing(0.05)).of_rings(np.array([0.1, 0.4]))
    np.testing.assert_allclose(sharp, [[1.0], [0.0], [0.0]], atol=1e-4)


@dataclass(frozen=True)
class DrawnPointSpread:
    """A point-spread function as GalSim transforms it, x to the West and y to the North."""

    profile: galsim.GSObject

    def transform(self, west, north):
        vectors = zip(west.ravel().tolist(), north.ravel().tolist(), strict=True)
        values = [self.profile.kValue(*vector).real for vector in vectors]
        return np.array(values).reshape(west.shape)

    @property
    def reach_arcsec(self):
        return np.pi / self.profile.stepk

    @property
    def largest_wavenumber(self):
        return self.profile.maxk


@pytest.mark.parametrize(
    "psf",
    [Seeing(0.6), Seeing(0.5, "moffat", 2.5), Seeing(0.6, "kolmogorov"),
     Seeing(0.6, "moffat", 3.0, (0.1, -0.05))],
)  # fmt: skip
def test_seeing_is_what_galsim_draws(psf):
    of_kind = {
        "gaussian": galsim.Gaussian(fwhm=psf.fwhm_arcsec),
        "moffat": galsim.Moffat(beta=psf.moffat_beta or 3.0, fwhm=psf.fwhm_arcsec)
        if psf.kind == "moffat" else None,
        "kolmogorov": galsim.Kolmogorov(fwhm=psf.fwhm_arcsec),
    }  # fmt: skip
    drawn = DrawnPointSpread(of_kind[psf.kind].shear(g1=psf.shear[0], g2=psf.shear[1]))
    west, north = np.array([0.0, 3.0, -5.0, 2.0, 9.0]), np.array([0.0, 0.0, 4.0, -7.0, 9.0])
    np.testing.assert_allclose(psf.transform(west, north), drawn.transform(west, north), atol=1e-6)


def test_a_drawn_point_spread_function_smears_like_the_formula():
    formula = matrix_of(inclination=50.0, psf=Seeing(0.6)).at(RADII)
    drawn = matrix_of(inclination=50.0, psf=DrawnPointSpread(galsim.Gaussian(fwhm=0.6))).at(RADII)
    np.testing.assert_allclose(drawn, formula, atol=2e-3)


@pytest.mark.parametrize(
    ("psf", "simulated"),
    [
        (Seeing(0.6), PointSpreadFunction("gaussian", 0.6)),
        (Seeing(0.7, "moffat", 3.0), PointSpreadFunction("moffat", 0.7, 3.0)),
    ],
)
@pytest.mark.parametrize(("inclination", "thickness"), [(0.0, 0.0), (55.0, 0.0), (70.0, 0.2)])
def test_it_agrees_with_the_cubes_of_the_simulator(psf, simulated, inclination, thickness):
    galaxy = Galaxy(
        redshift=1.5, inclination_deg=inclination, position_angle_deg=25.0,
        effective_radius_arcsec=0.45, disk_thickness=thickness,
    )  # fmt: skip
    mock = observe(galaxy, psf=simulated, halpha_snr=None, bands=("H",), within_kms_of_lines=3000)
    metadata, band = metadata_of(mock), mock["H"]
    weights = np.stack([
        aperture_weights(annulus, metadata, band["x"], band["y"])
        for annulus in BinningScheme().annuli(0.45)
    ])  # fmt: skip
    light = mock["truth"]["line_map_smeared"].sel(line="halpha").to_numpy()
    apertures = SpaxelApertures(weights, band["x"].to_numpy(), band["y"].to_numpy())
    matrix = SmearingMatrix(InclinedDisk.of(metadata), psf, apertures)
    expected = np.einsum("ayx,yx->a", weights, light) / galaxy.halpha_flux
    found = exponential_fluxes(matrix, 0.45 / 1.67834699)
    np.testing.assert_allclose(found, expected, rtol=5e-3)


def test_apertures_of_one_spaxel_add_up_to_those_of_many():
    centres = 0.2 * (np.arange(14) - 6.5)
    used = np.hypot(centres, centres[:, None]) < 1.0
    disk, psf = InclinedDisk(40.0, 70.0), Seeing(0.6)
    weights = np.eye(used.size)[used.ravel()].reshape(-1, *used.shape)
    one_by_one = SmearingMatrix(disk, psf, SpaxelApertures(weights, centres, centres))
    together = SmearingMatrix(
        disk, psf, SpaxelApertures(used[None].astype(float), centres, centres)
    )
    total = one_by_one.at(RADII).sum(axis=0)
    np.testing.assert_allclose(total, together.at(RADII)[0], atol=1e-12)


@given(
    inclination=st.floats(0.0, 85.0),
    fwhm=st.floats(0.3, 1.0),
    inverse_beta=st.floats(0.0, 0.4),
)
def test_no_ring_gives_more_light_than_it_has(inclination, fwhm, inverse_beta):
    psf = Seeing.moffat(fwhm, inverse_beta)
    share = matrix_of(inclination=inclination, psf=psf).at(RADII)
    assert share.min() > -2e-4
    assert share.sum(axis=0).max() < 1.0 + 2e-4


def test_all_light_of_a_ring_is_found_in_an_aperture_that_is_large_enough():
    share = matrix_of(psf=Seeing(0.6), edges=((0.0, 6.0),)).at(RADII)
    np.testing.assert_allclose(share, 1.0, atol=1e-6)


def test_it_does_not_depend_on_the_position_angle():
    upright = matrix_of(inclination=60.0, psf=Seeing(0.6, "moffat", 3.0)).at(RADII)
    turned = matrix_of(inclination=60.0, psf=Seeing(0.6, "moffat", 3.0), position_angle=130.0)
    np.testing.assert_allclose(turned.at(RADII), upright, atol=1e-5)


@pytest.mark.parametrize("quantity", ["inclination", "fwhm", "inverse_beta"])
def test_it_is_smooth(quantity):
    """Second differences halve fourfold with the step, as of a function without steps."""

    def light(step):
        shift = {"inclination": 0.0, "fwhm": 0.0, "inverse_beta": 0.0, quantity: step}
        disk = InclinedDisk(50.0 + 20.0 * shift["inclination"])
        psf = Seeing.moffat(0.6 * (1.0 + shift["fwhm"]), 0.2 + shift["inverse_beta"])
        apertures = EllipseApertures(THREE_ANNULI, InclinedDisk(50.0).cosine)
        return exponential_fluxes(SmearingMatrix(disk, psf, apertures), 0.3)

    def curvature(step):
        return (light(step) - 2.0 * light(0.0) + light(-step)) / step**2

    np.testing.assert_allclose(curvature(0.04), curvature(0.08), rtol=0.1, atol=0.02)


def test_the_nodes_are_dense_enough_for_compact_and_for_large_disks():
    matrix = matrix_of(inclination=50.0, psf=Seeing(0.6, "moffat", 3.0))
    point, weight = np.polynomial.legendre.leggauss(500)
    radius = 0.5 * matrix.outermost_arcsec * (point + 1.0)
    for scale in (0.06, 0.3, 0.7):
        light = 0.5 * matrix.outermost_arcsec * weight * radius * np.exp(-radius / scale) / scale**2
        expected = matrix.at(radius) @ light
        np.testing.assert_allclose(exponential_fluxes(matrix, scale), expected, rtol=1e-5)


def test_other_seeing_at_the_same_nodes_is_the_matrix_of_that_seeing():
    wide = Seeing(0.66)
    shared = matrix_of(inclination=50.0, psf=Seeing(0.6))
    apart = matrix_of(inclination=50.0, psf=wide)
    expected = apart.at(shared.nodes.radius_arcsec)
    np.testing.assert_allclose(shared.with_psf(wide), expected, atol=1e-5)


def test_a_disk_seen_edge_on_is_allowed():
    disk = InclinedDisk(90.0, 0.0, 0.1)
    matrix = SmearingMatrix(disk, Seeing(0.6), EllipseApertures(((0.0, 0.5),), 0.3))
    assert 0.0 < exponential_fluxes(matrix, 0.3)[0] < 1.0


@pytest.mark.parametrize(
    "impossible",
    [{"fwhm_arcsec": 0.0}, {"fwhm_arcsec": math.nan}, {"fwhm_arcsec": 0.6, "kind": "airy"},
     {"fwhm_arcsec": 0.6, "kind": "moffat", "moffat_beta": 1.0},
     {"fwhm_arcsec": 0.6, "shear": (1.0, 0.0)}],
)  # fmt: skip
def test_impossible_seeing_is_refused(impossible):
    with pytest.raises(MetadataError):
        Seeing(**impossible)
