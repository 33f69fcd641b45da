"""Rotation curves that follow from a distribution of mass."""

import numpy as np
import pytest
from astropy import constants
from astropy import units as u
from scipy.integrate import quad
from scipy.special import i0, i1, j0, j1, k0, k1

from kurvs_pipeline.errors import MetadataError
from kurvs_sim.profiles.shapes import FreemanDisk

MASS = 3e10
SCALE_LENGTH_KPC = 2.5


def disk_of_mass(mass_solar):
    """Return Freeman's disk: v^2 = 2 G M / h y^2 (I0 K0 - I1 K1), at its highest at y = 1.075."""
    y = 0.5 * 2.149_95
    shape = y**2 * (i0(y) * k0(y) - i1(y) * k1(y))
    square = 2.0 * constants.G * mass_solar * u.solMass / (SCALE_LENGTH_KPC * u.kpc) * shape
    return FreemanDisk(np.sqrt(square).to_value(u.km / u.s), SCALE_LENGTH_KPC)


@pytest.fixture(scope="module")
def disk():
    return disk_of_mass(MASS)


def test_far_out_a_disk_pulls_like_a_point_of_its_mass(disk):
    far = 200.0 * SCALE_LENGTH_KPC * u.kpc
    kepler = np.sqrt(constants.G * MASS * u.solMass / far).to_value(u.km / u.s)
    assert disk(far.value) == pytest.approx(kepler, rel=1e-4)


@pytest.mark.parametrize("radius_kpc", [0.5, 2.5, 5.4, 10.0])
def test_the_curve_solves_the_poisson_equation(disk, radius_kpc):
    # Toomre (1963): v^2 = 2 pi G Sigma_0 h^2 R integral of k J1(k R) / (1 + k^2 h^2)^1.5.
    def integrand(k):
        return k * j1(k * radius_kpc) / (1.0 + (k * SCALE_LENGTH_KPC) ** 2) ** 1.5

    integral = sum(quad(integrand, a, a + 1.0, limit=200)[0] for a in range(400))
    potential = (constants.G * MASS * u.solMass / u.kpc).to_value((u.km / u.s) ** 2)
    assert disk(radius_kpc) == pytest.approx(np.sqrt(potential * radius_kpc * integral), rel=1e-3)


def test_the_hankel_transform_that_the_test_stands_on_is_that_of_an_exponential():
    found = quad(lambda r: r * np.exp(-r) * j0(2.0 * r), 0.0, 60.0, limit=400)[0]
    assert found == pytest.approx(1.0 / (1.0 + 2.0**2) ** 1.5)


def test_four_times_the_mass_rotates_twice_as_fast(disk):
    radii = np.array([0.5, 2.5, 10.0])
    assert disk_of_mass(4.0 * MASS)(radii) == pytest.approx(2.0 * disk(radii))


@pytest.mark.parametrize(
    ("peak", "length", "named"), [(np.inf, 1.0, "peak"), (-1.0, 1.0, "peak"), (1.0, 0.0, "scale_l")]
)
def test_an_impossible_disk_is_refused(peak, length, named):
    with pytest.raises(MetadataError, match=f"{named}.* is .*; expected a finite number >"):
        FreemanDisk(peak, length)
