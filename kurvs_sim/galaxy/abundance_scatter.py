"""Azimuthal scatter of the abundance: a smooth random field."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft
from scipy.interpolate import CubicSpline
from scipy.ndimage import map_coordinates, spline_filter

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_sim.galaxy.structure import ABUNDANCE_SCATTER_STREAM, structure_generator
from kurvs_sim.validation import (
    LARGEST_SEED,
    require_not_negative,
    require_positive,
    require_whole,
)

_STEPS_PER_LENGTH = 4
_N_LATTICE = 256
_N_ANGLES = 512
"""The lattice is a quarter of the correlation length fine: cubic splines are then right to 5e-4
of the amplitude. It repeats after 64 correlation lengths; 512 angles resolve circles that wide."""


@takes_quantities
@dataclass(frozen=True, kw_only=True)
class AbundanceScatter:
    """O/H that differs around circles of one radius, by a Gaussian random field.

    The field has the covariance amplitude^2 exp(-distance^2 / (2 correlation_length^2)). Its mean
    around every circle is then taken out, so that the radial profile stays as stated (the plain
    mean in dex: the mean weighted by uneven light does not). Circles that are not much wider than
    the correlation length are left with less scatter, the centre with none. HII regions of nearby
    disks scatter by 0.03 to 0.05 dex at a radius (Kreckel et al. 2019), less so within 0.6 kpc
    of one another (Kreckel et al. 2020).

    Parameters
    ----------
    seed : int
        Seed of the field, >= 0.
    amplitude_dex : float
        Standard deviation of the field, dex, >= 0.
    correlation_length_kpc : float
        Correlation length in the plane of the disk, kpc, > 0. The field repeats after 64 of these.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    seed: int
    amplitude_dex: float
    correlation_length_kpc: float

    def __post_init__(self) -> None:
        """Check the values."""
        require_whole(least=0, most=LARGEST_SEED, **{"seed of the abundance scatter": self.seed})
        require_not_negative(amplitude_dex=self.amplitude_dex)
        require_positive(correlation_length_kpc=self.correlation_length_kpc)

    @property
    def flux_fraction(self) -> float:
        """None of the light."""
        return 0.0

    def halpha(self, x_kpc: ArrayLike, y_kpc: ArrayLike) -> Array:
        """Return no light (:class:`~kurvs_sim.galaxy.structure.DiskStructure`)."""
        return np.zeros(np.broadcast_shapes(np.shape(x_kpc), np.shape(y_kpc)))

    def oxygen_abundance_offset(self, x_kpc: ArrayLike, y_kpc: ArrayLike) -> Array:
        """Return the field (:class:`~kurvs_sim.galaxy.structure.DiskStructure`)."""
        x, y = np.broadcast_arrays(np.asarray(x_kpc, float), np.asarray(y_kpc, float))
        x, y = x / self.correlation_length_kpc, y / self.correlation_length_kpc
        mean_around = self._mean_around_circles(np.clip(np.hypot(x, y), 0.0, self._farthest))
        return np.asarray(self.amplitude_dex * (self._field(x, y) - mean_around))

    @cached_property
    def _spline(self) -> Array:
        """Coefficients of a field of unit variance on the lattice."""
        random = structure_generator(self.seed, ABUNDANCE_SCATTER_STREAM)
        white = random.standard_normal((_N_LATTICE, _N_LATTICE))
        wave = 2.0 * np.pi * fft.fftfreq(_N_LATTICE, 1.0 / _STEPS_PER_LENGTH)
        # The square root of the covariance's Fourier transform.
        response = np.exp(-0.25 * (wave[:, None] ** 2 + wave[None, :] ** 2))
        response /= np.sqrt(np.mean(response**2))
        smooth = fft.ifft2(fft.fft2(white) * response).real
        return np.asarray(spline_filter(smooth, order=3, mode="grid-wrap"))

    def _field(self, x: Array, y: Array) -> Array:
        """Return the field of unit variance at positions in correlation lengths."""
        lattice = _STEPS_PER_LENGTH * np.stack([y.ravel(), x.ravel()])
        values = map_coordinates(self._spline, lattice, order=3, mode="grid-wrap", prefilter=False)
        return np.asarray(values.reshape(x.shape))

    @property
    def _farthest(self) -> float:
        """Radius, in correlation lengths, beyond which the mean around circles is held."""
        return _N_LATTICE / _STEPS_PER_LENGTH

    @cached_property
    def _mean_around_circles(self) -> CubicSpline:
        """Mean of the field around circles, of their radius in correlation lengths."""
        radius = np.arange(_N_LATTICE + 1) / _STEPS_PER_LENGTH
        angle = 2.0 * np.pi * np.arange(_N_ANGLES) / _N_ANGLES
        around = self._field(radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle))
        return CubicSpline(radius, around.mean(axis=1))
