"""Cubes of rotating disks by brute force, to judge fast ones by.

Nothing here comes from ``kurvs_sim``. Every spaxel is cut into many fine pixels; every fine
pixel emits a Gaussian line, integrated over each channel with the error function; every channel
is convolved by itself with an analytic point-spread function, which is integrated over the fine
pixels; and the fine pixels of a spaxel are summed. A thick disk is a pile of thin ones.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

SPEED_OF_LIGHT_KMS = 299792.458

Profile = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class ReferenceDisk:
    """A disk; radii are in arcsec in its plane.

    Parameters
    ----------
    inclination_deg : float
        Less than 90.
    position_angle_deg : float
        North through East to the receding side.
    rotation_kms, dispersion_kms : callable
        Of the radius.
    offset_x_arcsec, offset_y_arcsec : float
        Of the centre from the middle of the field, to the West and to the North.
    heights_arcsec, height_weights : tuple of float
        Quadrature over the height above the plane; the weights add to one. The default is thin.
    """

    inclination_deg: float
    position_angle_deg: float
    rotation_kms: Profile
    dispersion_kms: Profile
    offset_x_arcsec: float = 0.0
    offset_y_arcsec: float = 0.0
    heights_arcsec: tuple[float, ...] = (0.0,)
    height_weights: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, kw_only=True)
class ReferenceGrid:
    """Spaxels, and how finely and how far beyond the field the sky is drawn."""

    n_x: int
    n_y: int
    spaxel_arcsec: float
    oversampling: int = 9
    padding: int = 12

    @property
    def pixel_arcsec(self) -> float:
        """Side of a fine pixel."""
        return self.spaxel_arcsec / self.oversampling

    def fine(self, n_spaxels: int) -> np.ndarray:
        """Return fine pixel centres from the middle of an axis."""
        n_fine = (n_spaxels + 2 * self.padding) * self.oversampling
        return self.pixel_arcsec * (np.arange(n_fine) - 0.5 * (n_fine - 1))


def gaussian(fwhm_arcsec: float) -> Profile:
    """Return a round Gaussian of unit integral, as a function of the squared radius."""
    variance = fwhm_arcsec**2 / (8.0 * np.log(2.0))
    return lambda square: np.exp(-0.5 * square / variance) / (2.0 * np.pi * variance)


def moffat(fwhm_arcsec: float, beta: float) -> Profile:
    """Return a Moffat (1969) profile of unit integral, as a function of the squared radius."""
    square_scale = 0.25 * fwhm_arcsec**2 / (2.0 ** (1.0 / beta) - 1.0)
    peak = (beta - 1.0) / (np.pi * square_scale)
    return lambda square: peak * (1.0 + square / square_scale) ** -beta


def brute_force_cube(
    disk: ReferenceDisk,
    lines: Mapping[float, Profile],
    grid: ReferenceGrid,
    psf: Profile,
    *,
    channel_edges_um: np.ndarray,
    lsf_sigma_um: float,
) -> np.ndarray:
    """Return the noise-free cube.

    Parameters
    ----------
    disk : ReferenceDisk
        Geometry and kinematics.
    lines : mapping of float to callable
        Observed systemic wavelength (um) to surface brightness **on the sky** of the radius,
        per arcsec2.
    grid : ReferenceGrid
        Spaxels.
    psf : callable
        Of the squared distance from the star, per arcsec2.
    channel_edges_um : array, shape (n_channels + 1,)
        Borders of the channels.
    lsf_sigma_um : float
        Of the spectrograph.

    Returns
    -------
    array, shape (n_channels, n_y, n_x)
        Per um and spaxel.
    """
    x, y = grid.fine(grid.n_x), grid.fine(grid.n_y)
    convolve = _convolution(psf, grid.pixel_arcsec, (y.size, x.size))
    sky = np.zeros((channel_edges_um.size - 1, y.size, x.size))
    for height, weight in zip(disk.heights_arcsec, disk.height_weights, strict=True):
        radius, velocity = _sheet(disk, height, x[None, :], y[:, None])
        for systemic_um, brightness in lines.items():
            centre = systemic_um * (1.0 + velocity / SPEED_OF_LIGHT_KMS)
            intrinsic = systemic_um * disk.dispersion_kms(radius) / SPEED_OF_LIGHT_KMS
            width = np.sqrt(2.0) * np.hypot(intrinsic, lsf_sigma_um)
            light = 0.5 * weight * brightness(radius)
            previous = erf((channel_edges_um[0] - centre) / width)
            for channel, edge in enumerate(channel_edges_um[1:]):
                cumulative = erf((edge - centre) / width)
                sky[channel] += light * (cumulative - previous)
                previous = cumulative
    smeared = np.stack([_summed(convolve(image), grid) for image in sky])
    return smeared * grid.pixel_arcsec**2 / np.diff(channel_edges_um)[:, None, None]


def _sheet(disk, height, x, y):
    """Radius in the plane and line-of-sight velocity where a sight line meets one height."""
    angle, tilt = np.radians([disk.position_angle_deg, disk.inclination_deg])
    x, y = x - disk.offset_x_arcsec, y - disk.offset_y_arcsec
    along = y * np.cos(angle) - x * np.sin(angle)
    across = (x * np.cos(angle) + y * np.sin(angle) - height * np.sin(tilt)) / np.cos(tilt)
    radius = np.sqrt(along**2 + across**2)
    cosine = along / np.maximum(radius, 1e-12)
    return radius, disk.rotation_kms(radius) * cosine * np.sin(tilt)


def _convolution(psf, pixel_arcsec, shape):
    """Return a function that convolves an image, dark outside, with the PSF."""
    nodes, weights = np.polynomial.legendre.leggauss(4)
    n_y, n_x = shape
    y, x = (np.arange(-n + 1, n) for n in shape)
    kernel = np.zeros((y.size, x.size))
    for node_y, weight_y in zip(nodes, weights, strict=True):
        for node_x, weight_x in zip(nodes, weights, strict=True):
            square = (y + 0.5 * node_y)[:, None] ** 2 + (x + 0.5 * node_x) ** 2
            kernel += 0.25 * weight_y * weight_x * psf(pixel_arcsec**2 * square)
    size = (3 * n_y - 2, 3 * n_x - 2)
    transform = np.fft.rfft2(kernel * pixel_arcsec**2, size)

    def convolve(image):
        full = np.fft.irfft2(np.fft.rfft2(image, size) * transform, size)
        return full[n_y - 1 : 2 * n_y - 1, n_x - 1 : 2 * n_x - 1]

    return convolve


def _summed(fine, grid):
    """Sum the fine pixels of every spaxel of the field."""
    blocks = fine.reshape(
        grid.n_y + 2 * grid.padding, grid.oversampling, grid.n_x + 2 * grid.padding, -1
    )
    inside = slice(grid.padding, -grid.padding)
    return blocks.sum(axis=(1, 3))[inside, inside]
