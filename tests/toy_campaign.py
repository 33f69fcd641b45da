"""An experiment without galaxies: each task draws a few numbers, and may raise or wait."""

import time
from dataclasses import dataclass

import numpy as np
import xarray as xr


@dataclass(frozen=True)
class Toy:
    """Draws from a normal distribution.

    Parameters
    ----------
    n_tasks : int
        How many tasks.
    seed : int
        Of the draws.
    wait_s : float
        How long a task takes; it does not decide the result.
    raising : tuple of int
        Tasks that raise.
    """

    n_tasks: int = 20
    seed: int = 1
    wait_s: float = 0.0
    raising: tuple[int, ...] = ()

    @property
    def description(self):
        return {"seed": self.seed, "toy": {"raising": list(self.raising)}}

    def template(self):
        return xr.Dataset(
            {
                "mean": ("method", np.full(2, np.nan), {"units": "dex"}),
                "count": ((), np.int32(-1)),
                "name": ((), np.array("", "<U8")),
            },
            coords={"method": np.array(["mean", "median"])},
        )

    def run(self, number):
        if number in self.raising:
            raise ValueError(f"task {number} was told to raise")
        time.sleep(self.wait_s)
        draws = np.random.default_rng(
            np.random.SeedSequence(self.seed, spawn_key=(number,))
        ).normal(size=100)
        return xr.Dataset(
            {
                "mean": ("method", np.array([draws.mean(), np.median(draws)])),
                "count": ((), np.int32(np.count_nonzero(draws > 0.0))),
                "name": ((), np.array(f"toy-{number}")),
            }
        )
