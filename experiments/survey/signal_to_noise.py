"""The signal-to-noise ratios of the survey's lines in its 43 twins, beside the published medians.

    python -m experiments.survey.signal_to_noise docs/twin-signal-to-noise.ecsv

writes one row per galaxy and line, and prints the medians.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable
from rich.console import Console
from rich.table import Table

from experiments.runs.tables import write_table
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim import ExposureModel, Galaxy, PointSpreadFunction, SpaxelGrid
from kurvs_sim.atmosphere.airglow import transmission
from kurvs_sim.expectation.errors import BAND_OF_LINE, ExpectedFlux, IntegratedExpectation
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.numerics import Numerics
from kurvs_sim.scene.scene import Scene
from kurvs_sim.survey.galaxies import kurvs_sample
from kurvs_sim.survey.procedure import FLUX_LIMIT

PUBLISHED_MEDIAN_SNR: Mapping[str, float] = {
    "halpha": 54.0,
    "nii_6584": 14.0,
    "hbeta": 4.0,
    "oiii_5007": 7.0,
    "oii": 4.3,
}
"""Li et al. (2025), Section 3."""

LINE_FLUX = u.Unit("1e-16 erg / (s cm2)")
DRAWS = 400
"""Draws of the survey; the medians then have errors below one per cent."""


@dataclass(frozen=True)
class LineMedians:
    """Medians of one line over the galaxies that have it in the usable range of its band.

    Parameters
    ----------
    reported_snr : float
        As the survey reports it, over the fits that find more than its limit of 1e-18
        erg/s/cm2, its own scatter included.
    found : float
        Fraction of galaxies with such a fit.
    published_snr, calibrated_snr : float
        Expected ratios without scatter, over all these galaxies.
    understated : float
        True scatter of a flux over the error that the survey states.
    """

    line: str
    n_galaxies: int
    reported_snr: float
    found: float
    published_snr: float
    calibrated_snr: float
    understated: float


def expectation(galaxy: Galaxy, exposures: ExposureModel | None = None) -> IntegratedExpectation:
    """Return what the survey's observation of a galaxy, or another stack, would find.

    Returns
    -------
    IntegratedExpectation
        On 0.1 arcsec spaxels, in Gaussian seeing of 0.6 arcsec, with the covariance of
        reconstructed spaxels.
    """
    scene = Scene(galaxy, SpaxelGrid(), PointSpreadFunction(), Numerics())
    return IntegratedExpectation(scene, exposures or ExposureModel(), NoiseCovariance())


def line_table(galaxies: Sequence[Galaxy], exposures: ExposureModel | None = None) -> QTable:
    """Return every line of every galaxy as it would be measured in 1.5 effective radii.

    Returns
    -------
    QTable
        ``galaxy, line, band, usable, transmission, flux, calibrated_err, published_err,
        published_scatter, calibrated_snr, published_snr``; see
        :class:`kurvs_sim.expectation.errors.ExpectedFlux`.
    """
    rows = [row for galaxy in galaxies for row in _rows(expectation(galaxy, exposures))]
    table = QTable(rows=rows)
    for name in ("flux", "calibrated_err", "published_err", "published_scatter"):
        table[name] = table[name] * LINE_FLUX
    return table


def _rows(expected: IntegratedExpectation) -> list[dict[str, object]]:
    galaxy = expected.scene.galaxy
    return [
        {
            "galaxy": galaxy.name,
            "line": line,
            "band": BAND_OF_LINE[line],
            "usable": expected.usable(line),
            "transmission": _transmission(line, galaxy.redshift),
            **_columns(expected.expected(line)),
        }
        for line in PUBLISHED_MEDIAN_SNR
    ]


def _columns(line: ExpectedFlux) -> dict[str, float]:
    return {
        "flux": line.flux,
        "calibrated_err": line.calibrated_error,
        "published_err": line.published_error,
        "published_scatter": line.published_scatter,
        "calibrated_snr": line.calibrated_snr,
        "published_snr": line.published_snr,
    }


def _transmission(line: str, redshift: float) -> float:
    band = KMOS_BANDS[BAND_OF_LINE[line]]
    rest_um = REST_WAVELENGTH_UM["oii_3729" if line == "oii" else line]
    return float(np.interp(rest_um * (1.0 + redshift), band.wavelength_um, transmission(band)))


def medians(table: QTable, *, seed: int = 0) -> tuple[LineMedians, ...]:
    """Return the medians of every line, as the survey reports them and as they are.

    The published medians are taken to be those of the fits that succeeded: in the survey's public
    fluxes these have the published values, and with the others counted as zero the medians of the
    faint lines would be up to a fifth smaller.
    """
    random = np.random.default_rng(seed)
    return tuple(_medians(table, line, random) for line in PUBLISHED_MEDIAN_SNR)


def _medians(table: QTable, line: str, random: np.random.Generator) -> LineMedians:
    rows = table[(table["line"] == line) & table["usable"]]
    flux, stated, scatter = (
        rows[name].to_value(LINE_FLUX) for name in ("flux", "published_err", "published_scatter")
    )
    drawn = flux + scatter * random.standard_normal((DRAWS, len(rows)))
    found = drawn > FLUX_LIMIT
    return LineMedians(
        line=line,
        n_galaxies=len(rows),
        reported_snr=float(np.median((drawn / stated)[found])),
        found=float(found.mean()),
        published_snr=float(np.median(rows["published_snr"])),
        calibrated_snr=float(np.median(rows["calibrated_snr"])),
        understated=float(np.median(scatter / stated)),
    )


def median_table(rows: Sequence[LineMedians]) -> Table:
    """Lay out medians for the terminal."""
    table = Table(title="Median signal-to-noise ratio in 1.5 effective radii", title_justify="left")
    for heading in ("line", "galaxies", "published", "twin, reported", "found", "calibrated",
                    "scatter / stated error"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "line" else "right")
    for row in rows:
        table.add_row(
            row.line, str(row.n_galaxies), f"{PUBLISHED_MEDIAN_SNR[row.line]:g}",
            f"{row.reported_snr:.1f}", f"{row.found:.0%}", f"{row.calibrated_snr:.1f}",
            f"{row.understated:.2f}",
        )  # fmt: skip
    return table


def _write_line_table(table: QTable, path: Path) -> None:
    """Write the rows as ECSV with their provenance, replacing an existing file."""
    written = table.copy()
    for name in written.colnames:
        if written[name].dtype.kind == "f":
            written[name].info.format = ".4g"
    write_table(
        written,
        path,
        description="Expected lines of the twins of KURVS in 1.5 effective radii",
        sample="Li et al. (2025), MNRAS 544, 4025, Tables 1 and A1, by kurvs_sim.survey",
        command="python -m experiments.survey.signal_to_noise",
        exposures=repr(ExposureModel()),
    )


def main(path: Path) -> None:
    """Compute, write and print."""
    table = line_table(kurvs_sample())
    _write_line_table(table, path)
    Console().print(median_table(medians(table)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
