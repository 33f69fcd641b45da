"""What seeing does to a gradient: a model disk, smeared and binned like the data.

This is the pipeline's own smearing, apart from the simulator's on purpose: what is
measured must not be corrected by the code that made it.
"""

from dataclasses import dataclass
from functools import cached_property

import galsim
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from kurvs_pipeline.geometry import axis_ratio, kpc_per_arcsec
from kurvs_pipeline.observation import ObservationMetadata

Array = NDArray[np.float64]

REFERENCE_GRADIENT_DEX_PER_KPC = -0.02
"""f_grad depends on the gradient; the correction is quoted for this one."""

HALF_LIGHT_IN_SCALE_LENGTHS = 1.6783469900166605
"""Effective radius of an exponential disk over its scale length."""

FINE_PIXEL_ARCSEC = 0.025
PADDING_ARCSEC = 1.5
"""Light this far outside the field can still be scattered in."""


@dataclass(frozen=True)
class DiskSmearing:
    """An exponential disk of known geometry, as its annuli see it through the seeing.

    Parameters
    ----------
    metadata : ObservationMetadata
        Redshift, geometry, effective radius and point-spread function.
    x_arcsec, y_arcsec : array, shapes (n_x,), (n_y,)
        Evenly spaced spaxel centres from the target, to the West and to the North.
    weights : array, shape (n_annuli, n_y, n_x)
        Fraction of each spaxel in each annulus, 0 where the cube has no data.
    reference_gradient : float
        Intrinsic gradient that the correction is for, dex/kpc.
    """

    metadata: ObservationMetadata
    x_arcsec: Array
    y_arcsec: Array
    weights: Array
    reference_gradient: float = REFERENCE_GRADIENT_DEX_PER_KPC

    def log_ratios(self, log_ratio_per_arcsec: float) -> Array:
        """Return the logarithm of a line ratio in each annulus.

        The disk is exponential in the denominator's line; the logarithm of the intrinsic
        ratio is linear in radius and 0 at the centre.

        Parameters
        ----------
        log_ratio_per_arcsec : float
            Intrinsic gradient of log10(numerator / denominator).

        Returns
        -------
        array, shape (n_annuli,)
        """
        n_fine = max(3, round(abs(self.x_arcsec[1] - self.x_arcsec[0]) / FINE_PIXEL_ARCSEC))
        x, pad_x = _fine_axis(self.x_arcsec, n_fine)
        y, pad_y = _fine_axis(self.y_arcsec, n_fine)
        radius = _disk_radius(x[None, :], y[:, None], self.metadata)
        scale = self.metadata.effective_radius_arcsec / HALF_LIGHT_IN_SCALE_LENGTHS
        denominator = np.exp(-radius / scale)
        # The exponent is bounded where the exponential has died away.
        numerator = denominator * 10.0 ** np.clip(log_ratio_per_arcsec * radius, -6.0, 6.0)
        lines = np.stack([numerator, denominator])
        smeared = _convolve(lines, self.metadata, abs(float(x[1] - x[0])))
        field = smeared[:, pad_y : len(y) - pad_y, pad_x : len(x) - pad_x]
        binned = field.reshape(2, len(self.y_arcsec), n_fine, len(self.x_arcsec), n_fine)
        fluxes = np.einsum("ayx,lyx->la", self.weights, binned.sum(axis=(2, 4)))
        return np.asarray(np.log10(fluxes[0] / fluxes[1]))

    @cached_property
    def _seen(self) -> dict[float, Array]:
        """What annuli see of the reference gradient, by the slope of the diagnostic."""
        return {}

    def f_grad(self, coefficients: Array, *, abundance_per_log_ratio: float) -> float:
        """Return the intrinsic over the observed gradient (Li et al. 2025, Section 4).

        Parameters
        ----------
        coefficients : array, shape (n_annuli,)
            The slope that was fitted is ``coefficients @ abundance``, per kpc.
        abundance_per_log_ratio : float
            d[12 + log(O/H)] / d[log ratio] of the diagnostic.

        Returns
        -------
        float
            NaN where the effective radius or the seeing is unknown.
        """
        needed = (self.metadata.effective_radius_arcsec, self.metadata.seeing_fwhm_arcsec)
        if not np.all(np.isfinite(needed)):
            return float("nan")
        if abundance_per_log_ratio not in self._seen:
            per_arcsec = self.reference_gradient * kpc_per_arcsec(self.metadata.redshift)
            self._seen[abundance_per_log_ratio] = self.log_ratios(
                per_arcsec / abundance_per_log_ratio
            )
        log_ratio = self._seen[abundance_per_log_ratio]
        observed = float(coefficients @ (abundance_per_log_ratio * log_ratio))
        return self.reference_gradient / observed


def _fine_axis(centres: Array, n_fine: int) -> tuple[Array, int]:
    """Split every spaxel into n_fine and pad on both sides; return the axis and the padding."""
    step = float(centres[1] - centres[0])
    fine = step / n_fine
    padding = int(np.ceil(PADDING_ARCSEC / abs(fine)))
    first = centres[0] - step / 2.0 + fine / 2.0 - padding * fine
    return first + fine * np.arange(len(centres) * n_fine + 2 * padding), padding


def _disk_radius(x: Array, y: Array, metadata: ObservationMetadata) -> Array:
    """Radius in the plane of the disk, arcsec."""
    pa_rad = np.radians(np.nan_to_num(metadata.position_angle_deg))
    along = -x * np.sin(pa_rad) + y * np.cos(pa_rad)
    across = x * np.cos(pa_rad) + y * np.sin(pa_rad)
    ratio = axis_ratio(metadata.inclination_deg, metadata.disk_thickness)
    return np.asarray(np.hypot(along, across / ratio))


def _convolve(maps: Array, metadata: ObservationMetadata, pixel_arcsec: float) -> Array:
    """Convolve maps, shape (n, n_y, n_x), with the seeing, without wrap-around."""
    fwhm = metadata.seeing_fwhm_arcsec
    if fwhm == 0.0:
        return maps
    half = int(np.ceil(PADDING_ARCSEC / pixel_arcsec))
    kernel = _seeing(metadata).drawImage(
        nx=2 * half + 1, ny=2 * half + 1, scale=pixel_arcsec, method="no_pixel", dtype=float
    )
    shape = [fft.next_fast_len(n + 2 * half, real=True) for n in maps.shape[-2:]]
    transform = fft.rfft2(maps, shape) * fft.rfft2(kernel.array, shape)
    full = fft.irfft2(transform, shape)
    n_y, n_x = maps.shape[-2:]
    return np.asarray(full[:, half : half + n_y, half : half + n_x])


def _seeing(metadata: ObservationMetadata) -> galsim.GSObject:
    fwhm = metadata.seeing_fwhm_arcsec
    if metadata.psf_kind == "moffat":
        return galsim.Moffat(beta=metadata.psf_moffat_beta, fwhm=fwhm)
    if metadata.psf_kind == "kolmogorov":
        return galsim.Kolmogorov(fwhm=fwhm)
    return galsim.Gaussian(fwhm=fwhm)
