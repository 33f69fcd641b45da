"""The smearing matrix: how much of the light of each ring of a disk lands in each aperture.

A thin ring of unit flux has the transform J0(R k), k in the plane of the disk. With the transforms
of seeing and apertures, the light of a ring in an aperture is one sum over wave vectors, smooth in
radius, inclination and seeing. Two effects are left out on purpose: light that is lost because
spaxels are shifted to rest by a smeared velocity map, and selection by a cut in S/N.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from scipy.special import j0, ndtri

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.smearing.point_spread import PointSpread
from kurvs_pipeline.smearing.sky_apertures import SkyApertures

HALF_LIGHT_IN_SCALE_LENGTHS = 1.6783469900166605
"""Effective radius of an exponential disk over its scale length."""

NODES_PER_RING = 8

LARGEST_LOG_RATIO = 6.0
"""log10 of a line ratio at which it is cut off: there the light of an exponential disk is
negligible."""

FEWEST_NODES = 24
NODES_PER_WAVE = 0.3
NODES_WITHOUT_SEEING = 400
SMALLEST_COSINE = 0.5
"""The minor axis of a ring brings its light nearer; of edge-on disks, rings that are too far
out to hold light are left out."""
SAMPLES_OF_AZIMUTH = 1440
SAMPLES_OF_HEIGHT = 15


class _RadialNodes(NamedTuple):
    """Radii in the plane of the disk and weights, arcsec: an integral is ``weight @ f(radius)``."""

    radius_arcsec: Array
    weight: Array


@dataclass(frozen=True)
class InclinedDisk:
    """Orientation and thickness of a disk.

    Parameters
    ----------
    inclination_deg : float
        Inclination; 0 is face-on, 90 is allowed.
    position_angle_deg : float
        Position angle of the major axis, North through East.
    vertical_sigma_arcsec : float
        Standard deviation of the height of the gas, Gaussian and the same at all radii.
    """

    inclination_deg: float
    position_angle_deg: float = 0.0
    vertical_sigma_arcsec: float = 0.0

    @classmethod
    def of(cls, metadata: ObservationMetadata) -> Self:
        """Return the disk of an observation.

        An oblate exponential disk of axis ratio q0 has heights of sqrt(3) q0 scale lengths, by its
        second moments.

        Parameters
        ----------
        metadata : ObservationMetadata
            Metadata with the inclination and, for a thick disk, the effective radius.
        """
        scale = metadata.effective_radius_arcsec / HALF_LIGHT_IN_SCALE_LENGTHS
        height = math.sqrt(3.0) * metadata.disk_thickness * scale
        angle = float(np.nan_to_num(metadata.position_angle_deg))
        return cls(metadata.inclination_deg, angle, float(np.nan_to_num(height)))

    @property
    def cosine(self) -> float:
        """Axis ratio of a ring on the sky."""
        return math.cos(math.radians(self.inclination_deg))

    @property
    def blur_arcsec(self) -> float:
        """Standard deviation of the projected height, along the minor axis."""
        return self.vertical_sigma_arcsec * math.sin(math.radians(self.inclination_deg))

    def along_axes(self, west: Array, north: Array) -> tuple[Array, Array]:
        """Return the components of vectors along the major and minor axes, broadcast together.

        Parameters
        ----------
        west, north : array, any shapes that broadcast
            Components of the vectors, in any unit.
        """
        angle = math.radians(self.position_angle_deg)
        along = north * math.cos(angle) - west * math.sin(angle)
        return along, west * math.cos(angle) + north * math.sin(angle)

    def to_sky(self, along: Array, across: Array) -> tuple[Array, Array]:
        """Return the components of vectors to the West and to the North, broadcast together.

        Parameters
        ----------
        along, across : array, any shapes that broadcast
            Components along the major and the minor axis, in any unit.
        """
        angle = math.radians(self.position_angle_deg)
        west = across * math.cos(angle) - along * math.sin(angle)
        return west, along * math.cos(angle) + across * math.sin(angle)


@dataclass(frozen=True, eq=False)
class SmearingMatrix:
    """Fraction of the light of a disk's rings that lands in apertures.

    Parameters
    ----------
    disk : InclinedDisk
        Disk that emits the light.
    psf : PointSpread or None
        Point-spread function; None is a delta function.
    apertures : SkyApertures
        Apertures that receive the light.
    """

    disk: InclinedDisk
    psf: PointSpread | None
    apertures: SkyApertures

    @property
    def outermost_arcsec(self) -> float:
        """Radius in the disk beyond which no light reaches the apertures."""
        on_sky = self.apertures.reach_arcsec + (self.psf.reach_arcsec if self.psf else 0.0)
        return on_sky / max(self.disk.cosine, SMALLEST_COSINE)

    @cached_property
    def nodes(self) -> _RadialNodes:
        """Radii and weights for integrals over the disk, denser at its centre."""
        number = NODES_WITHOUT_SEEING
        if self.psf is not None:
            waves = self.outermost_arcsec * self.psf.largest_wavenumber / math.pi
            number = FEWEST_NODES + math.ceil(NODES_PER_WAVE * waves)
        point, weight = np.polynomial.legendre.leggauss(number)
        fraction = 0.5 * (point + 1.0)
        outermost = self.outermost_arcsec
        return _RadialNodes(outermost * fraction**2, weight * outermost * fraction)

    @cached_property
    def at_nodes(self) -> Array:
        """The matrix at :attr:`nodes`, shape (n_apertures, n_nodes)."""
        if self.psf is None:
            return self._without_seeing(self.nodes.radius_arcsec)
        return self._sum(self.psf, self._ring_transforms)

    def log_ratios(self, effective_radius_arcsec: float, log_ratio_per_arcsec: float) -> Array:
        """Return the logarithm of a line ratio in each aperture, shape (n_apertures,).

        The disk is exponential in the denominator's line; the logarithm of the intrinsic ratio is
        linear in radius and 0 at the centre.

        Parameters
        ----------
        effective_radius_arcsec : float
            Half-light radius of the denominator's line.
        log_ratio_per_arcsec : float
            Intrinsic gradient of log10(numerator / denominator).
        """
        radius, weight = self.nodes
        scale = effective_radius_arcsec / HALF_LIGHT_IN_SCALE_LENGTHS
        denominator = weight * radius * np.exp(-radius / scale)
        logarithm = np.clip(log_ratio_per_arcsec * radius, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
        numerator = denominator * 10.0**logarithm
        seen = self.at_nodes @ np.stack([numerator, denominator], axis=1)
        return np.asarray(np.log10(seen[:, 0] / seen[:, 1]))

    def at(self, radius_arcsec: Array) -> Array:
        """Return the fraction of the light of thin rings in each aperture, (n_apertures, n_radii).

        Parameters
        ----------
        radius_arcsec : array, shape (n_radii,)
            Radii of the rings in the plane of the disk.
        """
        if self.psf is None:
            return self._without_seeing(radius_arcsec)
        return self._sum(self.psf, self._rings(radius_arcsec))

    def with_psf(self, psf: PointSpread) -> Array:
        """Return the matrix at the same nodes with slightly different seeing, as :attr:`at_nodes`.

        Parameters
        ----------
        psf : PointSpread
            Seeing, whose transform must have died away where that of the matrix has.

        Raises
        ------
        MetadataError
            If this matrix has no seeing.
        """
        return self._sum(psf, self._ring_transforms)

    def of_rings(self, edges_arcsec: Array) -> Array:
        """Return the fraction of the light of rings of uniform surface brightness in each aperture.

        Parameters
        ----------
        edges_arcsec : array, shape (n_rings + 1,)
            Edges of the rings in the plane of the disk, increasing, >= 0.

        Returns
        -------
        array, shape (n_apertures, n_rings)
        """
        point, weight = np.polynomial.legendre.leggauss(NODES_PER_RING)
        inner, outer = edges_arcsec[:-1, None], edges_arcsec[1:, None]
        radius = inner + 0.5 * (outer - inner) * (point + 1.0)
        light = weight * radius
        fraction = self.at(radius.ravel()).reshape(-1, *radius.shape)
        return np.asarray((fraction * light).sum(axis=2) / light.sum(axis=1))

    @cached_property
    def _waves(self) -> "_WaveVectors":
        if self.psf is None:
            raise MetadataError("seeing is none; expected a point-spread function to vary")
        period = self.outermost_arcsec + self.apertures.reach_arcsec + self.psf.reach_arcsec
        return _WaveVectors.half_plane(2.0 * math.pi / period, self.psf.largest_wavenumber)

    @cached_property
    def _aperture_transforms(self) -> Array:
        """Transforms of the apertures, weighted for the sum, shape (n_apertures, n_k)."""
        waves = self._waves
        grid = self.apertures.transform(waves.west_axis, waves.north_axis)
        return np.asarray(grid[:, waves.used] * waves.weight)

    @cached_property
    def _ring_transforms(self) -> Array:
        return self._rings(self.nodes.radius_arcsec)

    def _rings(self, radius_arcsec: Array) -> Array:
        """Return the transforms of rings, shape (n_k, n_radii)."""
        along, across = self.disk.along_axes(self._waves.west, self._waves.north)
        in_plane = np.hypot(along, across * self.disk.cosine)
        height = np.exp(-0.5 * (across * self.disk.blur_arcsec) ** 2)
        return np.asarray(j0(in_plane[:, None] * radius_arcsec) * height[:, None])

    def _sum(self, psf: PointSpread, rings: Array) -> Array:
        seeing = psf.transform(self._waves.west, self._waves.north)
        return np.asarray((self._aperture_transforms * seeing) @ rings)

    def _without_seeing(self, radius_arcsec: Array) -> Array:
        """Average the apertures along rings, which has steps at their edges."""
        azimuth = 2.0 * np.pi * (np.arange(SAMPLES_OF_AZIMUTH) + 0.5) / SAMPLES_OF_AZIMUTH
        blur = self.disk.blur_arcsec
        samples = SAMPLES_OF_HEIGHT if blur > 0.0 else 1
        height = blur * ndtri((np.arange(samples) + 0.5) / samples)
        along = radius_arcsec[:, None, None] * np.cos(azimuth)[:, None]
        across = radius_arcsec[:, None, None] * self.disk.cosine * np.sin(azimuth)[:, None] + height
        west, north = self.disk.to_sky(*np.broadcast_arrays(along, across))
        share = self.apertures.share(west.ravel(), north.ravel())
        return np.asarray(share.reshape(len(share), *west.shape).mean(axis=(2, 3)))


class _WaveVectors(NamedTuple):
    """Wave vectors (rad per arcsec) of half the plane, which stands for all as the sum is even.

    ``used`` marks the vectors of the grid up to the largest wavenumber, shape (n_north, n_west);
    ``west``, ``north`` and ``weight`` in the sum are those of these vectors, shape (n_k,).
    """

    west_axis: Array
    north_axis: Array
    used: BoolArray
    west: Array
    north: Array
    weight: Array

    @classmethod
    def half_plane(cls, step: float, largest: float) -> "_WaveVectors":
        """Build a grid up to the largest wavenumber."""
        number = math.ceil(largest / step)
        north_axis = np.linspace(-number * step, number * step, 2 * number + 1)
        west_axis = north_axis[number:]
        west, north = np.meshgrid(west_axis, north_axis)
        used = np.hypot(west, north) <= largest
        twice = np.where(west == 0.0, 1.0, 2.0)[used]
        weight = twice * (step / (2.0 * math.pi)) ** 2
        return cls(west_axis, north_axis, used, west[used], north[used], weight)
