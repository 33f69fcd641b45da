"""Where the spaxels of a cube lie on the sky, from a FITS header."""

import math
from dataclasses import dataclass

import numpy as np
from astropy.io.fits import Header
from numpy.typing import NDArray

from kurvs_pipeline.errors import CubeFormatError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SkyFrame:
    """The two spatial axes of a cube.

    Parameters
    ----------
    spaxel_x_arcsec, spaxel_y_arcsec : float
        Sides of a spaxel.
    rotation_deg : float
        Direction of the y axis on the sky, North through East.
    mirrored : bool
        True where x grows to the East of y rather than to its West.
    """

    spaxel_x_arcsec: float
    spaxel_y_arcsec: float
    rotation_deg: float
    mirrored: bool

    @classmethod
    def from_header(cls, header: Header, where: str) -> "SkyFrame":
        """Read CD, or CDELT where there is no CD.

        Raises
        ------
        CubeFormatError
            If neither gives a scale.
        """
        matrix = np.array(
            [[header.get(f"CD{i}_{j}", math.nan) for j in (1, 2)] for i in (1, 2)], dtype=float
        )
        if np.isnan([matrix[0, 0], matrix[1, 1]]).any():
            matrix = np.diag([float(header.get(f"CDELT{i}", math.nan)) for i in (1, 2)])
        matrix = np.nan_to_num(matrix, nan=0.0)
        if abs(np.linalg.det(matrix)) == 0.0:
            raise CubeFormatError(
                f"{where}: no spaxel size: expected CD1_1 and CD2_2, or CDELT1 and CDELT2, in deg"
            )
        return cls(
            spaxel_x_arcsec=3600.0 * float(np.hypot(matrix[0, 0], matrix[1, 0])),
            spaxel_y_arcsec=3600.0 * float(np.hypot(matrix[0, 1], matrix[1, 1])),
            rotation_deg=math.degrees(math.atan2(matrix[0, 1], matrix[1, 1])),
            mirrored=bool(np.linalg.det(matrix) > 0.0),
        )

    def coordinates(
        self, shape: tuple[int, int], centre_pixel: tuple[float, float]
    ) -> tuple[Array, Array]:
        """Return spaxel centres in arcsec from a pixel, x to the right of y's left hand.

        Parameters
        ----------
        shape : (int, int)
            (n_y, n_x).
        centre_pixel : (float, float)
            0-based (x, y).

        Returns
        -------
        x, y : array, shapes (n_x,), (n_y,)
            To the West and to the North, in an unrotated frame.
        """
        sign = -1.0 if self.mirrored else 1.0
        x = sign * self.spaxel_x_arcsec * (np.arange(shape[1], dtype=np.float64) - centre_pixel[0])
        y = self.spaxel_y_arcsec * (np.arange(shape[0], dtype=np.float64) - centre_pixel[1])
        return x, y
