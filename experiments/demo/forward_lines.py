"""The forward estimator as straight lines that a profile can be drawn with."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.aperture_fluxes import ApertureFluxes
from kurvs_pipeline.errors import FitError
from kurvs_pipeline.forward import ForwardFit
from kurvs_pipeline.forward_model import ForwardModel
from kurvs_pipeline.joint_fluxes import JointFluxes
from kurvs_pipeline.line_fits import LineFits
from kurvs_pipeline.nested_laplace import NestedLaplace

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ForwardLines:
    """The gradient, the ends of its 68 per cent interval, and the abundance that goes with each.

    Parameters
    ----------
    gradient : array, shape (3,)
        Low, best and high, dex/kpc; NaN where nothing can be fitted.
    abundance : array, shape (3,)
        12 + log(O/H) at the pivot.
    pivot_kpc : float
        Radius of the pivot.
    flag : str
        Of :class:`~kurvs_pipeline.forward.ForwardGradient`, or ``no_fit``.
    """

    gradient: Array
    abundance: Array
    pivot_kpc: float
    flag: str

    @classmethod
    def of(cls, model: ForwardModel, fits: LineFits) -> Self:
        """Fit the annuli.

        Parameters
        ----------
        model : ForwardModel
            Disk, seeing and annuli.
        fits : LineFits
            Of the whole galaxy, then of the annuli.
        """
        joint = JointFluxes(fits.names, fits.flux, fits.flux_covariance)
        fluxes = ApertureFluxes.of_annuli(joint, model.profiles.lines)
        try:
            found = ForwardFit.of(model, fluxes, np.random.default_rng(0)).flat
        except FitError:
            nothing = np.full(3, np.nan)
            return cls(nothing, nothing, model.pivot_kpc, "no_fit")
        gradient = np.concatenate([found.low, found.gradient, found.high])
        if not np.isfinite(gradient).all():
            return cls(gradient, np.full(3, np.nan), model.pivot_kpc, str(found.flag[0]))
        fit = NestedLaplace(model, fluxes)
        same = np.zeros(3, dtype=np.intp)
        best = fit.maximise(gradient, fit.prior_mean[same], same)
        return cls(gradient, best.parameters[:, 0], model.pivot_kpc, str(found.flag[0]))

    def at(self, radius_kpc: Array) -> Array:
        """Return lower edge, best line and upper edge of the band, shape (3, n_radii).

        Parameters
        ----------
        radius_kpc : array, shape (n_radii,)
            In the plane of the disk.
        """
        lines = self.abundance[:, None] + self.gradient[:, None] * (radius_kpc - self.pivot_kpc)
        return np.stack([lines.min(axis=0), lines[1], lines.max(axis=0)])
