"""Tasks on several processes."""

import math
import time

import pytest

from experiments.campaign.tasks import run_tasks


def test_outcomes_are_in_the_order_of_the_tasks():
    assert run_tasks(math.factorial, [3, 1, 4], workers=2) == [6, 1, 24]


def test_an_error_begins_no_further_tasks():
    started = time.monotonic()
    with pytest.raises(ValueError, match="non-negative"):
        run_tasks(time.sleep, [-1.0, *[0.3] * 100], workers=2)
    # All of them would take half a minute; a few were already on their way to the process.
    assert time.monotonic() - started < 15.0
