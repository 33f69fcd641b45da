"""Whether a line can be told from what is beside it: channels that were used, and doublets."""

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arrays import Array, BoolArray, StrArray
from kurvs_pipeline.fitting.outcome import LineFits
from kurvs_pipeline.fitting.responses import drawn_kinematics
from kurvs_pipeline.fitting.sums import StatisticalFluxes
from kurvs_pipeline.lines import DOUBLET_RATIO, OII_PAIR

SURROUNDINGS_SIGMAS = 4.0
"""Of the observed width, either side: the line and as much continuum beside it."""

LEAST_COVERAGE = 0.8
"""Of these channels. A line cut at 2 sigma has three quarters of them and 98 per cent of its light:
the light is there, but nothing on one side says what level it stands on."""

LINE_FLAGS = ("truncated", "doublet_ratio")
"""Of single lines, in the tables."""

DOUBLETS = (("nii_6584", "nii_6548"), ("oiii_5007", "oiii_4959"))
"""Lines whose ratio is fixed, the brighter first: they are fitted as one."""

DOUBLET_SIGMAS = 3.5
"""Noise parts two lines from their ratio by more in 1 of 2000 cases."""


def line_coverage(fits: LineFits, valid: ArrayLike) -> Array:
    """Return the fraction of the channels about every line that were used, (n_spec, n_lines).

    Channels about a line are within 4 observed widths (sigma) of it; beyond the ends of the grid
    none are used. ``valid``, shape (n_spec, n_channels), tells which were fitted. Lines are those
    of :meth:`~kurvs_pipeline.fitting.outcome.LineFits.to_lines`, ``oii`` the mean of its pair. NaN
    where the fit failed.
    """
    velocity, variance = drawn_kinematics(fits)
    edges, used = fits.model.edges_um, np.asarray(valid, dtype=bool)
    found = {}
    for name in {name for group in fits.model.groups for name, _ in group.members}:
        systemic, per_kms, lsf = fits.model.line_scale(name)
        centre = (systemic + per_kms * velocity)[:, None]
        reach = SURROUNDINGS_SIGMAS * np.sqrt(per_kms**2 * variance + lsf**2)[:, None]
        inside = np.minimum(edges[1:], centre + reach) - np.maximum(edges[:-1], centre - reach)
        found[name] = (np.maximum(inside, 0.0) * used).sum(axis=1) / (2.0 * reach[:, 0])
    if set(OII_PAIR) <= set(found):
        found["oii"] = np.mean([found[name] for name in OII_PAIR], axis=0)
    coverage = np.stack([found[name] for name in fits.to_lines().names], axis=1)
    return np.where(fits.converged[:, None], coverage, np.nan)


def line_flags(coverage: Array, sums: StatisticalFluxes) -> StrArray:
    """Return what makes single lines doubtful, shape (n_spec, n_lines).

    ``truncated``, less than 80 per cent of the channels about a line were used (``coverage``, from
    :func:`line_coverage`); ``doublet_ratio``, the sums over both lines of a doublet, each by
    itself, are not as 3 to 1 by more than 3.5 sigma; both, joined by ``+``; empty for others.
    """
    with np.errstate(invalid="ignore"):
        truncated = coverage < LEAST_COVERAGE
    parted = np.zeros_like(truncated)
    for bright, faint in DOUBLETS:
        if {bright, faint} <= set(sums.names):
            at = [sums.names.index(bright), sums.names.index(faint)]
            parted[:, at] = _parted(sums.flux[:, at], sums.flux_err[:, at])[:, None]
    cut, apart = LINE_FLAGS
    return np.select(
        [truncated & parted, truncated, parted], ["+".join(LINE_FLAGS), cut, apart], ""
    )


def _parted(flux: Array, flux_err: Array) -> BoolArray:
    """Return where two lines, shape (n_spec, 2), are not in their ratio."""
    share = np.array([1.0 / DOUBLET_RATIO, -1.0])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(flux @ share) > DOUBLET_SIGMAS * np.sqrt(flux_err**2 @ share**2))
