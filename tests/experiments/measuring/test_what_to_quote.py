"""What the terminal says to quote where the forward estimators give nothing."""

import numpy as np
import pytest
from astropy.table import QTable

from experiments.measuring.one_galaxy import what_to_quote


def gradients(forward, flag, corrected=-0.03):
    return QTable({
        "diagnostic": ["n2", "n2"],
        "estimator": ["slope_fgrad", "forward"],
        "gradient": [corrected, forward],
        "flag": ["ok", flag],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("corrected", "instead"), [(-0.03, "quote slope_fgrad"), (np.nan, "no gradient to quote")]
)
def test_where_no_smooth_disk_fits_the_corrected_slope_is_named(corrected, instead):
    (note,) = what_to_quote(gradients(np.nan, "poor_fit+truncated", corrected))
    assert instead in note
    assert "poor_fit" in note


@pytest.mark.parametrize(("forward", "flag"), [(-0.02, "ok"), (-0.02, "poor_fit"),
                                               (np.nan, "too_few_bins")])  # fmt: skip
def test_elsewhere_nothing_is_said(forward, flag):
    assert what_to_quote(gradients(forward, flag)) == []
