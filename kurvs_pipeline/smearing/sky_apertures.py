"""Apertures on the sky by their Fourier transforms, for the smearing matrix."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.special import j1

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.representation import short_repr


class SkyApertures(Protocol):
    """A set of apertures about the target, x to the West and y to the North."""

    def transform(self, west: Array, north: Array) -> Array:
        """Return the real part of the Fourier transforms, shape (n_apertures, n_north, n_west).

        Parameters
        ----------
        west, north : array, shapes (n_west,), (n_north,)
            Axes of the grid of wave vectors, rad per arcsec.
        """

    def share(self, west: Array, north: Array) -> Array:
        """Return the weight of points in each aperture, shape (n_apertures, n_points).

        Parameters
        ----------
        west, north : array, shape (n_points,)
            Coordinates of the points, arcsec.
        """

    @property
    def reach_arcsec(self) -> float:
        """Distance of the outermost point from the target."""


@dataclass(frozen=True, eq=False)
class SpaxelApertures:
    """Apertures given by weights of spaxels, field edges and gaps included.

    Parameters
    ----------
    weights : array, shape (n_apertures, n_y, n_x)
        Fraction of each spaxel in each aperture, 0 where the cube has no data.
    x_arcsec, y_arcsec : array, shapes (n_x,), (n_y,)
        Evenly spaced spaxel centres from the target, to the West and to the North.
    """

    __repr__ = short_repr

    weights: Array
    x_arcsec: Array
    y_arcsec: Array

    @property
    def _steps(self) -> tuple[float, float]:
        return float(self.x_arcsec[1] - self.x_arcsec[0]), float(
            self.y_arcsec[1] - self.y_arcsec[0]
        )

    def transform(self, west: Array, north: Array) -> Array:
        """Return the Fourier transforms of the squares (:class:`SkyApertures`)."""
        step_x, step_y = self._steps
        phase_x, phase_y = np.outer(self.x_arcsec, west), np.outer(north, self.y_arcsec)
        even = np.cos(phase_y) @ (self.weights @ np.cos(phase_x))
        odd = np.sin(phase_y) @ (self.weights @ np.sin(phase_x))
        spaxel_x = abs(step_x) * np.sinc(west * step_x / (2.0 * np.pi))
        spaxel_y = abs(step_y) * np.sinc(north * step_y / (2.0 * np.pi))
        return np.asarray((even - odd) * spaxel_x * spaxel_y[:, None])

    def share(self, west: Array, north: Array) -> Array:
        """Return the weight of the spaxel that holds each point (:class:`SkyApertures`)."""
        step_x, step_y = self._steps
        column = np.rint((west - self.x_arcsec[0]) / step_x).astype(int)
        row = np.rint((north - self.y_arcsec[0]) / step_y).astype(int)
        inside = (column >= 0) & (column < self.x_arcsec.size)
        inside &= (row >= 0) & (row < self.y_arcsec.size)
        found = self.weights[:, np.where(inside, row, 0), np.where(inside, column, 0)]
        return np.asarray(found * inside)

    @cached_property
    def reach_arcsec(self) -> float:
        """Distance of the outermost corner of a spaxel with weight."""
        used = self.weights.any(axis=0)
        distance = np.hypot(self.x_arcsec, self.y_arcsec[:, None])
        return float(distance[used].max()) + 0.5 * math.hypot(*self._steps)


@dataclass(frozen=True)
class EllipseApertures:
    """Elliptical annuli without pixels.

    Parameters
    ----------
    edges_arcsec : sequence of (float, float)
        Inner and outer edge of each annulus along the major axis.
    axis_ratio : float
        Minor over major axis.
    position_angle_deg : float
        Position angle of the major axis, North through East.
    """

    edges_arcsec: Sequence[tuple[float, float]]
    axis_ratio: float = 1.0
    position_angle_deg: float = 0.0

    def _along_axes(self, west: Array, north: Array) -> tuple[Array, Array]:
        angle = math.radians(self.position_angle_deg)
        along = north * math.cos(angle) - west * math.sin(angle)
        return along, west * math.cos(angle) + north * math.sin(angle)

    def transform(self, west: Array, north: Array) -> Array:
        """Return the Fourier transforms of the ellipses (:class:`SkyApertures`)."""
        along, across = self._along_axes(west, north[:, None])
        wavenumber = np.maximum(np.hypot(along, across * self.axis_ratio), 1e-9)
        radius = np.array(self.edges_arcsec)[:, :, None, None]
        ellipse = 2.0 * math.pi * self.axis_ratio * radius * j1(radius * wavenumber) / wavenumber
        return np.asarray(ellipse[:, 1] - ellipse[:, 0])

    def share(self, west: Array, north: Array) -> Array:
        """Return 1 inside and 0 outside (:class:`SkyApertures`)."""
        along, across = self._along_axes(west, north)
        radius = np.hypot(along, across / self.axis_ratio)
        inner, outer = np.array(self.edges_arcsec).T[:, :, None]
        return np.asarray(((radius >= inner) & (radius < outer)).astype(float))

    @property
    def reach_arcsec(self) -> float:
        """Outermost edge along the major axis."""
        return max(outer for _, outer in self.edges_arcsec)
