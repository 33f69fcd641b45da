"""Seeds of what takes an integer, from where random draws branch off."""

import numpy as np


def seed_of(key: np.random.SeedSequence) -> int:
    """Return a seed of 63 bits, which a signed integer of a file holds.

    Parameters
    ----------
    key : SeedSequence
        Root and branch, such as ``SeedSequence(seed, spawn_key=(galaxy, use))``.
    """
    return int(key.generate_state(1, np.uint64)[0] >> np.uint64(1))
