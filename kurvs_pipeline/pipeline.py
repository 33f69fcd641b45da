"""The pipeline: from an Observation to the metallicity gradient, one stage after the other."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from astropy.table import QTable

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.fluxes.band_fit import BandFit, fit_bands
from kurvs_pipeline.fluxes.stellar_absorption import BalmerAbsorption
from kurvs_pipeline.fluxes.table import flux_table
from kurvs_pipeline.gas.classes import UNKNOWN_MASS, StellarMass
from kurvs_pipeline.gas.properties import GasProperties
from kurvs_pipeline.gradients.table import gradient_table, without_gradients
from kurvs_pipeline.kinematics.apertures import PlacedApertures
from kurvs_pipeline.kinematics.frame import GalaxyFrame, require_centre_by
from kurvs_pipeline.measured_galaxy import (
    DOUBTFUL_REDSHIFT,
    GalaxyMeasurement,
    with_doubt,
    without_numbers,
)
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.spectra.cubes import CalibratedCubes


@dataclass(frozen=True, kw_only=True)
class MeasuredGalaxy(GalaxyMeasurement):
    """Everything that was measured of one galaxy.

    Parameters
    ----------
    fits : mapping of str to BandFit
        Spectra and fits by band, the one with H-alpha first.
    **measurement
        As in :class:`~kurvs_pipeline.measured_galaxy.GalaxyMeasurement`.
    """

    fits: Mapping[str, BandFit]

    @property
    def halpha_fit(self) -> BandFit:
        """Spectra and fits of the band with H-alpha."""
        return next(iter(self.fits.values()))


@dataclass(frozen=True)
class Pipeline:
    """The measurement of Li et al. (2025), Sections 3 and 4.

    Parameters
    ----------
    scheme : BinningScheme
        Annuli of the gradient; the survey's are 3 of 0.5 arcsec.
    seed : int
        Of the draws that errors of abundances come from, >= 0.
    broad_halpha : bool
        Whether to try a broad H-alpha beside the narrow lines, as of an active nucleus.
    balmer_absorption : BalmerAbsorption, optional
        Absorption of the stars under H-alpha and H-beta, to correct for.
    seeing : SeeingKnowledge, optional
        Width and wings of the seeing with their errors, for the forward estimators; by default
        what the observation states, with errors assumed.
    centre_by : str
        ``halpha`` or ``continuum``: what the galaxy is found by where headers do not say.

    Raises
    ------
    ConfigurationError
        If ``centre_by`` is something else.
    """

    scheme: BinningScheme = field(default_factory=BinningScheme)
    seed: int = 0
    broad_halpha: bool = False
    balmer_absorption: BalmerAbsorption | None = None
    seeing: SeeingKnowledge | None = None
    centre_by: str = "halpha"

    def __post_init__(self) -> None:
        """Check how centres are found."""
        require_centre_by(self.centre_by)

    def run(
        self,
        observation: xr.DataTree,
        *,
        velocity_kms: Array | None = None,
        stellar_mass: StellarMass = UNKNOWN_MASS,
    ) -> MeasuredGalaxy:
        """Measure one galaxy.

        Each stage can be used alone: it is a function of what the stages before it return.

        Parameters
        ----------
        observation : DataTree
            Mock or real; ``/truth`` is never read.
        velocity_kms : array, shape (n_y, n_x), optional
            Velocities relative to the redshift given, measured elsewhere, NaN where there are
            none; by default they are measured in the cube.
        stellar_mass : StellarMass
            Of the galaxy, for its class by mass and excitation.

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
        cubes, frame, apertures = self.locate(observation, velocity_kms)
        fits = self.fit_lines(cubes, frame, apertures)
        gas = GasProperties.of(
            fits, apertures.apertures, redshift=frame.metadata.redshift,
            stellar_mass=stellar_mass, seed=self.seed,
        )  # fmt: skip
        gradients = gradients_of(gas, frame, apertures, seeing=self.seeing, seed=self.seed)
        return _measured_galaxy(cubes, frame, apertures, fits, gas, gradients)

    def locate(
        self, observation: xr.DataTree, velocity_kms: Array | None = None
    ) -> tuple[CalibratedCubes, GalaxyFrame, PlacedApertures]:
        """Calibrate cubes, find the galaxy in them, and place its apertures: all but the lines.

        Parameters
        ----------
        observation : DataTree
            As of :meth:`run`.
        velocity_kms : array, shape (n_y, n_x), optional
            As of :meth:`run`.

        Returns
        -------
        cubes : CalibratedCubes
            With the noise that they have, and without sky and continuum.
        frame : GalaxyFrame
            About the galaxy's own redshift.
        apertures : PlacedApertures
            On its spaxels.

        Raises
        ------
        MetadataError, CoverageError
            As of :meth:`run`.
        """
        cubes = CalibratedCubes.of(observation, self.scheme)
        found = GalaxyFrame.of(cubes, velocity_kms, centre_by=self.centre_by)
        apertures = PlacedApertures.of(found, self.scheme, cubes.halpha.valid_spaxels)
        return cubes, found.about_systemic(cubes, apertures.weights[0]), apertures

    def fit_lines(
        self, cubes: CalibratedCubes, frame: GalaxyFrame, apertures: PlacedApertures
    ) -> dict[str, BandFit]:
        """Co-add the spectra of every aperture with velocities taken out, and fit their lines.

        Parameters
        ----------
        cubes : CalibratedCubes
            Of the galaxy.
        frame : GalaxyFrame
            About its own redshift.
        apertures : PlacedApertures
            On its spaxels.

        Returns
        -------
        dict of str to BandFit
            The band with H-alpha first.
        """
        return fit_bands(
            cubes.bands,
            apertures.weights,
            redshift=frame.metadata.redshift,
            velocity_kms=frame.maps.velocity_kms,
            broad_halpha=self.broad_halpha,
            balmer_absorption=self.balmer_absorption,
        )


def gradients_of(
    gas: GasProperties,
    frame: GalaxyFrame,
    apertures: PlacedApertures,
    *,
    seeing: SeeingKnowledge | None = None,
    seed: int = 0,
) -> QTable:
    """Return the gradients through the annuli by every estimator.

    Parameters
    ----------
    gas : GasProperties
        Abundances of all apertures.
    frame : GalaxyFrame
        Of the galaxy.
    apertures : PlacedApertures
        On its spaxels.
    seeing : SeeingKnowledge, optional
        With its errors; by default what the observation states, with errors assumed.
    seed : int
        Of the draws that check the forward fits, >= 0.

    Returns
    -------
    QTable
        See :func:`~kurvs_pipeline.gradients.table.gradient_table`. Without numbers, and with the
        flag ``doubtful_redshift``, where a line is too bright to stand beside H-alpha.
    """
    of_annuli = gas.abundances[gas.abundances["aperture"] != "integrated"]
    radius_kpc = apertures.radius_kpc(frame.metadata.redshift)
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    smearing = apertures.smearing(frame, seeing)
    table = gradient_table(of_annuli, radius_kpc, smearing, gas.draws, random)
    return without_gradients(table, DOUBTFUL_REDSHIFT) if frame.doubtful_redshift else table


def _unknown_size(frame: GalaxyFrame, apertures: PlacedApertures) -> tuple[str, ...]:
    """Say what is done without an effective radius."""
    if math.isfinite(frame.metadata.effective_radius_arcsec):
        return ()
    radius = apertures.apertures[0].outer_arcsec
    note = (
        "effective radius not stated: the integrated aperture reaches as far as the annuli, "
        f"{radius:g} arcsec, where noise may outweigh the galaxy, and gradients are not corrected "
        "for seeing; state --effective-radius for an aperture of 1.5 effective radii"
    )
    return (note,)


def _unknown_seeing(frame: GalaxyFrame) -> tuple[str, ...]:
    """Say what is done without the seeing."""
    if math.isfinite(frame.metadata.seeing_fwhm_arcsec):
        return ()
    return ("seeing not stated: gradients are not corrected for it; state --seeing, or --psf-star",)


def _measured_galaxy(
    cubes: CalibratedCubes,
    frame: GalaxyFrame,
    apertures: PlacedApertures,
    fits: Mapping[str, BandFit],
    gas: GasProperties,
    gradients: QTable,
) -> MeasuredGalaxy:
    def flagged(table: QTable) -> QTable:
        return with_doubt(table) if frame.doubtful_redshift else table

    def trusted(table: QTable) -> QTable:
        return without_numbers(table) if frame.doubtful_redshift else table

    return MeasuredGalaxy(
        metadata=frame.metadata,
        redshift_err=frame.redshift_err,
        assumptions=(
            *frame.assumptions,
            *_unknown_size(frame, apertures),
            *_unknown_seeing(frame),
        ),
        fluxes=flagged(flux_table(fits, apertures.names, apertures.coverage)),
        attenuation=trusted(gas.attenuation),
        abundances=flagged(gas.abundances),
        ionization=trusted(gas.ionization),
        classes=trusted(gas.classes),
        mass_excitation=trusted(gas.mass_excitation),
        gradients=gradients,
        apertures=apertures.apertures,
        coverage=apertures.coverage,
        weights=apertures.weights,
        x_arcsec=frame.x_arcsec.to_numpy(),
        y_arcsec=frame.y_arcsec.to_numpy(),
        maps=frame.maps,
        fits=fits,
        noise_scale={name: band.noise_scale for name, band in cubes.bands.items()},
    )
