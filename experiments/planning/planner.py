"""The exposure that a galaxy needs for its gradient to have a stated error.

The lines of the annuli come from the simulator, their noise from a stack of exposures, and the
error of the gradient from the information that they hold for the forward estimator, given its prior
uncertainties of seeing, scale length and abundance.
"""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from astropy import units as u
from astropy.table import QTable
from scipy.optimize import brentq

from experiments.mocks.line_fluxes import LINES, LineFluxMocks, spaxel_error
from experiments.planning.airglow import Airglow
from experiments.statistics.information import information
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.geometry import aperture_coverage
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration, NitrogenProfiles
from kurvs_pipeline.smearing.matrix import InclinedDisk
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import SpaxelApertures
from kurvs_sim import ExposureModel, Galaxy, Numerics, PointSpreadFunction, SpaxelGrid
from kurvs_sim.atmosphere.seeing import Seeing
from kurvs_sim.expectation.errors import IntegratedExpectation
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.observing import metadata_of_mock
from kurvs_sim.scene.scene import Scene

LONGEST_HOURS = 1000.0
"""No galaxy is observed for longer."""

SHOWN_HOURS = np.geomspace(1.0, LONGEST_HOURS, 31)
SECONDS_AN_HOUR = 3600.0


@dataclass(frozen=True)
class ExposurePlanner:
    """A galaxy, and how it would be observed in the band of H-alpha.

    Parameters
    ----------
    exposures : ExposureModel
        A stack of known noise; other exposure times are scaled from it.
    seeing_known : bool
        Whether a star gives the seeing; otherwise it is as uncertain as the pipeline assumes.

    Raises
    ------
    ConfigurationError
        If H-alpha or [N II] is outside the H band.
    """

    galaxy: Galaxy
    seeing: Seeing = PointSpreadFunction()  # noqa: RUF009 - frozen
    grid: SpaxelGrid = SpaxelGrid()  # noqa: RUF009 - frozen
    exposures: ExposureModel = field(default_factory=ExposureModel)
    scheme: BinningScheme = field(default_factory=BinningScheme)
    seeing_known: bool = False

    def __post_init__(self) -> None:
        """Refuse galaxies whose lines the band does not hold."""
        if not all(self._expectation.usable(line) for line in LINES):
            raise ConfigurationError(
                f"redshift is {self.galaxy.redshift:g}, which puts H-alpha or [N II] outside the "
                "H band; expected 1.23 to 1.75"
            )

    @cached_property
    def _scene(self) -> Scene:
        return Scene(self.galaxy, self.grid, self.seeing, Numerics())

    @cached_property
    def _expectation(self) -> IntegratedExpectation:
        return IntegratedExpectation(self._scene, self.exposures, NoiseCovariance())

    def require_coverage(self) -> None:
        """Refuse annuli that leave the field, as the pipeline does.

        Raises
        ------
        CoverageError
            Naming the first with less than 30 per cent of its area in the field.
        """
        metadata, grid = self._mock.metadata, self.grid
        for annulus, weights in zip(
            self.scheme.annuli(metadata.effective_radius_arcsec), self._weights, strict=True
        ):
            inside = np.ones(weights.shape, dtype=bool)
            aperture_coverage(annulus, metadata, weights, inside, grid.spaxel_arcsec)

    @cached_property
    def airglow(self) -> Airglow:
        """The sky lines on H-alpha and [N II]."""
        expected = self._expectation.bands["H"]
        fraction = self.exposures.airglow_fraction(expected.band, self.grid)
        return Airglow(expected, fraction, LINES)

    @cached_property
    def reference_hours(self) -> float:
        """Exposure of the stack of known noise."""
        return self.exposures.h.n_exposures * self.exposures.exposure_seconds / SECONDS_AN_HOUR

    @cached_property
    def reference_snr(self) -> Array:
        """Expected S/N of H-alpha and [N II] in 1.5 effective radii in that stack, shape (2,)."""
        return np.array([self._expectation.expected(line).calibrated_snr for line in LINES])

    def relative_variance(self, hours: float, *, persistent: bool) -> float:
        """Return the variance of a stack over that of the stack of known noise.

        Parameters
        ----------
        persistent : bool
            Whether the noise in excess of photons and electrons, which sky subtraction and
            reconstruction add, averages down no further than in the known stack. All noise
            averages down otherwise.
        """
        averaging = self.reference_hours / hours
        if not persistent or hours <= self.reference_hours:
            return averaging
        photons = self.exposures.h.excess_noise**-2
        return photons * averaging + (1.0 - photons)

    def gradient_error(self, hours: float, *, persistent: bool = False) -> float:
        """Return the expected error of the gradient by the forward estimator, dex/kpc."""
        return self._error(self.relative_variance(hours, persistent=persistent))

    def hours_for(self, goal: float, *, persistent: bool = False) -> float:
        """Return the exposure that gives a gradient error, dex/kpc; infinite if none does."""
        shortest = self.exposures.exposure_seconds / SECONDS_AN_HOUR

        def above(log_hours: float) -> float:
            return math.log(self.gradient_error(math.exp(log_hours), persistent=persistent) / goal)

        ends = math.log(shortest), math.log(LONGEST_HOURS)
        if above(ends[1]) > 0.0:
            return math.inf
        return shortest if above(ends[0]) <= 0.0 else math.exp(brentq(above, *ends, xtol=1e-3))

    def table(self) -> QTable:
        """Return errors by exposure.

        Returns
        -------
        QTable
            ``exposure, snr_halpha, snr_nii, gradient_err, gradient_err_persistent``; S/N in 1.5
            effective radii where all noise averages down.
        """
        table = QTable({"exposure": SHOWN_HOURS * u.hour})
        scale = [self.relative_variance(hours, persistent=False) for hours in SHOWN_HOURS]
        for name, snr in zip(("snr_halpha", "snr_nii"), self.reference_snr, strict=True):
            table[name] = snr / np.sqrt(scale)
        for name, persistent in (("gradient_err", False), ("gradient_err_persistent", True)):
            errors = [self.gradient_error(hours, persistent=persistent) for hours in SHOWN_HOURS]
            table[name] = errors * (u.dex / u.kpc)
        return table

    @cached_property
    def _mock(self) -> LineFluxMocks:
        """The lines on spaxels, with the errors of the stack of known noise."""
        maps = np.array([self._scene.smeared_line_maps[line] for line in LINES])
        plain = LineFluxMocks(
            metadata_of_mock(self.galaxy, self.seeing, seed=-1), self.galaxy.kpc_per_arcsec,
            self._scene.x_arcsec, self._scene.y_arcsec, np.zeros(1), maps[None], np.zeros(2),
        )  # fmt: skip
        return replace(plain, error=spaxel_error(plain, maps, self.reference_snr))

    @cached_property
    def _weights(self) -> Array:
        metadata = self._mock.metadata
        return self._mock.weights(self.scheme.annuli(metadata.effective_radius_arcsec), metadata)

    @cached_property
    def _model(self) -> ForwardModel:
        mock = self._mock
        knowledge = SeeingKnowledge.exact if self.seeing_known else SeeingKnowledge.assumed
        return ForwardModel(
            disk=InclinedDisk.of(mock.metadata),
            effective_radius_arcsec=self.galaxy.effective_radius_arcsec,
            kpc_per_arcsec=mock.kpc_per_arcsec,
            seeing=knowledge(mock.metadata) if mock.metadata.seeing_fwhm_arcsec > 0.0 else None,
            apertures=SpaxelApertures(self._weights, mock.x_arcsec, mock.y_arcsec),
            profiles=NitrogenProfiles(InverseCalibration(DIAGNOSTICS["n2"])),
        )

    @cached_property
    def gradient(self) -> float:
        """True gradient of the disk, dex/kpc: that between the centre and two effective radii."""
        outer_kpc = 2.0 * self._model.pivot_kpc
        inner, outer = self.galaxy.oxygen_abundance(np.array([0.0, outer_kpc]))
        return float(outer - inner) / outer_kpc

    @cached_property
    def _parameters(self) -> Array:
        """The model at the truth: abundance at the pivot, and the flux that the annuli have."""
        model = self._model
        at = model.prior_mean.copy()
        at[0] = float(self.galaxy.oxygen_abundance(np.array([model.pivot_kpc]))[0])
        unit = model.predict(np.array([self.gradient]), at[None]).flux[0, 0].sum()
        halpha = self._mock.fluxes(self._weights).flux[0, 0].sum()
        at[model.amplitude_index] = math.log(halpha / unit)
        return at

    @cached_property
    def _information(self) -> Array:
        """Of the stack of known noise."""
        fluxes = self._mock.fluxes(self._weights)
        return information(self._model, fluxes, self.gradient, self._parameters)

    def _error(self, relative_variance: float) -> float:
        prior = np.concatenate([[0.0], self._model.prior_err**-2])
        precision = self._information / relative_variance + np.diag(prior)
        return float(np.sqrt(np.linalg.inv(precision)[0, 0]))
