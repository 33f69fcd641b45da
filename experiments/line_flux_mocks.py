"""Line fluxes of the survey's galaxies on spaxels, many times over, without cubes.

The simulator smears the disks; noise is drawn for each line and spaxel as strong as the expected
signal-to-noise ratio of the galaxy's twin asks. That is enough to judge estimators of gradients,
and a thousand times faster than cubes.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr
from astropy.table import QTable
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from kurvs_pipeline.aperture_fluxes import ApertureFluxes
from kurvs_pipeline.binning import Aperture, BinningScheme
from kurvs_pipeline.geometry import aperture_weights
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid
from kurvs_sim.clumps import Clumps
from kurvs_sim.profiles import Constant, Linear
from kurvs_sim.scene import Scene
from kurvs_sim.survey import kurvs_galaxy, mass_metallicity_relation
from kurvs_sim.survey_catalogue import catalogue_entry, kurvs_catalogue

Array = NDArray[np.float64]

LINES = ("halpha", "nii_6584")

INTRINSIC_SCATTER = 0.04
"""dex/kpc: true gradients are drawn about 0."""

ABUNDANCE_RANGE = (7.01, 9.19)
"""Of the centre: the simulator knows no other."""

TABULATED_GRADIENTS = 25
STEEPEST = 0.16
"""dex/kpc: four standard deviations."""

CLUMPS, CLUMP_FRACTION, CLUMP_FWHM_KPC = 5, 0.2, 1.0
"""A fifth of H-alpha, in between the counts of Guo et al. (2012) and Kalita et al. (2025)."""


@dataclass(frozen=True, eq=False)
class LineFluxMocks:
    """One galaxy of the survey with many gradients and draws of noise.

    Parameters
    ----------
    metadata : ObservationMetadata
        The truth of the galaxy, with a seeing of 0.6 arcsec stated.
    kpc_per_arcsec : float
        Scale.
    x_arcsec, y_arcsec : array, shapes (n_x,), (n_y,)
        Spaxel centres.
    gradient : array, shape (n_draws,)
        True gradients, dex/kpc.
    flux : array, shape (n_draws, 2, n_y, n_x)
        H-alpha and [N II] 6584 of every spaxel, with noise.
    error : array, shape (2,)
        Of a spaxel, by line.
    """

    metadata: ObservationMetadata
    kpc_per_arcsec: float
    x_arcsec: Array
    y_arcsec: Array
    gradient: Array
    flux: Array
    error: Array

    def weights(self, apertures: tuple[Aperture, ...], metadata: ObservationMetadata) -> Array:
        """Return apertures on spaxels, shape (n_apertures, n_y, n_x).

        Parameters
        ----------
        apertures : tuple of Aperture
            Ellipses or annuli.
        metadata : ObservationMetadata
            The galaxy as it is believed to be.
        """
        x, y = xr.DataArray(self.x_arcsec), xr.DataArray(self.y_arcsec)
        return np.stack([aperture_weights(aperture, metadata, x, y) for aperture in apertures])

    def fluxes(self, weights: Array) -> ApertureFluxes:
        """Add spaxels up.

        Parameters
        ----------
        weights : array, shape (n_apertures, n_y, n_x)
            As of :meth:`weights`.

        Returns
        -------
        ApertureFluxes
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
        Number in the survey, whose size, redshift, orientation, mass and S/N they have.
    psf : PointSpreadFunction
        Of the atmosphere.
    clumpy : bool
        Whether a fifth of the light is in clumps.
    draws : int
        Of gradient and noise.
    seed : int
        The draws of a galaxy are the same in every design that has it.
    """

    kurvs_id: int
    psf: PointSpreadFunction = PointSpreadFunction()  # noqa: RUF009 - frozen
    clumpy: bool = False
    draws: int = 500
    seed: int = 0

    @cached_property
    def galaxy(self) -> Galaxy:
        """The galaxy without dust, which would change the scale length of H-alpha."""
        plain = replace(kurvs_galaxy(self.kurvs_id), a_v=Constant(0.0))
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
        """Gradients that the simulator can draw, dex/kpc."""
        low, high = ((self.abundance - limit) / self._radius_kpc for limit in ABUNDANCE_RANGE[::-1])
        return max(low, -STEEPEST), min(high, STEEPEST)

    def scene(self, gradient: float) -> Scene:
        """Return the galaxy with a gradient, on the sky.

        Parameters
        ----------
        gradient : float
            dex/kpc.
        """
        central = self.abundance - gradient * self._radius_kpc
        profile = Linear(central=central, gradient=gradient)
        galaxy = replace(self.galaxy, oxygen_abundance=profile)
        return Scene(galaxy, SpaxelGrid(), self.psf, Numerics())

    def _random(self, use: int) -> np.random.Generator:
        """Return a stream of its own for gradients and for noise: more draws change no others."""
        key = (self.kurvs_id, use)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def make(self, snr: dict[str, float]) -> LineFluxMocks:
        """Draw the mocks.

        Parameters
        ----------
        snr : dict of str to float
            Of each line in 1.5 effective radii, without a gradient.
        """
        low, high = self.gradient_range
        tabulated = np.linspace(low, high, TABULATED_GRADIENTS)
        scenes = [self.scene(float(gradient)) for gradient in tabulated]
        maps = np.array([[scene.smeared_line_maps[line] for line in LINES] for scene in scenes])
        drawn = self._random(0).normal(0.0, INTRINSIC_SCATTER, 20 * self.draws)
        gradient = drawn[(drawn > low) & (drawn < high)][: self.draws]
        # Between tabulated gradients the logarithm of a spaxel is smooth.
        exact = np.exp(CubicSpline(tabulated, np.log(np.maximum(maps, 1e-12)))(gradient))
        noise = self._random(1).standard_normal(exact.shape)
        galaxy, scene = self.galaxy, scenes[0]
        plain = LineFluxMocks(
            _metadata(galaxy), galaxy.kpc_per_arcsec, scene.x_arcsec, scene.y_arcsec, gradient,
            exact, np.zeros(2),
        )  # fmt: skip
        flat = maps[np.abs(tabulated).argmin()]
        error = _spaxel_error(plain, flat, np.array([snr[line] for line in LINES]))
        return replace(plain, flux=exact + error[:, None, None] * noise, error=error)


def _metadata(galaxy: Galaxy) -> ObservationMetadata:
    return ObservationMetadata(
        name=galaxy.name,
        redshift=galaxy.redshift,
        inclination_deg=galaxy.inclination_deg,
        position_angle_deg=galaxy.position_angle_deg,
        effective_radius_arcsec=galaxy.effective_radius_arcsec,
        disk_thickness=galaxy.disk_thickness,
        seeing_fwhm_arcsec=0.6,
    )


def _spaxel_error(mocks: LineFluxMocks, flux: Array, snr: Array) -> Array:
    """Return the error of a spaxel that gives lines their S/N in 1.5 effective radii."""
    outer = 1.5 * mocks.metadata.effective_radius_arcsec
    weight = mocks.weights((Aperture("integrated", 0.0, outer),), mocks.metadata)[0]
    total = np.einsum("yx,lyx->l", weight, flux)
    return np.asarray(total / snr / np.sqrt((weight**2).sum()))


def annuli(scheme: str, metadata: ObservationMetadata) -> tuple[Aperture, ...]:
    """Return the annuli of a scheme, such as ``3x0.5``.

    Parameters
    ----------
    scheme : str
        As the command line has it.
    metadata : ObservationMetadata
        With the effective radius.
    """
    return BinningScheme.parse(scheme).annuli(metadata.effective_radius_arcsec)


def galaxies_with_gradient() -> tuple[int, ...]:
    """Return the 34 galaxies of the survey with a published gradient by N2."""
    return tuple(
        number for number, entry in kurvs_catalogue().items()
        if any(name == "n2" for name, *_ in entry.gradients)
    )  # fmt: skip


def read_signal_to_noise(path: Path) -> dict[int, dict[str, float]]:
    """Read the expected S/N of the lines of every twin.

    Parameters
    ----------
    path : Path
        Table of :mod:`experiments.twin_signal_to_noise`.
    """
    found: dict[int, dict[str, float]] = {}
    for row in QTable.read(path):
        number = int(str(row["galaxy"]).removeprefix("KURVS-"))
        found.setdefault(number, {})[str(row["line"])] = float(row["calibrated_snr"])
    return found
