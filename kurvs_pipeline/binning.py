"""Division of a galaxy into annuli, in arcsec or in effective radii."""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from kurvs_pipeline.arrays import IntArray
from kurvs_pipeline.errors import ConfigurationError, MetadataError

INTEGRATED = "integrated"
"""Name of the aperture that holds the whole galaxy; all others are annuli."""

MOST_ANNULI = 26
"""Annuli are named by letters."""

_UNIFORM = re.compile(r"(\d+)x(\d+(?:\.\d+)?)(re)?")
_EDGES = re.compile(r"(\d+(?:\.\d+)?(?:-\d+(?:\.\d+)?)+)(re)?")


@dataclass(frozen=True)
class Aperture:
    """An ellipse or elliptical annulus, in arcsec along the major axis.

    Parameters
    ----------
    name : str
        ``integrated`` for the whole galaxy; ``A``, ``B``, ... for annuli, outwards.
    inner_arcsec, outer_arcsec : float
        Edges along the major axis; an inner edge of 0 makes an ellipse.
    """

    name: str
    inner_arcsec: float
    outer_arcsec: float

    @property
    def middle_arcsec(self) -> float:
        """Radius half-way between the edges, where the aperture stands in a radial profile."""
        return 0.5 * (self.inner_arcsec + self.outer_arcsec)


def annuli_among(apertures: Sequence[str]) -> IntArray:
    """Return the indices of the annuli among names of apertures, shape (n_annuli,)."""
    return np.array([i for i, name in enumerate(apertures) if name != INTEGRATED], dtype=np.intp)


@dataclass(frozen=True)
class BinningScheme:
    """Adjacent annuli, with edges in arcsec or in effective radii.

    Parameters
    ----------
    edges : tuple of float
        Edges along the major axis, increasing, >= 0. The survey's are 0-0.5-1.0-1.5 arcsec (Li et
        al. 2025, Section 4).
    in_effective_radii : bool
        Whether the edges are in effective radii, as in Gillman et al. (2022); otherwise arcsec.

    Raises
    ------
    ConfigurationError
        If the edges make no annulus, or more than 26.
    """

    edges: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5)
    in_effective_radii: bool = False

    def __post_init__(self) -> None:
        increasing = all(a < b for a, b in itertools.pairwise(self.edges))
        finite = all(0.0 <= edge < math.inf for edge in self.edges)
        if not (1 < len(self.edges) <= MOST_ANNULI + 1 and increasing and finite):
            raise ConfigurationError(
                f"edges of annuli are {self.edges}; expected 2 to {MOST_ANNULI + 1} increasing "
                "numbers >= 0"
            )

    def __str__(self) -> str:
        """Return the text that :meth:`parse` reads."""
        return "-".join(map(str, self.edges)) + ("re" if self.in_effective_radii else "")

    @classmethod
    def uniform(cls, number: int, width: float, *, in_effective_radii: bool = False) -> Self:
        """Return annuli of equal width, from the centre outwards.

        Parameters
        ----------
        number : int
            Number of annuli.
        width : float
            Width of every annulus, arcsec or effective radii.
        in_effective_radii : bool
            Whether the width is in effective radii.
        """
        edges = tuple(round(width * index, 9) for index in range(number + 1))
        return cls(edges, in_effective_radii)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a scheme such as ``3x0.5``, or one given by its edges.

        Parameters
        ----------
        text : str
            ``3x0.5`` for three annuli of 0.5 arcsec, ``0-0.4-1.0`` for edges in arcsec;
            with ``re`` at the end, as in ``3x0.5re``, in effective radii.

        Raises
        ------
        ConfigurationError
            If the text is anything else.
        """
        plain = text.strip().lower()
        uniform, edges = _UNIFORM.fullmatch(plain), _EDGES.fullmatch(plain)
        if uniform and 1 <= int(uniform[1]) <= MOST_ANNULI and float(uniform[2]) > 0.0:
            return cls.uniform(
                int(uniform[1]), float(uniform[2]), in_effective_radii=bool(uniform[3])
            )
        if edges:
            return cls(tuple(map(float, edges[1].split("-"))), bool(edges[2]))
        raise ConfigurationError(
            f"binning scheme '{text}' not understood: expected NUMBERxWIDTH_IN_ARCSEC, such as "
            f"3x0.5 (1 to {MOST_ANNULI} annuli, width > 0), or edges in arcsec, such as "
            "0-0.5-1.2; with re at the end, in effective radii"
        )

    def annuli(self, effective_radius_arcsec: float) -> tuple[Aperture, ...]:
        """Return the annuli of a galaxy, from the centre outwards.

        Parameters
        ----------
        effective_radius_arcsec : float
            Effective radius of the galaxy; NaN if unknown.

        Raises
        ------
        MetadataError
            If the effective radius is unknown and the scheme needs it.
        """
        if self.in_effective_radii and math.isnan(effective_radius_arcsec):
            raise MetadataError(
                "effective_radius_arcsec is unknown, and annuli are in effective radii: give it "
                "with --effective-radius, or annuli in arcsec with --scheme"
            )
        unit = effective_radius_arcsec if self.in_effective_radii else 1.0
        return tuple(
            Aperture(chr(ord("A") + index), inner * unit, outer * unit)
            for index, (inner, outer) in enumerate(itertools.pairwise(self.edges))
        )
