"""The line-spread function of a cube: that of its KMOS band unless the file knows better."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from astropy.io import fits
from scipy.optimize import least_squares

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import FWHM_PER_SIGMA, Band
from kurvs_pipeline.io.fits.extensions import first_stated, instrument_of
from kurvs_pipeline.io.fits.kmos3d import moffat_beta, resolving_power
from kurvs_pipeline.io.fits.raw_cube import RawCube


def lsf_sigma_um(raw: RawCube, wavelength_um: Array, band: Band) -> tuple[Array, tuple[str, ...]]:
    """Return the standard deviation of the line-spread function, and what was assumed.

    A cube that this project wrote may hold it; KMOS3D measured a resolving power; the width of a
    KMOS band is known in channels. Of other instruments SPEC_RES is taken, which the ESO standard
    demands of every spectrum.
    """
    if raw.lsf_sigma_um is not None:
        return raw.lsf_sigma_um, ()
    power = resolving_power(raw.primary, wavelength_um)
    if power is not None and np.all(power > 0.0):
        note = "line-spread function from the resolving power that KMOS3D measured"
        return wavelength_um / power / FWHM_PER_SIGMA, (note,)
    instrument = instrument_of(raw.headers)
    of_band = np.full(wavelength_um.size, band.lsf_sigma_um)
    if instrument == "KMOS":
        return of_band, ()
    stated = first_stated(raw.headers, "SPEC_RES")
    if isinstance(stated, int | float) and 0.0 < stated < math.inf:
        note = f"line-spread function from SPEC_RES = {stated:g}"
        return wavelength_um / stated / FWHM_PER_SIGMA, (note,)
    whose = f"of {instrument} " if instrument else ""
    why = "" if instrument else ", as no header names the instrument (INSTRUME) or SPEC_RES"
    return of_band, (f"line-spread function {whose}taken as that of KMOS {band.name}{why}",)


SUB_PIXELS = 5
"""On a side: profiles are averaged over pixels that are not small beside them."""

SMALLEST_IMAGE = 5
"""Side in pixels below which there is no room for a star and its wings."""


def seeing_of(raw: RawCube, spaxel_arcsec: float) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return fields of ObservationMetadata for the point-spread function, and what was assumed.

    There are none where nothing is known. Pixels of the point-spread function's image are as large
    as the spaxels.
    """
    if raw.psf is not None:
        fields = _from_image(raw.psf, spaxel_arcsec)
        if fields:
            shape = fields["psf_kind"]
            seen = f"{fields['seeing_fwhm_arcsec']:.3g} arcsec ({shape})"
            return fields, (f"seeing is {seen}, fitted to the image {raw.psf.name} of the file",)
    stated = first_stated(raw.headers, "SKY_RES")
    if isinstance(stated, int | float) and stated > 0.0:
        return {"seeing_fwhm_arcsec": float(stated)}, (f"seeing is {stated:.3g} arcsec, SKY_RES",)
    return {}, ()


def _from_image(hdu: Any, spaxel_arcsec: float) -> dict[str, Any]:  # noqa: ANN401 - untyped astropy
    beta = _wings(hdu.header)
    shape = _gaussian if math.isnan(beta) else _moffat(beta)
    fwhm_pixels = fitted_fwhm(np.asarray(hdu.data, dtype=float), shape)
    if math.isnan(fwhm_pixels):
        return {}
    seeing = {"seeing_fwhm_arcsec": fwhm_pixels * spaxel_arcsec}
    if math.isnan(beta):
        return {**seeing, "psf_kind": "gaussian"}
    return {**seeing, "psf_kind": "moffat", "psf_moffat_beta": beta}


def _wings(header: fits.Header) -> float:
    beta = moffat_beta(header)
    return beta if beta > 1.0 else math.nan


def fitted_fwhm(image: Array, shape: Callable[[Array], Array]) -> float:
    """Fit a round profile, averaged over pixels, to the image of a star without background.

    ``shape`` is the brightness at a distance in units of the FWHM. The FWHM is in pixels; NaN where
    the image is none of a star.
    """
    image = np.where(np.isfinite(image), image, 0.0)
    if min(image.shape) < SMALLEST_IMAGE or not image.max() > 0.0:
        return math.nan
    image = image / image.max()
    y_peak, x_peak = np.unravel_index(int(image.argmax()), image.shape)
    offsets = (np.arange(SUB_PIXELS) + 0.5) / SUB_PIXELS - 0.5
    y, x = (np.add.outer(np.arange(side), offsets) for side in image.shape)

    def residuals(parameters: Array) -> Array:
        peak, x_star, y_star, fwhm = parameters
        distance = np.hypot(y[:, :, None, None] - y_star, x[None, None] - x_star)
        return np.asarray((peak * shape(distance / fwhm).mean(axis=(1, 3)) - image).ravel())

    fit = least_squares(
        residuals,
        x0=[1.0, float(x_peak), float(y_peak), 3.0],
        bounds=([0.0, -1.0, -1.0, 0.3], [np.inf, *image.shape[::-1], max(image.shape)]),
    )
    # What fills the image is a background, not a star.
    is_star = fit.success and 0.3 < fit.x[3] < 0.5 * min(image.shape)
    return float(fit.x[3]) if is_star else math.nan


def _gaussian(distance_fwhm: Array) -> Array:
    return np.asarray(np.exp(-0.5 * (FWHM_PER_SIGMA * distance_fwhm) ** 2))


def _moffat(beta: float) -> Callable[[Array], Array]:
    # By these functions a very large beta is the Gaussian that it tends to, not nothing.
    core = 4.0 * math.expm1(math.log(2.0) / beta)
    return lambda distance_fwhm: np.asarray(np.exp(-beta * np.log1p(core * distance_fwhm**2)))
