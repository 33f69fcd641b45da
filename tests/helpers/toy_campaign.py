"""An experiment without galaxies, and the processes that run it: here, where they can import it."""

import os
import signal
import socket
import time
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import xarray as xr

from experiments.campaign import batches as campaign_batches
from experiments.campaign import store as campaign_store
from experiments.campaign.campaign import run_campaign

PATIENCE_S = 60.0


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
    endless : tuple of int
        Tasks that do not end while a test runs; these do not decide results either.
    deadly : tuple of int
        Tasks that kill the process that runs them.
    """

    n_tasks: int = 20
    seed: int = 1
    wait_s: float = 0.0
    raising: tuple[int, ...] = ()
    endless: tuple[int, ...] = ()
    deadly: tuple[int, ...] = ()

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
        if number in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600.0 if number in self.endless else self.wait_s)
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


def make_parts_small():
    """Let chunks and batches be small: there is much to lose."""
    campaign_store.MOST_TASKS_A_CHUNK = 4
    campaign_batches.TARGET_S = 0.03


def run_client(toy, store, counts):
    """Run or resume a campaign, and send how many tasks are done after each batch."""
    make_parts_small()
    run_campaign(toy, store, resume=True, advance=counts.send)


def wait_for_scheduler(port):
    """Wait until a scheduler listens: on a busy machine that takes longer than a client waits."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def run_dask(kind, arguments):
    """Be a scheduler or a worker, as the command ``dask`` is."""
    import_module(f"distributed.cli.dask_{kind}").main(arguments)
