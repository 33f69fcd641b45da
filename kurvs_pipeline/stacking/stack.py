"""Stacks of galaxies' spectra, with errors from a bootstrap over the galaxies.

The same galaxies are drawn in all bands, so that ratios of lines in different bands have the
right errors. A bootstrap of n galaxies comes out too narrow, by sqrt(1 - 1/n) for equal
weights; draws are stretched about the stack to make up for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.errors import ConfigurationError, CoverageError, MetadataError
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.stacking.members import Member, member_table, members_of
from kurvs_pipeline.stacking.rest_spectra import RestSpectrum

WEIGHTS = ("uniform", "mass", "variance")
NORMALISED_UNIT = "um-1"

LARGEST_STRETCH = 2.0
"""Largest stretch of the draws, reached where one galaxy has nearly all the weight."""


@dataclass(frozen=True, eq=False)
class StackedBand:
    """The stack of one band.

    Parameters
    ----------
    wavelength_um : array, shape (n_channels,)
        Wavelengths at rest, in vacuum.
    lsf_sigma_um : float
        Standard deviation of the line-spread function, including the channels of the galaxies.
    flux_density : array, shape (n_channels,)
        Weighted mean; NaN where fewer than two galaxies (or the only one) have data.
    noise : array, shape (n_channels,)
        Standard error from the spectra's own variances.
    flux_density_err : array, shape (n_channels,)
        Standard error from the bootstrap: noise, and how galaxies differ. NaN for one galaxy.
    n_galaxies : int array, shape (n_channels,)
        Number of galaxies with data.
    n_effective : array, shape (n_channels,)
        (sum of weights)^2 / sum of their squares.
    draws : array, shape (n_bootstraps, n_channels)
        Flux density of every draw; NaN where no drawn galaxy has data.
    draws_noise : array, same shape
        Standard error of every draw from the spectra's variances.
    """

    __repr__ = short_repr

    wavelength_um: Array
    lsf_sigma_um: float
    flux_density: Array
    noise: Array
    flux_density_err: Array
    n_galaxies: IntArray
    n_effective: Array
    draws: Array
    draws_noise: Array


@dataclass(frozen=True, eq=False)
class Stack:
    """A stack of galaxies in every band.

    Parameters
    ----------
    bands : mapping of str to StackedBand
        Stacks by band, the one with H-alpha first, where there is one.
    members : QTable
        ``galaxy, aperture, used, weight, log_stellar_mass, halpha_flux, halpha_snr, flag``;
        weights are those of the first band, averaged over its channels, and add up to 1. The
        flag says why a galaxy, or a band of it, is left out.
    unit : str
        Unit of the flux density: 1/um where spectra are normalised by their H-alpha flux.
    """

    __repr__ = short_repr

    bands: Mapping[str, StackedBand]
    members: QTable
    unit: str

    @property
    def n_galaxies(self) -> int:
        """Number of galaxies in the stack."""
        return int(np.count_nonzero(self.members["used"]))

    @property
    def n_effective(self) -> float:
        """Effective number of galaxies by their weights."""
        weight = np.asarray(self.members["weight"])[np.asarray(self.members["used"])]
        return float(weight.sum() ** 2 / np.sum(weight**2))


def stack_spectra(
    spectra: Sequence[RestSpectrum],
    *,
    weights: str = "uniform",
    normalise: bool = True,
    log_stellar_mass: Mapping[str, float] | None = None,
    n_bootstraps: int = 500,
    seed: int | np.random.SeedSequence = 0,
) -> Stack:
    """Return the stack of the spectra of galaxies, one aperture of each.

    Parameters
    ----------
    spectra : sequence of RestSpectrum
        One spectrum per galaxy and band.
    weights : str
        ``uniform``; ``mass``, in proportion to stellar mass; or ``variance``, one over the
        variance of each channel.
    normalise : bool
        Whether to divide all bands of a galaxy by its H-alpha flux. Galaxies without H-alpha
        above 4 sigma are then left out. Otherwise galaxies that lack a band that others have
        are left out: lines of different bands would belong to different galaxies.
    log_stellar_mass : mapping of str to float, optional
        Log10 of solar masses by galaxy; needed by ``mass``, which leaves out galaxies without.
    n_bootstraps : int
        Number of draws of galaxies with replacement; at least 2.
    seed : int or SeedSequence
        Seed of the draws.

    Raises
    ------
    ConfigurationError
        If the weights are unknown or there are too few bootstraps.
    MetadataError
        If a galaxy comes twice, units differ, or no galaxy has what the stack needs.
    CoverageError
        If in some band no two galaxies share a wavelength.
    """
    _check_options(weights, n_bootstraps)
    members = members_of(
        spectra, log_stellar_mass or {}, normalise=normalise, by_mass=weights == "mass"
    )
    used = [member for member in members if member.used]
    if not used:
        reasons = "; ".join(sorted({member.flag for member in members}))
        raise MetadataError(
            f"none of the {len(members)} galaxies can be stacked ({reasons}); expected at least one"
        )
    random = np.random.default_rng(seed)
    counts = random.multinomial(len(used), np.full(len(used), 1.0 / len(used)), n_bootstraps)
    bands = {
        band: _stack_band(band, used, counts.astype(float), weights=weights, normalise=normalise)
        for band in _band_names(used)
    }
    _, share = next(iter(bands.values()))
    weight = {member.galaxy: float(part) for member, part in zip(used, share, strict=True)}
    return Stack(
        bands={band: stacked for band, (stacked, _) in bands.items()},
        members=member_table(members, weight, spectra[0].unit),
        unit=NORMALISED_UNIT if normalise else spectra[0].unit,
    )


def _check_options(weights: str, n_bootstraps: int) -> None:
    if weights not in WEIGHTS:
        raise ConfigurationError(f"weights are '{weights}'; expected one of {', '.join(WEIGHTS)}")
    if n_bootstraps < 2:
        raise ConfigurationError(f"n_bootstraps is {n_bootstraps}; expected at least 2")


def _band_names(used: Sequence[Member]) -> list[str]:
    names = {band: None for member in used for band in member.bands}
    with_halpha = {
        band
        for member in used
        for band, spectrum in member.bands.items()
        if np.isfinite(spectrum.halpha_flux)
    }
    return sorted(names, key=lambda band: band not in with_halpha)


def _stack_band(
    band: str, used: Sequence[Member], counts: Array, *, weights: str, normalise: bool
) -> tuple[StackedBand, Array]:
    """Return the stack of one band, and the share of each galaxy in the weight."""
    held = [(row, member) for row, member in enumerate(used) if band in member.bands]
    spectra = [member.bands[band] for _, member in held]
    edges = _common_edges(spectra)
    flux, variance, valid = (
        np.stack(arrays) for arrays in zip(*(s.rebinned(edges) for s in spectra), strict=True)
    )
    if normalise:
        halpha = np.array([member.halpha[0] for _, member in held])[:, None]
        flux, variance = flux / halpha, variance / halpha**2
    weight = _weights([member for _, member in held], variance, valid, weights)
    _check_overlap(band, [s.label for s in spectra], valid)
    rows = [row for row, _ in held]
    share = np.zeros(len(used))
    share[rows] = weight.sum(axis=1) / weight.sum()
    lsf = np.sqrt(np.mean([s.lsf_sigma_um**2 + s.step_um**2 / 12.0 for s in spectra]))
    centres = 0.5 * (edges[1:] + edges[:-1])
    return _combined(centres, float(lsf), (flux, variance, weight), counts[:, rows]), share


def _common_edges(spectra: Sequence[RestSpectrum]) -> Array:
    """Return the edges of channels as wide as the widest of any galaxy, over all of them.

    They lie at whole multiples of the width: which galaxies are in moves none of them.
    """
    step = max(spectrum.step_um for spectrum in spectra)
    first = int(np.floor(min(s.edges_um[0] for s in spectra) / step))
    last = int(np.ceil(max(s.edges_um[-1] for s in spectra) / step))
    return np.asarray(step * np.arange(first, last + 1), dtype=float)


def _weights(members: Sequence[Member], variance: Array, valid: BoolArray, weights: str) -> Array:
    """Return the weight of every galaxy in every channel, shape (n_galaxies, n_channels)."""
    if weights == "variance":
        return np.divide(1.0, variance, out=np.zeros_like(variance), where=valid)
    if weights == "uniform":
        return valid.astype(float)
    log_mass = np.array([member.log_stellar_mass for member in members])
    # Relative to the largest: powers of ten of masses need no large numbers.
    return np.asarray(valid * 10.0 ** (log_mass - log_mass.max())[:, None])


def _check_overlap(band: str, labels: Sequence[str], valid: BoolArray) -> None:
    if not valid.any():
        raise CoverageError(f"{band}: no galaxy has a usable channel; expected at least one")
    if len(labels) > 1 and valid.sum(axis=0).max() < 2:
        raise CoverageError(
            f"{band}: no two of the {len(labels)} galaxies share a wavelength at rest "
            f"({labels[0]}; {labels[1]}; ...); expected spectra of the same lines: are the "
            "redshifts right?"
        )


def _combined(
    centres: Array, lsf: float, arrays: tuple[Array, Array, Array], counts: Array
) -> StackedBand:
    """Average the galaxies once each, and as they are drawn."""
    flux, variance, weight = arrays
    n_galaxies = np.count_nonzero(weight, axis=0)
    shared = n_galaxies >= min(2, len(flux))
    every = np.ones((1, len(flux)))
    mean, noise = _average(flux, variance, weight * shared, every)
    draws, draws_noise = _average(flux, variance, weight * shared, counts)
    draws = mean + _stretch(weight * shared) * (draws - mean)
    n_drawn = np.count_nonzero(np.isfinite(draws), axis=0)
    known = (n_drawn > 1) & (len(flux) > 1)
    error = np.full(centres.size, np.nan)
    error[known] = np.nanstd(draws[:, known], axis=0, ddof=1)
    power = np.sum(weight**2, axis=0)
    return StackedBand(
        wavelength_um=centres,
        lsf_sigma_um=lsf,
        flux_density=mean[0],
        noise=noise[0],
        flux_density_err=error,
        n_galaxies=n_galaxies,
        n_effective=np.divide(weight.sum(axis=0) ** 2, power, out=0.0 * power, where=power > 0.0),
        draws=draws,
        draws_noise=draws_noise,
    )


def _average(flux: Array, variance: Array, weight: Array, counts: Array) -> tuple[Array, Array]:
    """Return weighted means and their errors, for every row of numbers of galaxies."""
    total = counts @ weight
    per_weight = np.divide(1.0, total, out=np.full_like(total, np.nan), where=total > 0.0)
    # A galaxy drawn twice brings the same noise twice.
    power = counts**2 @ (weight**2 * variance)
    return (counts @ (weight * flux)) * per_weight, np.sqrt(power) * per_weight


def _stretch(weight: Array) -> Array:
    """Return the factor by which a bootstrap of weighted means comes out too narrow, by channel.

    For galaxies of equal scatter with shares p of the weight, the variance of the draws is
    expected to be sum(p^2) - 2 sum(p^3) + sum(p^2)^2 of theirs, that of the mean is sum(p^2).
    Exact for equal weights; to first order for others, where errors of three galaxies come out
    some 10 % too wide.
    """
    total = weight.sum(axis=0)
    share = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0.0)
    second, third = np.sum(share**2, axis=0), np.sum(share**3, axis=0)
    drawn = second - 2.0 * third + second**2
    # A single galaxy draws itself: nothing to stretch.
    alone = drawn <= 1e-12
    ratio = np.divide(second, drawn, out=np.ones_like(second), where=~alone)
    return np.asarray(np.minimum(np.sqrt(ratio), LARGEST_STRETCH))
