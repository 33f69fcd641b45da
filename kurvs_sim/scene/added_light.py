"""Light that is not the disk's lines: stars, and sources at the centre."""

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from kurvs_pipeline.arrays import Array, Map
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS, Band
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.atmosphere.seeing import Seeing
from kurvs_sim.channels import channel_integrated_gaussian
from kurvs_sim.galaxy.galaxy import Galaxy
from kurvs_sim.galaxy.nucleus import NuclearSource
from kurvs_sim.galaxy.stars import StellarContinuum
from kurvs_sim.profiles.shapes import Sersic
from kurvs_sim.scene.fine_sky import FineSky, MinorAxisBlur

_LINE_WINDOW_SIGMA = 6.0
_SAMPLED_SIGMA = 0.7
"""In pixels: from here on the sum over samples is right to 1e-4."""

_GAUSSIAN_SIGMA_PER_EFFECTIVE_RADIUS = 1.0 / math.sqrt(2.0 * math.log(2.0))


def _shares_of_pixels(distance: Array, sigma: float) -> Array:
    """Share a Gaussian out to pixels, its flux, centre and variance kept.

    The light of a pixel is taken to come from its centre. A narrow Gaussian has too few pixels
    to be sampled, and is put on three; those of a point nearer the edge of a pixel than its
    centre include a small negative one, which any seeing hides.
    """
    if sigma >= _SAMPLED_SIGMA:
        return np.asarray(np.exp(-0.5 * (distance / sigma) ** 2) / (np.sqrt(2.0 * np.pi) * sigma))
    shares = np.zeros(distance.size)
    nearest = int(np.argmin(np.abs(distance)))
    if 0 < nearest < distance.size - 1:
        offset = -distance[nearest]
        square = offset**2 + sigma**2
        three = [0.5 * (square - offset), 1.0 - square, 0.5 * (square + offset)]
        shares[nearest - 1 : nearest + 2] = three
    return shares


@cache
def _de_vaucouleurs_gaussians() -> tuple[Array, Array]:
    """Write a de Vaucouleurs profile as round Gaussians (Cappellari 2002, MNRAS 333, 400).

    Gaussians keep their light on pixels, which a cusp does not. The surface brightness is met to
    3e-3 from 0.003 to 30 effective radii, to 1e-3 beyond 0.01. Returned are widths in effective
    radii, and fractions of the light, shape (n,) each.
    """
    radius = np.geomspace(1e-3, 30.0, 400)
    sigmas = np.geomspace(1e-3, 20.0, 30)
    profile = Sersic(at_effective_radius=1.0, effective_radius=1.0, index=4.0)(radius)
    gaussians = np.exp(-0.5 * (radius[:, None] / sigmas) ** 2) / sigmas**2
    shares, _ = nnls(gaussians / profile[:, None], np.ones(radius.size))
    used = shares > 0.0
    return sigmas[used], shares[used] / shares.sum()


@dataclass(frozen=True, eq=False)
class AddedLight:
    """Stars and nuclear sources of a galaxy behind the atmosphere.

    ``height``, the blur along the minor axis by the height of the disk, is that of its stars too.
    """

    galaxy: Galaxy
    sky: FineSky
    psf: Seeing
    height: MinorAxisBlur

    @cached_property
    def star_maps(self) -> list[Array]:
        """Fraction of each of ``galaxy.stars`` that a spaxel holds, shapes (n_y, n_x)."""
        return [self._seen(self._stars(stars), stars.shape) for stars in self.galaxy.stars]

    @cached_property
    def nuclear_maps(self) -> list[Array]:
        """Fraction of each of ``galaxy.nuclear_sources`` in a spaxel, shapes (n_y, n_x)."""
        return [self._seen(self._nucleus(source)) for source in self.galaxy.nuclear_sources]

    def _seen(self, light: Map, shape: str = "round") -> Array:
        height = self.height if shape == "disk" else MinorAxisBlur()
        seen = self.sky.convolution(self.psf, height)(iter([light]))
        return np.asarray(seen[0], dtype=float)

    def _stars(self, stars: StellarContinuum) -> Map:
        """Return the light of stars on the fine sky, the whole of it 1."""
        if stars.shape == "bulge":
            return self._bulge(stars.effective_radius_kpc / self.galaxy.kpc_per_arcsec)
        x_kpc, y_kpc = self.galaxy.in_plane_kpc(self.sky.x_arcsec, self.sky.y_arcsec[:, None])
        pixel_kpc2 = self.sky.pixel_arcsec**2 * self.galaxy.sky_kpc2_per_arcsec2
        return (stars.light(np.hypot(x_kpc, y_kpc)) * pixel_kpc2).astype(np.float32)

    def _bulge(self, effective_radius_arcsec: float) -> Map:
        """Draw a de Vaucouleurs spheroid, whose cusp wants every pixel integrated."""
        sigmas, shares = _de_vaucouleurs_gaussians()
        gaussians = [self._gaussian(sigma * effective_radius_arcsec) for sigma in sigmas]
        return np.tensordot(shares, gaussians, axes=1).astype(np.float32)

    def _nucleus(self, source: NuclearSource) -> Map:
        effective_radius_arcsec = source.effective_radius_kpc / self.galaxy.kpc_per_arcsec
        return self._gaussian(effective_radius_arcsec * _GAUSSIAN_SIGMA_PER_EFFECTIVE_RADIUS)

    def _gaussian(self, sigma_arcsec: float) -> Map:
        """Draw a round Gaussian of unit flux at the galaxy's centre."""
        pixel = self.sky.pixel_arcsec
        # Without seeing to hide them, shares of a point must not be negative.
        least = 0.5 if self.psf.fwhm_arcsec == 0.0 else 0.0
        along_y, along_x = (
            _shares_of_pixels(centres / pixel, max(sigma_arcsec / pixel, least))
            for centres in (self.sky.y_arcsec, self.sky.x_arcsec)
        )
        return np.outer(along_y, along_x).astype(np.float32)

    def add(self, cube: NDArray[np.float32], band: Band) -> None:
        """Add all of it to a cube, (n_channels, n_y, n_x), in place.

        The cube holds the flux density per spaxel, 1e-16 erg/s/cm2/um.
        """
        for stars, share in zip(self.galaxy.stars, self.star_maps, strict=True):
            spectrum = stars.spectrum(band, self.galaxy.redshift)
            cube += spectrum.astype(np.float32)[:, None, None] * share.astype(np.float32)
        for source, share in zip(self.galaxy.nuclear_sources, self.nuclear_maps, strict=True):
            for line, flux in source.line_fluxes().items():
                self._add_line(cube, band, share, source, line, flux)

    def _add_line(
        self,
        cube: NDArray[np.float32],
        band: Band,
        share: Array,
        source: NuclearSource,
        line: str,
        flux: float,
    ) -> None:
        rest_um = REST_WAVELENGTH_UM[line] * (1.0 + self.galaxy.redshift)
        centre_um = rest_um * (1.0 + source.velocity_kms / SPEED_OF_LIGHT_KMS)
        sigma_um = math.hypot(
            centre_um * source.dispersion_kms / SPEED_OF_LIGHT_KMS, band.lsf_sigma_um
        )
        reach_um = _LINE_WINDOW_SIGMA * sigma_um
        window = slice(
            *np.searchsorted(band.wavelength_um, [centre_um - reach_um, centre_um + reach_um])
        )
        if flux == 0.0 or window.start == window.stop:
            return
        profile = channel_integrated_gaussian(
            band.wavelength_um[window], band.channel_width_um, centre_um, sigma_um
        )
        cube[window] += (flux * profile[:, 0, None, None] * share).astype(np.float32)
