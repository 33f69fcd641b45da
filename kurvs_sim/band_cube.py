"""One band of a mock: the galaxy's light, what is added to it, and what is lost."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray, Cube
from kurvs_pipeline.bands import KMOS_BANDS, Band
from kurvs_sim.effects.effects import Effects
from kurvs_sim.instrument.noise_level import NoiseLevel
from kurvs_sim.random_streams import Stream, generator
from kurvs_sim.scene.scene import Scene


@dataclass(frozen=True)
class BandCube:
    """The voxels of one band, or of a part of one.

    ``seed``, >= 0, is that of the noise and of every random effect.
    """

    scene: Scene
    band: Band
    effects: Effects
    seed: int
    level: NoiseLevel
    noisy: bool

    @cached_property
    def light(self) -> Cube:
        """The galaxy behind the atmosphere, 1e-16 erg/s/cm2/um per spaxel."""
        effects, band, scene = self.effects, self.band, self.scene
        if effects.chromatic_seeing is not None:
            scene = replace(scene, psf=effects.chromatic_seeing.in_band(scene.psf, band))
        spread = effects.line_spread
        if spread is not None:
            cube = spread.cube(scene, band)
        else:
            # Rounding may depend on the channels that are computed together, so all are.
            cube = scene.cube(band.whole)[band.channels]
        if effects.telluric_residual is not None:
            cube *= _along_channels(effects.telluric_residual.factor(band))
        return cube

    @cached_property
    def lsf_sigma_um(self) -> Array:
        """The width that is stated of the line-spread function, shape (n_channels,)."""
        if self.effects.line_spread is None:
            return np.full(self.band.n_channels, self.band.lsf_sigma_um)
        return self.effects.line_spread.stated_sigma_um(self.band)

    @cached_property
    def _sigma(self) -> Cube:
        """Standard deviation of the noise, so that it broadcasts to the cube."""
        variance = self.level.variance(self.light, self.band, self.scene.grid)
        if self.effects.dithers is not None:
            coverage = self.effects.dithers.coverage(self.scene.grid)
            variance = variance / np.where(coverage > 0.0, coverage, 1.0)
        return np.asarray(np.sqrt(variance), dtype=np.float32)

    @property
    def _stated_sigma(self) -> Cube:
        """The noise that the Observation states."""
        misscaled = self.effects.misscaled_noise
        factor = 1.0 if misscaled is None else misscaled.true_over_stated
        return self._sigma / np.float32(factor)

    def voxels(self) -> tuple[Cube, Cube, BoolArray]:
        """Return flux, attached variance and mask, shape (n_channels, n_y, n_x).

        The first two are float32. Voxels that must not be used are True in the mask, with flux 0
        and variance NaN.
        """
        flux = self._with_noise(self._light_and_sky())
        self._add_cosmic_rays(flux)
        # The square of what a NOISE extension holds, so that a written cube reads back the same.
        variance = np.broadcast_to(self._stated_sigma**2, flux.shape).copy()
        mask = self._mask
        if mask.any():
            flux[mask], variance[mask] = 0.0, np.nan
        return flux, variance, mask

    def _light_and_sky(self) -> Cube:
        """Return the galaxy with what sky subtraction leaves."""
        light, effects, band, grid = self.light, self.effects, self.band, self.scene.grid
        if effects.sky_residuals is not None:
            random = generator(self.seed, band, Stream.SKY_RESIDUALS)
            residual = effects.sky_residuals.draw(
                random, band.whole, grid, n_exposures=self.level.n_exposures(band)
            )
            light = light + residual[band.channels]
        if effects.sky_oversubtraction is not None:
            light = light - _along_channels(
                effects.sky_oversubtraction.spectrum(self.light, band, grid)
            )
        return light

    def _with_noise(self, light: Cube) -> Cube:
        """Return a new cube with noise, if any, from a stream of the band's own."""
        if not self.noisy:
            return light.copy()
        if self.effects.covariance is None:
            place = list(KMOS_BANDS).index(self.band.name)
            key = np.random.SeedSequence(self.seed, spawn_key=(place,))
            draws = np.random.default_rng(key).standard_normal(light.shape, dtype=np.float32)
        else:
            random = generator(self.seed, self.band, Stream.CORRELATED_NOISE)
            draws = self.effects.covariance.draw(random, self.band.n_channels, self.scene.grid)
        draws *= self._sigma
        draws += light
        return draws

    def _add_cosmic_rays(self, flux: Cube) -> None:
        if self.effects.cosmic_rays is None:
            return
        random = generator(self.seed, self.band, Stream.COSMIC_RAYS)
        hits = self.effects.cosmic_rays.draw(random, self.band, self.scene.grid)
        flux += hits * self._sigma

    @cached_property
    def _mask(self) -> BoolArray:
        """Voxels without data, shape of the cube."""
        effects, band, grid = self.effects, self.band, self.scene.grid
        mask = np.zeros((band.n_channels, grid.n_y, grid.n_x), dtype=bool)
        if effects.dithers is not None:
            mask |= effects.dithers.coverage(grid) == 0.0
        if effects.dead_columns is not None:
            mask |= effects.dead_columns.mask(generator(self.seed, None, Stream.DEFECTS), grid)
        if effects.unseen_edges is not None:
            mask |= effects.unseen_edges.mask(band, grid)
        if effects.saturated_lines is not None:
            mask |= effects.saturated_lines.mask(band)
        return mask


def _along_channels(values: Array) -> Cube:
    return values.astype(np.float32)[:, None, None]
