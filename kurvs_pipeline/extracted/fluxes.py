"""Line fluxes of the extracted 1-D spectra in a table.

Each band is fitted alone; a band whose lines are faint takes velocity and width from the
galaxy's brightest one. Flux densities are per um of the given axis: no factor (1 + z) is applied.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from kurvs_pipeline.errors import ConfigurationError, CoverageError
from kurvs_pipeline.extracted.catalogue import read_redshifts
from kurvs_pipeline.extracted.spectrum import (
    ASSUMED_REDSHIFT,
    FittedSpectrum,
    Kinematics,
    SpectrumFitter,
)
from kurvs_pipeline.fitting.outcome import describe_flag, join_flags
from kurvs_pipeline.io.tables import (
    RESULT_COLUMNS,
    ExtractedSpectrum,
    read_spectra_table,
    redshift_of,
)
from kurvs_pipeline.kinematics.redshift import DOUBTFUL_REDSHIFT
from kurvs_pipeline.lines import REST_WAVELENGTH_UM

__all__ = [
    "ExtractedSpectrum", "FittedSpectrum", "SpectraFits", "fit_spectra", "read_redshifts",
    "read_spectra_table",
]  # fmt: skip

logger = logging.getLogger(__name__)

MINIMUM_SNR_OF_KINEMATICS = 5.0
"""Fainter lines do not fix their own velocity and width: errors would come out too small."""


@dataclass(frozen=True)
class SpectraFits:
    """All spectra of a table that cover a line, with their fits.

    Parameters
    ----------
    spectra : tuple of FittedSpectrum
        Fitted spectra, in the order of the table.
    assumptions : tuple of str
        Assumptions that were made, and redshifts in doubt, for the record of the run.
    doubtful : frozenset
        Identities of galaxies whose brightest line is not H-alpha by the redshift given.
    """

    spectra: tuple[FittedSpectrum, ...]
    assumptions: tuple[str, ...]
    doubtful: frozenset[Any] = frozenset()

    @cached_property
    def table(self) -> QTable:
        """One row per line: identity, line, flux, flux_err, snr, velocity, width, flag."""
        rows = [
            row
            for fitted in self.spectra
            for row in _rows(fitted, in_doubt=fitted.spectrum.identity in self.doubtful)
        ]
        table = QTable({name: [row[name] for row in rows] for name in rows[0]})
        flux_unit = u.Unit(self.spectra[0].spectrum.unit) * u.um
        units = {
            "flux": flux_unit, "flux_err": flux_unit, "snr": u.dimensionless_unscaled,
            "velocity_kms": u.km / u.s, "sigma_kms": u.km / u.s,
        }  # fmt: skip
        for name, unit in units.items():
            table[name] = u.Quantity(table[name], unit)
        table.meta["assumptions"] = list(self.assumptions)
        return table


def fit_spectra(
    spectra: Sequence[ExtractedSpectrum],
    *,
    medium: str = "air",
    redshifts: Mapping[Any, float] | None = None,
) -> SpectraFits:
    """Return fits of the emission lines of extracted spectra.

    Where a fit fails the fluxes of the spectrum are NaN with a flag, and a warning counts such
    spectra by reason.

    Parameters
    ----------
    spectra : sequence of ExtractedSpectrum
        Spectra from :func:`read_spectra_table`.
    medium : str
        Medium of the wavelengths, ``air`` or ``vacuum``.
    redshifts : mapping, optional
        Redshifts by identity, from :func:`read_redshifts`; a ``redshift`` column of the table
        takes precedence.

    Raises
    ------
    ConfigurationError
        If the medium is unknown.
    MetadataError
        If a spectrum on an observed axis has no redshift.
    CoverageError
        If no spectrum covers any line.
    """
    if medium not in {"air", "vacuum"}:
        raise ConfigurationError(f"medium is '{medium}'; expected 'air' or 'vacuum'")
    fitters, uncovered = _fitters(spectra, medium, redshifts)
    free = [fitter.fit() for fitter in fitters]
    kinematics = _kinematics_of_galaxies(free)
    fitted = tuple(
        fit
        if fit.best_snr >= MINIMUM_SNR_OF_KINEMATICS
        else fitter.fit(kinematics[fit.spectrum.identity])
        for fitter, fit in zip(fitters, free, strict=True)
    )
    problems = [(spectrum.label, "no emission line covered") for spectrum in uncovered]
    problems += [(fit.spectrum.label, fit.problem) for fit in fitted if fit.problem]
    if problems:
        logger.warning(
            "%d of %d spectra have no fit: %s", len(problems), len(spectra), _by_reason(problems)
        )
    doubts = {
        fit.spectrum.identity: f"{fit.spectrum.label}: {doubt}"
        for fitter, fit in zip(fitters, fitted, strict=True)
        if (doubt := fitter.doubt(fit))
    }
    for doubt in doubts.values():
        logger.warning("%s", doubt)
    assumptions = (*_assumptions(spectra, medium, redshifts), *doubts.values())
    return SpectraFits(fitted, assumptions, frozenset(doubts))


def _fitters(
    spectra: Sequence[ExtractedSpectrum], medium: str, redshifts: Mapping[Any, float] | None
) -> tuple[list[SpectrumFitter], list[ExtractedSpectrum]]:
    """Return a fitter for each spectrum, and the spectra that cover no line."""
    fitters, uncovered = [], []
    for spectrum in spectra:
        try:
            fitters.append(SpectrumFitter.of(spectrum, medium, redshifts))
        except CoverageError:
            uncovered.append(spectrum)
    if not fitters:
        raise CoverageError(
            f"none of the {len(spectra)} spectra covers an emission line; expected one of "
            f"{', '.join(REST_WAVELENGTH_UM)} on the axis (is it in the frame that it says?)"
        )
    return fitters, uncovered


def _by_reason(problems: Sequence[tuple[str, str]]) -> str:
    """Count problems by reason, naming the first spectrum of each."""
    labels: dict[str, list[str]] = {}
    for label, reason in problems:
        labels.setdefault(reason, []).append(label)
    return ", ".join(
        f"{reason} in {len(of)} ({of[0]}{' and others' if len(of) > 1 else ''})"
        for reason, of in labels.items()
    )


def _kinematics_of_galaxies(free: Sequence[FittedSpectrum]) -> dict[Any, Kinematics]:
    """Return each galaxy's velocity and width, from its brightest band."""
    best: dict[Any, FittedSpectrum] = {}
    for fit in free:
        identity = fit.spectrum.identity
        if identity not in best or fit.best_snr > best[identity].best_snr:
            best[identity] = fit
    return {
        identity: _kinematics(fit) if fit.best_snr >= MINIMUM_SNR_OF_KINEMATICS else Kinematics()
        for identity, fit in best.items()
    }


def _kinematics(fit: FittedSpectrum) -> Kinematics:
    velocity, sigma = float(fit.fits.velocity_kms[0]), float(fit.fits.sigma_kms[0])
    # An unresolved line has no width of its own to pass on.
    return Kinematics(velocity, sigma) if np.isfinite(sigma) else Kinematics(velocity, 0.0)


def _assumptions(
    spectra: Sequence[ExtractedSpectrum], medium: str, redshifts: Mapping[Any, float] | None
) -> tuple[str, ...]:
    stated = [f"wavelengths are in {medium}", "flux density is per um of the axis given"]
    assumed = {spectrum.unit for spectrum in spectra if not spectrum.unit_is_stated}
    stated += [f"flux density is in {unit}, as the table states no unit" for unit in assumed]
    unknown = [s for s in spectra if s.rest_frame and np.isnan(redshift_of(s, redshifts))]
    if unknown:
        stated.append(
            f"redshift {ASSUMED_REDSHIFT} for the line-spread function of {len(unknown)} spectra"
        )
    if any(spectrum.flux_density_err is None for spectrum in spectra):
        stated.append("noise estimated from the spectra, where they come without errors")
    return tuple(stated)


def _rows(fitted: FittedSpectrum, *, in_doubt: bool) -> list[dict[str, Any]]:
    """Return the rows of one spectrum in the table of fluxes."""
    fits, lines = fitted.fits, fitted.fits.to_lines()
    of_spectrum = (
        fits.velocity_kms[0], fits.sigma_kms[0], str(fits.kinematics[0]),
        str(join_flags(describe_flag(int(fits.flag[0])), DOUBTFUL_REDSHIFT if in_doubt else "")),
    )  # fmt: skip
    return [
        {
            **dict(fitted.spectrum.identity),
            **dict(zip(RESULT_COLUMNS, (*measured, *of_spectrum), strict=True)),
        }
        for measured in zip(
            lines.names, lines.flux[0], lines.flux_err[0], lines.snr[0], strict=True
        )
    ]
