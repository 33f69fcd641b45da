"""Where the lines of a galaxy shine: as functions of radius, or of place where they must be.

Both kinds list the lines at some places, and turn values at those places into a map of the fine
sky. Radii are few, so a smooth disk is quick; clumps need every pixel.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from kurvs_pipeline.arrays import Array, Map
from kurvs_sim.galaxy.galaxy import Galaxy
from kurvs_sim.interpolation import StraightLines
from kurvs_sim.scene.fine_sky import FineSky


class LineLight(Protocol):
    """The lines of a galaxy at the places where they are computed."""

    @property
    def lines(self) -> dict[str, Array]:
        """Light of every line in a fine pixel at each place, 1e-16 erg/s/cm2, shape (n,)."""

    @property
    def areas(self) -> Array:
        """What each place stands for, in any unit, shape (n,)."""

    @property
    def dispersion_square(self) -> Array:
        """Square of the dispersion at each place, km2/s2, shape (n,)."""

    def on_sky(self, values: Array) -> Map:
        """Turn values at the places, shape (n,), into a map, shape (n_fine_y, n_fine_x)."""


@dataclass(frozen=True, eq=False)
class RadialLight:
    """Lines that are functions of the radius, of a galaxy without structures.

    ``n_radii`` are dense at the centre; between them lines are straight.
    """

    galaxy: Galaxy
    sky: FineSky
    n_radii: int

    @cached_property
    def _radius_map_kpc(self) -> Array:
        x_kpc, y_kpc = self.galaxy.in_plane_kpc(self.sky.x_arcsec, self.sky.y_arcsec[:, None])
        return np.hypot(x_kpc, y_kpc)

    @cached_property
    def _radius_kpc(self) -> Array:
        farthest = float(self._radius_map_kpc.max())
        return farthest * np.linspace(0.0, 1.0, self.n_radii) ** 2

    @cached_property
    def _along_radius(self) -> StraightLines:
        return StraightLines(self._radius_kpc, self._radius_map_kpc)

    @cached_property
    def lines(self) -> dict[str, Array]:
        """Light of every line (:class:`LineLight`)."""
        area = self.sky.pixel_arcsec**2
        return {line: area * light for line, light in self.galaxy.lines(self._radius_kpc).items()}

    @cached_property
    def areas(self) -> Array:
        """Area of the ring at each radius, up to a factor (:class:`LineLight`)."""
        return np.asarray(self._radius_kpc * np.gradient(self._radius_kpc))

    @cached_property
    def dispersion_square(self) -> Array:
        """Square of the dispersion (:class:`LineLight`)."""
        return self.galaxy.dispersion(self._radius_kpc) ** 2

    def on_sky(self, values: Array) -> Map:
        """Turn values at the radii into a map (:class:`LineLight`)."""
        return self._along_radius(values).astype(np.float32)


@dataclass(frozen=True, eq=False)
class PlanarLight:
    """Lines that differ from place to place in the disk, with or without structures.

    Each fine pixel is a place.
    """

    galaxy: Galaxy
    sky: FineSky

    @cached_property
    def _place_kpc(self) -> tuple[Array, Array]:
        x, y = np.meshgrid(self.sky.x_arcsec, self.sky.y_arcsec)
        return self.galaxy.in_plane_kpc(x.ravel(), y.ravel())

    @cached_property
    def lines(self) -> dict[str, Array]:
        """Light of every line (:class:`LineLight`)."""
        area = self.sky.pixel_arcsec**2
        lines = self.galaxy.lines_at(*self._place_kpc)
        return {line: area * light for line, light in lines.items()}

    @property
    def areas(self) -> Array:
        """The same for every pixel (:class:`LineLight`)."""
        return np.ones(self._place_kpc[0].size)

    @cached_property
    def dispersion_square(self) -> Array:
        """Square of the dispersion (:class:`LineLight`)."""
        return self.galaxy.dispersion(np.hypot(*self._place_kpc)) ** 2

    def on_sky(self, values: Array) -> Map:
        """Turn values at the pixels into a map (:class:`LineLight`)."""
        return values.astype(np.float32).reshape(self.sky.y_arcsec.size, self.sky.x_arcsec.size)
