"""Line ratios that calibrations and diagnostic diagrams use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.lines import DOUBLET_RATIO, OII_PAIR, REST_WAVELENGTH_UM

Fluxes = Mapping[str, Array]

NEGLIGIBLE_DEX_PER_MAG = 0.05
"""Change of a ratio per mag of A_V: less than 0.02 for neighbouring lines, 0.08 and more for
others."""


@dataclass(frozen=True)
class LineRatio:
    """The logarithm of a line ratio.

    Parameters
    ----------
    symbol : str
        Symbol in formulas.
    definition : str
        Definition by the names of lines.
    lines : tuple of str
        Lines that are needed.
    of : callable
        Function from a mapping of line to flux to the logarithm; not finite where a flux is not
        positive.
    """

    symbol: str
    definition: str
    lines: tuple[str, ...]
    of: Callable[[Fluxes], Array]

    def from_fluxes(self, fluxes: Fluxes) -> Array:
        """Return the logarithm of the ratio; NaN where a line flux is not positive.

        Parameters
        ----------
        fluxes : mapping of str to array, any one shape
            Dust-free line fluxes, in one unit.
        """
        logarithm = self.of(fluxes)
        return np.where(np.isfinite(logarithm), logarithm, np.nan)

    @cached_property
    def needs_attenuation(self) -> bool:
        """Whether dust changes the ratio by more than 0.05 dex per mag of A_V."""
        behind = {name: transmitted_fraction(REST_WAVELENGTH_UM[name], 1.0) for name in self.lines}
        change = self.of(behind) - self.of(dict.fromkeys(self.lines, np.ones(())))
        return bool(abs(change) > NEGLIGIBLE_DEX_PER_MAG)


def _log(numerator: Array, denominator: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.log10(np.asarray(numerator) / np.asarray(denominator)))


def _oii(flux: Fluxes) -> Array:
    return np.asarray(flux["oii_3726"]) + np.asarray(flux["oii_3729"])


def _sii(flux: Fluxes) -> Array:
    return np.asarray(flux["sii_6716"]) + np.asarray(flux["sii_6731"])


def _both_oiii(flux: Fluxes) -> Array:
    # By the ratio that atomic physics fixes: the brighter line is measured better.
    return np.asarray(flux["oiii_5007"]) * (1.0 + 1.0 / DOUBLET_RATIO)


N2 = LineRatio(
    "N2", "log([N II]6584 / H-alpha)", ("nii_6584", "halpha"),
    lambda flux: _log(flux["nii_6584"], flux["halpha"]),
)  # fmt: skip
R3 = LineRatio(
    "R3", "log([O III]5007 / H-beta)", ("oiii_5007", "hbeta"),
    lambda flux: _log(flux["oiii_5007"], flux["hbeta"]),
)  # fmt: skip
R3_BOTH = LineRatio(
    "R3", "log([O III]4959,5007 / H-beta)", ("oiii_5007", "hbeta"),
    lambda flux: _log(_both_oiii(flux), flux["hbeta"]),
)  # fmt: skip

R2 = LineRatio(
    "R2", "log([O II]3727,3729 / H-beta)", (*OII_PAIR, "hbeta"),
    lambda flux: _log(_oii(flux), flux["hbeta"]),
)  # fmt: skip

R23 = LineRatio(
    "R23", "log(([O II]3727,3729 + [O III]4959,5007) / H-beta)",
    ("oiii_5007", *OII_PAIR, "hbeta"),
    lambda flux: _log(_oii(flux) + _both_oiii(flux), flux["hbeta"]),
)  # fmt: skip

O32 = LineRatio(
    "O32", "log([O III]5007 / [O II]3727,3729)", ("oiii_5007", *OII_PAIR),
    lambda flux: _log(flux["oiii_5007"], _oii(flux)),
)  # fmt: skip

O32_BOTH = LineRatio(
    "O32", "log([O III]4959,5007 / [O II]3727,3729)", ("oiii_5007", *OII_PAIR),
    lambda flux: _log(_both_oiii(flux), _oii(flux)),
)  # fmt: skip

O3N2 = LineRatio(
    "O3N2", "log(([O III]5007 / H-beta) / ([N II]6584 / H-alpha))",
    ("oiii_5007", "hbeta", "nii_6584", "halpha"),
    lambda flux: R3.of(flux) - N2.of(flux),
)  # fmt: skip
OIII_NII = LineRatio(
    "[O III]/[N II]", "log([O III]5007 / [N II]6584)", ("oiii_5007", "nii_6584"),
    lambda flux: _log(flux["oiii_5007"], flux["nii_6584"]),
)  # fmt: skip

N2O2 = LineRatio(
    "N2O2", "log([N II]6584 / [O II]3727,3729)", ("nii_6584", *OII_PAIR),
    lambda flux: _log(flux["nii_6584"], _oii(flux)),
)  # fmt: skip

N2S2 = LineRatio(
    "y", "log([N II]6584 / [S II]6716,6731) + 0.264 log([N II]6584 / H-alpha)",
    ("nii_6584", "halpha", "sii_6716", "sii_6731"),
    lambda flux: _log(flux["nii_6584"], _sii(flux)) + 0.264 * N2.of(flux),
)  # fmt: skip
