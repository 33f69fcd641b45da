"""The pipeline's own smearing of a disk agrees with photons thrown one by one."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad

from kurvs_pipeline.binning import Aperture
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.geometry import aperture_weights
from kurvs_pipeline.gradients.slope import slope_coefficients
from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge

ANNULI = (Aperture("A", 0.0, 0.5), Aperture("B", 0.5, 1.0), Aperture("C", 1.0, 1.5))


def weights_of(metadata, axes):
    return np.stack([aperture_weights(annulus, metadata, *axes) for annulus in ANNULI])


def smearing_of(metadata, axes):
    weights = weights_of(metadata, axes)
    return DiskSmearing(metadata, axes[0].to_numpy(), axes[1].to_numpy(), weights)


def f_of(metadata, axes):
    radius_kpc = np.array([0.25, 0.75, 1.25]) * kpc_per_arcsec(1.5)
    coefficients = slope_coefficients(radius_kpc, np.ones(3))
    return smearing_of(metadata, axes).f_grad(coefficients, abundance_per_log_ratio=0.63)


def test_a_flat_ratio_stays_flat(disk, axes):
    ratios = smearing_of(disk, axes).matrix.log_ratios(disk.effective_radius_arcsec, 0.0)
    np.testing.assert_allclose(ratios, 0.0, atol=1e-12)


def test_it_agrees_with_photons_thrown_one_by_one(disk, axes):
    inclined = replace(disk, inclination_deg=55.0, position_angle_deg=0.0)
    rng = np.random.default_rng(3)
    number = 2_000_000
    radius = rng.gamma(2.0, inclined.effective_radius_arcsec / 1.67835, number)
    azimuth = rng.uniform(0.0, 2.0 * np.pi, number)
    sigma = inclined.seeing_fwhm_arcsec / 2.35482
    along = radius * np.cos(azimuth) + sigma * rng.standard_normal(number)
    across = radius * np.sin(azimuth) * np.cos(np.radians(55.0))
    across += sigma * rng.standard_normal(number)
    edges = np.linspace(-1.4, 1.4, 29)
    inside = weights_of(inclined, axes)
    photons = [
        np.histogram2d(along, across, bins=(edges, edges), weights=light)[0]
        for light in (10.0 ** (-0.3 * radius), np.ones(number))
    ]
    thrown = np.einsum("ayx,lyx->la", inside, photons)
    found = smearing_of(inclined, axes).matrix.log_ratios(inclined.effective_radius_arcsec, -0.3)
    np.testing.assert_allclose(found, np.log10(thrown[0] / thrown[1]), atol=2e-3)


def test_seeing_flattens_so_the_correction_exceeds_one(disk, axes):
    assert f_of(disk, axes) > 1.3


def test_without_seeing_only_the_binning_is_left(disk, axes):
    sharp = replace(disk, seeing_fwhm_arcsec=0.0)
    found = smearing_of(sharp, axes).matrix.log_ratios(sharp.effective_radius_arcsec, -0.3)[:2]
    scale = sharp.effective_radius_arcsec / 1.67835
    for log_ratio, annulus in zip(found, ANNULI, strict=False):
        bright, faint = (
            quad(lambda r, g=g: r * np.exp(-r / scale) * 10.0 ** (g * r),
                 annulus.inner_arcsec, annulus.outer_arcsec)[0]
            for g in (0.0, -0.3)
        )  # fmt: skip
        # Spaxels of 0.1 arcsec soften the edges of the annuli.
        assert log_ratio == pytest.approx(np.log10(faint / bright), abs=2e-3)


def test_the_correction_grows_with_inclination_seeing_and_compactness(disk, axes):
    reference = f_of(disk, axes)
    assert f_of(replace(disk, inclination_deg=70.0), axes) > reference
    assert f_of(replace(disk, seeing_fwhm_arcsec=0.8), axes) > reference
    assert f_of(replace(disk, effective_radius_arcsec=0.3), axes) > reference


def test_the_wings_of_a_moffat_matter(disk, axes):
    winged = replace(disk, psf_kind="moffat", psf_moffat_beta=3.0)
    assert f_of(winged, axes) > 1.1 * f_of(disk, axes)


@pytest.mark.parametrize("beta", [50.0, 3e10, np.inf])
def test_wings_too_steep_to_matter_leave_the_correction_of_a_gaussian(disk, axes, beta):
    steep = replace(disk, psf_kind="moffat", psf_moffat_beta=beta)
    assert f_of(steep, axes) == pytest.approx(f_of(disk, axes))


def test_the_correction_does_not_depend_on_the_position_angle(disk, axes):
    inclined = replace(disk, inclination_deg=50.0)
    turned = replace(inclined, position_angle_deg=90.0)
    assert f_of(turned, axes) == pytest.approx(f_of(inclined, axes), rel=1e-6)


COEFFICIENTS = slope_coefficients(np.array([0.25, 0.75, 1.25]) * kpc_per_arcsec(1.5), np.ones(3))


def observed_slope(smearing, gradient):
    """Slope that annuli show of a disk of this gradient, with size and seeing as stated."""
    per_arcsec = gradient * kpc_per_arcsec(smearing.metadata.redshift)
    radius = smearing.metadata.effective_radius_arcsec
    return float(COEFFICIENTS @ (0.63 * smearing.matrix.log_ratios(radius, per_arcsec / 0.63)))


def intrinsic_of(smearing, observed, number=512):
    found = smearing.intrinsic_gradients(
        np.full(number, observed), COEFFICIENTS, abundance_per_log_ratio=0.63
    )
    return np.percentile(found, [16.0, 50.0, 84.0])


@pytest.mark.parametrize("gradient", [-0.1, -0.02, 0.0, 0.06])
def test_a_seen_slope_gives_back_the_gradient_that_makes_it(disk, axes, gradient):
    wide = replace(disk, effective_radius_arcsec=0.7)
    exact = replace(smearing_of(wide, axes), seeing=SeeingKnowledge.exact(wide))
    # Only the size has an error left.
    _, middle, _ = intrinsic_of(exact, observed_slope(exact, gradient))
    assert middle == pytest.approx(gradient, abs=0.03 * abs(gradient) + 1e-4)


def test_the_error_of_a_correction_grows_with_those_of_size_seeing_and_inclination(disk, axes):
    inclined = replace(disk, inclination_deg=50.0)
    exact = replace(smearing_of(inclined, axes), seeing=SeeingKnowledge.exact(inclined))
    by_size, by_seeing, by_all = (
        np.ptp(intrinsic_of(smearing, observed_slope(exact, -0.05)))
        for smearing in (
            exact, smearing_of(inclined, axes),
            smearing_of(replace(inclined, inclination_err_deg=10.0), axes),
        )
    )  # fmt: skip
    assert 0.0 < by_size < by_seeing < by_all


def test_what_no_gradient_shows_has_the_steepest(disk, axes):
    low, middle, high = intrinsic_of(smearing_of(disk, axes), -1.0)
    assert (low, middle, high) == (-0.4, -0.4, -0.4)


def test_without_a_seeing_there_is_no_intrinsic_gradient(disk, axes):
    unknown = smearing_of(replace(disk, seeing_fwhm_arcsec=float("nan")), axes)
    assert np.isnan(intrinsic_of(unknown, -0.02)).all()


def test_an_unknown_effective_radius_gives_no_number(disk, axes):
    assert np.isnan(f_of(replace(disk, effective_radius_arcsec=float("nan")), axes))
