"""Gradients through spaxels of a smeared disk: a reading of the curves of Gillman et al. (2021).

How these curves were made is not published with them. Of many readings this one comes nearest:
a thin exponential disk, spaxels within the effective radius weighted by their light, and seeing
over the scale length in place of the effective radius.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from kurvs_pipeline.bands import FWHM_PER_SIGMA
from kurvs_pipeline.smearing import HALF_LIGHT_IN_SCALE_LENGTHS

Array = NDArray[np.float64]

SPAXEL, HALF_WIDTH = 0.05, 6.0
"""Effective radii: of the grid, which holds all light that seeing could bring."""


def spaxel_gradient(axis_ratio: float, seeing_over_scale: float, log_ratio_slope: float) -> float:
    """Return the observed over the intrinsic gradient of a line ratio.

    Parameters
    ----------
    axis_ratio : float
        Of a thin disk.
    seeing_over_scale : float
        FWHM of a Gaussian over the scale length of the disk.
    log_ratio_slope : float
        Intrinsic change of the logarithm (base 10) of the ratio per effective radius.
    """
    axis = np.arange(-HALF_WIDTH, HALF_WIDTH + 0.5 * SPAXEL, SPAXEL)
    radius = np.hypot(axis, axis[:, None] / axis_ratio)
    sigma = seeing_over_scale / HALF_LIGHT_IN_SCALE_LENGTHS / FWHM_PER_SIGMA / SPAXEL
    light = np.exp(-HALF_LIGHT_IN_SCALE_LENGTHS * radius)
    seen = gaussian_filter(light, sigma)
    other = gaussian_filter(light * 10.0 ** (log_ratio_slope * radius), sigma)
    inside = radius < 1.0
    weight, log_ratio = seen[inside], np.log10(other[inside] / seen[inside])
    slope, _ = np.polyfit(radius[inside], log_ratio, 1, w=np.sqrt(weight))
    return float(slope / log_ratio_slope)
