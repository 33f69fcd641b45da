"""The stellar mass of a galaxy, measured elsewhere."""

import math
from dataclasses import dataclass

from kurvs_pipeline.errors import MetadataError

PLAUSIBLE_LOG_MASS = (4.0, 14.0)
"""Of solar masses; what lies outside is no logarithm."""


@dataclass(frozen=True)
class StellarMass:
    """Stellar mass of a whole galaxy.

    Parameters
    ----------
    log_solar : float
        Logarithm of solar masses; NaN where it is not known.
    err : float
        Standard error in dex, >= 0; 0.2 in Table A1 of Li et al. (2025).

    Raises
    ------
    MetadataError
        If the mass is no logarithm, or the error is negative.
    """

    log_solar: float = math.nan
    err: float = 0.2

    def __post_init__(self) -> None:
        """Check the values."""
        low, high = PLAUSIBLE_LOG_MASS
        if not math.isnan(self.log_solar) and not low <= self.log_solar <= high:
            raise MetadataError(
                f"log stellar mass is {self.log_solar:g}; expected the logarithm of solar masses, "
                "about 8 to 12: correct --log-stellar-mass"
            )
        if not 0.0 <= self.err < math.inf:
            raise MetadataError(
                f"error of log stellar mass is {self.err:g}; expected dex >= 0: correct "
                "--log-stellar-mass-err"
            )


UNKNOWN_MASS = StellarMass()
