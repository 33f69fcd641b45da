"""Seeing as the image of a star shows it."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.files import open_fits
from kurvs_pipeline.io.images import read_star
from kurvs_pipeline.representation import short_repr
from kurvs_sim.atmosphere.seeing import PointSpreadFunction, Seeing
from kurvs_sim.validation import require, require_positive

if TYPE_CHECKING:
    import galsim

SQUARE_PIXELS = 0.01
"""Largest difference of a pixel's sides, as a fraction."""


@takes_quantities
@dataclass(frozen=True)
class StarImage(Seeing):
    """The observed image of a star, background removed, as point-spread function.

    The light of the camera's own pixels is part of the image, and stays in it. Between
    pixels it is interpolated; beyond the image there is none. The star's centroid is the
    centre, so that nothing moves.

    Parameters
    ----------
    pixels : tuple of tuples of float, or array, shape (n_y, n_x)
        Counts; any scale, summing to more than zero. Rows from South to North, columns from
        East to West, like the spaxels of a cube.
    pixel_arcsec : float
        Side of a pixel.

    Raises
    ------
    MetadataError
        If the image is not finite or holds no light.
    """

    __repr__ = short_repr

    pixels: tuple[tuple[float, ...], ...]
    pixel_arcsec: float

    def __post_init__(self) -> None:
        """Refuse what is not the image of a star."""
        require_positive(pixel_arcsec=self.pixel_arcsec)
        lengths = {len(row) for row in self.pixels}
        require("star image", f"{len(self.pixels)} rows of {sorted(lengths)} pixels",
                within=len(self.pixels) >= 3 and len(lengths) == 1 and min(lengths) >= 3,
                expected="an image of two axes, at least 3 x 3 pixels")  # fmt: skip
        total = float(np.sum(self.pixels))
        require("sum of the star image", total, within=0.0 < total < np.inf,
                expected="finite pixels whose light, less the background, is > 0")  # fmt: skip

    @classmethod
    def from_array(cls, image: ArrayLike, pixel_arcsec: float) -> Self:
        """Take a two-dimensional array of counts.

        Parameters
        ----------
        image : array_like, shape (n_y, n_x)
            Counts in any unit, background removed.
        pixel_arcsec : float
            Side of a pixel, > 0.

        Returns
        -------
        StarImage
        """
        rows = np.atleast_2d(np.asarray(image, dtype=float)).tolist()
        require("number of axes of the star image", np.ndim(image), within=np.ndim(image) == 2,
                expected="2")  # fmt: skip
        return cls(tuple(map(tuple, rows)), pixel_arcsec)

    @classmethod
    def from_fits(cls, path: Path | str, pixel_arcsec: float | None = None) -> Self:
        """Take the first image of a FITS file, or a cube averaged over its quiet channels.

        Parameters
        ----------
        path : path
            A FITS file, background removed.
        pixel_arcsec : float, optional
            Side of a pixel, > 0: rows are then taken to run from South to North and columns from
            East to West. By default the world coordinates of the file give size and directions.

        Returns
        -------
        StarImage

        Raises
        ------
        CubeFormatError
            If the file cannot be read, or holds no image of two axes.
        MetadataError
            If the file does not say how large its pixels are, or they are not square.
        """
        if pixel_arcsec is None:
            return cls._from_world_coordinates(Path(path))
        with open_fits(Path(path)) as hdus:
            for hdu in hdus:
                if hdu.is_image and hdu.data is not None and hdu.data.ndim == 2:
                    return cls.from_array(hdu.data, pixel_arcsec)
        raise CubeFormatError(f"{path}: no image with two axes; expected that of a star")

    @classmethod
    def _from_world_coordinates(cls, path: Path) -> Self:
        star = read_star(path)
        side_x, side_y = star.pixel_arcsec
        require(f"{path}: pixel", f"{side_x:.4g} x {side_y:.4g} arcsec",
                within=abs(side_x / side_y - 1.0) < SQUARE_PIXELS,
                expected="square pixels")  # fmt: skip
        to_west, to_north = (np.sign(axis[1] - axis[0]) for axis in (star.x_arcsec, star.y_arcsec))
        return cls.from_array(star.flux[:: int(to_north), :: int(to_west)], side_x)

    @property
    def origin(self) -> str:
        """What it is an image of, for headers."""
        n_y, n_x = self._array.shape
        return f"image of a star, {n_x} x {n_y} pixels of {self.pixel_arcsec:.4g} arcsec"

    @cached_property
    def _array(self) -> Array:
        return np.array(self.pixels)

    @cached_property
    def _centroid_arcsec(self) -> tuple[float, float]:
        """Offset (x, y) of the light from the middle of the image."""
        n_y, n_x = self._array.shape
        total = self._array.sum()
        x = (self._array.sum(axis=0) @ np.arange(n_x)) / total - 0.5 * (n_x - 1)
        y = (self._array.sum(axis=1) @ np.arange(n_y)) / total - 0.5 * (n_y - 1)
        return float(x) * self.pixel_arcsec, float(y) * self.pixel_arcsec

    @cached_property
    def galsim_profile(self) -> "galsim.GSObject":
        """The profile of unit flux, lengths in arcsec."""
        import galsim

        image = galsim.Image(self._array, scale=self.pixel_arcsec)
        x_arcsec, y_arcsec = self._centroid_arcsec
        return galsim.InterpolatedImage(image, flux=1.0).shift(-x_arcsec, -y_arcsec)

    @cached_property
    def fwhm_arcsec(self) -> float:
        """Width of the circle that encloses the light brighter than half the peak."""
        return float(self.galsim_profile.original.calculateFWHM())

    @property
    def nominal(self) -> PointSpreadFunction:
        """A Gaussian as wide at half-maximum."""
        return PointSpreadFunction("gaussian", self.fwhm_arcsec)

    def scaled(self, factor: float) -> Self:
        """Return the image with larger or smaller pixels (:class:`Seeing`)."""
        return replace(self, pixel_arcsec=factor * self.pixel_arcsec)
