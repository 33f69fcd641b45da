"""Stellar masses of galaxies from a catalogue."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kurvs_pipeline.catalogue import Catalogue
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.rest_spectra import APERTURE_COLUMNS, names_of
from kurvs_pipeline.spectra_tables import ExtractedSpectrum
from kurvs_pipeline.stellar_mass import PLAUSIBLE_LOG_MASS

MASS_COLUMN = "log_stellar_mass"


def read_stellar_masses(path: str | Path, spectra: Sequence[ExtractedSpectrum]) -> dict[str, float]:
    """Look up the stellar mass of each galaxy.

    Parameters
    ----------
    path : str or Path
        CSV or ECSV with ``log_stellar_mass``, log of solar masses, and at least one of the
        columns that name the galaxies.
    spectra : sequence of ExtractedSpectrum
        Whose galaxies to look up.

    Returns
    -------
    dict of str to float
        By the galaxy's name as :func:`kurvs_pipeline.rest_spectra.names_of` makes it; galaxies
        without a mass are left out.

    Raises
    ------
    CubeFormatError
        If the file is no such table, holds masses that are no logarithms, or gives two for
        one galaxy.
    """
    catalogue = Catalogue.read(path, spectra, MASS_COLUMN, apart_from=APERTURE_COLUMNS)
    masses = catalogue.values[np.isfinite(catalogue.values)]
    low, high = PLAUSIBLE_LOG_MASS
    odd = masses[(masses < low) | (masses > high)]
    if odd.size:
        raise CubeFormatError(
            f"{path}: column '{MASS_COLUMN}' holds {odd[0]:g}; expected the logarithm of solar "
            "masses, about 8 to 12"
        )
    found = catalogue.look_up(spectra, "stellar masses")
    return {names_of(identity)[0]: mass for identity, mass in found.items()}
