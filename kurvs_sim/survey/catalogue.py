"""The published properties of the 43 galaxies of KURVS (Li et al. 2025, Tables 1 and A1)."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from astropy.coordinates import Angle

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import ConfigurationError

AIR_TO_VACUUM = 1.0 + 2.76e-4
"""The survey paired vacuum cubes with air rest wavelengths: its 1 + z are this much too large."""

GRADIENT_DIAGNOSTICS = ("n2", "n2o2", "r23")
"""Diagnostics of Table 1, the one with most galaxies first."""


@takes_quantities
@dataclass(frozen=True)
class CatalogueEntry:
    """What is published of one galaxy.

    Parameters
    ----------
    kurvs_id : int
        1 to 44; 37 is not in the sample.
    target : str
        Name by position.
    ra_deg, dec_deg : float
        Right ascension and declination, J2000.
    published_redshift : float
        Redshift as printed, on the air scale; see :attr:`redshift`.
    log_stellar_mass : float
        log10 of solar masses.
    star_formation_rate : float
        Solar masses a year, from the spectral energy distribution.
    position_angle_deg : float
        Position angle of the major axis, degrees North through East, modulo 180.
    inclination_deg : float
        Inclination of a disk with an intrinsic axis ratio of 0.2.
    effective_radius_arcsec : float
        Half-light radius along the major axis.
    v_over_sigma : float
        Rotation velocity over velocity dispersion; NaN where not published.
    gradients : tuple of (str, float, float)
        Diagnostic, gradient and its error in dex/kpc, as corrected for beam smearing by the
        authors; without those that were not measured.
    bands : tuple of str
        Bands of which the survey has cubes, by the tables of its public repository,
        github.com/zidianjun/kurvs.
    """

    kurvs_id: int
    target: str
    ra_deg: float
    dec_deg: float
    published_redshift: float
    log_stellar_mass: float
    star_formation_rate: float
    position_angle_deg: float
    inclination_deg: float
    effective_radius_arcsec: float
    v_over_sigma: float
    gradients: tuple[tuple[str, float, float], ...]
    bands: tuple[str, ...]

    @property
    def redshift(self) -> float:
        """On the vacuum scale."""
        return (1.0 + self.published_redshift) / AIR_TO_VACUUM - 1.0

    @property
    def field(self) -> str:
        """``CDFS`` or ``COSMOS``."""
        return "CDFS" if self.dec_deg < 0.0 else "COSMOS"

    @property
    def published_gradient(self) -> float:
        """Gradient by N2 where measured, else by N2O2, else by R23; NaN where there is none."""
        by_diagnostic = {name: value for name, value, _ in self.gradients}
        return next(
            (by_diagnostic[name] for name in GRADIENT_DIAGNOSTICS if name in by_diagnostic),
            math.nan,
        )


@cache
def kurvs_catalogue() -> Mapping[int, CatalogueEntry]:
    """Return what is published of the 43 galaxies, by their number.

    Returns
    -------
    mapping of int to CatalogueEntry
        In the order of Table A1.
    """
    gradients, kinematics = _rows("kurvs_gradients.csv"), _rows("kurvs_v_over_sigma.csv")
    bands = _rows("kurvs_bands.csv")
    return {
        kurvs_id: _entry(
            kurvs_id, row, gradients[kurvs_id], kinematics.get(kurvs_id, {}), bands[kurvs_id]
        )
        for kurvs_id, row in _rows("kurvs_properties.csv").items()
    }


@takes_quantities
def catalogue_entry(kurvs_id: int) -> CatalogueEntry:
    """Return what is published of one galaxy.

    Parameters
    ----------
    kurvs_id : int
        1 to 44, without 37.

    Raises
    ------
    ConfigurationError
        If there is no galaxy of this number; the message lists those that exist.
    """
    catalogue = kurvs_catalogue()
    if kurvs_id not in catalogue:
        raise ConfigurationError(
            f"KURVS number is {kurvs_id}; expected one of {_ranges(list(catalogue))}"
        )
    return catalogue[kurvs_id]


def _rows(name: str) -> dict[int, dict[str, str]]:
    text = resources.files("kurvs_sim").joinpath("data", name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {int(row["kurvs_id"]): row for row in csv.DictReader(lines)}


def _entry(
    kurvs_id: int,
    row: dict[str, str],
    gradients: dict[str, str],
    kinematics: dict[str, str],
    bands: dict[str, str],
) -> CatalogueEntry:
    return CatalogueEntry(
        kurvs_id=kurvs_id,
        target=row["target"],
        ra_deg=float(Angle(row["ra"], unit="hourangle").deg),
        dec_deg=float(Angle(row["dec"], unit="deg").deg),
        published_redshift=float(row["redshift"]),
        log_stellar_mass=float(row["log_stellar_mass"]),
        star_formation_rate=float(row["sfr"]),
        position_angle_deg=float(row["position_angle"]) % 180.0,
        inclination_deg=float(row["inclination"]),
        effective_radius_arcsec=float(row["effective_radius"]),
        v_over_sigma=float(kinematics.get("v_over_sigma", "nan")),
        gradients=tuple(
            (name, float(gradients[f"gradient_{name}"]), float(gradients[f"gradient_{name}_err"]))
            for name in GRADIENT_DIAGNOSTICS
            if gradients[f"gradient_{name}"]
        ),
        bands=tuple(name for name in KMOS_BANDS if bands.get(name.lower()) == "1"),
    )


def _ranges(numbers: list[int]) -> str:
    """Write 1, 2, 3, 5 as ``1-3, 5``."""
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    return ", ".join(
        f"{start}-{end}" if start < end else f"{start}"
        for start, end in zip(starts, ends, strict=True)
    )
