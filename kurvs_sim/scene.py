"""The galaxy on an oversampled sky, and what the atmosphere makes of it.

All lines share one velocity field v, so a channel of the smeared cube is

    sum_m a_m(channel) [ (S_line T_m(v / v_max)) * PSF ],

T_m being the Chebyshev polynomials and a_m those of the line's profile. The bracket does not
depend on the channel: it is convolved once, binned to spaxels, and expanded to channels by a
small matrix (:mod:`kurvs_sim.line_profiles`). The height of a thick disk is one more
convolution, along the minor axis. The ten lines are functions of the radius that
differ little, so they are first written in the few profiles that span them all.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS, Band
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.galaxy import Galaxy
from kurvs_sim.instrument import SpaxelGrid
from kurvs_sim.line_profiles import chebyshev_line_profile
from kurvs_sim.numerics import Numerics
from kurvs_sim.seeing import PointSpreadFunction, Seeing

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
AnyArray = TypeVar("AnyArray", Array, ComplexArray)

NO_SEEING = PointSpreadFunction(fwhm_arcsec=0.0)

NARROWEST_LSF_KMS = 25.0
"""Below the line-spread function of KMOS anywhere in its bands (26 to 46 km/s)."""


@dataclass(frozen=True)
class Scene:
    """A galaxy seen through the atmosphere by a grid of spaxels.

    Parameters
    ----------
    galaxy : Galaxy
        What is in the sky.
    grid : SpaxelGrid
        Where it is seen.
    psf : Seeing
        The seeing.
    numerics : Numerics
        Accuracy.
    """

    galaxy: Galaxy
    grid: SpaxelGrid
    psf: Seeing
    numerics: Numerics

    @cached_property
    def x_arcsec(self) -> Array:
        """Spaxel centres from the galaxy, to the West, shape (n_x,)."""
        return self.grid.x_arcsec - self.galaxy.offset_x_arcsec

    @cached_property
    def y_arcsec(self) -> Array:
        """Spaxel centres from the galaxy, to the North, shape (n_y,)."""
        return self.grid.y_arcsec - self.galaxy.offset_y_arcsec

    @cached_property
    def oversampling(self) -> int:
        """Fine pixels across a spaxel."""
        return self.numerics.oversampling(
            self.grid.spaxel_arcsec,
            minor_scale_length_arcsec=self.galaxy.scale_length_arcsec
            * self.galaxy.midplane_axis_ratio,
            psf_fwhm_arcsec=self.psf.fwhm_arcsec,
        )

    @property
    def fine_pixel_arcsec(self) -> float:
        """Side of a pixel of the oversampled sky."""
        return self.grid.spaxel_arcsec / self.oversampling

    @cached_property
    def padding(self) -> int:
        """Spaxels of sky beyond each edge of the field."""
        return math.ceil(self.numerics.padding_arcsec / self.grid.spaxel_arcsec - 1e-9)

    def _fine(self, spaxel_centres_arcsec: Array) -> Array:
        """Return the fine pixels of a padded axis."""
        n_fine = (spaxel_centres_arcsec.size + 2 * self.padding) * self.oversampling
        middle = 0.5 * (spaxel_centres_arcsec[0] + spaxel_centres_arcsec[-1])
        return np.asarray(
            middle + self.fine_pixel_arcsec * (np.arange(n_fine) - 0.5 * (n_fine - 1))
        )

    @cached_property
    def _fine_sky(self) -> tuple[Array, Array]:
        """Radius (kpc) and line-of-sight velocity (km/s) of every fine pixel."""
        x, y = self._fine(self.x_arcsec), self._fine(self.y_arcsec)
        return self.galaxy.deproject(x[None, :], y[:, None])

    @cached_property
    def fine_line_maps(self) -> dict[str, Array]:
        """Flux of every line that the midplane would have in each fine pixel, padding included.

        1e-16 erg/s/cm2; the height of the gas comes in with the seeing.
        """
        area = self.fine_pixel_arcsec**2
        return {
            line: brightness * area
            for line, brightness in self.galaxy.lines(self._fine_sky[0]).items()
        }

    @cached_property
    def line_maps(self) -> dict[str, Array]:
        """Flux of every line in each spaxel before the atmosphere, shape (n_y, n_x)."""
        if self.galaxy.vertical_sigma_arcsec > 0.0:
            transfer = self._transfer_through(NO_SEEING)
            return {
                line: self._convolved(fine, transfer).real
                for line, fine in self.fine_line_maps.items()
            }
        return {
            line: self._field(_binned(fine, self.oversampling))
            for line, fine in self.fine_line_maps.items()
        }

    @cached_property
    def smeared_line_maps(self) -> dict[str, Array]:
        """Flux of every line in each spaxel after the atmosphere, shape (n_y, n_x)."""
        return {line: self.moments(line)[0] for line in REST_WAVELENGTH_UM}

    @cached_property
    def velocity_map_kms(self) -> Array:
        """Line-of-sight velocity at spaxel centres before the atmosphere, shape (n_y, n_x)."""
        return self.galaxy.deproject(self.x_arcsec[None, :], self.y_arcsec[:, None])[1]

    def fraction_within(self, radius_arcsec: float) -> Array:
        """Return the fraction of each spaxel inside an ellipse around the galaxy.

        Parameters
        ----------
        radius_arcsec : float
            Semi-major axis; the axis ratio is that of the light.

        Returns
        -------
        array, shape (n_y, n_x)
        """
        x, y = self._fine(self.x_arcsec), self._fine(self.y_arcsec)
        major, minor = self.galaxy.along_axes(x[None, :], y[:, None])
        inside = (np.hypot(major, minor / self.galaxy.axis_ratio) <= radius_arcsec).astype(float)
        return self._field(_binned(inside, self.oversampling)) / self.oversampling**2

    @cached_property
    def n_moments(self) -> int:
        """Number of Chebyshev polynomials of the velocity."""
        narrowest_kms = math.hypot(self.galaxy.dispersion_kms, NARROWEST_LSF_KMS)
        return self.numerics.chebyshev_order(self.galaxy.maximum_velocity_kms, narrowest_kms)

    def moments(self, line: str) -> Array:
        """Return the smeared Chebyshev moments of a line.

        Parameters
        ----------
        line : str
            One of ``REST_WAVELENGTH_UM``.

        Returns
        -------
        array, shape (n_moments, n_y, n_x)
            Flux times T_m(velocity / maximum velocity), 1e-16 erg/s/cm2 per spaxel.
        """
        weights = self._basis[1][line]
        return np.asarray(np.tensordot(weights, self._smeared_basis_moments, axes=1))

    @cached_property
    def _basis(self) -> tuple[Array, dict[str, Array]]:
        """The few fine maps that span those of all lines, and each line's weights in them."""
        totals = {line: fine.sum() for line, fine in self.fine_line_maps.items()}
        stacked = np.stack([fine / totals[line] for line, fine in self.fine_line_maps.items()])
        flat = stacked.reshape(len(totals), -1)
        power, vectors = np.linalg.eigh(flat @ flat.T)
        kept = vectors[:, power > self.numerics.profile_tolerance**2 * power[-1]]
        maps = np.tensordot(kept.T, stacked, axes=1)
        return maps, {line: totals[line] * kept[row] for row, line in enumerate(totals)}

    @cached_property
    def _smeared_basis_moments(self) -> Array:
        """Shape (n_basis, n_moments, n_y, n_x)."""
        transfer = self._transfer_through(self.psf)
        maps = list(self._fine_moments())
        # The PSF is real, so one complex transform convolves two maps.
        pairs = zip(maps[::2], [*maps[1::2], np.zeros_like(maps[0])], strict=False)
        smeared: list[Array] = []
        for first, second in pairs:
            convolved = self._convolved(first + 1j * second, transfer)
            smeared += [convolved.real, convolved.imag]
        shape = (-1, self.n_moments, self.grid.n_y, self.grid.n_x)
        return np.stack(smeared[: len(maps)]).reshape(shape)

    def _transfer_through(self, psf: Seeing) -> ComplexArray:
        """Return the transform of a PSF, of the height of the gas and of the spaxels."""
        n_fine_y, n_fine_x = self._fine_sky[1].shape
        largest = max(n_fine_y + self.grid.n_y * self.oversampling,
                      n_fine_x + self.grid.n_x * self.oversampling)  # fmt: skip
        n_coarse = fft.next_fast_len(math.ceil(largest / self.oversampling))
        transfer = _transfer(psf, self.fine_pixel_arcsec, n_coarse, self.oversampling)
        if self.galaxy.vertical_sigma_arcsec == 0.0:
            return transfer
        frequency = fft.fftfreq(len(transfer), self.fine_pixel_arcsec)
        along_minor = self.galaxy.along_axes(frequency[None, :], frequency[:, None])[1]
        exponent = (2.0 * math.pi * self.galaxy.vertical_sigma_arcsec * along_minor) ** 2
        return transfer * np.exp(-0.5 * exponent)

    def _convolved(self, fine: NDArray[np.inexact[Any]], transfer: ComplexArray) -> ComplexArray:
        """Convolve a fine map and sum it over the spaxels of the field."""
        return self._field(_convolved_and_binned(fine, transfer, self.oversampling))

    def _fine_moments(self) -> Iterator[Array]:
        """Yield every basis map times T_0, T_1, ... of the velocity field."""
        scale = self.galaxy.maximum_velocity_kms or 1.0
        velocity = self._fine_sky[1] / scale
        for profile in self._basis[0]:
            previous, current = profile, profile * velocity
            for _ in range(self.n_moments):
                yield previous
                previous, current = current, 2.0 * velocity * current - previous

    def _field(self, padded: AnyArray) -> AnyArray:
        """Cut the padding away from maps that start at the first padded spaxel."""
        start = self.padding
        return padded[start : start + self.grid.n_y, start : start + self.grid.n_x]

    def line_sigma_um(self, line: str, band: Band) -> float:
        """Return the width of a line where the gas has one velocity, LSF included."""
        observed_um = REST_WAVELENGTH_UM[line] * (1.0 + self.galaxy.redshift)
        intrinsic_um = observed_um * self.galaxy.dispersion_kms / SPEED_OF_LIGHT_KMS
        return math.hypot(intrinsic_um, band.lsf_sigma_um)

    def add_line(self, cube: NDArray[np.float32], line: str, band: Band) -> None:
        """Add a line to the channels near it.

        Parameters
        ----------
        cube : array, shape (n_channels, n_y, n_x)
            Flux density per spaxel, 1e-16 erg/s/cm2/um, changed in place.
        line : str
            One of ``REST_WAVELENGTH_UM``; nothing happens where it is out of the band.
        band : Band
            The channels of the cube.
        """
        systemic_um = REST_WAVELENGTH_UM[line] * (1.0 + self.galaxy.redshift)
        sigma_um = self.line_sigma_um(line, band)
        reach_um = (
            systemic_um * self.galaxy.maximum_velocity_kms / SPEED_OF_LIGHT_KMS
            + self.numerics.line_window_sigma * sigma_um
        )
        window = slice(
            *np.searchsorted(band.wavelength_um, [systemic_um - reach_um, systemic_um + reach_um])
        )
        if window.start == window.stop:
            return
        profile = chebyshev_line_profile(
            band.wavelength_um[window], band.channel_width_um, systemic_um=systemic_um,
            sigma_um=sigma_um, maximum_velocity_kms=self.galaxy.maximum_velocity_kms,
            n_moments=self.n_moments,
        )  # fmt: skip
        cube[window] += np.tensordot(profile, self.moments(line), axes=1)

    def cube(self, band: Band) -> NDArray[np.float32]:
        """Return the noise-free cube of a band.

        Returns
        -------
        float32 array, shape (n_channels, n_y, n_x)
            Flux density per spaxel, 1e-16 erg/s/cm2/um.
        """
        cube = np.zeros((band.n_channels, self.grid.n_y, self.grid.n_x), dtype=np.float32)
        for line in REST_WAVELENGTH_UM:
            self.add_line(cube, line, band)
        return cube


def _binned(fine: Array, oversampling: int) -> Array:
    """Sum square blocks of pixels."""
    n_y, n_x = fine.shape[0] // oversampling, fine.shape[1] // oversampling
    return np.asarray(fine.reshape(n_y, oversampling, n_x, oversampling).sum(axis=(1, 3)))


@lru_cache(maxsize=4)
def _transfer(
    psf: Seeing, fine_pixel_arcsec: float, n_coarse: int, oversampling: int
) -> ComplexArray:
    """Return the Fourier transform of the PSF and of the sum over the pixels of a spaxel.

    The PSF is sampled, so the integral over the fine pixel is multiplied in; a delta function
    keeps its light in the pixel where it was.
    """
    n_fine = n_coarse * oversampling
    transfer = fft.fft2(fft.ifftshift(psf.image(fine_pixel_arcsec, n_fine)))
    if psf.fwhm_arcsec > 0.0:
        pixel = np.sinc(fft.fftfreq(n_fine))
        transfer *= pixel[:, None] * pixel
    box = np.zeros(n_fine)
    box[-np.arange(oversampling)] = 1.0
    spaxel = fft.fft(box)
    transfer *= spaxel[:, None] * spaxel
    transfer.setflags(write=False)
    return np.asarray(transfer)


def _convolved_and_binned(
    fine: NDArray[np.inexact[Any]], transfer: ComplexArray, oversampling: int
) -> ComplexArray:
    """Convolve, and return only the first pixel of every spaxel, which holds its sum.

    Taking every n-th pixel folds the spectrum n times, so only a small transform goes back.
    """
    n_fine = transfer.shape[0]
    spectrum = fft.fft(fft.fft(fine, n=n_fine, axis=1), n=n_fine, axis=0) * transfer
    n_coarse = n_fine // oversampling
    folded = spectrum.reshape(oversampling, n_coarse, oversampling, n_coarse).mean(axis=(0, 2))
    return np.asarray(fft.ifft2(folded))
