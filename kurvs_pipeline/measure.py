"""The pipeline: from an Observation to the metallicity gradient, one stage after the other."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import xarray as xr
from astropy.table import QTable
from numpy.typing import NDArray

from kurvs_pipeline.abundance_draws import AbundanceDraws
from kurvs_pipeline.abundance_profiles import abundance_table
from kurvs_pipeline.attenuation import attenuation_of
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.binning import Aperture, BinningScheme
from kurvs_pipeline.classification import bpt_table
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.galaxy_measurement import GalaxyMeasurement
from kurvs_pipeline.geometry import (
    aperture_coverage,
    aperture_weights,
    apertures_for,
    kpc_per_arcsec,
    spaxel_size_arcsec,
)
from kurvs_pipeline.gradient_table import gradient_table
from kurvs_pipeline.ionization import ionization_table
from kurvs_pipeline.joint_fluxes import JointFluxes
from kurvs_pipeline.kinematics import KinematicMaps, kinematic_maps, with_velocities
from kurvs_pipeline.line_fluxes import (
    BandFit,
    bands_with_lines,
    fit_bands,
    flux_table,
    line_flux_unit,
    systemic_velocity,
)
from kurvs_pipeline.observation import ObservationMetadata, band_names, metadata_of, validate
from kurvs_pipeline.seeing_knowledge import SeeingKnowledge
from kurvs_pipeline.smearing_correction import DiskSmearing
from kurvs_pipeline.spectra import CalibratedBand, around_lines, calibrate
from kurvs_pipeline.stellar_absorption import BalmerAbsorption

Array = NDArray[np.float64]
T = TypeVar("T")

logger = logging.getLogger(__name__)

TYPICAL_SEEING_ARCSEC = 0.6
"""Scale on which the velocity map is smoothed where the seeing is unknown."""


@dataclass(frozen=True, kw_only=True)
class MeasuredGalaxy(GalaxyMeasurement):
    """Everything that was measured of one galaxy.

    Parameters
    ----------
    fits : mapping of str to BandFit
        Spectra and fits by band, the one with H-alpha first.
    **measurement
        As in :class:`~kurvs_pipeline.galaxy_measurement.GalaxyMeasurement`.
    """

    fits: Mapping[str, BandFit]

    @property
    def halpha_fit(self) -> BandFit:
        """Spectra and fits of the band with H-alpha."""
        return _halpha_band(self.fits)


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
    """

    scheme: BinningScheme = field(default_factory=BinningScheme)
    seed: int = 0
    broad_halpha: bool = False
    balmer_absorption: BalmerAbsorption | None = None
    seeing: SeeingKnowledge | None = None

    def run(self, observation: xr.DataTree, *, velocity_kms: Array | None = None) -> MeasuredGalaxy:
        """Measure one galaxy.

        Parameters
        ----------
        observation : DataTree
            Mock or real; ``/truth`` is never read.
        velocity_kms : array, shape (n_y, n_x), optional
            Velocities relative to the redshift given, measured elsewhere, NaN where there are
            none; by default they are measured in the cube.

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
        validate(observation)
        metadata = _require_redshift(metadata_of(observation))
        bands = _calibrated(observation, metadata, self.scheme)
        maps, x, y = _maps_about_centre(observation, bands, metadata)
        if velocity_kms is not None:
            maps = with_velocities(maps, velocity_kms)
        apertures = apertures_for(metadata, self.scheme)
        weights, coverage = _weights(apertures, metadata, (x, y), _halpha_band(bands).valid_spaxels)
        systemic = systemic_velocity(_halpha_band(bands), metadata.redshift, weights[0])
        metadata, maps = _about_systemic(metadata, maps, systemic[0])
        fits = fit_bands(
            bands, weights, redshift=metadata.redshift, velocity_kms=maps.velocity_kms,
            broad_halpha=self.broad_halpha, balmer_absorption=self.balmer_absorption,
        )  # fmt: skip
        names = [aperture.name for aperture in apertures]
        joint = JointFluxes.of(fits)
        attenuation = attenuation_of(joint, apertures)
        random = np.random.default_rng(np.random.SeedSequence(self.seed))
        draws = AbundanceDraws.of(joint, attenuation, random)
        abundances = abundance_table(draws, names)
        smearing = DiskSmearing(
            metadata, x.to_numpy(), y.to_numpy(), weights[1:], seeing=self.seeing
        )
        return MeasuredGalaxy(
            metadata=metadata,
            redshift_err=systemic[1] / SPEED_OF_LIGHT_KMS * (1.0 + metadata.redshift),
            fluxes=flux_table(fits, names, coverage),
            attenuation=attenuation.table(apertures),
            abundances=abundances,
            ionization=ionization_table(draws, names),
            classes=bpt_table(joint, names, random, redshift=metadata.redshift),
            gradients=_gradients(abundances, apertures[1:], smearing, draws, random),
            apertures=apertures,
            coverage=coverage,
            weights=weights,
            x_arcsec=x.to_numpy(),
            y_arcsec=y.to_numpy(),
            maps=maps,
            fits=fits,
            noise_scale={name: band.noise_scale for name, band in bands.items()},
        )


def _halpha_band(bands: Mapping[str, T]) -> T:
    """Return the band with H-alpha."""
    return next(iter(bands.values()))


def _require_redshift(metadata: ObservationMetadata) -> ObservationMetadata:
    if not np.isfinite(metadata.redshift):
        raise MetadataError("redshift is unknown: give it with --redshift")
    return metadata


def _calibrated(
    observation: xr.DataTree, metadata: ObservationMetadata, scheme: BinningScheme
) -> dict[str, CalibratedBand]:
    """Calibrate every band that holds lines, the one with H-alpha first."""
    outer_arcsec = scheme.annuli(metadata.effective_radius_arcsec)[-1].outer_arcsec
    calibrated = {
        name: calibrate(
            around_lines(observation[name].to_dataset(), metadata.redshift),
            redshift=metadata.redshift,
            source_radius_arcsec=outer_arcsec,
        )
        for name in band_names(observation)
    }
    chosen = bands_with_lines(calibrated, metadata.redshift)
    _require_one_unit(chosen)
    return chosen


def _require_one_unit(bands: Mapping[str, CalibratedBand]) -> None:
    """Refuse bands whose lines could not stand in one table."""
    units = {name: line_flux_unit(band.units) for name, band in bands.items()}
    first = next(iter(units.values()))
    if not all(unit.is_equivalent(first) for unit in units.values()):
        found = ", ".join(f"{name} in {unit}" for name, unit in units.items())
        raise MetadataError(
            f"bands have line fluxes in different units ({found}); expected one: measure them "
            "apart, or correct BUNIT in the headers"
        )


def _maps_about_centre(
    observation: xr.DataTree, bands: Mapping[str, CalibratedBand], metadata: ObservationMetadata
) -> tuple[KinematicMaps, xr.DataArray, xr.DataArray]:
    """Return line maps, and spaxel coordinates that count from the galaxy's centre."""
    dataset = observation[next(iter(bands))].to_dataset()
    x, y = dataset["x"], dataset["y"]
    seeing = metadata.seeing_fwhm_arcsec
    maps = kinematic_maps(
        _halpha_band(bands),
        metadata.redshift,
        kernel_arcsec=seeing if np.isfinite(seeing) else TYPICAL_SEEING_ARCSEC,
        spaxel_arcsec=spaxel_size_arcsec(x),
    )
    if metadata.target_position == "unknown":
        centre_x, centre_y = maps.centroid(x.to_numpy(), y.to_numpy())
        logger.info("centre from the H-alpha centroid: (%.2f, %.2f) arcsec", centre_x, centre_y)
        x, y = x - centre_x, y - centre_y
    return maps, x, y


def _weights(
    apertures: Sequence[Aperture],
    metadata: ObservationMetadata,
    axes: tuple[xr.DataArray, xr.DataArray],
    valid: NDArray[np.bool_],
) -> tuple[Array, tuple[float, ...]]:
    """Return the weights of every aperture on spaxels with data, and its coverage."""
    spaxel_arcsec = spaxel_size_arcsec(axes[0])
    weights = [aperture_weights(aperture, metadata, *axes) for aperture in apertures]
    coverage = tuple(
        aperture_coverage(aperture, metadata, weight, valid, spaxel_arcsec)
        for aperture, weight in zip(apertures, weights, strict=True)
    )
    return np.stack(weights) * valid, coverage


def _about_systemic(
    metadata: ObservationMetadata, maps: KinematicMaps, velocity_kms: float
) -> tuple[ObservationMetadata, KinematicMaps]:
    """Move redshift and velocities to the galaxy's own frame, if its lines were detected."""
    if not np.isfinite(velocity_kms):
        return metadata, maps
    factor = 1.0 + velocity_kms / SPEED_OF_LIGHT_KMS
    return (
        replace(metadata, redshift=(1.0 + metadata.redshift) * factor - 1.0),
        replace(maps, velocity_kms=(maps.velocity_kms - velocity_kms) / factor),
    )


def _gradients(
    abundances: QTable,
    annuli: Sequence[Aperture],
    smearing: DiskSmearing,
    draws: AbundanceDraws,
    random: np.random.Generator,
) -> QTable:
    radius_arcsec = np.array([annulus.middle_arcsec for annulus in annuli])
    radius_kpc = radius_arcsec * kpc_per_arcsec(smearing.metadata.redshift)
    of_annuli = abundances[abundances["aperture"] != "integrated"]
    return gradient_table(of_annuli, radius_kpc, smearing, draws, random)
