"""The table of a sample on the terminal."""

import numpy as np
from astropy import units as u
from astropy.table import QTable
from rich.console import Console

from experiments.measuring.sample_table import MOST_ROWS, sample_table


def gradients(names):
    return QTable({
        "galaxy": np.repeat(names, 2),
        "diagnostic": np.full(2 * len(names), "n2"),
        "estimator": np.tile(["slope_fgrad", "forward"], len(names)),
        "gradient": np.tile([-0.041, np.nan], len(names)) * u.dex / u.kpc,
        "gradient_err": np.tile([0.012, np.nan], len(names)) * u.dex / u.kpc,
        "flag": np.tile(["ok", "poor_fit"], len(names)),
    })  # fmt: skip


def printed(table):
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_every_galaxy_has_its_gradients_and_flags_in_a_row():
    text = printed(sample_table(gradients(["near", "far"]), {"near": 1.4, "far": 1.61}))
    for name, redshift in (("near", "1.4000"), ("far", "1.6100")):
        (row,) = [line for line in text.splitlines() if name in line]
        for cell in (redshift, "-0.041 +/- 0.012", "ok", "none", "poor_fit"):
            assert cell in row


def test_a_galaxy_without_the_lines_of_n2_says_so():
    assert printed(sample_table(gradients([]), {"alone": 1.5})).count("not covered") == 2


def test_more_galaxies_than_a_screen_shows_are_left_to_the_file():
    names = [f"mock-{n}" for n in range(MOST_ROWS + 7)]
    text = printed(sample_table(gradients(names), dict.fromkeys(names, 1.5)))
    assert "and 7 more in gradients.ecsv" in text
