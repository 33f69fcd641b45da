"""Dithered pointings: the edges of the field are seen by fewer exposures than its middle."""

from dataclasses import dataclass

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_sim.instrument.spaxels import SpaxelGrid
from kurvs_sim.validation import require, require_finite


@takes_quantities
@dataclass(frozen=True)
class Dithers:
    """The offsets of the pointings that a stack is made of, as often as one another.

    Every pointing covers a field as large as the grid, and is put back by what it was offset;
    that is done perfectly, for the errors see ExposureSequence.

    Parameters
    ----------
    offsets_arcsec : tuple of (float, float)
        Offsets of the field from the grid's middle, arcsec to the West and to the North. The
        default, a square of one native spaxel, is assumed.

    Raises
    ------
    MetadataError
        If there is no pointing, or an offset is not finite.
    """

    offsets_arcsec: tuple[tuple[float, float], ...] = (
        (-0.1, -0.1), (0.1, -0.1), (0.1, 0.1), (-0.1, 0.1),
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse impossible pointings."""
        require("number of dither offsets_arcsec", len(self.offsets_arcsec),
                within=len(self.offsets_arcsec) >= 1, expected="at least 1")  # fmt: skip
        for x_arcsec, y_arcsec in self.offsets_arcsec:
            require_finite(dither_x_arcsec=x_arcsec, dither_y_arcsec=y_arcsec)

    def coverage(self, grid: SpaxelGrid) -> Array:
        """Return the fraction of the exposures that saw the centre of each spaxel.

        Parameters
        ----------
        grid : SpaxelGrid
            The spaxels.

        Returns
        -------
        array, shape (n_y, n_x)
            The variance of a spaxel is that of a full stack over this.
        """
        seen = np.zeros((grid.n_y, grid.n_x))
        half_x, half_y = 0.5 * grid.spaxel_arcsec * np.array([grid.n_x, grid.n_y])
        for x_arcsec, y_arcsec in self.offsets_arcsec:
            # Centres lie half a spaxel inside: the allowance is against rounding alone.
            in_x = np.abs(grid.x_arcsec - x_arcsec) < half_x + 1e-9
            in_y = np.abs(grid.y_arcsec - y_arcsec) < half_y + 1e-9
            seen += in_y[:, None] & in_x
        return seen / len(self.offsets_arcsec)
