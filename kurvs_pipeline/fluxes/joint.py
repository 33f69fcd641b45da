"""Lines of all bands together, with their covariance, from which abundances are derived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from astropy import units as u

from kurvs_pipeline.arrays import Array, BoolArray, IntArray, StrArray
from kurvs_pipeline.binning import INTEGRATED, annuli_among
from kurvs_pipeline.fitting.outcome import FitFlag, LineFluxes, describe_flag, join_flags
from kurvs_pipeline.fluxes.band_fit import BandFit
from kurvs_pipeline.lines import DETECTION_SNR, OII_PAIR, REST_WAVELENGTH_UM, SII_PAIR
from kurvs_pipeline.observation import line_flux_unit
from kurvs_pipeline.representation import short_repr

PAIRS = (OII_PAIR, SII_PAIR)
"""Lines that diagnostics only use together: a pair is detected by its sum."""

N_DRAWS = 2000
"""Errors are then known to 3 per cent, and a probability of one half to 0.01."""

POOR_FIT = describe_flag(FitFlag.POOR_FIT)

LEAST_EIGENVALUE = 0.05
"""Correlations of annuli are estimates: annuli that share all their noise cannot be told apart."""


@dataclass(frozen=True, eq=False)
class JointFluxes:
    """Fluxes of the lines of every aperture.

    Parameters
    ----------
    apertures : tuple of str
        Names of the apertures.
    names : tuple of str
        Names of the lines; a line in two bands is taken from the one with the smaller error.
    flux : array, shape (n_apertures, n_lines)
        Line fluxes; NaN where a line was not measured.
    covariance : array, shape (n_apertures, n_lines, n_lines)
        Covariance of the lines; 0 between bands.
    shared_noise : array, shape (n_lines, n_annuli, n_annuli), optional
        Correlation of the noise of the annuli in the band of each line; independent by default.
    flags : str array, shape (n_apertures, n_lines), optional
        Flags of single lines (:func:`~kurvs_pipeline.fitting.coverage.line_flags`), and
        ``poor_fit`` of the fit that they come from.
    """

    __repr__ = short_repr

    apertures: tuple[str, ...]
    names: tuple[str, ...]
    flux: Array
    covariance: Array
    shared_noise: Array | None = None
    flags: StrArray | None = None

    @classmethod
    def of(cls, apertures: Sequence[str], fits: Mapping[str, BandFit]) -> "JointFluxes":
        """Join the lines of several bands.

        Parameters
        ----------
        apertures : sequence of str
            Names, in the order of the fits, the integrated one among them.
        fits : mapping of str to BandFit
            Fits by band, the one with H-alpha first. Bands that are not calibrated, or whose unit
            is not that of H-alpha's, are left out: lines could not be compared.
        """
        first = next(iter(fits.values()))
        kept = [fit for fit in fits.values() if fit is first or _comparable(fit, first)]
        lines = [fit.fits.to_lines() for fit in kept]
        chosen = _places(lines, list(apertures).index(INTEGRATED))
        flux = np.stack([lines[b].flux[:, i] for b, i in chosen.values()], axis=1)
        covariance = np.zeros((len(flux), len(chosen), len(chosen)))
        bands, indices = np.array(list(chosen.values())).T
        for band, known in enumerate(lines):
            here = np.flatnonzero(bands == band)
            inside = known.covariance[:, indices[here][:, None], indices[here]]
            covariance[:, here[:, None], here] = inside
        doubts = [_doubts(fit) for fit in kept]
        flags = np.stack([doubts[b][:, i] for b, i in chosen.values()], axis=1)
        shared = _shared_noise(kept, bands)
        return cls(tuple(apertures), tuple(chosen), flux, covariance, shared, flags)

    def of_lines(self, names: Sequence[str]) -> "JointFluxes":
        """Return the fluxes of some lines.

        Parameters
        ----------
        names : sequence of str
            Names of lines to keep, in any order; those that were not measured are left out.
        """
        at = np.array([i for i, name in enumerate(self.names) if name in names], dtype=np.intp)
        return replace(
            self,
            names=tuple(self.names[i] for i in at),
            flux=self.flux[:, at],
            covariance=self.covariance[:, at[:, None], at],
            shared_noise=None if self.shared_noise is None else self.shared_noise[at],
            flags=None if self.flags is None else self.flags[:, at],
        )

    @cached_property
    def annuli(self) -> "JointFluxes":
        """Fluxes of the annuli alone."""
        at = annuli_among(self.apertures)
        return replace(
            self,
            apertures=tuple(self.apertures[i] for i in at),
            flux=self.flux[at],
            covariance=self.covariance[at],
            flags=None if self.flags is None else self.flags[at],
        )

    @property
    def covariance_of_annuli(self) -> Array:
        """Covariance of all lines in all annuli, shape (n_lines, n_annuli, n_lines, n_annuli).

        The noise of two annuli is correlated as in the band of each line. The covariance is 0 where
        nothing was measured.
        """
        within = np.nan_to_num(self.annuli.covariance)
        annulus = np.arange(len(within))
        if self.shared_noise is None:
            joint = np.zeros((within.shape[1], annulus.size) * 2)
        else:
            # The noise of two annuli has this correlation once lines are made independent.
            root = _symmetric_root(within)
            shared = _positive_definite(self.shared_noise)
            joint = np.einsum("alk,kab,bmk->lamb", root, shared, root, optimize=True)
        # Indices apart from one another come first: (annulus, line, line).
        joint[:, annulus, :, annulus] = within
        return joint

    def flags_of(self, *lines: str) -> StrArray:
        """Return the flags of several lines, joined by ``+``, shape (n_apertures,).

        Parameters
        ----------
        *lines : str
            Names of lines; those that were not measured have no flags.
        """
        if self.flags is None:
            return np.full(len(self.flux), "")
        at = [self.names.index(name) for name in lines if name in self.names]
        known = [{flag for text in row for flag in text.split("+")} for row in self.flags[:, at]]
        return np.array(["+".join(sorted(flags - {""})) for flags in known], dtype=np.str_)

    def of_line(self, name: str) -> Array:
        """Return the flux of a line, NaN if no band holds it, shape (n_apertures,).

        Parameters
        ----------
        name : str
            Name of the line.
        """
        if name not in self.names:
            return np.full(len(self.flux), np.nan)
        return self.flux[:, self.names.index(name)]

    @cached_property
    def flux_err(self) -> Array:
        """Standard errors, shape (n_apertures, n_lines)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    def error_of(self, *lines: str) -> Array:
        """Return the standard error of the sum of lines, shape (n_apertures,).

        Parameters
        ----------
        *lines : str
            Names of the lines to add up.
        """
        if not set(lines) <= set(self.names):
            return np.full(len(self.flux), np.nan)
        at = [self.names.index(name) for name in lines]
        return np.asarray(np.sqrt(self.covariance[:, at][:, :, at].sum(axis=(1, 2))))

    def detected(self, *lines: str) -> BoolArray:
        """Return whether the sum of lines is detected at 4 sigma, shape (n_apertures,).

        Parameters
        ----------
        *lines : str
            Names of the lines to add up.
        """
        total = np.sum([self.of_line(name) for name in lines], axis=0)
        with np.errstate(invalid="ignore"):
            return np.asarray(total > DETECTION_SNR * self.error_of(*lines))

    def draws(self, random: np.random.Generator, number: int) -> dict[str, Array]:
        """Return draws of the fluxes from their covariance, by line, each (number, n_apertures).

        They are NaN where a line was not measured.

        Parameters
        ----------
        random : Generator
            Random generator for the noise.
        number : int
            Number of draws.
        """
        # Eigenvectors alone would do, but rounding decides their signs, which differ by machine.
        root = _symmetric_root(np.nan_to_num(self.covariance))
        white = random.standard_normal((number, *self.flux.shape))
        drawn = self.flux + np.einsum("aij,naj->nai", root, white)
        return {name: drawn[:, :, index] for index, name in enumerate(self.names)}


def _doubts(fit: BandFit) -> StrArray:
    """Return the flags of single lines and ``poor_fit``; other flags of fits are remarks."""
    poor = (fit.fits.quality_flag & FitFlag.POOR_FIT) != 0
    return join_flags(np.where(poor, POOR_FIT, "")[:, None], fit.line_flags)


def _shared_noise(fits: Sequence[BandFit], bands: IntArray) -> Array | None:
    """Return the correlation of annuli by line; None if a band has none."""
    known = [fit.shared_noise for fit in fits if fit.shared_noise is not None]
    return np.stack(known)[bands] if len(known) == len(fits) else None


def _positive_definite(correlation: Array) -> Array:
    """Return nearby correlations, with eigenvalues raised to at least ``LEAST_EIGENVALUE``."""
    power, vectors = np.linalg.eigh(correlation)
    raised = (vectors * np.maximum(power, LEAST_EIGENVALUE)[:, None]) @ vectors.swapaxes(1, 2)
    scale = np.sqrt(np.diagonal(raised, axis1=1, axis2=2))
    return np.asarray(raised / scale[:, :, None] / scale[:, None])


def _symmetric_root(covariance: Array) -> Array:
    """Return the symmetric square roots of matrices, which do not mix bands."""
    power, vectors = np.linalg.eigh(covariance)
    scaled = vectors * np.sqrt(np.maximum(power, 0.0))[:, None, :]
    return np.asarray(scaled @ vectors.swapaxes(1, 2))


def _comparable(fit: BandFit, first: BandFit) -> bool:
    calibrated = u.Unit("erg / (s cm2)")
    unit = line_flux_unit(fit.units)
    return bool(unit == line_flux_unit(first.units) and unit.is_equivalent(calibrated))


def _places(lines: Sequence[LineFluxes], whole: int) -> dict[str, tuple[int, int]]:
    """Return band and index of every line, from the band with the least error for the galaxy."""
    chosen: dict[str, tuple[int, int]] = {}
    for band, known in enumerate(lines):
        errors = np.nan_to_num(known.flux_err[whole], nan=np.inf)
        for index, name in enumerate(known.names):
            if name not in REST_WAVELENGTH_UM:
                continue
            before = chosen.get(name)
            if before is None or errors[index] < _error(lines[before[0]], whole, before[1]):
                chosen[name] = (band, index)
    return chosen


def _error(lines: LineFluxes, aperture: int, index: int) -> float:
    """Return the error of a line in an aperture; infinite where it has none."""
    error = float(lines.flux_err[aperture, index])
    return error if np.isfinite(error) else np.inf
