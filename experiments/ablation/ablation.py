"""The experiment behind ``kurvs ablate``: gradients with each effect alone on, and alone off."""

from dataclasses import asdict, dataclass, replace
from itertools import product

import numpy as np
from astropy import units as u

from experiments.ablation.figure import ablation_figure
from experiments.ablation.summary import ablation_table, set_name, shares
from experiments.campaign.batches import seed_of
from experiments.campaign.campaign import CampaignOutcome
from experiments.campaign.command import Conclusion
from experiments.campaign.rows import RowsExperiment
from experiments.mocks.effects import EFFECTS, EVERYTHING, MockSetup, with_effects, without
from experiments.recovery.experiment import ABUNDANCE_AT_EFFECTIVE_RADIUS
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy
from kurvs_sim.profiles.radial import Constant, Linear

BAND, DIAGNOSTIC = "H", "n2"
ESTIMATORS = ("slope", "slope_fgrad", "forward")

COLUMNS: dict[str, type] = {
    "effects": str, "inclination_deg": float, "effective_radius_arcsec": float, "realisation": int,
    "estimator": str, "gradient_true": float, "gradient": float, "gradient_err": float,
    "n_bins": int, "flag": str,
}  # fmt: skip
"""Types of the columns of a mock's rows."""

UNITS = {
    "inclination_deg": u.deg,
    "effective_radius_arcsec": u.arcsec,
    "gradient_true": u.dex / u.kpc,
    "gradient": u.dex / u.kpc,
    "gradient_err": u.dex / u.kpc,
}


@dataclass(frozen=True)
class AblationDesign:
    """Galaxies of every inclination and size with one true gradient, and sets of effects.

    Parameters
    ----------
    gradient : float
        True, dex/kpc.
    realisations : int
        Draws of noise, clumps and defects for every galaxy; the same for every set of effects.
    effects : tuple of str
        To switch on alone and off alone; by default all.

    Raises
    ------
    ConfigurationError
        If an effect is unknown, or a central abundance would leave the range of the
        calibrations.
    """

    gradient: float = -0.04
    realisations: int = 2
    effects: tuple[str, ...] = tuple(EFFECTS)
    inclinations_deg: tuple[float, ...] = (30.0, 60.0)
    effective_radii_arcsec: tuple[float, ...] = (0.3, 0.5, 0.7)
    seed: int = 2025

    def __post_init__(self) -> None:
        """Refuse, before any work, what cannot be simulated."""
        unknown = [name for name in self.effects if name not in EFFECTS]
        repeated = len(set(self.effects)) < len(self.effects)
        if unknown or repeated or not self.effects:
            raise ConfigurationError(
                f"effects are {', '.join(self.effects) or 'none'}; expected some of "
                f"{', '.join(EFFECTS)}, each once"
            )
        for inclination, radius in product(self.inclinations_deg, self.effective_radii_arcsec):
            self.galaxy(inclination, radius)

    @property
    def options(self) -> dict[str, object]:
        """Options of the command that describe the design, for the record of the run."""
        return {
            "gradient": self.gradient,
            "realisations": self.realisations,
            "effects": ",".join(self.effects),
        }

    def galaxy(self, inclination_deg: float, effective_radius_arcsec: float) -> Galaxy:
        """Return one of the galaxies; its effective radius is the half-light radius of H-alpha.

        Raises
        ------
        ConfigurationError
            If the abundance at its centre has no calibration.
        """
        plain = Galaxy(
            inclination_deg=inclination_deg, position_angle_deg=30.0, a_v=Constant(0.0),
            effective_radius_arcsec=effective_radius_arcsec,
        )  # fmt: skip
        rise = self.gradient * effective_radius_arcsec * plain.kpc_per_arcsec
        central = ABUNDANCE_AT_EFFECTIVE_RADIUS - rise
        if not Linear.minimum <= central <= Linear.maximum:
            raise ConfigurationError(
                f"gradient {self.gradient:g} dex/kpc gives 12 + log(O/H) = {central:.2f} at the "
                f"centre; expected {Linear.minimum} to {Linear.maximum}: choose one nearer to 0"
            )
        return replace(plain, oxygen_abundance=Linear(central=central, gradient=self.gradient))

    def sets_of_effects(self) -> tuple[frozenset[str], ...]:
        """Return every set that is needed, each once, none and all first."""
        alone = [frozenset({name, *EFFECTS[name].needs}) for name in self.effects]
        beside = [frozenset(EFFECTS[name].needs) for name in self.effects]
        less = [without(name) for name in self.effects]
        return tuple(dict.fromkeys([frozenset(), EVERYTHING, *alone, *beside, *less]))

    def tasks(self) -> tuple["AblationTask", ...]:
        """Return every mock."""
        galaxies = tuple(product(self.inclinations_deg, self.effective_radii_arcsec))
        return tuple(
            AblationTask(self, names, number, *geometry, realisation)
            for names in self.sets_of_effects()
            for number, geometry in enumerate(galaxies)
            for realisation in range(self.realisations)
        )


@dataclass(frozen=True)
class AblationTask:
    """One mock: a galaxy, a draw, and a set of effects.

    Parameters
    ----------
    names : frozenset of str
        Effects that are switched on, keys of ``EFFECTS``.
    index : int
        Number of the galaxy, from 0; with the realisation it seeds all random draws.
    """

    design: AblationDesign
    names: frozenset[str]
    index: int
    inclination_deg: float
    effective_radius_arcsec: float
    realisation: int

    def mock(self) -> MockSetup:
        """Return the mock; its seed does not depend on the effects."""
        key = np.random.SeedSequence(self.design.seed, spawn_key=(self.index, self.realisation))
        galaxy = self.design.galaxy(self.inclination_deg, self.effective_radius_arcsec)
        return with_effects(MockSetup(galaxy, seed_of(key)), self.names)


def run_task(task: AblationTask) -> list[dict[str, object]]:
    """Simulate and measure one mock."""
    gradients = Pipeline().run(task.mock().observe(BAND)).gradients
    chosen = (gradients["diagnostic"] == DIAGNOSTIC) & np.isin(gradients["estimator"], ESTIMATORS)
    return [
        {
            "effects": set_name(task.names),
            "inclination_deg": task.inclination_deg,
            "effective_radius_arcsec": task.effective_radius_arcsec,
            "realisation": task.realisation,
            "estimator": str(row["estimator"]),
            "gradient_true": task.design.gradient,
            "gradient": float(row["gradient"].value),
            "gradient_err": float(row["gradient_err"].value),
            "n_bins": int(row["n_bins"]),
            "flag": str(row["flag"]),
        }
        for row in gradients[chosen]
    ]


def experiment(design: AblationDesign) -> RowsExperiment:
    """Return a design as tasks of a campaign."""
    description = {"command": "ablate", **asdict(design)}
    return RowsExperiment(run_task, design.tasks(), COLUMNS, len(ESTIMATORS), UNITS, description)


def conclude(design: AblationDesign, outcome: CampaignOutcome) -> Conclusion:
    """Return bias and scatter of every effect, and the gradients that they were computed from.

    Raises
    ------
    FitError
        If a mock failed.
    """
    gradients = experiment(design).table(outcome)
    table = shares(gradients, design.effects)
    for written in (gradients, table):
        written.meta.update(design.options)
    return Conclusion(
        {"gradients": gradients, "ablation": table}, ablation_figure(table), ablation_table(table)
    )
