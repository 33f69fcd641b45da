"""The figure of what a galaxy can hold."""

import numpy as np

from experiments.studies.galaxy_gallery import (
    FIGURE_NAME,
    NO_SEEING,
    SEEING,
    gallery,
    main,
    maps_of,
)


def test_an_active_nucleus_raises_the_ratio_of_the_centre():
    galaxies = gallery()
    smooth, active = (maps_of(galaxies[name], SEEING)[1] for name in
                      ("smooth disk", "active nucleus"))  # fmt: skip
    assert active[30, 30] > 1.5 * smooth[30, 30]
    assert active[0, 0] < 1.2 * smooth[0, 0]


def test_seeing_flattens_what_clumps_make():
    galaxy = gallery()["metal-poor clumps"]
    sharp, seen = (maps_of(galaxy, psf)[1][20:40, 20:40] for psf in (NO_SEEING, SEEING))
    assert np.std(np.log10(seen)) < 0.5 * np.std(np.log10(sharp))


def test_the_command_draws_it(tmp_path):
    main([str(tmp_path)])
    assert (tmp_path / FIGURE_NAME).stat().st_size > 50_000
