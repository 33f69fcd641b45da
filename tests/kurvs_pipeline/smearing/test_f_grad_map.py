"""f_grad as a map of inclination and effective radius."""

import numpy as np
import pytest
import xarray as xr

from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.errors import ConfigurationError, CoverageError
from kurvs_pipeline.geometry import aperture_weights
from kurvs_pipeline.gradients.slope import slope_coefficients
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.f_grad_map import FGradMap, SmearedDisks
from kurvs_pipeline.smearing.point_spread import Seeing


@pytest.fixture(scope="module")
def known_map():
    return SmearedDisks().map()


def test_it_is_the_correction_of_a_galaxy_with_equal_weights():
    """By another path: annuli of spaxels, and the slope of the pipeline."""
    metadata = ObservationMetadata(
        redshift=1.5, inclination_deg=50.0, position_angle_deg=0.0, effective_radius_arcsec=0.5,
        disk_thickness=0.2, seeing_fwhm_arcsec=0.6,
    )  # fmt: skip
    disks = SmearedDisks()
    annuli = disks.scheme.annuli(0.5)
    fine = xr.DataArray(0.04 * (np.arange(120) - 59.5), dims="x")
    weights = np.stack([aperture_weights(annulus, metadata, fine, fine) for annulus in annuli])
    smearing = DiskSmearing(metadata, fine.to_numpy(), fine.to_numpy(), weights)
    radius_kpc = kpc_per_arcsec(1.5) * np.array([annulus.middle_arcsec for annulus in annuli])
    equal = slope_coefficients(radius_kpc, np.ones(3))
    expected = smearing.f_grad(equal, abundance_per_log_ratio=0.63)
    assert disks.f_grad(50.0, 0.5) == pytest.approx(expected, rel=0.01)


def test_sharp_seeing_leaves_only_what_bins_do():
    sharp = SmearedDisks(seeing=Seeing(0.05), scheme=BinningScheme.uniform(8, 0.2))
    assert sharp.f_grad(20.0, 0.6) == pytest.approx(1.0, abs=0.03)


def test_it_depends_on_the_sign_of_the_gradient():
    falling, rising = (SmearedDisks(gradient=g).f_grad(50.0, 0.5) for g in (-0.1, 0.1))
    assert falling > 1.3 * rising


def test_a_rising_line_is_known_by_where_it_outruns_the_light():
    """exp(-r / h) times 10^(g r / 0.63) rises where h > 0.63 / (g ln 10); Re = 1.678 h."""
    disks = SmearedDisks(gradient=0.1)
    scale_kpc = 0.63 / (0.1 * np.log(10.0))
    expected = 1.678 * scale_kpc / kpc_per_arcsec(1.5)
    assert disks.largest_fading_arcsec == pytest.approx(expected, rel=1e-3)
    assert SmearedDisks(gradient=-0.1).largest_fading_arcsec == np.inf


def test_zero_is_the_limit_of_small_gradients():
    limit = SmearedDisks(gradient=0.0).f_grad(50.0, 0.5)
    sides = [SmearedDisks(gradient=g).f_grad(50.0, 0.5) for g in (-0.002, 0.002)]
    assert min(sides) < limit < max(sides)


def test_wings_of_the_seeing_make_it_larger():
    wings = SmearedDisks(seeing=Seeing(0.6, "moffat", 3.0)).f_grad(50.0, 0.5)
    assert wings > 1.1 * SmearedDisks().f_grad(50.0, 0.5)


def test_annuli_in_effective_radii_and_seeing_scale_together():
    """A disk twice as large behind seeing twice as wide is the same but for its gradient."""
    scheme = BinningScheme.uniform(3, 0.7, in_effective_radii=True)
    small, large = (
        SmearedDisks(seeing=Seeing(0.4 * factor), scheme=scheme, gradient=-0.02 / factor)
        .f_grad(40.0, 0.5 * factor)
        for factor in (1.0, 2.0)
    )  # fmt: skip
    assert large == pytest.approx(small, rel=1e-3)


def test_the_map_says_what_it_holds_for(known_map):
    assert known_map.attrs["gradient_dex_per_kpc"] == -0.02
    assert known_map["effective_radius"].attrs["units"] == "arcsec"


@pytest.mark.parametrize(
    ("inclination", "radius"), [(3.0, 0.13), (47.0, 0.33), (61.0, 0.52), (84.0, 0.11), (22.0, 1.7)]
)
def test_between_points_of_the_map_it_is_right_to_one_per_cent(known_map, inclination, radius):
    exact = SmearedDisks().f_grad(inclination, radius)
    assert FGradMap(known_map)(inclination, radius) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(("inclination", "radius"), [(88.0, 0.5), (40.0, 0.05), (40.0, 3.0)])
def test_outside_the_map_is_an_error(known_map, inclination, radius):
    with pytest.raises(CoverageError, match="holds"):
        FGradMap(known_map)(inclination, radius)


def test_one_annulus_has_no_gradient():
    with pytest.raises(ConfigurationError, match="two annuli"):
        SmearedDisks(scheme=BinningScheme.uniform(1, 1.1))


@pytest.mark.parametrize("impossible", [{"gradient": np.nan}, {"gradient": 5.0}, {"redshift": 0.0}])
def test_impossible_disks_are_refused(impossible):
    with pytest.raises(ConfigurationError, match="expected"):
        SmearedDisks(**impossible)
