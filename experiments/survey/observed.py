"""One twin of the survey with all that its tables and figures show."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from experiments.survey.measurement import (
    Abundance,
    integrated_abundance,
    measure_binnings,
    survey_draws,
)
from experiments.survey.numbers import APERTURES, fluxes_by_definition, numbers_of
from experiments.survey.twin import TwinGalaxy, schemes
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import INTEGRATED
from kurvs_pipeline.fluxes.measured import MeasuredLines
from kurvs_pipeline.gas.attenuation import balmer_a_v
from kurvs_pipeline.gas.classes import StellarMass
from kurvs_pipeline.lines import DETECTION_SNR
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.plots.profile import TrueProfile
from kurvs_pipeline.stacking.lines import StackedLines, measure_stack
from kurvs_pipeline.stacking.rest_spectra import RestSpectrum, rest_spectra_of_galaxy
from kurvs_pipeline.stacking.stack import stack_spectra
from kurvs_sim.survey.catalogue import CatalogueEntry, catalogue_entry

INTEGRATED_DIAGNOSTICS = ("n2", "n2s2", "o3n2", "r23", "n2o2")
"""Diagnostics of Fig. B1."""

STACK_BOOTSTRAPS = 200
BALMER_LINES = ("halpha", "hbeta")


@dataclass(frozen=True, eq=False)
class ObservedGalaxy:
    """One galaxy of a twin as it was measured.

    Parameters
    ----------
    numbers : Dataset
        As :func:`experiments.survey.numbers.numbers_of` has them.
    results : MeasuredGalaxy
        What the pipeline measured, in the survey's annuli.
    spectra : tuple of RestSpectrum
        In the rest frame, for stacks.
    abundances : tuple of Abundance
        Of the integrated aperture by ``INTEGRATED_DIAGNOSTICS``, where the survey would detect
        their lines; N2S2, of [S II], where the pipeline does.
    true_a_v : float
        Of the integrated aperture, by the Balmer decrement of its light without noise; mag.
    """

    kurvs_id: int
    numbers: xr.Dataset
    results: MeasuredGalaxy
    spectra: tuple[RestSpectrum, ...]
    abundances: tuple[Abundance, ...]
    true_a_v: float
    truth: TrueProfile

    @property
    def entry(self) -> CatalogueEntry:
        """Published properties of the galaxy."""
        return catalogue_entry(self.kurvs_id)


@dataclass(frozen=True, eq=False)
class ObservedTwin:
    """The galaxies of a twin as they were measured, in the order of Table A1.

    Parameters
    ----------
    seed : int
        Of the bootstrap of stacks.
    """

    galaxies: tuple[ObservedGalaxy, ...]
    seed: int = 0

    @cached_property
    def numbers(self) -> xr.Dataset:
        """The numbers of all galaxies, along ``galaxy``."""
        ids = [galaxy.kurvs_id for galaxy in self.galaxies]
        return xr.concat([galaxy.numbers for galaxy in self.galaxies], xr.Variable("galaxy", ids))

    def of_entries(self, name: str) -> Array:
        """Return a field of the catalogue, such as ``log_stellar_mass``, for all galaxies."""
        return np.array([getattr(galaxy.entry, name) for galaxy in self.galaxies], dtype=float)

    @cached_property
    def stacked_a_v(self) -> dict[str, tuple[float, float]]:
        """A_V and its error, mag, of the mass-weighted stack by aperture (:func:`detected_a_v`)."""
        mass = {g.results.metadata.name: g.entry.log_stellar_mass for g in self.galaxies}
        found = {}
        for aperture in APERTURES:
            # Of the nearest galaxies IZ holds a part of H-beta too.
            spectra = [
                spectrum
                for galaxy in self.galaxies
                for spectrum in galaxy.spectra
                if spectrum.aperture == aperture and spectrum.band in {"YJ", "H"}
            ]
            stack = stack_spectra(
                spectra, weights="mass", normalise=False, log_stellar_mass=mass,
                n_bootstraps=STACK_BOOTSTRAPS, seed=self.seed,
            )  # fmt: skip
            found[aperture] = detected_a_v(measure_stack(stack))
        return found


def detected_a_v(lines: StackedLines) -> tuple[float, float]:
    """Return A_V of a stack and its error, mag; NaN unless H-alpha and H-beta are above 4 sigma.

    Only the noise counts for this limit: the differences between galaxies enter the error, but do
    not decide whether a line is detected.
    """
    fluxes, row = lines.fluxes, lines.attenuation[0]
    snr = (fluxes["flux"] / fluxes["flux_err_noise"])[np.isin(fluxes["line"], BALMER_LINES)]
    if not (snr > DETECTION_SNR).all():
        return np.nan, np.nan
    return float(row["a_v"]), 0.5 * float(row["a_v_err_low"] + row["a_v_err_high"])


def observe_galaxy(member: TwinGalaxy) -> ObservedGalaxy:
    """Observe one galaxy and measure all that tables and figures need."""
    entry, observation = catalogue_entry(member.kurvs_id), member.observe()
    binned = measure_binnings(observation, schemes())
    lines, pipeline = binned[schemes()[0]], Pipeline(schemes()[0], seed=member.draws_seed)
    gas = pipeline.gas(lines, stellar_mass=StellarMass(entry.log_stellar_mass))
    measured = MeasuredGalaxy.of(gas, pipeline.gradients(gas))
    apertures = lines.located.apertures
    truth = observation["truth"].to_dataset()
    return ObservedGalaxy(
        kurvs_id=member.kurvs_id,
        numbers=numbers_of(member, binned),
        results=measured,
        spectra=tuple(rest_spectra_of_galaxy(measured.metadata.name, lines.fits, apertures.names)),
        abundances=_abundances(member, lines, measured),
        true_a_v=_true_a_v(truth, apertures.integrated_weights),
        truth=TrueProfile(
            truth["radius_kpc"].to_numpy(),
            {
                name: truth["abundance_profile"].sel(diagnostic=name).to_numpy()
                for name in ("n2", "n2o2")
            },
        ),
    )


def _abundances(
    member: TwinGalaxy, lines: MeasuredLines, measured: MeasuredGalaxy
) -> tuple[Abundance, ...]:
    fluxes = fluxes_by_definition(member, lines)["published"]
    draws = survey_draws(fluxes, lines.located, member.draws_seed)
    found = {name: integrated_abundance(name, draws) for name in INTEGRATED_DIAGNOSTICS}
    table = measured.abundances
    rows = (table["aperture"] == INTEGRATED) & (table["diagnostic"] == "n2s2")
    rows &= table["limit"] == ""
    if rows.any():
        row = table[rows][0]
        error = 0.5 * float(row["err_low"].value + row["err_high"].value)
        found["n2s2"] = Abundance(float(row["abundance"].value), error)
    return tuple(found.values())


def _true_a_v(truth: xr.Dataset, weights: Array) -> float:
    maps = truth["line_map_smeared"]
    halpha, hbeta = (
        (maps.sel(line=line).to_numpy() * weights).sum() for line in ("halpha", "hbeta")
    )
    return float(balmer_a_v(halpha, hbeta))


def measured_a_v(twin: ObservedTwin) -> tuple[Array, Array]:
    """Return A_V of the integrated apertures by the survey's rule, and its error.

    Returns
    -------
    a_v, error : array, shape (n_galaxies,)
        mag; NaN unless H-alpha and H-beta are above 4 sigma and their ratio above 2.86.
    """
    lines = twin.numbers.sel(definition="published", aperture="integrated")
    (halpha, hbeta), (halpha_err, hbeta_err) = (
        lines[name].sel(line=["halpha", "hbeta"]).transpose("line", ...).to_numpy()
        for name in ("flux", "flux_err")
    )
    a_v = balmer_a_v(halpha, hbeta)
    with np.errstate(invalid="ignore"):
        own = (halpha > DETECTION_SNR * halpha_err) & (hbeta > DETECTION_SNR * hbeta_err)
        own &= a_v > 0.0
    per_dex = float(balmer_a_v(np.array(28.6), np.array(1.0)))
    error = per_dex / np.log(10.0) * np.hypot(halpha_err / halpha, hbeta_err / hbeta)
    return np.where(own, a_v, np.nan), np.where(own, error, np.nan)
