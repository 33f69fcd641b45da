"""Tasks on several processes."""

import time
from pathlib import Path

import pytest

from experiments.pool import run_tasks


def square(number):
    return number**2


def fail_first(path):
    if path.endswith("/0"):
        raise ValueError("the first")
    time.sleep(0.02)
    Path(path).touch()


def test_outcomes_are_in_the_order_of_the_tasks():
    assert run_tasks(square, [3, 1, 2], workers=2) == [9, 1, 4]


def test_an_error_begins_no_further_tasks(tmp_path):
    tasks = [str(tmp_path / str(number)) for number in range(50)]
    with pytest.raises(ValueError, match="the first"):
        run_tasks(fail_first, tasks, workers=1)
    # A few were already on their way to the process.
    assert len(list(tmp_path.iterdir())) < 10
