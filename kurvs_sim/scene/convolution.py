"""From maps on the fine sky to spaxels behind seeing: by Fourier, or axis by axis.

Both work in single precision: rounding is 1e-6 of the peak, far below the sampling of the sky.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import ndtr

from kurvs_pipeline.arrays import Array, Map
from kurvs_sim.atmosphere.seeing import Seeing

Transfer = NDArray[np.complex64]


class Convolution(Protocol):
    """Anything that smears maps of the fine sky and sums them over the spaxels of a field."""

    def __call__(self, maps: Iterator[Map]) -> Map:
        """Return the smeared maps: light in each spaxel, shape (n_maps, n_y, n_x).

        Those given hold the light in each fine pixel, shape (n_fine_y, n_fine_x).
        """


@dataclass(frozen=True)
class SeparableConvolution:
    """Gaussian seeing: two matrix products.

    The matrices, shapes (n_y, n_fine_y) and (n_x, n_fine_x), hold the light that each spaxel of an
    axis receives from each fine pixel.
    """

    along_y: Map
    along_x: Map

    @classmethod
    def of_gaussian(
        cls, sigma_arcsec: float, fine: tuple[Array, Array], edges: tuple[Array, Array]
    ) -> "SeparableConvolution":
        """Return the convolution with a round Gaussian.

        ``fine`` are centres of fine pixels, ``edges`` borders of spaxels, along y and along x in
        arcsec.
        """
        along_y, along_x = (
            np.diff(ndtr((borders[:, None] - centres) / sigma_arcsec), axis=0).astype(np.float32)
            for centres, borders in zip(fine, edges, strict=True)
        )
        return cls(along_y, along_x)

    def __call__(self, maps: Iterator[Map]) -> Map:
        """Return the smeared maps (:class:`Convolution`)."""
        return np.stack([self.along_y @ light @ self.along_x.T for light in maps])


@dataclass(frozen=True)
class FourierConvolution:
    """Any seeing: one transform for two maps, and a small one back.

    ``transfer``, shape (n, n), is the transform of the seeing and of the sum over the fine pixels
    of a spaxel; ``oversampling``, fine pixels across a spaxel, divides n. ``field`` counts spaxels
    from the first one of the maps.
    """

    transfer: Transfer
    oversampling: int
    field: tuple[slice, slice]

    def __call__(self, maps: Iterator[Map]) -> Map:
        """Return the smeared maps (:class:`Convolution`)."""
        smeared: list[Map] = []
        for first in maps:
            second = next(maps, None)
            # The PSF is real, so one complex transform convolves two maps.
            pair = first if second is None else first + 1j * second
            binned = self._convolved_and_binned(pair)[self.field]
            smeared += [binned.real] if second is None else [binned.real, binned.imag]
        return np.stack(smeared)

    def _convolved_and_binned(self, fine: Map | Transfer) -> Transfer:
        """Convolve, and return only the first pixel of every spaxel, which holds its sum.

        Taking every n-th pixel folds the spectrum n times, so only a small transform goes back.
        """
        n_fine = self.transfer.shape[0]
        rows = fft.fft(fine.astype(np.complex64), n=n_fine, axis=1)
        spectrum = fft.fft(rows, n=n_fine, axis=0) * self.transfer
        n_coarse = n_fine // self.oversampling
        blocks = spectrum.reshape(self.oversampling, n_coarse, self.oversampling, n_coarse)
        return np.asarray(fft.ifft2(blocks.mean(axis=(0, 2))))


@lru_cache(maxsize=4)
def transfer_function(
    psf: Seeing, fine_pixel_arcsec: float, n_coarse: int, oversampling: int
) -> Transfer:
    """Return the Fourier transform of the PSF and of the sum over the pixels of a spaxel.

    The PSF is sampled, so the integral over the fine pixel is multiplied in; a delta function keeps
    its light in the pixel where it was. Both axes have n_coarse * oversampling pixels: spaxels
    times fine pixels across a spaxel.
    """
    n_fine = n_coarse * oversampling
    transfer = fft.fft2(fft.ifftshift(psf.image(fine_pixel_arcsec, n_fine)))
    if psf.fwhm_arcsec > 0.0:
        pixel = np.sinc(fft.fftfreq(n_fine))
        transfer *= pixel[:, None] * pixel
    box = np.zeros(n_fine)
    box[-np.arange(oversampling)] = 1.0
    spaxel = fft.fft(box)
    transfer = (transfer * spaxel[:, None] * spaxel).astype(np.complex64)
    transfer.setflags(write=False)
    return np.asarray(transfer)
