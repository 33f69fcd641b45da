"""Lines of one aperture may come from bands that see different parts of it."""

import numpy as np
import pytest

from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.geometry import MINIMUM_COVERAGE
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy, PointSpreadFunction, observe
from kurvs_sim.profiles.radial import Constant


@pytest.fixture(scope="module")
def fluxes():
    """Measure a galaxy whose IZ cube has lost everything beyond 0.6 arcsec."""
    cubes = observe(Galaxy(inclination_deg=0.0), bands=["IZ", "H"], seed=4)
    radius = np.hypot(*np.meshgrid(cubes["IZ"]["x"], cubes["IZ"]["y"]))
    cubes["IZ"]["mask"].values[:, radius > 0.6] = True
    return Pipeline().run(cubes).fluxes


def line_in(fluxes, aperture, line):
    return fluxes[(fluxes["aperture"] == aperture) & (fluxes["line"] == line)][0]


def test_a_band_that_holds_an_aperture_measures_it(fluxes):
    row = line_in(fluxes, "A", "oii")
    assert np.isfinite(row["flux"])
    assert row["coverage"] == pytest.approx(1.0, abs=0.02)


def test_a_band_that_has_lost_an_aperture_says_so_and_gives_no_flux(fluxes):
    row = line_in(fluxes, "B", "oii")
    assert np.isnan(row["flux"])
    assert row["coverage"] < MINIMUM_COVERAGE
    assert "no_data" in row["flag"]


def test_other_bands_do_not_mind(fluxes):
    row = line_in(fluxes, "B", "halpha")
    assert row["snr"] > 10.0
    assert row["coverage"] == pytest.approx(1.0, abs=0.02)


def test_an_aperture_that_is_partly_covered_tells_by_how_much(fluxes):
    row = line_in(fluxes, "integrated", "oii")
    # 1.5 x 0.5 arcsec, of which the inner 0.6 is left.
    assert row["coverage"] == pytest.approx((0.6 / 0.75) ** 2, abs=0.03)


@pytest.mark.parametrize("fwhm_arcsec", [0.0, 1.2])
def test_a_noisy_galaxy_is_measured_whatever_the_seeing(fwhm_arcsec):
    psf = PointSpreadFunction("gaussian", fwhm_arcsec)
    measured = Pipeline().run(observe(Galaxy(), bands=["H"], psf=psf, seed=4))
    assert measured.snr("integrated", "halpha") > 30.0


def test_lines_on_airglow_are_measured_alike_whether_the_noise_is_stated_or_not():
    # At z = 1.648 airglow lies on H-alpha: its channels are noisy, and not lost.
    galaxy = Galaxy(redshift=1.648, inclination_deg=40.0, effective_radius_arcsec=0.55)
    cubes = observe(galaxy, bands=["H"], halpha_snr=60.0, seed=18)
    stated = Pipeline().run(cubes).fluxes
    cubes["H"]["variance"].values[:] = np.nan
    found = Pipeline().run(cubes).fluxes
    assert not any("truncated" in flag for flag in found["flag"])
    for line in ("halpha", "nii_6584"):
        one, other = (line_in(table, "integrated", line) for table in (found, stated))
        assert abs(one["flux"] - other["flux"]) < 0.5 * other["flux_err"]
        assert one["flux_err"].value == pytest.approx(other["flux_err"].value, rel=0.2)


def test_a_cube_without_any_data_is_said_to_be_one():
    cubes = observe(Galaxy(), bands=["H"], seed=4)
    cubes["H"]["mask"].values[:] = True
    with pytest.raises(CoverageError, match="no voxel of H can be used"):
        Pipeline().run(cubes)


def test_a_faint_annulus_of_a_galaxy_with_unresolved_lines_has_its_flux_and_error():
    galaxy = Galaxy(dispersion_kms=1.0, rotation=Constant(0.0), effective_radius_arcsec=0.2)
    measured = Pipeline().run(observe(galaxy, bands=["H"], halpha_snr=25.0, seed=2)).fluxes
    assert "unresolved" in line_in(measured, "integrated", "halpha")["flag"]
    outer = line_in(measured, "C", "halpha")
    assert outer["kinematics"] == "fixed"
    assert np.isfinite(outer["flux"])
    assert outer["flux_err"] > 0.0
