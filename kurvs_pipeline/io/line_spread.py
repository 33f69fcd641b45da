"""The line-spread function of a cube: that of its KMOS band unless the file knows better."""

import math

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.bands import FWHM_PER_SIGMA, Band
from kurvs_pipeline.io.kmos3d import resolving_power
from kurvs_pipeline.io.raw_cube import RawCube

Array = NDArray[np.float64]


def lsf_sigma_um(raw: RawCube, wavelength_um: Array, band: Band) -> tuple[Array, tuple[str, ...]]:
    """Return the standard deviation of the line-spread function, and what was assumed.

    A cube that this project wrote may hold it; KMOS3D measured a resolving power; the width of a
    KMOS band is known in channels. Of other instruments SPEC_RES is taken, which the ESO standard
    demands of every spectrum.

    Parameters
    ----------
    raw : RawCube
        As found in a file.
    wavelength_um : array, shape (n_channels,)
        Vacuum wavelengths.
    band : Band
        That they lie in.
    """
    if raw.lsf_sigma_um is not None:
        return raw.lsf_sigma_um, ()
    power = resolving_power(raw.primary, wavelength_um)
    if power is not None and np.all(power > 0.0):
        note = "line-spread function from the resolving power that KMOS3D measured"
        return wavelength_um / power / FWHM_PER_SIGMA, (note,)
    instrument = str(raw.primary.get("INSTRUME", "")).strip().upper()
    of_band = np.full(wavelength_um.size, band.lsf_sigma_um)
    if instrument in {"", "KMOS"}:
        return of_band, ()
    stated = raw.primary.get("SPEC_RES", raw.header.get("SPEC_RES"))
    if isinstance(stated, int | float) and 0.0 < stated < math.inf:
        note = f"line-spread function of {instrument} from SPEC_RES = {stated:g}"
        return wavelength_um / stated / FWHM_PER_SIGMA, (note,)
    return of_band, (f"line-spread function of {instrument} taken as that of KMOS {band.name}",)
