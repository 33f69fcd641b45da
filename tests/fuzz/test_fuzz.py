"""Damaged input is refused by name, flagged, or measured right: never wrong without a word."""

import logging

import pytest
from fuzzing.kinds import KINDS
from fuzzing.outcome import BAD, run_cases, table_of_counts


@pytest.fixture(autouse=True)
def _no_log():
    """Warnings about damaged input are what is expected."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def bad_cases(kind, every):
    target = KINDS[kind]()
    cases = list(run_cases(target, range(0, target.full, every)))
    print(table_of_counts({kind: cases}))
    return [str(case) for case in cases if case.outcome in BAD]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tenth_of_the_damaged_inputs_leads_to_no_harm(kind):
    assert bad_cases(kind, every=10) == []


@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
def test_no_damaged_input_leads_to_harm(kind):
    assert bad_cases(kind, every=1) == []
