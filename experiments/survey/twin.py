"""Twins of the survey: its 43 galaxies with other gradients and other noise, measured as it was.

Two definitions of a detection stand side by side throughout. ``calibrated``: the pipeline's
fits, whose errors are the errors made. ``published``: the survey's own fits and stated errors
(:mod:`experiments.survey.procedure`), which are 1.3 to 2.4 times too small.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import xarray as xr

from experiments.campaign.batches import seed_of
from experiments.survey.procedure import SurveyNoise
from experiments.survey.signal_to_noise import expectation
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_sim import Galaxy, Numerics, observe, survey_observation
from kurvs_sim.profiles.radial import Linear
from kurvs_sim.survey.catalogue import catalogue_entry, kurvs_catalogue
from kurvs_sim.survey.galaxies import GradientDistribution, kurvs_galaxy, mass_metallicity_relation

DEFINITIONS = ("calibrated", "published")

SCHEMES = ("3x0.5", "2x0.8", "3x0.6")
"""The survey's annuli; those of its Fig. C1; the three of about 0.6 arcsec of its Fig. C2."""

INTRINSIC: Mapping[str, GradientDistribution] = {
    "flat": GradientDistribution(0.0, 0.0),
    "scattered": GradientDistribution(0.0, 0.04),
    "steep": GradientDistribution(-0.05, 0.0),
}
"""Normal distributions that true gradients are drawn from, dex/kpc."""

TWIN_NUMERICS = Numerics(
    fine_pixel_arcsec=0.034,
    pixels_per_scale_length=2.0,
    profile_tolerance=1e-4,
    velocity_tolerance=1e-3,
)
"""A fifth of the time of the defaults: fluxes of annuli within 1 per cent of theirs, alike for all
lines, and log N2 within 0.002 dex, where noise makes 0.05 at best."""

NEAR_LINES_KMS = 3000.0
_MOST_DRAWS = 10_000


@dataclass(frozen=True)
class TwinGalaxy:
    """One galaxy of one twin; its number is 1 to 44, without 37.

    Parameters
    ----------
    seed : SeedSequence
        Of its gradient and of its noise.
    """

    kurvs_id: int
    intrinsic: GradientDistribution
    seed: np.random.SeedSequence

    @property
    def galaxy(self) -> Galaxy:
        """The galaxy with its gradient."""
        return with_gradient(self.kurvs_id, self.gradient)

    @property
    def gradient(self) -> float:
        """True gradient, dex/kpc."""
        low, high = gradient_limits(self.kurvs_id)
        mean, scatter = self.intrinsic.mean, self.intrinsic.scatter
        if scatter == 0.0:
            return float(np.clip(mean, low, high))
        random = np.random.default_rng(self._child(0))
        for _ in range(_MOST_DRAWS):
            gradient = float(random.normal(mean, scatter))
            if low <= gradient <= high:
                return gradient
        raise ConfigurationError(
            f"{self.intrinsic} has no gradient for galaxy {self.kurvs_id}, whose centre stays "
            f"within the calibrations from {low:.3f} to {high:.3f} dex/kpc; choose a mean nearer 0"
        )

    @property
    def draws_seed(self) -> int:
        """Seed of the draws that errors come from."""
        return seed_of(self._child(2))

    def observe(
        self,
        *,
        within_kms_of_lines: float | None = NEAR_LINES_KMS,
        bands: Sequence[str] = tuple(KMOS_BANDS),
    ) -> xr.DataTree:
        """Return the cubes, in the survey's seeing, exposures and correlated noise.

        The survey lacks bands of eleven galaxies: ``catalogue_entry(kurvs_id).bands`` are those it
        has.
        """
        return observe(
            self.galaxy,
            **{**survey_observation(self.kurvs_id), "bands": bands},
            numerics=TWIN_NUMERICS,
            seed=seed_of(self._child(1)),
            within_kms_of_lines=within_kms_of_lines,
        )

    def _child(self, use: int) -> np.random.SeedSequence:
        key = (*self.seed.spawn_key, use)
        return np.random.SeedSequence(self.seed.entropy, spawn_key=key)


def twin(intrinsic: GradientDistribution, *, seed: int) -> tuple[TwinGalaxy, ...]:
    """Return the 43 galaxies of one twin."""
    return tuple(
        TwinGalaxy(kurvs_id, intrinsic, np.random.SeedSequence(seed, spawn_key=(kurvs_id,)))
        for kurvs_id in kurvs_catalogue()
    )


def gradient_limits(kurvs_id: int) -> tuple[float, float]:
    """Return the gradients that keep the centre of a galaxy within 12 + log(O/H) of 7.0 to 9.2.

    The abundance at the effective radius is that of its mass.
    """
    abundance, radius_kpc = _pivot(kurvs_id)
    return (abundance - Linear.maximum) / radius_kpc, (abundance - Linear.minimum) / radius_kpc


def with_gradient(kurvs_id: int, gradient: float) -> Galaxy:
    """Return a galaxy of the survey with a gradient, dex/kpc, about its effective radius."""
    abundance, radius_kpc = _pivot(kurvs_id)
    profile = Linear(central=abundance - gradient * radius_kpc, gradient=gradient)
    return replace(kurvs_galaxy(kurvs_id), oxygen_abundance=profile)


@lru_cache(maxsize=64)
def _pivot(kurvs_id: int) -> tuple[float, float]:
    """Return the abundance at the effective radius, and this radius in kpc."""
    entry, galaxy = catalogue_entry(kurvs_id), kurvs_galaxy(kurvs_id)
    radius_kpc = entry.effective_radius_arcsec * galaxy.kpc_per_arcsec
    return mass_metallicity_relation(entry.log_stellar_mass), radius_kpc


@lru_cache(maxsize=64)
def survey_noise(kurvs_id: int) -> SurveyNoise:
    """Return the noise that the survey would measure on the spectra of a galaxy."""
    return SurveyNoise.expected(expectation(kurvs_galaxy(kurvs_id)))


def schemes() -> tuple[BinningScheme, ...]:
    """Return the binnings of ``SCHEMES``."""
    return tuple(BinningScheme.parse(name) for name in SCHEMES)
