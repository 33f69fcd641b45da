"""Velocity maps from H-alpha + [N II] in the cube, or from elsewhere."""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from scipy import ndimage

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.fitting.fit import fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.robust import MAD_TO_SIGMA
from kurvs_pipeline.spectra.calibration import CalibratedBand

MINIMUM_SNR = 5.0
"""Least S/N of H-alpha in the smoothed spaxel for its velocity to be used."""

MINIMUM_SNR_ALONE = 30.0
"""Least S/N of H-alpha in a spaxel by itself for its velocity to need no smoothing. Aligning a
spaxel on its own noise adds about 1 / (2 S/N^2) to its flux: here less than 0.1 per cent."""

FASTEST_KMS = 1500.0
"""No disk rotates as fast: a map that does is in other units or on another scale."""

FASTEST_DISK_KMS = 500.0
"""A value beyond this that many spaxels hold exactly stands for no measurement."""

FEWEST_FILLED, LEAST_SHARE_FILLED = 5, 0.1
"""Spaxels, and share of all spaxels, that hold one value exactly before it can be a fill value."""

CONTRADICTING_KMS, LARGEST_SHARE_OFF = 40.0, 0.7
"""Scatter between a map and the cube's own velocities that contradicts it, and as a share of the
scatter of these: noise of a spaxel's velocity is some 20 km/s at the S/N of 5 that is asked for."""

FEWEST_COMPARED = 10

KINEMATIC_LINES = ("halpha", "nii_6584")


@dataclass(frozen=True, eq=False)
class KinematicMaps:
    """Maps of H-alpha in one band.

    Parameters
    ----------
    velocity_kms : array, shape (n_y, n_x)
        Velocity relative to the redshift of the fit; spaxels without a measurement carry that of
        the nearest measured one. 0 throughout where nothing was measured.
    sigma_kms, halpha_flux, halpha_snr : array, shape (n_y, n_x)
        Values of bright spaxels by themselves and of smoothed spaxels elsewhere; NaN where the fit
        failed.
    measured : bool array, shape (n_y, n_x)
        Whether the velocity of a spaxel is its own.
    """

    __repr__ = short_repr

    velocity_kms: Array
    sigma_kms: Array
    halpha_flux: Array
    halpha_snr: Array
    measured: BoolArray

    @cached_property
    def light(self) -> Array:
        """H-alpha flux of every spaxel, (n_y, n_x); without data, that of its nearest neighbour.

        It is 0 where H-alpha is not detected.
        """
        known = np.isfinite(self.halpha_flux)
        detected = known & (self.halpha_snr >= MINIMUM_SNR)
        return _fill_nearest(np.where(detected, self.halpha_flux, 0.0), known)

    def centroid(self, x_arcsec: Array, y_arcsec: Array) -> tuple[float, float]:
        """Return the flux-weighted centre (x, y) of the measured H-alpha, arcsec.

        It is the origin where nothing was measured.

        Parameters
        ----------
        x_arcsec, y_arcsec : array, shapes (n_x,), (n_y,)
            Spaxel centres; the result counts from the same origin.
        """
        flux = np.where(self.measured, self.halpha_flux, 0.0)
        if flux.sum() <= 0.0:
            return 0.0, 0.0
        column, row = flux.sum(axis=0), flux.sum(axis=1)
        return float(column @ x_arcsec / flux.sum()), float(row @ y_arcsec / flux.sum())


def with_velocities(maps: KinematicMaps, velocity_kms: Array) -> KinematicMaps:
    """Return maps with velocities, (n_y, n_x), from elsewhere, relative to the redshift given.

    Spaxels that are not finite, or hold a fill value, get the value of the nearest that is known.
    MetadataError if the map has another shape than the cube, no finite value, or values that cannot
    be velocities relative to the galaxy.
    """
    expected = maps.velocity_kms.shape
    if velocity_kms.shape != expected:
        raise MetadataError(
            f"velocity map has shape {velocity_kms.shape} (y, x); expected {expected}, that of "
            "the cube with H-alpha: resample it to the cube's spaxels"
        )
    known = np.isfinite(velocity_kms) & ~_fill_values(maps, velocity_kms)
    if not known.any():
        raise MetadataError("velocity map has no finite value; leave it out to have one measured")
    fastest = float(np.abs(velocity_kms[known]).max())
    if fastest > FASTEST_KMS:
        raise MetadataError(
            f"velocity map reaches {fastest:.0f} km/s; expected km/s relative to the redshift "
            f"given, at most {FASTEST_KMS:.0f}: subtract the systemic velocity, or set spaxels "
            "without measurement to NaN"
        )
    filled = _fill_nearest(np.where(known, velocity_kms, 0.0), known)
    return replace(maps, velocity_kms=filled, measured=known)


def _fill_values(maps: KinematicMaps, velocity_kms: Array) -> BoolArray:
    """Find the spaxels whose value says that nothing was measured there, such as -999 or 0.

    Such a value is held by many spaxels exactly. It is faster than any disk, or where the cube
    itself has velocities they are others.
    """
    fills = np.zeros(velocity_kms.shape, dtype=bool)
    values, number = np.unique(velocity_kms[np.isfinite(velocity_kms)], return_counts=True)
    for value in values[number >= FEWEST_FILLED]:
        here = velocity_kms == value
        if abs(value) > FASTEST_DISK_KMS:
            fills |= here
        elif value == 0.0 or here.mean() > LEAST_SHARE_FILLED:
            compared = maps.velocity_kms[here & maps.measured] - value
            if compared.size and np.median(np.abs(compared)) > CONTRADICTING_KMS:
                fills |= here
    # A map of nothing else is not one with gaps, but of another quantity.
    return fills if (fills < np.isfinite(velocity_kms)).any() else np.zeros_like(fills)


def contradiction(maps: KinematicMaps, velocity_kms: Array) -> str:
    """Say in what way velocities from elsewhere contradict those of the cube; empty if they do not.

    A constant between both is no contradiction: a map may be relative to another redshift.
    """
    shared = maps.measured & np.isfinite(velocity_kms) & ~_fill_values(maps, velocity_kms)
    if shared.sum() < FEWEST_COMPARED:
        return ""
    own = np.where(shared, maps.velocity_kms, np.nan)
    off = _scatter(velocity_kms - own)
    if off < max(CONTRADICTING_KMS, LARGEST_SHARE_OFF * _scatter(own)):
        return ""
    others = {
        "with its sign changed": -velocity_kms, "mirrored in x": velocity_kms[:, ::-1],
        "mirrored in y": velocity_kms[::-1], "turned by 180 degrees": velocity_kms[::-1, ::-1],
    }  # fmt: skip
    if velocity_kms.shape[0] == velocity_kms.shape[1]:
        others["with x and y exchanged"] = velocity_kms.T
    better = [name for name, other in others.items() if _scatter(other - own) < 0.5 * off]
    said = f"the velocity map differs from the cube's own velocities by {off:.0f} km/s (scatter)"
    return said + (f"; it would agree {' or '.join(better)}" if better else "")


def _scatter(values: Array) -> float:
    """Return the robust standard deviation of what is finite; infinite if nothing is."""
    known = values[np.isfinite(values)]
    if not known.size:
        return np.inf
    return float(MAD_TO_SIGMA * np.median(np.abs(known - np.median(known))))


def kinematic_maps(
    band: CalibratedBand, redshift: float, *, kernel_arcsec: float, spaxel_arcsec: float
) -> KinematicMaps:
    """Return maps of H-alpha + [N II] fits in every spaxel, smoothed on the scale of the seeing.

    Smoothing raises the signal, and makes a spaxel's velocity depend less on its own noise:
    aligning spaxels on their noise peaks would add flux.

    Parameters
    ----------
    band : CalibratedBand
        The band that holds H-alpha.
    redshift : float
        Redshift that velocities are relative to.
    kernel_arcsec : float
        Side of the smoothing square, rounded to an odd number of spaxels, at least 3.
    spaxel_arcsec : float
        Side of a spaxel.
    """
    # Half a kernel of 2.9999 spaxels is one of 3.
    half_width = int(kernel_arcsec / spaxel_arcsec / 2.0 + 1e-6)
    width = max(3, 2 * half_width + 1)
    model = BandLineModel.for_band(
        band.wavelength_um, band.lsf_sigma_um, redshift, lines=KINEMATIC_LINES
    )
    everywhere = np.ones(band.valid_spaxels.shape, dtype=bool)
    smoothed = _fit(band, model, width, everywhere)
    alone = _fit(band, model, 1, smoothed.halpha_snr >= MINIMUM_SNR)
    bright = alone.halpha_snr >= MINIMUM_SNR_ALONE
    return _maps(alone.where(bright, smoothed), band.valid_spaxels)


@dataclass(frozen=True)
class _SpaxelFits:
    """Fits of every spaxel, arrays of shape (n_y, n_x), NaN where there is none."""

    halpha_flux: Array
    velocity_kms: Array
    halpha_snr: Array
    sigma_kms: Array

    def where(self, chosen: BoolArray, other: "_SpaxelFits") -> "_SpaxelFits":
        """Return these fits in the chosen spaxels and the other's elsewhere."""
        names = [item.name for item in fields(self)]
        return _SpaxelFits(
            *(np.where(chosen, getattr(self, name), getattr(other, name)) for name in names)
        )


def _fit(band: CalibratedBand, model: BandLineModel, width: int, chosen: BoolArray) -> _SpaxelFits:
    """Fit the chosen spaxels of a cube smoothed by squares of a width."""
    rows = chosen.ravel()
    flux, variance, valid = _smooth(band, model.channels, width)
    fits = fit_lines(model, flux[rows], variance[rows], mask=~valid[rows])
    halpha = fits.names.index("halpha")

    def on_sky(values: Array) -> Array:
        plane = np.full(chosen.shape, np.nan)
        plane[chosen] = values
        return plane

    return _SpaxelFits(
        halpha_flux=on_sky(fits.flux[:, halpha]),
        velocity_kms=on_sky(fits.velocity_kms),
        halpha_snr=on_sky(fits.snr[:, halpha]),
        sigma_kms=on_sky(fits.sigma_kms),
    )


def _smooth(band: CalibratedBand, channels: IntArray, width: int) -> tuple[Array, Array, BoolArray]:
    """Average squares of spaxels; return arrays of shape (n_spaxels, n_channels)."""
    size = (1, width, width)
    valid = band.valid[channels].astype(float)
    number = ndimage.uniform_filter(valid, size, mode="constant")
    mean = ndimage.uniform_filter(band.flux[channels] * valid, size, mode="constant")
    square = ndimage.uniform_filter(
        np.where(band.valid[channels], band.sigma[channels], 0.0) ** 2, size, mode="constant"
    )
    patch = np.ones((width, width))
    inflation = float(band.correlation.coadded_variance(patch)) / width**2
    usable = number > 0.5
    safe = np.where(usable, number, 1.0)
    flux, variance = mean / safe, square / safe**2 * inflation / width**2

    def full(values: Array) -> Array:
        grid = np.zeros((band.wavelength_um.size, *values.shape[1:]))
        grid[channels] = values
        return grid.reshape(grid.shape[0], -1).T

    return full(flux), full(variance), full(usable) > 0.0


def _maps(fits: _SpaxelFits, valid_spaxels: BoolArray) -> KinematicMaps:
    detected = (fits.halpha_snr >= MINIMUM_SNR) & valid_spaxels
    light = np.where(detected, fits.halpha_flux, 0.0)
    measured = detected & _main_body(detected, light, valid_spaxels)
    return KinematicMaps(
        velocity_kms=_fill_nearest(np.where(measured, fits.velocity_kms, 0.0), measured),
        sigma_kms=fits.sigma_kms,
        halpha_flux=fits.halpha_flux,
        halpha_snr=fits.halpha_snr,
        measured=measured,
    )


def _main_body(detected: BoolArray, flux: Array, valid_spaxels: BoolArray) -> BoolArray:
    """Keep the connected patch with the most flux: islands and spurs are sky residuals.

    A dead column does not part a galaxy: gaps without data, up to two spaxels wide, are
    bridged before patches are told apart.
    """
    closed = ndimage.binary_closing(detected, np.ones((3, 3)))
    bridged = np.where(valid_spaxels, detected, closed)
    opened = ndimage.binary_opening(bridged, np.ones((2, 2)))
    labels, number = ndimage.label(opened)
    if number == 0:
        return detected
    total = ndimage.sum_labels(flux, labels, index=np.arange(1, number + 1))
    return np.asarray(labels == 1 + int(np.argmax(total)))


def _fill_nearest(values: Array, known: BoolArray) -> Array:
    """Fill unknown spaxels with the nearest known value, if any (Li et al. 2025, Section 3)."""
    if not known.any():
        return values
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(values[tuple(nearest)])
