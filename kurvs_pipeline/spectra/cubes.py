"""Calibrated cubes of a galaxy: every band that holds its lines."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import xarray as xr

from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import CoverageError, MetadataError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.observation import (
    ObservationMetadata,
    band_names,
    in_standard_form,
    line_flux_unit,
    metadata_of,
)
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.spectra.calibration import (
    CalibratedBand,
    around_lines,
    calibrate,
    usable_flux,
)

logger = logging.getLogger(__name__)

LARGEST_NOISE_RATIO = 300.0
"""Largest plausible ratio of the noise of two bands of a galaxy: with the survey's exposures IZ is
up to 60 times as noisy as H, and a missing power of ten is seldom less than 1e4."""


@dataclass(frozen=True, eq=False)
class CalibratedCubes:
    """Cubes of one galaxy, ready for line fits.

    Parameters
    ----------
    metadata : ObservationMetadata
        Metadata of the Observation.
    bands : mapping of str to CalibratedBand
        Bands that hold lines, the one with H-alpha first.
    x_arcsec, y_arcsec : DataArray
        Spaxel centres of the band with H-alpha, to the West and to the North.
    assumptions : tuple of str
        Assumptions of the readers where files left something open; empty bands, and units that
        cannot be right.
    """

    __repr__ = short_repr

    metadata: ObservationMetadata
    bands: Mapping[str, CalibratedBand]
    x_arcsec: xr.DataArray
    y_arcsec: xr.DataArray
    assumptions: tuple[str, ...] = ()

    @classmethod
    def of(cls, observation: xr.DataTree, scheme: BinningScheme) -> "CalibratedCubes":
        """Calibrate every band of an Observation.

        Parameters
        ----------
        observation : DataTree
            Mock or real data; ``/truth`` is never read.
        scheme : BinningScheme
            Division into annuli; spaxels outside the last one show the background.

        Raises
        ------
        MetadataError
            If the redshift is unknown, or bands have different flux units.
        CoverageError
            If H-alpha lies outside the data.
        """
        observation = in_standard_form(observation)
        metadata = _require_redshift(metadata_of(observation))
        calibrated = _calibrated(observation, metadata, scheme)
        bands = _bands_with_lines(calibrated, observation, metadata.redshift)
        _require_one_unit(bands)
        first = observation[next(iter(bands))].to_dataset()
        assumptions = str(observation.attrs.get("assumptions", "")).splitlines()
        notes = (
            *assumptions, *_empty_bands(calibrated), *_outliers(bands), *_doubtful_units(bands),
        )  # fmt: skip
        return cls(metadata, bands, first["x"], first["y"], notes)

    @property
    def halpha(self) -> CalibratedBand:
        """Band with H-alpha."""
        return next(iter(self.bands.values()))


def _bands_with_lines(
    bands: Mapping[str, CalibratedBand], observation: xr.DataTree, redshift: float
) -> dict[str, CalibratedBand]:
    """Return the bands that hold lines, H-alpha first: kinematics and abundances need it."""
    if not any(band.valid.any() for band in bands.values()):
        raise CoverageError(
            f"no voxel of {', '.join(bands)} can be used: each is missing, zero, masked or "
            "saturated, or its noise is; look at the cube and at its noise extension"
        )
    halpha = REST_WAVELENGTH_UM["halpha"] * (1.0 + redshift)
    first = [name for name, band in bands.items() if _covers(band, halpha)]
    if not first:
        # Bands are by now cut to what surrounds their lines: not what the file covers.
        ranges = ", ".join(f"{name} {_range(observation[name].to_dataset())}" for name in bands)
        raise CoverageError(
            f"H-alpha at redshift {redshift:g} falls at {halpha:.4f} um, outside the data "
            f"({ranges}): check --redshift and --wavelength-start, or give the cube with H-alpha "
            "too, which velocities and the galaxy's place come from"
        )
    others = [
        name
        for name, band in bands.items()
        if name not in first
        and any(_covers(band, rest * (1.0 + redshift)) for rest in REST_WAVELENGTH_UM.values())
    ]
    return {name: bands[name] for name in (*first[:1], *others)}


def _range(band: xr.Dataset) -> str:
    """Write the wavelengths between which a whole band has data."""
    wavelength = band["wavelength"].to_numpy()[usable_flux(band)[1].any(axis=(1, 2))]
    if not wavelength.size:
        return "without any usable voxel"
    return f"{wavelength[0]:.4f}-{wavelength[-1]:.4f} um"


def _covers(band: CalibratedBand, wavelength_um: float) -> bool:
    observed = band.valid.any(axis=(1, 2))
    if not observed.any():
        return False
    usable = band.wavelength_um[observed]
    return bool(usable[0] < wavelength_um < usable[-1])


def _require_redshift(metadata: ObservationMetadata) -> ObservationMetadata:
    if not np.isfinite(metadata.redshift):
        raise MetadataError("redshift is unknown: give it with --redshift")
    return metadata


def _calibrated(
    observation: xr.DataTree, metadata: ObservationMetadata, scheme: BinningScheme
) -> dict[str, CalibratedBand]:
    outer_arcsec = scheme.annuli(metadata.effective_radius_arcsec)[-1].outer_arcsec
    return {
        name: calibrate(
            around_lines(observation[name].to_dataset(), metadata.redshift),
            redshift=metadata.redshift,
            source_radius_arcsec=outer_arcsec,
        )
        for name in band_names(observation)
    }


def _empty_bands(bands: Mapping[str, CalibratedBand]) -> tuple[str, ...]:
    """Report the bands without a usable voxel, which are left out."""
    notes = tuple(
        f"{name} has no voxel that can be used (each is missing, masked or without noise) and is "
        "left out: its lines are not measured; look at the cube and at its noise extension"
        for name, band in bands.items() if not band.valid.any()
    )  # fmt: skip
    for note in notes:
        logger.warning("%s", note)
    return notes


def _outliers(bands: Mapping[str, CalibratedBand]) -> tuple[str, ...]:
    """Report how many single voxels were left out."""
    return tuple(
        f"{name}: {band.n_outliers} single voxels are far from all that surround them and are left "
        "out, as hot pixels are"
        for name, band in bands.items() if band.n_outliers
    )  # fmt: skip


def _require_one_unit(bands: Mapping[str, CalibratedBand]) -> None:
    """Refuse bands whose line fluxes have different units."""
    units = {name: line_flux_unit(band.units) for name, band in bands.items()}
    first = next(iter(units.values()))
    if not all(unit.is_equivalent(first) for unit in units.values()):
        found = ", ".join(f"{name} in {unit}" for name, unit in units.items())
        raise MetadataError(
            f"bands have line fluxes in different units ({found}); expected one: measure them "
            "apart, or correct BUNIT in the headers"
        )


def _doubtful_units(bands: Mapping[str, CalibratedBand]) -> tuple[str, ...]:
    """Report pairs of bands whose noise is too different for the one unit that both state."""
    noise = {name: float(np.median(band.sigma[band.valid])) for name, band in bands.items()}
    notes = []
    for one, other in combinations(noise, 2):
        low, high = sorted((one, other), key=lambda name: noise[name])
        same_unit = bands[low].units == bands[high].units
        if same_unit and noise[high] > LARGEST_NOISE_RATIO * noise[low]:
            notes.append(
                f"noise of {high} is {noise[high] / noise[low]:.0e} times that of {low}, in the "
                f"same unit ({bands[low].units}): one of them is likely in another; check BUNIT of "
                "both, ratios of lines across these bands mean nothing until then"
            )
            logger.warning("%s", notes[-1])
    return tuple(notes)
