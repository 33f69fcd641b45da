"""The pipeline: from an Observation to the metallicity gradient in four stages."""

from dataclasses import dataclass, field, replace
from numbers import Integral

import numpy as np
import xarray as xr
from astropy.table import QTable

from kurvs_pipeline.arguments import plain_array
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fluxes.measured import MeasuredLines
from kurvs_pipeline.fluxes.stellar_absorption import BalmerAbsorption
from kurvs_pipeline.gas.attenuation import AssumedAttenuation
from kurvs_pipeline.gas.classes import UNKNOWN_MASS, StellarMass
from kurvs_pipeline.gas.properties import GasProperties
from kurvs_pipeline.gradients.table import gradients_of
from kurvs_pipeline.kinematics.frame import require_centre_by
from kurvs_pipeline.kinematics.located import LocatedGalaxy
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.observation import inputs_of
from kurvs_pipeline.smearing.seeing import SeeingKnowledge


@dataclass(frozen=True)
class Pipeline:
    """The measurement of Li et al. (2025), Sections 3 and 4.

    :meth:`run` measures a galaxy in four stages: :meth:`locate`, :meth:`fit`, :meth:`gas` and
    :meth:`gradients`. Each can be used alone and returns what it found.

    Parameters
    ----------
    scheme : BinningScheme or str
        Annuli of the gradient; by default the survey's, 3 of 0.5 arcsec. Text such as ``2x0.8``
        is read by :meth:`BinningScheme.parse`.
    seed : int
        Seed of the noise draws that errors of abundances come from, >= 0.
    broad_halpha : bool
        Whether to try a broad H-alpha beside the narrow lines, as of an active nucleus.
    balmer_absorption : BalmerAbsorption, optional
        Stellar absorption under H-alpha and H-beta to correct for; none by default.
    seeing : SeeingKnowledge, optional
        Width and wings of the seeing with their errors, for the forward estimators; by default what
        the observation states, with errors assumed.
    centre_by : str
        ``halpha`` or ``continuum``: light that the galaxy's centre is measured from where headers
        do not state it.
    assumed_attenuation : AssumedAttenuation, optional
        Attenuation of apertures whose H-beta does not give it; by default that of the survey's
        stacked galaxies (:data:`~kurvs_pipeline.gas.attenuation.SURVEY_STACK`) for galaxies at
        1 < z < 2, and nothing for others.

    Raises
    ------
    ConfigurationError
        If ``centre_by`` is something else, or the seed is not a whole number >= 0.
    """

    scheme: BinningScheme = field(default_factory=BinningScheme)
    seed: int = 0
    broad_halpha: bool = False
    balmer_absorption: BalmerAbsorption | None = None
    seeing: SeeingKnowledge | None = None
    centre_by: str = "halpha"
    assumed_attenuation: AssumedAttenuation | None = None

    def __post_init__(self) -> None:
        scheme: object = self.scheme
        if isinstance(scheme, str):
            object.__setattr__(self, "scheme", BinningScheme.parse(scheme))
        elif not isinstance(scheme, BinningScheme):
            raise ConfigurationError(
                f"scheme is {scheme!r}; expected a BinningScheme, or text such as '3x0.5'"
            )
        require_centre_by(self.centre_by)
        _require_seed(self.seed)

    def run(
        self,
        observation: xr.DataTree,
        *,
        velocity_kms: Array | None = None,
        stellar_mass: StellarMass = UNKNOWN_MASS,
    ) -> MeasuredGalaxy:
        """Measure one galaxy.

        Parameters
        ----------
        observation : DataTree
            Mock or real data; ``/truth`` is never read.
        velocity_kms : array or Quantity, shape (n_y, n_x), optional
            Velocities from elsewhere, relative to the redshift given; NaN or masked where there are
            none. By default they are measured in the cube.
        stellar_mass : StellarMass
            Mass of the galaxy, for its class by mass and excitation; unknown by default.

        Returns
        -------
        MeasuredGalaxy

        Raises
        ------
        MetadataError
            If the redshift or the geometry is unknown, bands have different flux units, or the
            velocities do not fit the cube.
        CoverageError
            If H-alpha or an annulus lies outside the data.
        """
        located = self.locate(observation, velocity_kms=velocity_kms)
        lines = self.fit(located)
        gas = self.gas(lines, stellar_mass=stellar_mass)
        galaxy = MeasuredGalaxy.of(gas, self.gradients(gas))
        own = {"seed": int(self.seed), "scheme": str(self.scheme)}
        inputs = {"inputs_sha256": inputs_of(observation)}
        return replace(galaxy, provenance={**galaxy.provenance, **own, **inputs})

    def locate(
        self, observation: xr.DataTree, *, velocity_kms: Array | None = None
    ) -> LocatedGalaxy:
        """Return the galaxy located in its calibrated cubes, with its apertures placed.

        Parameters
        ----------
        observation : DataTree
            Mock or real data; ``/truth`` is never read.
        velocity_kms : array, shape (n_y, n_x), optional
            Velocities from elsewhere, see :meth:`run`.

        Raises
        ------
        MetadataError, CoverageError
            See :meth:`run`.
        """
        if velocity_kms is not None:
            velocity_kms, unknown = plain_array("velocity_kms", velocity_kms, "km / s")
            if unknown is not None:
                velocity_kms = np.where(unknown, np.nan, velocity_kms)
        return LocatedGalaxy.of(
            observation, self.scheme, velocity_kms=velocity_kms, centre_by=self.centre_by
        )

    def fit(self, located: LocatedGalaxy) -> MeasuredLines:
        """Return the lines fitted to the co-added spectra of every aperture, velocities taken out.

        Parameters
        ----------
        located : LocatedGalaxy
            From :meth:`locate`; its annuli may be those of another scheme.
        """
        return MeasuredLines.of(
            located, broad_halpha=self.broad_halpha, balmer_absorption=self.balmer_absorption
        )

    def gas(
        self, lines: MeasuredLines, *, stellar_mass: StellarMass = UNKNOWN_MASS
    ) -> GasProperties:
        """Return attenuation, abundances, ionization and classes of every aperture.

        Parameters
        ----------
        lines : MeasuredLines
            From :meth:`fit`.
        stellar_mass : StellarMass
            Mass of the galaxy, for its class by mass and excitation; unknown by default.
        """
        return GasProperties.of(
            lines, stellar_mass=stellar_mass, assumed_attenuation=self.assumed_attenuation,
            seed=self.seed,
        )  # fmt: skip

    def gradients(self, gas: GasProperties) -> QTable:
        """Return the gradients through the annuli by every estimator.

        Parameters
        ----------
        gas : GasProperties
            From :meth:`gas`.

        Returns
        -------
        QTable
            See :func:`~kurvs_pipeline.gradients.table.gradient_table`. Without numbers, and with
            the flag ``doubtful_redshift``, where a line is brighter than any can be beside H-alpha.
        """
        # A stream of its own: the number of draws of the gas does not change the gradients.
        random = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(1,)))
        return gradients_of(gas, self.seeing, random)


def _require_seed(seed: object) -> None:
    if not isinstance(seed, Integral) or seed < 0:
        raise ConfigurationError(f"seed is {seed!r}; expected a whole number >= 0, such as 0")
