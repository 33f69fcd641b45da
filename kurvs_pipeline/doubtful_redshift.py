"""Tables of a galaxy whose lines may be others than they are taken for."""

import numpy as np
from astropy.table import QTable

from kurvs_pipeline.line_fits import join_flags

DOUBTFUL_REDSHIFT = "doubtful_redshift"
"""Flag of such a galaxy."""

IN_PLACE: dict[str, str | bool] = {
    "class_local": "unknown",
    "class_at_redshift": "unknown",
    "class_mass_excitation": "unknown",
    "limit": "none",
    "log_nii_halpha_limit": "none",
    "log_oiii_hbeta_limit": "none",
    "source": DOUBTFUL_REDSHIFT,
    "extrapolated": False,
}
"""What stands in columns that hold no numbers."""


def with_doubt(table: QTable) -> QTable:
    """Put the doubt before the other flags.

    Parameters
    ----------
    table : QTable
        With ``flag``, empty where there is none.

    Returns
    -------
    QTable
    """
    flagged = table.copy()
    flagged["flag"] = join_flags(DOUBTFUL_REDSHIFT, table["flag"])
    return flagged


def without_numbers(table: QTable) -> QTable:
    """Take out of a table what it says by the names of lines.

    Parameters
    ----------
    table : QTable
        Attenuation, ionization or classes.

    Returns
    -------
    QTable
        Numbers are NaN, but for the stellar mass, which is not from lines; classes ``unknown``,
        limits ``none``, nothing is extrapolated, and the source of an attenuation is the doubt.
    """
    emptied = table.copy()
    for name in table.colnames:
        if table[name].dtype.kind == "f" and not name.startswith("log_stellar_mass"):
            emptied[name] = np.nan * table[name]
        elif name in IN_PLACE:
            emptied[name] = np.full(len(table), IN_PLACE[name])
    return emptied
