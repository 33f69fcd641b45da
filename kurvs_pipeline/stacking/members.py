"""Galaxies to be stacked: their spectra and masses, and why some cannot be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable

from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.extracted.catalogue import Catalogue
from kurvs_pipeline.gas.classes import PLAUSIBLE_LOG_MASS
from kurvs_pipeline.io.tables import ExtractedSpectrum
from kurvs_pipeline.lines import DETECTION_SNR, REST_WAVELENGTH_UM
from kurvs_pipeline.stacking.rest_spectra import APERTURE_COLUMNS, RestSpectrum, names_of

MASS_COLUMN = "log_stellar_mass"


def read_stellar_masses(path: str | Path, spectra: Sequence[ExtractedSpectrum]) -> dict[str, float]:
    """Read the stellar mass of each galaxy, by its name.

    Names are those of :func:`kurvs_pipeline.stacking.rest_spectra.names_of`; galaxies without a
    mass are left out.

    Parameters
    ----------
    path : str or Path
        CSV or ECSV with ``log_stellar_mass``, log of solar masses, and at least one of the
        columns that name the galaxies.
    spectra : sequence of ExtractedSpectrum
        Spectra whose galaxies are looked up.

    Raises
    ------
    CubeFormatError
        If the file is no such table, holds masses that are no logarithms, or gives two for
        one galaxy.
    """
    catalogue = Catalogue.read(path, spectra, MASS_COLUMN, apart_from=APERTURE_COLUMNS)
    masses = catalogue.values[np.isfinite(catalogue.values)]
    low, high = PLAUSIBLE_LOG_MASS
    odd = masses[(masses < low) | (masses > high)]
    if odd.size:
        raise CubeFormatError(
            f"{path}: column '{MASS_COLUMN}' holds {odd[0]:g}; expected the logarithm of solar "
            "masses, about 8 to 12"
        )
    found = catalogue.look_up(spectra, "stellar masses")
    return {names_of(identity)[0]: mass for identity, mass in found.items()}


@dataclass(frozen=True)
class Member:
    """One galaxy to be stacked.

    ``bands`` are those with data, ``empty_bands`` those without. The mass is log10 of solar masses,
    NaN where unknown; ``problem`` is why it cannot be used, empty where it can.
    """

    galaxy: str
    aperture: str
    bands: Mapping[str, RestSpectrum]
    log_stellar_mass: float
    empty_bands: tuple[str, ...] = ()
    problem: str = ""

    @cached_property
    def halpha(self) -> tuple[float, float]:
        """Flux and S/N of H-alpha, NaN where no band holds it."""
        known = [s for s in self.bands.values() if np.isfinite(s.halpha_flux)]
        if not known:
            return float("nan"), float("nan")
        best = max(known, key=lambda s: s.halpha_flux / s.halpha_flux_err)
        return best.halpha_flux, best.halpha_flux / best.halpha_flux_err

    @property
    def used(self) -> bool:
        """Whether it goes into the stack."""
        return not self.problem

    @property
    def flag(self) -> str:
        """What is left out of the galaxy, and why."""
        empty = [f"no data in {band}" for band in self.empty_bands]
        return ", ".join(filter(None, [*empty, self.problem]))


def members_of(
    spectra: Sequence[RestSpectrum],
    log_stellar_mass: Mapping[str, float],
    *,
    normalise: bool,
    by_mass: bool,
) -> list[Member]:
    """Return galaxies with their spectra in one unit, and why some cannot be used.

    They are in order of appearance, from one spectrum per galaxy and band. ``normalise`` needs
    H-alpha, and otherwise every band that any galaxy has is needed; ``by_mass`` needs the stellar
    mass, log10 of solar masses by galaxy. MetadataError if there are no spectra, a galaxy comes
    twice in a band, or units cannot be converted.
    """
    if not spectra:
        raise MetadataError("there are no spectra to stack; expected at least one")
    by_galaxy: dict[str, dict[str, RestSpectrum]] = {}
    for spectrum in spectra:
        bands = by_galaxy.setdefault(spectrum.galaxy, {})
        if spectrum.band in bands:
            raise _twice(bands[spectrum.band], spectrum)
        bands[spectrum.band] = _in_unit(spectrum, spectra[0].unit)
    members = [
        Member(
            galaxy=galaxy,
            aperture=next(iter(bands.values())).aperture,
            bands={band: s for band, s in bands.items() if s.valid.any()},
            log_stellar_mass=float(log_stellar_mass.get(galaxy, np.nan)),
            empty_bands=tuple(band for band, s in bands.items() if not s.valid.any()),
        )
        for galaxy, bands in by_galaxy.items()
    ]
    every = {band for member in members for band in member.bands}
    needed = set() if normalise else every
    return [
        replace(m, problem=_problem(m, needed, normalise=normalise, by_mass=by_mass))
        for m in members
    ]


def member_table(members: Sequence[Member], weight: Mapping[str, float], unit: str) -> QTable:
    """Return the table ``galaxy, aperture, used, weight, log_stellar_mass, halpha_flux, ...``.

    Weights are by galaxy, 0 for others; the unit is that of the flux densities.
    """
    return QTable({
        "galaxy": [member.galaxy for member in members],
        "aperture": [member.aperture for member in members],
        "used": [member.used for member in members],
        "weight": [weight.get(member.galaxy, 0.0) for member in members],
        "log_stellar_mass": [member.log_stellar_mass for member in members],
        "halpha_flux": [member.halpha[0] for member in members] * (u.Unit(unit) * u.um),
        "halpha_snr": [member.halpha[1] for member in members],
        "flag": [member.flag for member in members],
    })  # fmt: skip


def _twice(first: RestSpectrum, second: RestSpectrum) -> MetadataError:
    return MetadataError(
        f"galaxy {first.galaxy} comes twice in {first.band} (apertures {first.aperture} and "
        f"{second.aperture}); expected one spectrum a galaxy and band: stack apertures apart, "
        "or give galaxies different names"
    )


def _in_unit(spectrum: RestSpectrum, unit: str) -> RestSpectrum:
    if spectrum.unit == unit:
        return spectrum
    try:
        factor = float(u.Unit(spectrum.unit).to(unit))
    except u.UnitConversionError:
        raise MetadataError(
            f"{spectrum.label} is in {spectrum.unit}, others in {unit}; expected units that can "
            "be converted: stack them apart"
        ) from None
    return replace(
        spectrum,
        flux_density=spectrum.flux_density * factor,
        variance=spectrum.variance * factor**2,
        halpha_flux=spectrum.halpha_flux * factor,
        halpha_flux_err=spectrum.halpha_flux_err * factor,
        unit=unit,
    )


def _problem(member: Member, needed: set[str], *, normalise: bool, by_mass: bool) -> str:
    if not member.bands:
        return "no data"
    reasons = [f"no {band}" for band in sorted(needed - set(member.bands))]
    if normalise and not member.halpha[1] > DETECTION_SNR:
        reasons.append(_halpha_problem(member))
    if by_mass and not np.isfinite(member.log_stellar_mass):
        reasons.append("no stellar mass")
    return ", ".join(reasons)


def _halpha_problem(member: Member) -> str:
    """Return why H-alpha cannot scale the spectra of a galaxy."""
    if np.isfinite(member.halpha[1]):
        return f"H-alpha not above {DETECTION_SNR:g} sigma"
    line = REST_WAVELENGTH_UM["halpha"]
    if any(s.edges_um[0] < line < s.edges_um[-1] for s in member.bands.values()):
        return "H-alpha could not be fitted"
    return f"no spectrum of H-alpha, only {', '.join(sorted(member.bands))}"
