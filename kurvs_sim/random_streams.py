"""Independent streams of random numbers: one a band and effect, whatever else is drawn."""

from enum import IntEnum

import numpy as np

from kurvs_pipeline.bands import KMOS_BANDS, Band


class Stream(IntEnum):
    """What random numbers are drawn for."""

    CORRELATED_NOISE = 1
    SKY_RESIDUALS = 2
    DEFECTS = 3
    EXPOSURES = 4
    COSMIC_RAYS = 5


def generator(seed: int, band: Band | None, stream: Stream) -> np.random.Generator:
    """Return the generator of one effect in one band, or in all (None).

    The band's place among the bands sets the stream, not the order in which they are made: numbers
    are the same for any number of processes.
    """
    names = list(KMOS_BANDS)
    key = (len(names) if band is None else names.index(band.name), int(stream))
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key)))
