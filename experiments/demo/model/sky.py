"""The galaxy of the demo before and after the seeing, and its KMOS cube."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.demo.model.parameters import DemoParameters
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid
from kurvs_sim.expectation.signal_to_noise import HalphaExpectation
from kurvs_sim.instrument.spaxels import NoiseModel
from kurvs_sim.profiles.radial import Composable, Exponential, Linear, Product, RadialProfile
from kurvs_sim.scene.scene import Scene

REDSHIFT = 1.5
POSITION_ANGLE_DEG = 270.0
"""The major axis lies along the screen, the receding side to the right."""

ABUNDANCE_AT_RE = 8.5
A_V_AT_RE_MAG = 1.0
MOST_A_V_MAG = 10.0

GRID = SpaxelGrid()

BAND = KMOS_BANDS["H"].between(1.632, 1.651)
"""H-alpha and [N II] at the redshift, with 1000 km/s and more on either side."""

CUBE_LINES = ("nii_6548", "halpha", "nii_6584")

QUICK = Numerics(
    fine_pixel_arcsec=0.05, pixels_per_scale_length=1.0, pixels_per_psf_fwhm=3.0,
    padding_arcsec=1.0, velocity_tolerance=3e-3, profile_tolerance=1e-3, radial_samples=400,
)  # fmt: skip
"""Accurate to 1 per cent of the peak, and fast enough for a slider."""


@dataclass(frozen=True)
class _DustScreen(Composable):
    """The fraction of H-alpha that leaves the dust; A_V in mag as a function of radius in kpc."""

    a_v: RadialProfile

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the fraction at each radius."""
        return transmitted_fraction(REST_WAVELENGTH_UM["halpha"], self.a_v(radius))


def demo_psf(parameters: DemoParameters) -> PointSpreadFunction:
    """Return the point-spread function with the chosen seeing."""
    if parameters.psf_inverse_beta == 0.0:
        return PointSpreadFunction("gaussian", parameters.seeing_fwhm_arcsec)
    beta = 1.0 / parameters.psf_inverse_beta
    return PointSpreadFunction("moffat", parameters.seeing_fwhm_arcsec, beta)


def demo_galaxy(parameters: DemoParameters) -> Galaxy:
    """Return the galaxy with the chosen parameters.

    H-alpha is exponential before the dust: dust that thins outwards makes the disk look larger than
    it is.
    """
    radius_kpc = parameters.effective_radius_arcsec * kpc_per_arcsec(REDSHIFT)
    a_v = Linear(
        central=A_V_AT_RE_MAG - parameters.dust_gradient * radius_kpc,
        gradient=parameters.dust_gradient, minimum=0.0, maximum=MOST_A_V_MAG,
    )  # fmt: skip
    plain = Galaxy(
        name="demo", redshift=REDSHIFT, inclination_deg=parameters.inclination_deg,
        position_angle_deg=POSITION_ANGLE_DEG, a_v=a_v,
        effective_radius_arcsec=parameters.effective_radius_arcsec,
        oxygen_abundance=Linear(
            central=ABUNDANCE_AT_RE - parameters.gradient * radius_kpc,
            gradient=parameters.gradient,
        ),
    )  # fmt: skip
    emitted = Exponential(1.0, plain.scale_length_arcsec * plain.kpc_per_arcsec)
    return replace(plain, halpha_profile=Product((emitted, _DustScreen(a_v))))


@dataclass(frozen=True, eq=False)
class DemoSky:
    """Maps and cube of a galaxy. x runs to the West, y to the North."""

    parameters: DemoParameters

    @cached_property
    def scene(self) -> Scene:
        """The galaxy behind the seeing, on the spaxels of the survey."""
        return Scene(demo_galaxy(self.parameters), GRID, demo_psf(self.parameters), QUICK)

    @cached_property
    def smeared_velocity_kms(self) -> Array:
        """Mean velocity of the H-alpha in each spaxel behind the seeing, shape (n_y, n_x)."""
        light, first = self._moments[:2]
        return np.asarray(self._fastest_kms * first / light)

    @cached_property
    def smeared_sigma_kms(self) -> Array:
        """Standard deviation of the velocities in each spaxel, the gas's own included."""
        light, _, second = self._moments[:3]
        # The third moment is of T_2(u) = 2 u^2 - 1.
        mean_square = self._fastest_kms**2 * 0.5 * (second / light + 1.0)
        within = np.maximum(mean_square - self.smeared_velocity_kms**2, 0.0)
        return np.asarray(np.sqrt(within + self.scene.galaxy.dispersion_kms**2))

    @property
    def _fastest_kms(self) -> float:
        return self.scene.galaxy.maximum_velocity_kms

    @cached_property
    def _moments(self) -> Array:
        return self.scene.moments("halpha")

    @cached_property
    def cube(self) -> NDArray[np.float32]:
        """The lines without noise, 1e-16 erg/s/cm2/um per spaxel, shape (n_channels, n_y, n_x)."""
        scene = self.scene
        cube = np.zeros((BAND.n_channels, scene.grid.n_y, scene.grid.n_x), dtype=np.float32)
        for line in CUBE_LINES:
            scene.add_line(cube, line, BAND)
        return cube

    @cached_property
    def channel_sigma(self) -> Array:
        """Standard deviation of a voxel in each channel, airglow included, shape (n_channels,)."""
        noise = NoiseModel()
        scale = HalphaExpectation(self.scene, noise).variance_scale(self.parameters.halpha_snr)
        return np.asarray(np.sqrt(scale * noise.relative_variance(BAND)))

    def noisy_cube(self) -> Array:
        """Return the cube with noise; a seed gives the same draw for all other parameters."""
        random = np.random.default_rng(np.random.SeedSequence(self.parameters.noise_seed))
        drawn = random.standard_normal(self.cube.shape)
        return np.asarray(self.cube + drawn * self.channel_sigma[:, None, None])
