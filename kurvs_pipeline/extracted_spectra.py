"""Line fluxes of extracted 1-D spectra, with noise from the spectra where none is given.

Each band is fitted alone; a band whose lines are faint takes velocity and width from the
galaxy's brightest one. Flux densities count per um of the axis given: no (1 + z) is applied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from kurvs_pipeline.errors import ConfigurationError, CoverageError
from kurvs_pipeline.fitted_spectrum import (
    ASSUMED_REDSHIFT,
    FittedSpectrum,
    Kinematics,
    SpectrumFitter,
)
from kurvs_pipeline.line_fits import describe_flag
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.spectra_tables import (
    ExtractedSpectrum,
    read_redshifts,
    read_spectra_table,
    redshift_of,
)

__all__ = [
    "ExtractedSpectrum", "FittedSpectrum", "SpectraFits", "fit_spectra", "read_redshifts",
    "read_spectra_table",
]  # fmt: skip

MINIMUM_SNR_OF_KINEMATICS = 5.0
"""Fainter lines do not fix their own velocity and width: errors would come out too small."""


@dataclass(frozen=True)
class SpectraFits:
    """All spectra of a table with their fits.

    Parameters
    ----------
    spectra : tuple of FittedSpectrum
        In the order of the table; those that cover no line are left out.
    assumptions : tuple of str
        What was taken for granted, for the record of the run.
    """

    spectra: tuple[FittedSpectrum, ...]
    assumptions: tuple[str, ...]

    @cached_property
    def table(self) -> QTable:
        """One row a line: identity, line, flux, flux_err, snr, velocity, width, flag."""
        rows = [row for fitted in self.spectra for row in _rows(fitted)]
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
    """Fit the emission lines of extracted spectra.

    Parameters
    ----------
    spectra : sequence of ExtractedSpectrum
        From :func:`read_spectra_table`.
    medium : str
        ``air`` or ``vacuum``: what the wavelengths are in.
    redshifts : mapping, optional
        From identity to redshift, as :func:`read_redshifts` returns it; a ``redshift``
        column of the table comes first.

    Returns
    -------
    SpectraFits

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
    fitters = _fitters(spectra, medium, redshifts)
    free = [fitter.fit() for fitter in fitters]
    kinematics = _kinematics_of_galaxies(free)
    fitted = tuple(
        fit
        if fit.best_snr >= MINIMUM_SNR_OF_KINEMATICS
        else fitter.fit(kinematics[fit.spectrum.identity])
        for fitter, fit in zip(fitters, free, strict=True)
    )
    return SpectraFits(fitted, _assumptions(spectra, medium, redshifts))


def _fitters(
    spectra: Sequence[ExtractedSpectrum], medium: str, redshifts: Mapping[Any, float] | None
) -> list[SpectrumFitter]:
    """Put the lines on each spectrum's axis, leaving out those without any."""
    fitters = []
    for spectrum in spectra:
        try:
            fitters.append(SpectrumFitter.of(spectrum, medium, redshifts))
        except CoverageError:
            continue
    if not fitters:
        raise CoverageError(
            f"none of the {len(spectra)} spectra covers an emission line; expected one of "
            f"{', '.join(REST_WAVELENGTH_UM)} on the axis (is it in the frame that it says?)"
        )
    return fitters


def _kinematics_of_galaxies(free: Sequence[FittedSpectrum]) -> dict[Any, Kinematics]:
    """Take each galaxy's velocity and width from its brightest band."""
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
    """State what the fits took for granted."""
    stated = [f"wavelengths are in {medium}", "flux density is per um of the axis given"]
    unknown = [s for s in spectra if s.rest_frame and np.isnan(redshift_of(s, redshifts))]
    if unknown:
        stated.append(
            f"redshift {ASSUMED_REDSHIFT} for the line-spread function of {len(unknown)} spectra"
        )
    if any(spectrum.flux_density_err is None for spectrum in spectra):
        stated.append("noise estimated from the spectra, where they come without errors")
    return tuple(stated)


def _rows(fitted: FittedSpectrum) -> list[dict[str, Any]]:
    """Return the rows of one spectrum in the table of fluxes."""
    fits, lines = fitted.fits, fitted.fits.to_lines()
    return [
        {
            **dict(fitted.spectrum.identity),
            "line": name,
            "flux": flux,
            "flux_err": flux_err,
            "snr": snr,
            "velocity_kms": fits.velocity_kms[0],
            "sigma_kms": fits.sigma_kms[0],
            "kinematics": str(fits.kinematics[0]),
            "flag": describe_flag(int(fits.flag[0])),
        }
        for name, flux, flux_err, snr in zip(
            lines.names, lines.flux[0], lines.flux_err[0], lines.snr[0], strict=True
        )
    ]
