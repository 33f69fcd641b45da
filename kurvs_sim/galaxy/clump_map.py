"""Clumps as an image of a galaxy shows them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import map_coordinates

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.files import open_fits
from kurvs_sim.validation import require, require_angle, require_finite, require_positive

Colour = Literal["red", "green", "blue"]
COLOURS: tuple[Colour, ...] = ("red", "green", "blue")


@takes_quantities
@dataclass(frozen=True, kw_only=True)
class ClumpMap:
    """H-alpha that is laid out like the light of an image.

    Between the centres of pixels the image is bilinear, which keeps its flux and blurs it by a
    sigma of 0.41 pixels along each axis; beyond its edges there is no light. Everything in the
    image counts: background, noise and neighbours of the galaxy must be taken out first
    (:meth:`from_array` can).

    Parameters
    ----------
    pixels : tuple of tuples of float, shape (n_y, n_x)
        Surface brightness >= 0 in any unit, with some light. Seen from outside, columns to the
        right and rows upwards, as the spaxels of a cube are: West is then 90 degrees clockwise
        from North.
    pixel_kpc : float
        Side of a pixel, along the galaxy's major axis.
    centre_x_pixel, centre_y_pixel : float
        Column and row of the galaxy's centre, counted from 0.
    rotation_deg : float
        Angle from rising columns, towards rising rows, to the side of the major axis that recedes.
    axis_ratio : float
        Minor over major axis of the galaxy in the image, in (0, 1]: the image is stretched along
        the minor axis until the galaxy is round. 1 for a galaxy seen face-on.
    flux_fraction : float
        Fraction of the galaxy's H-alpha that follows the image, in [0, 1]; 1 leaves no smooth
        disk.

    Raises
    ------
    MetadataError
        If a value is impossible, or a pixel NaN or negative; the message names the first.
    """

    pixels: tuple[tuple[float, ...], ...]
    pixel_kpc: float
    centre_x_pixel: float
    centre_y_pixel: float
    rotation_deg: float = 0.0
    axis_ratio: float = 1.0
    flux_fraction: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is not the image of a galaxy."""
        lengths = sorted({len(row) for row in self.pixels})
        require("clump map", f"{len(self.pixels)} rows of {lengths} pixels",
                within=len(lengths) == 1 and lengths[0] > 0,
                expected="rows of as many pixels")  # fmt: skip
        require_positive(pixel_kpc=self.pixel_kpc)
        require_angle(rotation_deg=self.rotation_deg)
        require("axis_ratio of the clump map", self.axis_ratio,
                within=0.0 < self.axis_ratio <= 1.0, expected="a value in (0, 1]")  # fmt: skip
        require("flux_fraction of the clump map", self.flux_fraction,
                within=0.0 <= self.flux_fraction <= 1.0, expected="a value in [0, 1]")  # fmt: skip
        self._require_centre_inside()
        self._require_light()

    def _require_centre_inside(self) -> None:
        n_y, n_x = self._image.shape
        for axis, centre, number in (
            ("centre_x_pixel", self.centre_x_pixel, n_x),
            ("centre_y_pixel", self.centre_y_pixel, n_y),
        ):
            require(axis, centre, within=-0.5 <= centre <= number - 0.5,
                    expected=f"a place on the image, -0.5 to {number - 0.5}")  # fmt: skip

    def _require_light(self) -> None:
        bad = ~(np.isfinite(self._image) & (self._image >= 0.0))
        if np.any(bad):
            row, column = (int(index) for index in np.argwhere(bad)[0])
            require(f"pixel of the clump map in row {row}, column {column}",
                    float(self._image[row, column]), within=False,
                    expected="a finite number >= 0; fill what is missing, and give the background "
                    "so that noise below it counts as none")  # fmt: skip
        total = float(self._image.sum())
        require("sum of the clump map", total, within=0.0 < total < np.inf,
                expected="a finite number > 0")  # fmt: skip

    @classmethod
    def from_array(
        cls,
        image: ArrayLike,
        *,
        pixel_kpc: float,
        centre_pixel: tuple[float, float] | None = None,
        rotation_deg: float = 0.0,
        axis_ratio: float = 1.0,
        flux_fraction: float = 1.0,
        background: float | None = None,
        radius_pixels: float | None = None,
    ) -> Self:
        """Take a two-dimensional array.

        Parameters
        ----------
        image : array_like, shape (n_y, n_x)
            Surface brightness in any unit.
        pixel_kpc, rotation_deg, axis_ratio, flux_fraction : float
            The same as in :class:`ClumpMap`.
        centre_pixel : (float, float), optional
            Column and row of the galaxy's centre, from 0; the middle of the image if not given.
        background : float, optional
            Taken from every pixel; what is then below zero counts as none. Without it, negative
            pixels are refused.
        radius_pixels : float, optional
            Pixels farther than this from the centre are neighbours or sky, and are left out.

        Raises
        ------
        MetadataError
            If the array has not two axes, or as for the class.
        """
        pixels = np.array(image, dtype=float)
        require("number of axes of the clump map", pixels.ndim, within=pixels.ndim == 2,
                expected="2")  # fmt: skip
        n_y, n_x = pixels.shape
        centre_x, centre_y = centre_pixel or (0.5 * (n_x - 1), 0.5 * (n_y - 1))
        if background is not None:
            require_finite(background=background)
            pixels = np.maximum(pixels - background, 0.0)  # NaN stays NaN, and is refused
        if radius_pixels is not None:
            require_positive(radius_pixels=radius_pixels)
            row, column = np.indices(pixels.shape)
            pixels[np.hypot(column - centre_x, row - centre_y) > radius_pixels] = 0.0
        return cls(
            pixels=tuple(map(tuple, pixels.tolist())), pixel_kpc=pixel_kpc,
            centre_x_pixel=centre_x, centre_y_pixel=centre_y, rotation_deg=rotation_deg,
            axis_ratio=axis_ratio, flux_fraction=flux_fraction,
        )  # fmt: skip

    @cached_property
    def _image(self) -> Array:
        return np.array(self.pixels, dtype=float)

    def halpha(self, x_kpc: ArrayLike, y_kpc: ArrayLike) -> Array:
        """Return the H-alpha (:class:`~kurvs_sim.galaxy.structure.DiskStructure`)."""
        x, y = np.broadcast_arrays(np.asarray(x_kpc, float), np.asarray(y_kpc, float))
        major, minor = x / self.pixel_kpc, y / self.pixel_kpc * self.axis_ratio
        angle = np.radians(self.rotation_deg)
        column = self.centre_x_pixel + major * np.cos(angle) + minor * np.sin(angle)
        row = self.centre_y_pixel + major * np.sin(angle) - minor * np.cos(angle)
        place = np.stack([row.ravel(), column.ravel()])
        brightness = map_coordinates(self._image, place, order=1, mode="grid-constant")
        pixel_area_kpc2 = self.pixel_kpc**2 / self.axis_ratio
        per_kpc2 = brightness.reshape(x.shape) / (self._image.sum() * pixel_area_kpc2)
        return np.asarray(self.flux_fraction * per_kpc2)

    def oxygen_abundance_offset(self, x_kpc: ArrayLike, y_kpc: ArrayLike) -> Array:
        """Return no offset (:class:`~kurvs_sim.galaxy.structure.DiskStructure`)."""
        return np.zeros(np.broadcast_shapes(np.shape(x_kpc), np.shape(y_kpc)))


@takes_quantities
def image_from_fits(path: Path | str, colour: Colour | None = None) -> Array:
    """Return the first image of a FITS file, for :meth:`ClumpMap.from_array`.

    Parameters
    ----------
    path : path
        A FITS file.
    colour : {"red", "green", "blue"}, optional
        The plane to take from an image whose last array axis is colour; young stars show in blue.

    Returns
    -------
    array, shape (n_y, n_x)

    Raises
    ------
    CubeFormatError
        If the file cannot be read, holds no image, or leaves open which plane is meant.
    """
    image = _first_image(path)
    if image.ndim == 2 and colour is None:
        return image
    if image.ndim == 3 and image.shape[-1] == len(COLOURS) and colour in COLOURS:
        return np.asarray(image[..., COLOURS.index(colour)])
    raise CubeFormatError(
        f"{path}: image of shape {image.shape} with colour {colour}; expected (n_y, n_x) without "
        f"a colour, or (n_y, n_x, 3) with one of {', '.join(COLOURS)}"
    )


def _first_image(path: Path | str) -> Array:
    with open_fits(Path(path)) as hdus:
        for hdu in hdus:
            if hdu.is_image and hdu.data is not None:
                return np.array(hdu.data, dtype=float)
    raise CubeFormatError(f"{path}: no image; expected that of a galaxy")
