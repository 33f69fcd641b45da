"""The effects of the simulator, each of which can be switched on alone."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import xarray as xr

from kurvs_pipeline.spectra.calibration import USED_KMS
from kurvs_sim import Galaxy, PointSpreadFunction, observe
from kurvs_sim.atmosphere.seeing import ChromaticSeeing
from kurvs_sim.effects.defects import (
    CosmicRays,
    DeadColumns,
    MisscaledNoise,
    SaturatedLines,
    UnseenEdges,
)
from kurvs_sim.effects.dithers import Dithers
from kurvs_sim.effects.effects import NO_EFFECTS, Effects
from kurvs_sim.effects.line_spread import LineSpread
from kurvs_sim.effects.sky_residuals import SkyResiduals
from kurvs_sim.effects.sky_subtraction import SkyOversubtraction, TelluricResidual
from kurvs_sim.galaxy.abundance_scatter import AbundanceScatter
from kurvs_sim.galaxy.clumps import Clumps
from kurvs_sim.galaxy.stars import StellarContinuum
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.observing import NOMINAL_HALPHA_SNR
from kurvs_sim.profiles.radial import Arctan, Constant
from kurvs_sim.profiles.shapes import Tabulated
from kurvs_sim.survey.galaxies import ANNULAR_A_V_MAG, DISK_THICKNESS

NO_SEEING = PointSpreadFunction("gaussian", 0.0)
SEEING_ARCSEC = 0.6


@dataclass(frozen=True)
class MockSetup:
    """One mock and the effects that are switched on.

    Parameters
    ----------
    seed : int
        Seed of all random draws: the same for all sets of effects.
    halpha_snr : float or None
        None draws no noise.
    wings_stated : bool
        Whether the cube's header states the wings of the seeing; it states a Gaussian
        otherwise.
    """

    galaxy: Galaxy
    seed: int
    psf: PointSpreadFunction = NO_SEEING
    halpha_snr: float | None = None
    effects: Effects = field(default=NO_EFFECTS)
    wings_stated: bool = True

    def observe(self, band: str) -> xr.DataTree:
        """Return the cube of one band, such as ``H``."""
        observation = observe(
            self.galaxy, bands=(band,), psf=self.psf, halpha_snr=self.halpha_snr, seed=self.seed,
            effects=self.effects, within_kms_of_lines=USED_KMS,
        )  # fmt: skip
        if not self.wings_stated:
            observation.attrs["psf_kind"] = "gaussian"
        return observation

    def with_galaxy(self, **changes: Any) -> "MockSetup":  # noqa: ANN401 - any field of Galaxy
        """Return the mock with fields of its :class:`~kurvs_sim.galaxy.galaxy.Galaxy` replaced."""
        return replace(self, galaxy=replace(self.galaxy, **changes))

    def with_effect(self, **effect: Any) -> "MockSetup":  # noqa: ANN401 - any field of Effects
        """Return the mock with some fields of :class:`~kurvs_sim.effects.effects.Effects` set."""
        return replace(self, effects=replace(self.effects, **effect))


@dataclass(frozen=True)
class SimulatorEffect:
    """An effect that can be switched on.

    Parameters
    ----------
    switch_on : callable
        From a mock without it to one with it.
    needs : tuple of str
        Effects that it has no meaning without: it is compared with them alone, and removed with
        them.
    """

    label: str
    switch_on: Callable[[MockSetup], MockSetup]
    needs: tuple[str, ...] = ()


def _clumps(mock: MockSetup) -> MockSetup:
    # A fifth of H-alpha: between the counts of Guo et al. (2012) and Kalita et al. (2025).
    clumps = Clumps(
        seed=mock.seed, number=5, flux_fraction=0.2, fwhm_kpc=1.0,
        effective_radius_kpc=_effective_radius_kpc(mock), oxygen_abundance_offset_dex=-0.1,
    )  # fmt: skip
    return mock.with_galaxy(structures=(*mock.galaxy.structures, clumps))


def _abundance_scatter(mock: MockSetup) -> MockSetup:
    scatter = AbundanceScatter(seed=mock.seed, amplitude_dex=0.05, correlation_length_kpc=1.0)
    return mock.with_galaxy(structures=(*mock.galaxy.structures, scatter))


def _dust(mock: MockSetup) -> MockSetup:
    radius_arcsec, a_v = zip(*ANNULAR_A_V_MAG, strict=True)
    scale = mock.galaxy.kpc_per_arcsec
    return mock.with_galaxy(a_v=Tabulated(tuple(r * scale for r in radius_arcsec), a_v))


def _stars(mock: MockSetup) -> MockSetup:
    radius_kpc = _effective_radius_kpc(mock)
    # Over the whole galaxy 30 angstrom at rest, half of the stars in a bulge.
    half = partial(
        StellarContinuum.from_halpha_equivalent_width, halpha_flux=mock.galaxy.halpha_flux,
        equivalent_width_angstrom=2.0 * 30.0, redshift=mock.galaxy.redshift,
    )  # fmt: skip
    disk = half(effective_radius_kpc=radius_kpc)
    bulge = half(effective_radius_kpc=0.3 * radius_kpc, shape="bulge")
    return mock.with_galaxy(stars=(disk, bulge))


def _effective_radius_kpc(mock: MockSetup) -> float:
    return mock.galaxy.effective_radius_arcsec * mock.galaxy.kpc_per_arcsec


EFFECTS: Mapping[str, SimulatorEffect] = MappingProxyType({
    "seeing": SimulatorEffect(
        "seeing, 0.6 arcsec",
        lambda mock: replace(mock, psf=PointSpreadFunction("gaussian", SEEING_ARCSEC)),
    ),
    "seeing_wings": SimulatorEffect(
        "wings of the seeing, not stated",
        lambda mock: replace(mock, psf=PointSpreadFunction("moffat", SEEING_ARCSEC, 3.0),
                             wings_stated=False),
        needs=("seeing",),
    ),
    "chromatic_seeing": SimulatorEffect(
        "seeing by wavelength", lambda mock: mock.with_effect(chromatic_seeing=ChromaticSeeing()),
        needs=("seeing",),
    ),
    "rotation": SimulatorEffect(
        "rotation", lambda mock: mock.with_galaxy(rotation=Arctan(180.0, 1.5))
    ),
    "thick_disk": SimulatorEffect(
        "thick disk", lambda mock: mock.with_galaxy(disk_thickness=DISK_THICKNESS)
    ),
    "dust_gradient": SimulatorEffect("dust gradient", _dust),
    "clumps": SimulatorEffect("clumps", _clumps),
    "abundance_scatter": SimulatorEffect("scatter of O/H at a radius", _abundance_scatter),
    "stars": SimulatorEffect("stars, with a bulge", _stars),
    "line_spread": SimulatorEffect(
        "line spread, 3 % misstated",
        lambda mock: mock.with_effect(line_spread=LineSpread(true_over_stated=1.03)),
    ),
    "noise": SimulatorEffect("noise", lambda mock: replace(mock, halpha_snr=NOMINAL_HALPHA_SNR)),
    "correlated_noise": SimulatorEffect(
        "correlation of noise", lambda mock: mock.with_effect(covariance=NoiseCovariance()),
        needs=("noise",),
    ),
    "dithers": SimulatorEffect(
        "noise at the edges", lambda mock: mock.with_effect(dithers=Dithers()), needs=("noise",)
    ),
    "misscaled_noise": SimulatorEffect(
        "noise understated", lambda mock: mock.with_effect(misscaled_noise=MisscaledNoise()),
        needs=("noise",),
    ),
    "sky_residuals": SimulatorEffect(
        "residuals of sky lines", lambda mock: mock.with_effect(sky_residuals=SkyResiduals())
    ),
    "sky_oversubtraction": SimulatorEffect(
        "sky subtracted too much",
        lambda mock: mock.with_effect(sky_oversubtraction=SkyOversubtraction()),
    ),
    "telluric_residual": SimulatorEffect(
        "telluric residual", lambda mock: mock.with_effect(telluric_residual=TelluricResidual())
    ),
    "dead_columns": SimulatorEffect(
        "dead columns", lambda mock: mock.with_effect(dead_columns=DeadColumns())
    ),
    "unseen_edges": SimulatorEffect(
        "unseen edges", lambda mock: mock.with_effect(unseen_edges=UnseenEdges())
    ),
    "saturated_lines": SimulatorEffect(
        "saturated sky lines", lambda mock: mock.with_effect(saturated_lines=SaturatedLines())
    ),
    "cosmic_rays": SimulatorEffect(
        "cosmic rays", lambda mock: mock.with_effect(cosmic_rays=CosmicRays())
    ),
})  # fmt: skip
"""Effects by name. Without any, a thin disk at rest is observed without seeing or noise."""

EVERYTHING = frozenset(EFFECTS)


def with_effects(mock: MockSetup, names: Collection[str]) -> MockSetup:
    """Switch effects on in a mock that has none; the disk is at rest unless it may rotate.

    Parameters
    ----------
    names : collection of str
        Keys of ``EFFECTS``, in any order.
    """
    # A disk at rest, whatever the galaxy's own rotation: that is an effect too.
    mock = mock.with_galaxy(rotation=Constant(0.0))
    for name, effect in EFFECTS.items():
        if name in names:
            mock = effect.switch_on(mock)
    return mock


def without(name: str) -> frozenset[str]:
    """Return all effects but one, a key of ``EFFECTS``, and those with no meaning without it."""
    return frozenset(
        other for other, effect in EFFECTS.items() if other != name and name not in effect.needs
    )
