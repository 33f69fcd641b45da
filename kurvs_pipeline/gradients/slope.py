"""Weighted straight lines through radial profiles."""

from dataclasses import dataclass, field

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.representation import short_repr


@dataclass(frozen=True, eq=False)
class Slope:
    """A straight line through a radial profile.

    Parameters
    ----------
    gradient, gradient_err : float
        Slope and its standard error, dex/kpc; NaN with fewer than two bins.
    n_bins : int
        Number of bins that the line was fitted to.
    flag : str
        ``ok``, ``two_bins`` (a line without a degree of freedom) or ``too_few_bins``.
    coefficients : array, shape (n_radii,)
        Factors whose product with the abundances is the gradient; 0 for bins left out.
    """

    __repr__ = short_repr

    gradient: float
    gradient_err: float
    n_bins: int
    flag: str
    coefficients: Array = field(compare=False)


def weighted_slope(radius_kpc: Array, abundance: Array, abundance_err: Array) -> Slope:
    """Fit a line to the finite bins by least squares (Li et al. 2025, Section 4).

    Parameters
    ----------
    radius_kpc, abundance, abundance_err : array, shape (n_bins,)
        Radii, 12 + log(O/H) and its standard error; NaN for bins that were not detected.

    Returns
    -------
    Slope
        With two bins, the slope between them; with fewer, NaN and a flag.
    """
    finite = np.isfinite(abundance) & np.isfinite(abundance_err) & (abundance_err > 0.0)
    n_bins = int(finite.sum())
    coefficients = np.zeros(len(radius_kpc))
    if n_bins < 2:
        return Slope(float("nan"), float("nan"), n_bins, "too_few_bins", coefficients)
    used = slope_coefficients(radius_kpc[finite], abundance_err[finite])
    coefficients[finite] = used
    gradient = float(used @ abundance[finite])
    error = float(np.sqrt(used**2 @ abundance_err[finite] ** 2))
    return Slope(gradient, error, n_bins, "ok" if n_bins > 2 else "two_bins", coefficients)


def slope_coefficients(radius_kpc: Array, abundance_err: Array) -> Array:
    """Return coefficients c for which the weighted slope is c @ abundance, shape (n_bins,).

    Radii and standard errors are finite, of at least two bins.
    """
    weight = abundance_err**-2
    centred = radius_kpc - np.average(radius_kpc, weights=weight)
    return np.asarray(weight * centred / (weight @ centred**2))
