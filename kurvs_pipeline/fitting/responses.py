"""How fitted parameters follow what is added to the spectra: fits are linear in what is small."""

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.fitting.matrices import invert_symmetric
from kurvs_pipeline.fitting.outcome import FitFlag, LineFits


def drawn_kinematics(fits: LineFits) -> tuple[Array, Array]:
    """Return velocity (km/s) and squared width (km^2/s^2) of the lines as fitted, shape (n_spec,).

    An unresolved line has no width of its own; a failed fit stands at zero.
    """
    unresolved = (fits.flag & FitFlag.UNRESOLVED) != 0
    sigma = np.where(unresolved, 0.0, np.nan_to_num(fits.sigma_kms))
    return np.nan_to_num(fits.velocity_kms), sigma**2


def parameter_responses(fits: LineFits, variance: Array) -> Array:
    """Return how every fitted parameter follows every channel.

    The variance, shape (n_spec, n_used_channels), is 0 where there is no valid data. The result,
    shape (n_spec, n_groups + n_windows + 2, n_used_channels), is that of fluxes, continua, velocity
    and squared width; 0 for what was held or not fitted.
    """
    model = fits.model
    columns = model.line_columns(*drawn_kinematics(fits))
    flux = np.nan_to_num(fits.flux)
    free = ~np.isnan(np.stack([fits.velocity_err_kms, fits.sigma_err_kms], axis=1))
    derivatives = np.stack([columns.by_velocity, columns.by_variance])
    kinetic = np.einsum("ng,kngu->nku", flux, derivatives) * free[:, :, None]
    lines = columns.lines * np.isfinite(fits.flux)[:, :, None]
    continuum = np.broadcast_to(model.continuum, (len(flux), *model.continuum.shape))
    matrix = np.concatenate([lines, continuum, kinetic], axis=1)
    weight = np.divide(1.0, variance, out=np.zeros_like(variance), where=variance > 0.0)
    weighted = matrix * weight[:, None, :]
    fisher = (weighted @ matrix.transpose(0, 2, 1)).transpose(1, 2, 0)
    return np.asarray(invert_symmetric(fisher).transpose(2, 0, 1) @ weighted)
