"""How an inclined disk lies on the sky."""

import math
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_sim.galaxy.structure import EFFECTIVE_RADIUS_SCALE_LENGTHS

SHEET_AXIS_RATIO = 0.1
"""A thick disk near edge-on is drawn as a sheet no thinner than this, or half its thickness.

Behind seeing of 0.6 arcsec an edge-on disk with q0 = 0.2 is then right to 1e-3 of the peak of
its light, and each channel of its rotating lines to 6e-3."""


class ProjectedDisk:
    """The geometry of a galaxy, from its redshift, size, thickness and orientation."""

    redshift: float
    inclination_deg: float
    position_angle_deg: float
    effective_radius_arcsec: float
    disk_thickness: float

    @cached_property
    def kpc_per_arcsec(self) -> float:
        """Proper transverse scale in a flat universe with H0 = 67.3, Omega_m = 0.315."""
        return kpc_per_arcsec(self.redshift)

    @property
    def midplane_axis_ratio(self) -> float:
        """Minor over major axis on the sky of a circle in the plane, as it is drawn."""
        cosine = math.cos(math.radians(self.inclination_deg))
        return max(cosine, min(SHEET_AXIS_RATIO, 0.5 * self.disk_thickness))

    @property
    def axis_ratio(self) -> float:
        """Minor over major axis of the light on the sky, by second moments."""
        cosine = math.cos(math.radians(self.inclination_deg))
        return math.sqrt(cosine**2 * (1.0 - self.disk_thickness**2) + self.disk_thickness**2)

    @property
    def vertical_sigma_arcsec(self) -> float:
        """Blur along the minor axis on the sky that the height of the gas makes.

        Light, rotation and abundance do not change with height, so the image of a thick disk
        is that of its plane, convolved along the minor axis with the projected height. The
        second moment of an exponential disk along one axis is 3 scale lengths squared.
        """
        square = self.axis_ratio**2 - self.midplane_axis_ratio**2
        return math.sqrt(max(3.0 * square, 0.0)) * self.scale_length_arcsec

    @property
    def scale_length_arcsec(self) -> float:
        """Exponential scale length of H-alpha along the major axis."""
        return self.effective_radius_arcsec / EFFECTIVE_RADIUS_SCALE_LENGTHS

    @property
    def sky_kpc2_per_arcsec2(self) -> float:
        """Area in the plane of the disk that a square arcsec of the sky shows."""
        return self.kpc_per_arcsec**2 / self.midplane_axis_ratio

    def along_axes(self, x_arcsec: Array, y_arcsec: Array) -> tuple[Array, Array]:
        """Return positions along the receding major axis and along the minor axis.

        Those given count from the galaxy's centre, to the West and to the North, and broadcast.
        """
        angle = math.radians(self.position_angle_deg)
        major = y_arcsec * math.cos(angle) - x_arcsec * math.sin(angle)
        return major, x_arcsec * math.cos(angle) + y_arcsec * math.sin(angle)

    def in_plane_kpc(self, x_arcsec: ArrayLike, y_arcsec: ArrayLike) -> tuple[Array, Array]:
        """Return where sight lines meet the midplane, along the receding major and the minor axis.

        Positions count from the galaxy's centre, to the West and to the North, and broadcast.
        """
        major, minor = self.along_axes(
            np.asarray(x_arcsec, dtype=float), np.asarray(y_arcsec, dtype=float)
        )
        scale = self.kpc_per_arcsec
        return major * scale, minor * scale / self.midplane_axis_ratio
