"""The experiment behind ``kurvs binning``: the same mocks measured in several binnings."""

from dataclasses import asdict, dataclass, replace
from itertools import product

import numpy as np
import xarray as xr
from astropy import units as u
from astropy.table import QTable, Row

from experiments.binning.agreement import agreement_table, agreements, comparisons
from experiments.binning.figure import binning_figure
from experiments.campaign.batches import seed_of
from experiments.campaign.campaign import CampaignOutcome
from experiments.campaign.command import Conclusion
from experiments.campaign.rows import RowsExperiment
from experiments.mocks.line_fluxes import galaxies_with_gradient
from experiments.survey.twin import NEAR_LINES_KMS
from kurvs_pipeline.binning import INTEGRATED, BinningScheme
from kurvs_pipeline.errors import ConfigurationError, CoverageError
from kurvs_pipeline.gas.properties import GasProperties
from kurvs_pipeline.gradients.slope import weighted_slope
from kurvs_pipeline.kinematics.located import LocatedGalaxy
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import ExposureModel, observe
from kurvs_sim.effects.effects import Effects
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.survey.galaxies import GradientDistribution, kurvs_galaxy

SCHEMES = ("3x0.5", "2x0.8", "3x0.6", "3x0.7re", "6x0.25")
"""The survey's, its alternative of Fig. C1, the width that it gives for Gillman et al. (2022),
annuli that grow with the galaxy, and narrow ones."""

DIAGNOSTICS, N_ESTIMATORS = ("n2", "n2o2"), 4

COLUMNS: dict[str, type] = {
    "galaxy": int, "realisation": int, "gradient_true": float, "scheme": str, "diagnostic": str,
    "estimator": str, "gradient": float, "gradient_err": float, "n_bins": int,
    "gradient_per_dex": float, "flag": str,
}  # fmt: skip
"""Types of the columns of a mock's rows. ``gradient_per_dex`` is the error of the gradient that an
independent error of one dex in each of its annuli would add; NaN for the forward estimators."""

UNITS = {
    "gradient_true": u.dex / u.kpc,
    "gradient": u.dex / u.kpc,
    "gradient_err": u.dex / u.kpc,
    "gradient_per_dex": u.kpc**-1,
}


@dataclass(frozen=True)
class BinningDesign:
    """Galaxies of the survey, each observed with several draws of gradient and noise.

    Parameters
    ----------
    scatter : float
        True gradients are drawn from a normal distribution about 0, dex/kpc.
    galaxies : tuple of int
        Numbers in the survey; by default the 34 with a published gradient by N2.
    schemes : tuple of str
        As :meth:`~kurvs_pipeline.binning.BinningScheme.parse` reads them; the others are
        compared with the first.

    Raises
    ------
    ConfigurationError
        If there is nothing to compare.
    """

    scatter: float = 0.04
    realisations: int = 4
    galaxies: tuple[int, ...] = galaxies_with_gradient()
    schemes: tuple[str, ...] = SCHEMES
    seed: int = 2025

    def __post_init__(self) -> None:
        """Refuse, before any work, what cannot be compared."""
        if len(set(self.schemes)) < 2 or len(set(self.schemes)) < len(self.schemes):
            raise ConfigurationError(
                f"binning schemes are {', '.join(self.schemes)}; expected two or more, each once"
            )
        for scheme in self.schemes:
            BinningScheme.parse(scheme)
        GradientDistribution(0.0, self.scatter)

    @property
    def options(self) -> dict[str, object]:
        """Options of the command that describe the design, for the record of the run."""
        return {
            "realisations": self.realisations,
            "scatter": self.scatter,
            "schemes": ",".join(self.schemes),
        }

    def tasks(self) -> tuple["BinningTask", ...]:
        """Return every mock, each with random draws of its own."""
        return tuple(
            BinningTask(self, *key) for key in product(self.galaxies, range(self.realisations))
        )


@dataclass(frozen=True)
class BinningTask:
    """One mock: a galaxy of the survey, and a draw of its gradient and of the noise."""

    design: BinningDesign
    kurvs_id: int
    realisation: int

    def seed_for(self, use: int) -> int:
        """Return a seed of 63 bits for one use: 0 for the gradient, 1 for the cubes."""
        key = np.random.SeedSequence(
            self.design.seed, spawn_key=(self.kurvs_id, self.realisation, use)
        )
        return seed_of(key)

    def observation(self) -> tuple[xr.DataTree, float]:
        """Return the cubes in all bands, and the true gradient in dex/kpc."""
        galaxy = kurvs_galaxy(
            self.kurvs_id, gradients="drawn", seed=self.seed_for(0),
            distribution=GradientDistribution(0.0, self.design.scatter),
        )  # fmt: skip
        observation = observe(
            galaxy, noise=ExposureModel(), effects=Effects(covariance=NoiseCovariance()),
            seed=self.seed_for(1), within_kms_of_lines=NEAR_LINES_KMS,
        )  # fmt: skip
        at_centre, at_one_kpc = galaxy.oxygen_abundance(np.array([0.0, 1.0]))
        return observation, float(at_one_kpc - at_centre)


def run_task(task: BinningTask) -> list[dict[str, object]]:
    """Simulate one mock; return a row of ``COLUMNS`` per binning, diagnostic and estimator."""
    observation, truth = task.observation()
    pipeline = Pipeline()
    located = pipeline.locate(observation)
    known = {"galaxy": task.kurvs_id, "realisation": task.realisation, "gradient_true": truth}
    rows = []
    schemes = task.design.schemes
    # N2O2 is compared in few of them, and other bands take most of the time.
    in_all_bands = {other.scheme for other in comparisons(schemes) if "n2o2" in other.name}
    for scheme in schemes:
        bands = located if scheme in in_all_bands else located.in_halpha_band
        gas = pipeline.gas(pipeline.fit(inside_field(bands, BinningScheme.parse(scheme))))
        found = _gradient_rows(gas, pipeline.gradients(gas))
        rows += [{**known, "scheme": scheme, **row} for row in found]
    return rows


def inside_field(located: LocatedGalaxy, scheme: BinningScheme) -> LocatedGalaxy:
    """Place the annuli of a scheme, without the outer ones that the field does not hold.

    Raises
    ------
    CoverageError
        If the field does not hold the innermost annulus.
    """
    while True:
        try:
            return located.with_scheme(scheme)
        except CoverageError:
            if len(scheme.edges) == 2:
                raise
            scheme = replace(scheme, edges=scheme.edges[:-1])


def _gradient_rows(gas: GasProperties, gradients: QTable) -> list[dict[str, object]]:
    of_noise = {
        str(row["diagnostic"]): float(row["gradient_err"].value)
        for row in gradients[gradients["estimator"] == "slope"]
    }

    def error(row: Row) -> float:
        # As published ones, without the error of f_grad, which binnings of a galaxy share.
        if row["estimator"] == "slope_fgrad":
            return abs(float(row["f_grad"])) * of_noise[str(row["diagnostic"])]
        return float(row["gradient_err"].value)

    return [
        {
            "diagnostic": str(row["diagnostic"]),
            "estimator": str(row["estimator"]),
            "gradient": float(row["gradient"].value),
            "gradient_err": error(row),
            "n_bins": int(row["n_bins"]),
            "gradient_per_dex": float(row["f_grad"]) * _slope_error_per_dex(gas, row),
            "flag": str(row["flag"]),
        }
        for row in gradients[np.isin(gradients["diagnostic"], DIAGNOSTICS)]
    ]


def _slope_error_per_dex(gas: GasProperties, row: Row) -> float:
    """Return the error of the slope that one dex of independent error of every annulus makes."""
    here = gas.abundances[
        (gas.abundances["diagnostic"] == row["diagnostic"])
        & (gas.abundances["aperture"] != INTEGRATED)
    ]
    error = 0.5 * (here["err_low"] + here["err_high"]).value
    slope = weighted_slope(gas.lines.located.radius_kpc, here["abundance"].value, error)
    return float(np.linalg.norm(slope.coefficients)) if slope.n_bins > 1 else float("nan")


def experiment(design: BinningDesign) -> RowsExperiment:
    """Return a design as tasks of a campaign."""
    description = {"command": "binning", **asdict(design)}
    most_rows = len(DIAGNOSTICS) * N_ESTIMATORS * len(design.schemes)
    return RowsExperiment(run_task, design.tasks(), COLUMNS, most_rows, UNITS, description)


def conclude(design: BinningDesign, outcome: CampaignOutcome) -> Conclusion:
    """Return how the binnings agree, and the gradients that this follows from.

    Raises
    ------
    FitError
        If a mock failed.
    """
    gradients = experiment(design).table(outcome)
    agreement = agreements(gradients, seed=design.seed)
    for table in (gradients, agreement):
        table.meta.update(design.options)
    return Conclusion(
        {"gradients": gradients, "binning": agreement}, binning_figure(gradients, agreement),
        agreement_table(agreement),
    )  # fmt: skip
