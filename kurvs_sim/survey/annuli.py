"""Abundances of the annuli of KURVS galaxies, as the survey's public figure shows them."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

Limit = Literal["", "lower", "upper"]


@dataclass(frozen=True)
class AnnularAbundance:
    """One annulus of one galaxy in Fig. 6 of Li et al. (2025).

    Parameters
    ----------
    kurvs_id : int
        1 to 44, without 37.
    diagnostic : str
        ``n2``, on the scale of Marino et al. (2013), ``n2o2`` or ``r23``.
    annulus : str
        ``A``, ``B`` or ``C``: 0 to 0.5, 0.5 to 1.0 and 1.0 to 1.5 arcsec.
    radius_kpc : float
        Radius at which the annulus is drawn.
    abundance : float
        12 + log(O/H), or its limit.
    abundance_err : float
        Error bar, which holds the errors of the calibration's coefficients; NaN for a limit.
    limit : {"", "lower", "upper"}
        Whether the abundance is a limit, from a line below 4 sigma.
    """

    kurvs_id: int
    diagnostic: str
    annulus: str
    radius_kpc: float
    abundance: float
    abundance_err: float
    limit: Limit


@cache
def annular_abundances() -> tuple[AnnularAbundance, ...]:
    """Return the abundances and limits of all annuli, ordered by galaxy, diagnostic and radius.

    Source: the vector graphics of Fig. 6 of Li et al. (2025, MNRAS 544, 4025) in the survey's
    public repository, ``figure/met_grads_radbin0.5.pdf``.
    """
    file = resources.files("kurvs_sim").joinpath("data", "kurvs_annuli.csv")
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    return tuple(_entry(row) for row in csv.DictReader(lines))


def _entry(row: dict[str, str]) -> AnnularAbundance:
    limit: Limit = "lower" if row["limit"] == "lower" else "upper" if row["limit"] else ""
    return AnnularAbundance(
        kurvs_id=int(row["kurvs_id"]),
        diagnostic=row["diagnostic"],
        annulus=row["annulus"],
        radius_kpc=float(row["radius_kpc"]),
        abundance=float(row["abundance"]),
        abundance_err=float(row["abundance_err"] or "nan"),
        limit=limit,
    )
