"""Checks that tests of the simulator share, and constants that are not taken from it."""

import pickle
import pkgutil
from importlib import import_module

import numpy as np

import kurvs_sim

LIGHT_KMS = 299792.458
FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


def assert_agree(actual, expected, *, of_peak):
    """Agree to a fraction of the brightest expected value."""
    np.testing.assert_allclose(actual, expected, rtol=0.0, atol=of_peak * np.max(expected))


def moments(image, x, y):
    """Return the centroid (x, y) of an image and its second moments <xx>, <yy> and <xy> about it.

    ``x`` and ``y`` are the coordinates of its columns and rows.
    """
    light, x, y = image / image.sum(), np.asarray(x)[None, :], np.asarray(y)[:, None]
    mean_x, mean_y = (light * x).sum(), (light * y).sum()
    x, y = x - mean_x, y - mean_y
    return mean_x, mean_y, (light * x * x).sum(), (light * y * y).sum(), (light * x * y).sum()


def assert_is_a_value(thing):
    """Equal, and of equal hash, after pickling; and what its repr says when that is evaluated."""
    copy = pickle.loads(pickle.dumps(thing))  # noqa: S301 - our own
    assert copy == thing
    assert hash(copy) == hash(thing)
    assert eval(repr(thing), _names()) == thing  # noqa: S307 - our own


def _names():
    modules = pkgutil.walk_packages(kurvs_sim.__path__, "kurvs_sim.")
    return {name: item for info in modules for name, item in vars(import_module(info.name)).items()}
