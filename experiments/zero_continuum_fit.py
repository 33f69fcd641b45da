"""A line fit without continuum and without negative lines, for spectra that have none left.

The survey fits spectra from which the continuum has been removed. This fit leaves none to fit
again, where the pipeline always fits one.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, nnls

from kurvs_pipeline.line_model import BandLineModel

Array = NDArray[np.float64]

STARTS_KMS = ((0.0, 50.0), (50.0, 50.0), (50.0, 100.0), (100.0, 100.0))
BOUNDS_KMS = ((-300.0, 300.0), (20.0, 300.0))


@dataclass(frozen=True)
class ZeroContinuumFit:
    """Lines of one spectrum above zero.

    Parameters
    ----------
    model : BandLineModel
        What was fitted; its continuum is left out.
    velocity_kms, sigma_kms : float
        Of all lines.
    flux : array, shape (n_groups,)
        Of the name line of each group, flux density times um, >= 0.
    """

    model: BandLineModel
    velocity_kms: float
    sigma_kms: float
    flux: Array

    @classmethod
    def of(cls, model: BandLineModel, flux_density: Array, weight: ArrayLike = 1.0) -> Self:
        """Fit by least squares.

        Parameters
        ----------
        model : BandLineModel
            Lines, channels and line-spread function.
        flux_density : array, shape (n_channels,)
            On the model's grid, finite.
        weight : float or array, shape (n_channels,)
            Inverse variance; the same for all channels by default.
        """
        root = np.sqrt(np.broadcast_to(np.asarray(weight, dtype=float), flux_density.shape))
        root, data = root[model.channels], (root * flux_density)[model.channels]

        def amplitudes(kinematics: Array) -> tuple[Array, float]:
            columns = _columns(model, *kinematics) * root[:, None]
            solution, norm = nnls(columns, data)
            return solution, float(norm)

        options = {"xatol": 0.01, "fatol": 1e-9 * float(np.linalg.norm(data))}
        minima = [
            minimize(
                lambda kinematics: amplitudes(kinematics)[1],
                start,
                method="Nelder-Mead",
                bounds=BOUNDS_KMS,
                options=options,
            )
            for start in STARTS_KMS
        ]
        best = min(minima, key=lambda minimum: float(minimum.fun)).x
        return cls(model, float(best[0]), float(best[1]), amplitudes(best)[0])

    @cached_property
    def flux_density(self) -> Array:
        """The fitted lines, shape (n_channels,); NaN outside the windows."""
        curve = np.full(self.model.wavelength_um.size, np.nan)
        columns = _columns(self.model, self.velocity_kms, self.sigma_kms)
        curve[self.model.channels] = columns @ self.flux
        return curve


def _columns(model: BandLineModel, velocity_kms: float, sigma_kms: float) -> Array:
    return np.asarray(model.design(velocity_kms, sigma_kms)[0][:, : len(model.groups)])
