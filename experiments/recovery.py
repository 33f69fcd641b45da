"""Injection and recovery: simulate galaxies of known gradient, measure, compare."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import product

import numpy as np
from astropy import units as u
from astropy.table import QTable, Row
from rich.table import Table

from experiments.annular_truth import annular_gradient
from experiments.pool import run_tasks
from experiments.recovery_figure import recovery_figure
from experiments.recovery_summary import as_dataset, summarise, summary_table
from experiments.run import Run
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.measure import Pipeline
from kurvs_sim import Galaxy, PointSpreadFunction, observe
from kurvs_sim.profiles import Linear

ABUNDANCE_AT_EFFECTIVE_RADIUS = 8.55
"""12 + log(O/H) by N2 of a KURVS galaxy of median mass (Li et al. 2025, Fig. 4)."""

DIAGNOSTIC = "n2"
BAND = "H"


@dataclass(frozen=True)
class RecoveryDesign:
    """A grid of mocks: every gradient, inclination and effective radius, repeated.

    Parameters
    ----------
    gradients_dex_per_kpc, inclinations_deg, effective_radii_arcsec : tuple of float
        The grid.
    realisations : int
        Noise draws of each galaxy.
    seeing_fwhm_arcsec : float
        Of a Gaussian point-spread function.
    halpha_snr : float
        Of H-alpha in 1.5 effective radii; the default is the survey's median.
    redshift : float
        Of every galaxy.
    scheme : BinningScheme
        Annuli of the measurement.
    seed : int
        Root of all random draws.

    Raises
    ------
    ConfigurationError
        If a list is empty, repeats a value or has one that cannot be simulated, if the N2 lines
        leave the H band, or if a galaxy's centre would leave the abundances of calibrations.
    """

    gradients_dex_per_kpc: tuple[float, ...] = (-0.08, -0.04, 0.0, 0.04)
    inclinations_deg: tuple[float, ...] = (30.0, 60.0)
    effective_radii_arcsec: tuple[float, ...] = (0.3, 0.5, 0.7)
    realisations: int = 1
    seeing_fwhm_arcsec: float = 0.6
    halpha_snr: float = 54.0
    redshift: float = 1.5
    scheme: BinningScheme = field(default_factory=BinningScheme)
    seed: int = 2025

    def __post_init__(self) -> None:
        """Refuse, before any work, what cannot be simulated and measured."""
        self._require(
            "gradients_dex_per_kpc", all(map(math.isfinite, self.gradients_dex_per_kpc)), "finite"
        )
        self._require(
            "inclinations_deg", all(0.0 <= i < 90.0 for i in self.inclinations_deg), "in [0, 90)"
        )
        self._require(
            "effective_radii_arcsec",
            all(0.0 < r < math.inf for r in self.effective_radii_arcsec),
            "above 0",
        )
        if self.realisations < 1:
            raise ConfigurationError(f"realisations is {self.realisations}; expected at least 1")
        low, high = _redshifts_in_reach()
        if not low <= self.redshift <= high:
            raise ConfigurationError(
                f"redshift is {self.redshift}; expected a value between {low:.2f} and {high:.2f}, "
                f"which puts the N2 lines into {BAND}"
            )
        self._check_abundances()

    def _require(self, name: str, possible: bool, expected: str) -> None:  # noqa: FBT001
        values = getattr(self, name)
        if not values or not possible or len(set(values)) < len(values):
            raise ConfigurationError(
                f"{name} is {values}; expected one or more different numbers {expected}"
            )

    def _check_abundances(self) -> None:
        """Refuse gradients that would take a galaxy's centre out of every calibration."""
        lowest, highest = self.steepest_gradients
        outside = [g for g in self.gradients_dex_per_kpc if not lowest <= g <= highest]
        if outside:
            # Rounded inwards: what is offered is accepted.
            offered = math.ceil(lowest * 1e3) / 1e3, math.floor(highest * 1e3) / 1e3
            raise ConfigurationError(
                f"gradients {', '.join(f'{g:g}' for g in outside)} dex/kpc: with 12 + log(O/H) = "
                f"{ABUNDANCE_AT_EFFECTIVE_RADIUS} at the effective radius the centre of a galaxy "
                f"would leave the calibrations; choose between {offered[0]:g} and {offered[1]:g}"
            )

    def tasks(self) -> tuple["RecoveryTask", ...]:
        """Return every mock of the grid, each with random draws of its own."""
        grid = product(
            self.gradients_dex_per_kpc, self.inclinations_deg, self.effective_radii_arcsec
        )
        return tuple(
            RecoveryTask(self, index, realisation, *values)
            for index, values in enumerate(grid)
            for realisation in range(self.realisations)
        )

    @property
    def steepest_gradients(self) -> tuple[float, float]:
        """Gradients that keep the centre of the largest galaxy within calibrated abundances."""
        largest = max(self.effective_radii_arcsec) * Galaxy(redshift=self.redshift).kpc_per_arcsec
        limits = Linear(central=ABUNDANCE_AT_EFFECTIVE_RADIUS, gradient=0.0)
        return (
            (ABUNDANCE_AT_EFFECTIVE_RADIUS - limits.maximum) / largest,
            (ABUNDANCE_AT_EFFECTIVE_RADIUS - limits.minimum) / largest,
        )


@dataclass(frozen=True)
class RecoveryTask:
    """One mock: a galaxy of the grid and a noise draw.

    Parameters
    ----------
    design : RecoveryDesign
        What all mocks share.
    index : int
        Of the galaxy in the grid.
    realisation : int
        Of the noise.
    gradient_dex_per_kpc : float
        True gradient.
    inclination_deg : float
        0 is face-on.
    effective_radius_arcsec : float
        Half-light radius.
    """

    design: RecoveryDesign
    index: int
    realisation: int
    gradient_dex_per_kpc: float
    inclination_deg: float
    effective_radius_arcsec: float

    def galaxy(self) -> Galaxy:
        """Return the galaxy, at a position angle of its own drawn from the seed."""
        key = np.random.SeedSequence(self.design.seed, spawn_key=(self.index,))
        galaxy = Galaxy(
            name=f"mock-{self.index:04d}",
            redshift=self.design.redshift,
            inclination_deg=self.inclination_deg,
            position_angle_deg=np.random.default_rng(key).uniform(0.0, 360.0),
            effective_radius_arcsec=self.effective_radius_arcsec,
        )
        pivot_kpc = self.effective_radius_arcsec * galaxy.kpc_per_arcsec
        central = ABUNDANCE_AT_EFFECTIVE_RADIUS - self.gradient_dex_per_kpc * pivot_kpc
        return replace(
            galaxy, oxygen_abundance=Linear(central=central, gradient=self.gradient_dex_per_kpc)
        )

    @property
    def noise_seed(self) -> int:
        """Return a seed of 63 bits for the noise of this draw."""
        key = np.random.SeedSequence(self.design.seed, spawn_key=(self.index, 1 + self.realisation))
        return int(key.generate_state(1, np.uint64)[0] >> np.uint64(1))


def run_task(task: RecoveryTask) -> list[dict[str, object]]:
    """Simulate and measure one mock.

    Parameters
    ----------
    task : RecoveryTask
        Which.

    Returns
    -------
    list of dict
        One row an estimator, with the columns of ``recovery.ecsv``.
    """
    galaxy = task.galaxy()
    observation = observe(
        galaxy,
        bands=(BAND,),
        psf=PointSpreadFunction("gaussian", task.design.seeing_fwhm_arcsec),
        halpha_snr=task.design.halpha_snr,
        seed=task.noise_seed,
    )
    measured = Pipeline(task.design.scheme).run(observation)
    truth = {
        "galaxy": galaxy.name,
        "realisation": task.realisation,
        "gradient_true": task.gradient_dex_per_kpc,
        "gradient_annuli": annular_gradient(galaxy, task.design.scheme),
        "inclination_deg": task.inclination_deg,
        "effective_radius_arcsec": task.effective_radius_arcsec,
        "seeing_fwhm_arcsec": task.design.seeing_fwhm_arcsec,
        "snr_halpha": measured.snr("integrated", "halpha"),
    }
    chosen = measured.gradients[measured.gradients["diagnostic"] == DIAGNOSTIC]
    return [{**truth, **_measured_columns(row)} for row in chosen]


def _measured_columns(row: Row) -> dict[str, object]:
    """Take over what the pipeline's table says of one estimator."""
    columns = ("gradient", "gradient_err")
    numbers = {name: float(row[name].value) for name in columns}
    return {
        "diagnostic": DIAGNOSTIC,
        "estimator": str(row["estimator"]),
        **numbers,
        "f_grad": float(row["f_grad"]),
        "n_bins": int(row["n_bins"]),
        "flag": str(row["flag"]),
    }


def recover(
    design: RecoveryDesign,
    *,
    workers: int = 2,
    advance: Callable[[int], None] = lambda _: None,
) -> QTable:
    """Simulate and measure every mock of a design.

    Parameters
    ----------
    design : RecoveryDesign
        What to simulate.
    workers : int
        Processes; the result is the same for any number.
    advance : callable
        Called with 1 after every mock.

    Returns
    -------
    QTable
        One row a mock and estimator, in the order of the design.
    """
    rows = run_tasks(run_task, design.tasks(), workers=workers, advance=advance)
    return _table([row for of_task in rows for row in of_task])


def _redshifts_in_reach() -> tuple[float, float]:
    """Return the redshifts at which both lines of the diagnostic lie in the band."""
    low, high = KMOS_BANDS[BAND].usable_range_um
    return low / REST_WAVELENGTH_UM["halpha"] - 1.0, high / REST_WAVELENGTH_UM["nii_6584"] - 1.0


def _table(rows: list[dict[str, object]]) -> QTable:
    table = QTable(rows=rows)
    units = {
        "gradient_true": u.dex / u.kpc,
        "gradient_annuli": u.dex / u.kpc,
        "gradient": u.dex / u.kpc,
        "gradient_err": u.dex / u.kpc,
        "inclination_deg": u.deg,
        "effective_radius_arcsec": u.arcsec,
        "seeing_fwhm_arcsec": u.arcsec,
    }
    for name, unit in units.items():
        table[name] = table[name] * unit
    return table


def run_recovery(
    *,
    realisations: int,
    gradients: Sequence[float],
    seeing: float,
    workers: int,
    seed: int,
    run: Run,
    progress: Callable[[str, int], AbstractContextManager[Callable[[int], None]]],
) -> Table:
    """Run the command ``kurvs recover``: simulate, measure, compare, write.

    Parameters
    ----------
    realisations, workers, seed : int
        Noise draws of every galaxy; processes; root of all random draws.
    gradients : sequence of float
        True gradients, dex/kpc.
    seeing : float
        Full width at half-maximum, arcsec.
    run : Run
        Where results go.
    progress : callable
        Makes a progress bar from a description and a total.

    Returns
    -------
    rich.table.Table
        Truth against what was recovered.
    """
    design = RecoveryDesign(
        gradients_dex_per_kpc=tuple(gradients),
        realisations=realisations,
        seeing_fwhm_arcsec=seeing,
        seed=seed,
    )
    with progress("simulating and measuring", len(design.tasks())) as advance:
        table = recover(design, workers=workers, advance=advance)
    table.meta.update(version=version("kurvs"), seed=seed)
    with run.writing() as directory:
        table.write(directory / "recovery.ecsv")
        as_dataset(table).to_zarr(directory / "recovery.zarr", consolidated=False)
        recovery_figure(table).savefig(directory / "recovery.png", dpi=130)
    return summary_table(summarise(table))
