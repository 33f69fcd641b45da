"""Line fluxes of the survey's galaxies on spaxels, with many draws of noise, without cubes.

The simulator convolves the disks with the seeing; noise is drawn for each line and spaxel so that
the galaxy has the expected signal-to-noise ratio of its twin. That is enough to judge estimators of
gradients, and a thousand times faster than cubes.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import xarray as xr
from astropy.table import QTable
from scipy.interpolate import CubicSpline

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import Aperture, BinningScheme
from kurvs_pipeline.geometry import aperture_weights
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid
from kurvs_sim.galaxy.clumps import Clumps
from kurvs_sim.observing import metadata_of_mock
from kurvs_sim.profiles.radial import Constant, Exponential, Linear
from kurvs_sim.scene.scene import Scene
from kurvs_sim.survey.catalogue import catalogue_entry, kurvs_catalogue
from kurvs_sim.survey.galaxies import kurvs_galaxy, mass_metallicity_relation

LINES = ("halpha", "nii_6584")

DEFAULT_PSF = PointSpreadFunction()

INTRINSIC_SCATTER = 0.04
"""Scatter of true gradients about 0, dex/kpc."""

ABUNDANCE_RANGE = (7.01, 9.19)
"""The simulator knows no other, and is flat where a line would leave it."""

OUTER_RADIUS_ARCSEC, OUTER_EFFECTIVE_RADII = 1.5, 3.0
"""Whichever is less: within it a true profile is a line. It holds the annuli, or 96 per cent of
the light; a profile with a break has no one gradient to be found."""

TABULATED_GRADIENTS = 15
STEEPEST = 0.16
"""Steepest gradient, dex/kpc: four standard deviations."""

SCALE_LENGTH_SCATTER = 0.2
"""Of ln(scale length of H-alpha) about that of the stars, which gives the effective radius."""

WIDEST_SCALE = 3.5
"""In standard deviations; draws beyond are clipped."""

TABULATED_LOG_SCALES = WIDEST_SCALE * SCALE_LENGTH_SCATTER * np.linspace(-1.0, 1.0, 5)

CLUMPS, CLUMP_FRACTION, CLUMP_FWHM_KPC = 5, 0.2, 1.0
"""A fifth of H-alpha, in between the counts of Guo et al. (2012) and Kalita et al. (2025)."""


@dataclass(frozen=True, eq=False)
class LineFluxMocks:
    """One galaxy of the survey with many gradients and draws of noise.

    Parameters
    ----------
    metadata : ObservationMetadata
        The truth of the galaxy, with a seeing of 0.6 arcsec stated.
    x_arcsec, y_arcsec : array, shapes (n_x,), (n_y,)
        Spaxel centres.
    gradient : array, shape (n_draws,)
        True gradients, dex/kpc.
    flux : array, shape (n_draws, 2, n_y, n_x)
        H-alpha and [N II] 6584 of every spaxel, with noise.
    error : array, shape (2,)
        Error of a spaxel, by line.
    """

    metadata: ObservationMetadata
    kpc_per_arcsec: float
    x_arcsec: Array
    y_arcsec: Array
    gradient: Array
    flux: Array
    error: Array

    def weights(self, apertures: tuple[Aperture, ...], metadata: ObservationMetadata) -> Array:
        """Return apertures for an assumed geometry on spaxels, shape (n_apertures, n_y, n_x)."""
        x, y = xr.DataArray(self.x_arcsec), xr.DataArray(self.y_arcsec)
        return np.stack([aperture_weights(aperture, metadata, x, y) for aperture in apertures])

    def fluxes(self, weights: Array) -> ApertureFluxes:
        """Add spaxels up, with the covariance of apertures that share spaxels.

        Parameters
        ----------
        weights : array, shape (n_apertures, n_y, n_x)
            As of :meth:`weights`.
        """
        flat = weights.reshape(len(weights), -1)
        flux = self.flux.reshape(*self.flux.shape[:2], -1) @ flat.T
        covariance = np.zeros((2, len(flat), 2, len(flat)))
        for line, error in enumerate(self.error):
            covariance[line, :, line, :] = flat @ flat.T * error**2
        return ApertureFluxes(flux, covariance)


@dataclass(frozen=True)
class MockDesign:
    """How mocks of a galaxy are made.

    Parameters
    ----------
    kurvs_id : int
        Number in the survey; mocks have the size, redshift, orientation, mass and S/N of this
        galaxy.
    clumpy : bool
        Whether a fifth of the light is in clumps.
    scale_scatter : float
        Scatter of the natural logarithm of the scale length of H-alpha, about that of the
        effective radius.
    seed : int
        The draws of a galaxy are the same in every design that has it.
    """

    kurvs_id: int
    psf: PointSpreadFunction = PointSpreadFunction()  # noqa: RUF009 - frozen
    clumpy: bool = False
    draws: int = 500
    scale_scatter: float = SCALE_LENGTH_SCATTER
    seed: int = 0

    @cached_property
    def galaxy(self) -> Galaxy:
        """The galaxy, without dust, which would change the scale length of H-alpha.

        It does not rotate: velocities leave the flux of a line as it is, and take time.
        """
        still = Constant(0.0)
        plain = replace(kurvs_galaxy(self.kurvs_id), a_v=Constant(0.0), rotation=still)
        if not self.clumpy:
            return plain
        radius_kpc = plain.effective_radius_arcsec * plain.kpc_per_arcsec
        clumps = Clumps(
            seed=self.kurvs_id, number=CLUMPS, flux_fraction=CLUMP_FRACTION,
            fwhm_kpc=CLUMP_FWHM_KPC, effective_radius_kpc=radius_kpc,
        )  # fmt: skip
        return replace(plain, structures=(clumps,))

    @cached_property
    def abundance(self) -> float:
        """12 + log(O/H) at the effective radius."""
        return mass_metallicity_relation(catalogue_entry(self.kurvs_id).log_stellar_mass)

    @property
    def _radius_kpc(self) -> float:
        return self.galaxy.effective_radius_arcsec * self.galaxy.kpc_per_arcsec

    @property
    def gradient_range(self) -> tuple[float, float]:
        """Gradients of lines that stay in range from the centre outwards, dex/kpc."""
        scale = self.galaxy.kpc_per_arcsec
        outer_kpc = min(OUTER_RADIUS_ARCSEC * scale, OUTER_EFFECTIVE_RADII * self._radius_kpc)
        below, above = (limit - self.abundance for limit in ABUNDANCE_RANGE)
        beyond = outer_kpc - self._radius_kpc
        low = max(-above / self._radius_kpc, below / beyond, -STEEPEST)
        high = min(-below / self._radius_kpc, above / beyond, STEEPEST)
        return low, high

    def scene(self, gradient: float, log_scale: float = 0.0) -> Scene:
        """Return the galaxy on the sky.

        Parameters
        ----------
        gradient : float
            Of its abundance, dex/kpc.
        log_scale : float
            Natural logarithm of the scale length of H-alpha over that of the effective radius.
        """
        central = self.abundance - gradient * self._radius_kpc
        scale_kpc = self.galaxy.scale_length_arcsec * self.galaxy.kpc_per_arcsec
        galaxy = replace(
            self.galaxy, oxygen_abundance=Linear(central=central, gradient=gradient),
            halpha_profile=Exponential(central=1.0, scale_length=scale_kpc * math.exp(log_scale)),
        )  # fmt: skip
        return Scene(galaxy, SpaxelGrid(), self.psf, Numerics())

    def _random(self, use: int) -> np.random.Generator:
        """Return a stream of its own for gradients and for noise: more draws change no others."""
        key = (self.kurvs_id, use)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def make(self, snr: dict[str, float]) -> LineFluxMocks:
        """Draw the mocks, given the S/N of each line in 1.5 effective radii without a gradient."""
        low, high = self.gradient_range
        drawn = self._random(0).normal(0.0, INTRINSIC_SCATTER, 20 * self.draws)
        gradient = drawn[(drawn > low) & (drawn < high)][: self.draws]
        scale = np.clip(self._random(2).standard_normal(self.draws), -WIDEST_SCALE, WIDEST_SCALE)
        exact = self._smeared(gradient, self.scale_scatter * scale)
        noise = self._random(1).standard_normal(exact.shape)
        galaxy, scene = self.galaxy, self.scene(0.0)
        plain = LineFluxMocks(
            metadata_of_mock(galaxy, DEFAULT_PSF, seed=-1), galaxy.kpc_per_arcsec,
            scene.x_arcsec, scene.y_arcsec, gradient, exact, np.zeros(2),
        )  # fmt: skip
        error = spaxel_error(plain, _line_maps(scene), np.array([snr[line] for line in LINES]))
        return replace(plain, flux=exact + error[:, None, None] * noise, error=error)

    def _smeared(self, gradient: Array, log_scale: Array) -> Array:
        """Return the lines of draws, shape (n_draws, 2, n_y, n_x)."""
        table = _tabulated(replace(self, draws=0, seed=0, scale_scatter=0.0))
        of_gradient = _weights(self._tabulated_gradients, gradient)
        of_scale = _weights(TABULATED_LOG_SCALES, log_scale)
        logs = np.einsum("dg,ds,gslyx->dlyx", of_gradient, of_scale, table, optimize=True)
        return np.asarray(np.exp(logs))

    @property
    def _tabulated_gradients(self) -> Array:
        return np.linspace(*self.gradient_range, TABULATED_GRADIENTS)

    def tabulated(self) -> Array:
        """Return log line fluxes, smooth between disks, (n_gradients, n_scales, 2, n_y, n_x)."""
        return np.log(np.maximum([
            [_line_maps(self.scene(gradient, scale)) for scale in TABULATED_LOG_SCALES.tolist()]
            for gradient in self._tabulated_gradients.tolist()
        ], 1e-12))  # fmt: skip


@lru_cache(maxsize=2)
def _tabulated(design: MockDesign) -> Array:
    """Return :meth:`MockDesign.tabulated`, once for all that is believed of the same disks."""
    return design.tabulated()


def _line_maps(scene: Scene) -> Array:
    return np.array([scene.smeared_line_maps[line] for line in LINES])


def _weights(tabulated: Array, at: Array) -> Array:
    """Return the weights that interpolate between tabulated points, shape (n_at, n_tabulated)."""
    return np.asarray(CubicSpline(tabulated, np.eye(tabulated.size))(at))


def spaxel_error(mocks: LineFluxMocks, flux: Array, snr: Array) -> Array:
    """Return the error of a spaxel that gives each line its S/N in 1.5 effective radii.

    Parameters
    ----------
    flux : array, shape (n_lines, n_y, n_x)
        Without noise.
    snr : array, shape (n_lines,)
        S/N to be reached.
    """
    outer = 1.5 * mocks.metadata.effective_radius_arcsec
    weight = mocks.weights((Aperture("integrated", 0.0, outer),), mocks.metadata)[0]
    total = np.einsum("yx,lyx->l", weight, flux)
    return np.asarray(total / snr / np.sqrt((weight**2).sum()))


def annuli(scheme: str, metadata: ObservationMetadata) -> tuple[Aperture, ...]:
    """Return the annuli of a scheme: ``3x0.5`` is in arcsec, ``3x0.5re`` in effective radii."""
    return BinningScheme.parse(scheme).annuli(metadata.effective_radius_arcsec)


def galaxies_with_gradient() -> tuple[int, ...]:
    """Return the 34 galaxies of the survey with a published gradient by N2."""
    return tuple(
        number for number, entry in kurvs_catalogue().items()
        if any(name == "n2" for name, *_ in entry.gradients)
    )  # fmt: skip


def read_signal_to_noise(path: Path) -> dict[int, dict[str, float]]:
    """Read the S/N of lines by galaxy from a table of :mod:`experiments.survey.signal_to_noise`."""
    found: dict[int, dict[str, float]] = {}
    for row in QTable.read(path):
        number = int(str(row["galaxy"]).removeprefix("KURVS-"))
        found.setdefault(number, {})[str(row["line"])] = float(row["calibrated_snr"])
    return found
