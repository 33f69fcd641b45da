"""Width and wings of the seeing with their errors."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.smearing.point_spread import Seeing

ASSUMED_FWHM_ERR = 0.07
"""Relative error: seeing is quoted to a tenth of an arcsec, and changes over a night and a
field."""

ASSUMED_INVERSE_BETA, ASSUMED_INVERSE_BETA_ERR = 0.12, 0.10
"""Without a star a Gaussian and a Moffat profile with beta of 3 cannot be distinguished: both are
within twice the error. With these values errors of gradients hold in either, at 1.1 to 1.4 times
their width with the seeing known."""

STATED_INVERSE_BETA_ERR = 0.05
"""Error of stated wings, as fitted to some star: beta of 3 is then 2.6 to 3.5."""

KOLMOGOROV_BETA = 4.765
"""beta of the Moffat profile nearest to that of turbulence (Trujillo et al. 2001)."""


@takes_quantities
@dataclass(frozen=True)
class SeeingKnowledge:
    """A Moffat profile whose width and wings have errors.

    Parameters
    ----------
    fwhm_arcsec : float
        Full width at half-maximum, > 0.
    inverse_beta : float
        1 / beta of the wings; 0 is a Gaussian.
    log_fwhm_err, inverse_beta_err : float
        Standard errors of the natural logarithm of the width and of 1 / beta; 0 is exact.
    correlation : float
        Correlation of the two errors.
    shear : tuple of float
        Ellipticity, as of :class:`~kurvs_pipeline.smearing.point_spread.Seeing`, without errors.
    """

    fwhm_arcsec: float
    inverse_beta: float = 0.0
    log_fwhm_err: float = 0.0
    inverse_beta_err: float = 0.0
    correlation: float = 0.0
    shear: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not 0.0 < self.fwhm_arcsec < math.inf:
            raise MetadataError(f"seeing FWHM is {self.fwhm_arcsec} arcsec; expected a value > 0")
        if not 0.0 <= self.inverse_beta < 1.0:
            raise MetadataError(f"1 / beta of the seeing is {self.inverse_beta}; expected [0, 1)")
        if not (self.log_fwhm_err >= 0.0 and self.inverse_beta_err >= 0.0):
            raise MetadataError(
                f"errors of the seeing are {self.log_fwhm_err}, {self.inverse_beta_err}; "
                "expected values >= 0"
            )
        if not abs(self.correlation) < 1.0:
            raise MetadataError(f"correlation is {self.correlation}; expected within (-1, 1)")

    @classmethod
    def exact(cls, metadata: ObservationMetadata) -> Self:
        """Take the seeing of an observation as stated, without errors.

        Parameters
        ----------
        metadata : ObservationMetadata
            Metadata with a seeing > 0. A Kolmogorov profile is replaced by the nearest Moffat.
        """
        return cls(metadata.seeing_fwhm_arcsec, _inverse_beta(metadata))

    @classmethod
    def assumed(cls, metadata: ObservationMetadata) -> Self:
        """Take the stated width as good to 7 per cent, and the wings with errors if stated.

        Parameters
        ----------
        metadata : ObservationMetadata
            Metadata with a seeing > 0. A stated Gaussian counts as unknown wings, since it is what
            files and people say where they know no better.
        """
        if metadata.psf_kind == "gaussian":
            wings = ASSUMED_INVERSE_BETA, ASSUMED_INVERSE_BETA_ERR
        else:
            wings = _inverse_beta(metadata), STATED_INVERSE_BETA_ERR
        width = metadata.seeing_fwhm_arcsec
        return cls(width, wings[0], ASSUMED_FWHM_ERR, wings[1])

    @property
    def best(self) -> Seeing:
        """Profile with the best width and wings."""
        return self.moved(np.zeros(2))

    @property
    def directions(self) -> Array:
        """Independent changes of one standard deviation in (ln FWHM, 1 / beta), shape (n, 2).

        Directions without error are left out.
        """
        across = math.sqrt(1.0 - self.correlation**2) * self.inverse_beta_err
        both = np.array([
            [self.log_fwhm_err, self.correlation * self.inverse_beta_err], [0.0, across],
        ])  # fmt: skip
        return np.asarray(both[np.abs(both).sum(axis=1) > 0.0])

    def moved(self, direction: Array) -> Seeing:
        """Return the profile displaced from the best one.

        Parameters
        ----------
        direction : array, shape (2,)
            Change in (ln FWHM, 1 / beta); 1 / beta is held between 0, a Gaussian, and 0.8.
        """
        inverse_beta = min(max(self.inverse_beta + float(direction[1]), 0.0), 0.8)
        fwhm_arcsec = self.fwhm_arcsec * math.exp(float(direction[0]))
        return Seeing.moffat(fwhm_arcsec, inverse_beta, self.shear)


def _inverse_beta(metadata: ObservationMetadata) -> float:
    """Return 1 / beta as stated, 0 for a Gaussian."""
    beta = {"gaussian": math.inf, "kolmogorov": KOLMOGOROV_BETA}
    return 1.0 / beta.get(metadata.psf_kind, metadata.psf_moffat_beta)
