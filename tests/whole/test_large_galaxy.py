"""A galaxy that fills the field keeps its light: nothing is taken for background."""

import numpy as np
import pytest

from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy, observe
from kurvs_sim.galaxy.stars import StellarContinuum
from kurvs_sim.profiles.radial import Constant

EFFECTIVE_RADIUS_ARCSEC = 1.2

STARS = (
    StellarContinuum(
        flux_density=20.0, effective_radius_kpc=10.0, halpha_absorption_angstrom=0.0,
        hbeta_absorption_angstrom=0.0,
    ),
)  # fmt: skip


@pytest.mark.parametrize("stars", [False, True])
def test_no_halpha_of_a_large_galaxy_is_lost_to_the_background(stars):
    galaxy = Galaxy(
        redshift=1.5, inclination_deg=30.0, position_angle_deg=40.0,
        effective_radius_arcsec=EFFECTIVE_RADIUS_ARCSEC, a_v=Constant(0.0),
        stars=STARS if stars else (),
    )  # fmt: skip
    mock = observe(galaxy, bands=("H",), halpha_snr=None)
    measured = Pipeline().run(mock)
    light = mock["truth"]["line_map_smeared"].sel(line="halpha").to_numpy()
    expected = np.einsum("ayx,yx->a", measured.weights, light)
    halpha = measured.fluxes[measured.fluxes["line"] == "halpha"]["flux"].value
    np.testing.assert_allclose(halpha, expected, rtol=3e-3)
