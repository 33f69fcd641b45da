"""From the ratios that set a spectrum to each of its lines."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kurvs_pipeline.lines import DOUBLET_RATIO
from kurvs_sim.density_ratios import oii_3729_to_3726, sii_6716_to_6731

Array = NDArray[np.float64]


def every_line_to_halpha(
    *,
    hbeta: ArrayLike,
    oiii_5007: ArrayLike,
    nii_6584: ArrayLike,
    oii: ArrayLike,
    sii: ArrayLike,
    electron_density_cm3: ArrayLike,
) -> dict[str, Array]:
    """Return every line relative to H-alpha.

    Parameters
    ----------
    hbeta, oiii_5007, nii_6584 : array_like
        Flux of the line over that of H-alpha.
    oii, sii : array_like
        Flux of both lines of the pair over that of H-alpha.
    electron_density_cm3 : array_like
        Shares out the pairs.

    Returns
    -------
    dict of str to array
        The lines of ``REST_WAVELENGTH_UM``, of the broadcast shape.
    """
    oii_ratio = oii_3729_to_3726(electron_density_cm3)
    sii_ratio = sii_6716_to_6731(electron_density_cm3)
    oii, sii, nii, oiii = (np.asarray(r, dtype=float) for r in (oii, sii, nii_6584, oiii_5007))
    lines = {
        "oii_3726": oii / (1.0 + oii_ratio),
        "oii_3729": oii * oii_ratio / (1.0 + oii_ratio),
        "hbeta": np.asarray(hbeta, dtype=float),
        "oiii_4959": oiii / DOUBLET_RATIO,
        "oiii_5007": oiii,
        "nii_6548": nii / DOUBLET_RATIO,
        "halpha": np.asarray(1.0),
        "nii_6584": nii,
        "sii_6716": sii * sii_ratio / (1.0 + sii_ratio),
        "sii_6731": sii / (1.0 + sii_ratio),
    }
    return dict(zip(lines, np.broadcast_arrays(*lines.values()), strict=True))
