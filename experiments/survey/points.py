"""Published points to draw beside a twin, from the shipped tables and from an optional folder.

The folder is a clone of the survey's public repository, github.com/zidianjun/kurvs, with ``output``
(its results) and ``data`` (tables of galaxies, points and curves of other papers); or one with
``reference/output``, ``reference/literature`` and ``real`` (its line fluxes). Nothing of it is
shipped, and what a folder lacks is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table

from experiments.survey.statistics import SurveyTable
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.io.tables import read_table
from kurvs_sim.survey.catalogue import kurvs_catalogue

FIELDS = ("CDFS", "COSMOS")

LITERATURE = (
    "data/ref_data/{}.csv", "data/model/{}.csv", "reference/literature/{}.csv",
)  # fmt: skip
GRADIENTS = ("output/met_grads_radbin{}.csv", "reference/output/met_grads_radbin{}.csv")
OF_FIELDS = {
    "morph_table": ("data/{}_morph_table.csv", "reference/output/{}_morph_table.csv"),
    "av": ("data/{}_Av.csv", "reference/output/{}_av.csv"),
    "integ_met": ("output/{}_integ_met.csv", "reference/output/{}_integ_met.csv"),
    "integ_info": ("output/{}_integ_info.csv",),
}
"""Places of each table in either layout, relative to the folder; the second has fields in lower
case."""

FLUXES = Path("real", "integrated_fluxes.csv")
FLUX_COLUMNS = {
    "nii_6584": "NII6584", "halpha": "Ha", "oiii_5007": "OIII5007", "hbeta": "Hb",
}  # fmt: skip
"""Lines in the table of integrated fluxes of the public repository."""

ABUNDANCE_COLUMN = {
    "n2": "B18N2", "n2s2": "D16", "o3n2": "B18O3N2", "r23": "M08R23", "n2o2": "K19N2O2",
}  # fmt: skip


@dataclass(frozen=True)
class PublishedPoints:
    """Published properties of the galaxies of the survey, in the order of Table A1.

    Raises
    ------
    ConfigurationError
        If the folder holds none of them.
    """

    folder: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a folder without any published table."""
        if self.folder is None:
            return
        folders = ("output", "data/ref_data", "reference/output", "reference/literature")
        if not any((self.folder / path).exists() for path in (*folders, FLUXES)):
            raise ConfigurationError(
                f"--published {self.folder}: found none of {', '.join(folders)} and {FLUXES}; "
                "give a clone of the survey's public repository (github.com/zidianjun/kurvs), or "
                "leave the option out"
            )

    @property
    def missing(self) -> tuple[str, ...]:
        """What the folder does not have, in words, so that figures are drawn without it."""
        if self.folder is None:
            return ()
        parts = {
            "integrated abundances": bool(self.abundances),
            "A_V of gas and stars": self.attenuation is not None,
            'gradients in annuli of 0.8"': self.gradients("0.8") is not None,
            "gradients of Gillman et al. (2022)": self.gradients("gillman") is not None,
            "integrated line fluxes": self.line_ratios is not None,
            "points of other papers": self.literature("KashinoMZR") is not None,
        }
        return tuple(name for name, found in parts.items() if not found)

    @property
    def table_1(self) -> SurveyTable:
        """Gradients as corrected by the survey."""
        return SurveyTable.published()

    def of_galaxies(self, name: str) -> Array:
        """Return a field of the catalogue, such as ``log_stellar_mass``, for all galaxies."""
        return np.array([getattr(entry, name) for entry in kurvs_catalogue().values()], dtype=float)

    @property
    def abundances(self) -> Mapping[str, tuple[Array, Array]]:
        """Integrated abundances and their errors by diagnostic; none without the folder."""
        table = self._by_galaxy("integ_met")
        if table is None:
            return {}
        return {
            name: (_column(table, column), _column(table, f"e_{column}"))
            for name, column in ABUNDANCE_COLUMN.items()
        }

    @property
    def attenuation(self) -> tuple[Array, Array] | None:
        """A_V of the gas and of the stars, mag."""
        table = self._by_galaxy("av")
        return None if table is None else (table["Av_gas"], table["Av_star"])

    def gradients(self, width: str) -> Array | None:
        """Return the gradients by N2 from annuli of another width, dex/kpc.

        Parameters
        ----------
        width : str
            ``0.8`` arcsec, or ``gillman`` for those of Gillman et al. (2022).
        """
        if self.folder is None:
            return None
        is_gillman = width == "gillman"
        table = (
            self._table(LITERATURE, "GillmanMG") if is_gillman else self._table(GRADIENTS, width)
        )
        names = self._names
        if table is None or names is None:
            return None
        column = "met_grad" if is_gillman else "dZdr_M13N2"
        per_slope = 1.0 if is_gillman else _survey_slope_over_that_of_tables()
        found = dict(zip(map(str, table["name"]), _column(table, column), strict=True))
        return per_slope * np.array([found.get(name, np.nan) for name in names])

    @property
    def line_ratios(self) -> tuple[Array, Array, Array, Array] | None:
        """Log [N II]/H-alpha, log [O III]/H-beta, log mass and S/N of H-beta by public fluxes.

        Only galaxies with [O III] and [N II] above 4 sigma are included.
        """
        found = self._fluxes
        if found is None:
            return None
        mass, flux, snr = found
        kept = (snr["nii_6584"] > 4.0) & (snr["oiii_5007"] > 4.0) & (flux["hbeta"] > 0.0)
        n2 = np.log10(flux["nii_6584"][kept] / flux["halpha"][kept])
        r3 = np.log10(flux["oiii_5007"][kept] / flux["hbeta"][kept])
        return n2, r3, mass[kept], snr["hbeta"][kept]

    @property
    def _fluxes(self) -> tuple[Array, dict[str, Array], dict[str, Array]] | None:
        """Log mass, and fluxes and S/N by line, of the galaxies with public fluxes."""
        public = self._by_galaxy("integ_info")
        if public is not None:
            mass = self.of_galaxies("log_stellar_mass")
            flux = {line: public[f"I_{name}"] for line, name in FLUX_COLUMNS.items()}
            return mass, flux, {line: public[f"SN_{name}"] for line, name in FLUX_COLUMNS.items()}
        table = None if self.folder is None else _read(self.folder / FLUXES)
        if table is None:
            return None
        catalogue = kurvs_catalogue()
        mass = np.array([catalogue[int(i)].log_stellar_mass for i in table["kurvs_id"]])
        flux = {line: _column(table, line) for line in FLUX_COLUMNS}
        return mass, flux, {line: _column(table, f"sn_{line}") for line in FLUX_COLUMNS}

    def literature(self, name: str) -> tuple[Array, Array] | None:
        """Return points or a curve of another paper by the name of the file, without ending."""
        table = self._table(LITERATURE, name)
        return None if table is None else (_column(table, "x"), _column(table, "y"))

    def _table(self, places: Sequence[str], name: str) -> Table | None:
        """Return the first of the tables that the folder has."""
        if self.folder is None:
            return None
        for place in places:
            # The layout with a folder "reference" has fields in lower case.
            own = name.lower() if name in FIELDS and "reference" in place else name
            table = _read(self.folder / place.format(own))
            if table is not None:
                return table
        return None

    @property
    def _names(self) -> list[str] | None:
        """The survey's own names of the galaxies, in the order of Table A1."""
        table = self._of_fields("morph_table")
        if table is None:
            return None
        names = {
            int(number): str(name) for number, name in zip(table["ID"], table["name"], strict=True)
        }
        return [names.get(number, "") for number in kurvs_catalogue()]

    def _of_fields(self, name: str) -> dict[str, list[str]] | None:
        tables = [self._table(OF_FIELDS[name], field) for field in FIELDS]
        if any(table is None for table in tables):
            return None
        return {
            column: [str(value) for table in tables if table for value in table[column]]
            for column in (tables[0].colnames if tables[0] else ())
        }

    def _by_galaxy(self, name: str) -> dict[str, Array] | None:
        """Return the columns of a table in the order of Table A1, NaN for galaxies without."""
        table, names = self._of_fields(name), self._names
        if table is None or names is None:
            return None
        place = {str(own): row for row, own in enumerate(table["name"])}
        rows = [place.get(own, -1) for own in names]
        return {
            column: np.array([values[row] if row >= 0 else np.nan for row in rows])
            for column, values in ((c, _column(table, c)) for c in table if c != "name")
        }


def _read(path: Path) -> Table | None:
    return read_table(path) if path.exists() else None


def _column(table: Mapping[str, Sequence[str]] | Table, name: str) -> Array:
    """Return a column as numbers, NaN where it is empty."""
    return np.array([_number(value) for value in table[name]])


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")


def _survey_slope_over_that_of_tables() -> float:
    """Public gradients are by Marino et al. (2013); Table 1 has the survey's own N2."""
    survey, tables = (DIAGNOSTICS[name].abundance_per_log_ratio() for name in ("n2", "n2_marino13"))
    return survey / tables
