"""How the reduced cubes of KURVS are laid out.

One file a galaxy and band, ``FIELD/BAND/NAME.fits``: the cube is the primary HDU, in
erg/s/cm2/um per spaxel, 0 where nothing was observed, without noise. Wavelengths are those of
the fixed grids of :data:`kurvs_pipeline.bands.KMOS_BANDS`, whatever a header says. The galaxy
is at a fixed spaxel of a common grid of 0.1 arcsec, which some cubes hold cut down or binned.
As the survey's published reduction reads them (Li et al. 2025, Data availability).
"""

from dataclasses import dataclass
from pathlib import Path

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import CubeFormatError

SPAXEL_ARCSEC = 0.1
N_SPAXELS = 56
"""Side of the common grid; assumed for COSMOS, whose cubes the reduction takes as they are."""


@dataclass(frozen=True)
class CubeLayout:
    """How one band's cubes lie on the common grid.

    ``margin`` spaxels of that grid are cut off on every side; the side of a spaxel of the cube is
    ``binning`` of them.
    """

    margin: int = 0
    binning: int = 1

    @property
    def n_spaxels(self) -> int:
        """Side of the cube."""
        return (N_SPAXELS - 2 * self.margin) // self.binning

    def centre(self, common: float) -> float:
        """Return a position on the common grid in spaxels of the cube, both counted from 0."""
        return (common - self.margin + 0.5) / self.binning - 0.5


@dataclass(frozen=True)
class FieldLayout:
    """One of the two fields of the survey, ``CDFS`` or ``COSMOS``.

    ``centre`` is the galaxy's spaxel on both axes of the common grid, counted from 0. With
    ``any_size`` cubes of another size are read too, as long as they hold the galaxy.
    """

    name: str
    centre: int
    bands: dict[str, CubeLayout]
    any_size: bool = False


SURVEY_FIELDS: dict[str, FieldLayout] = {
    "CDFS": FieldLayout(
        "CDFS", 29, {"IZ": CubeLayout(margin=2), "YJ": CubeLayout(binning=2), "H": CubeLayout()}
    ),
    "COSMOS": FieldLayout("COSMOS", 28, {band: CubeLayout() for band in KMOS_BANDS}, any_size=True),
}


def field_at(dec_deg: float) -> str:
    """Return the field that a galaxy would belong to: ``CDFS`` in the South, else ``COSMOS``."""
    return "CDFS" if dec_deg < 0.0 else "COSMOS"


def layout_of(path: Path) -> tuple[FieldLayout, str]:
    """Return the field and the band that the folders of a file, ``FIELD/BAND/NAME.fits``, name.

    CubeFormatError if they name none.
    """
    path = Path(path).absolute()
    field, band = path.parent.parent.name, path.parent.name
    if field not in SURVEY_FIELDS or band not in KMOS_BANDS:
        raise CubeFormatError(
            f"{path}: expected FIELD/BAND/NAME.fits with the field {' or '.join(SURVEY_FIELDS)} "
            f"and the band {', '.join(KMOS_BANDS)}, found {field}/{band}/{path.name}"
        )
    return SURVEY_FIELDS[field], band
