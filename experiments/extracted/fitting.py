"""The work of ``kurvs fit-spectra``: fit a table of spectra, write fluxes and figure."""

from pathlib import Path

import numpy as np
from astropy.table import QTable

from experiments.extracted.figure import spectra_pages
from experiments.runs.run import Run
from experiments.runs.tables import write_table
from kurvs_pipeline.extracted.fluxes import fit_spectra, read_redshifts, read_spectra_table
from kurvs_pipeline.lines import DETECTION_SNR


def run_fit_spectra(table: Path, *, medium: str, catalogue: Path | None, run: Run) -> str:
    """Fit a table of spectra, write the results, and return a summary of them.

    The table is one of :func:`kurvs_pipeline.extracted.fluxes.read_spectra_table`. The run gets
    ``fluxes.ecsv`` and pages of 8 galaxies each, ``spectra.png``, ``spectra-2.png`` and so on.

    Raises
    ------
    CubeFormatError, MetadataError, CoverageError
        If the tables cannot be used.
    OutputError
        If results cannot be written.
    """
    spectra = read_spectra_table(table)
    redshifts = None if catalogue is None else read_redshifts(catalogue, spectra)
    fits = fit_spectra(spectra, medium=medium, redshifts=redshifts)
    with run.writing() as directory:
        write_table(fits.table, directory / "fluxes.ecsv")
        for number, page in enumerate(spectra_pages(fits), start=1):
            page.savefig(directory / ("spectra.png" if number == 1 else f"spectra-{number}.png"))
    return "\n".join([_summary(fits.table, len(fits.spectra)), *fits.assumptions])


def _summary(fluxes: QTable, n_spectra: int) -> str:
    snr = np.asarray(fluxes["snr"].value, dtype=float)
    measured = np.isfinite(snr)
    detected = int(np.sum(snr[measured] > DETECTION_SNR))
    return (
        f"{n_spectra} spectra, {int(measured.sum())} lines measured, "
        f"{detected} with S/N > {DETECTION_SNR:g}"
    )
