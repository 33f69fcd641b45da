"""Run damaged cases: ``python -m fuzzing [KIND...] [--every N] [--only NUMBER]``."""

import argparse
import logging
import sys

from fuzzing.kinds import KINDS
from fuzzing.outcome import BAD, Case, run_cases, table_of_counts


def main() -> int:
    """Run the cases that were asked for, and print what is bad, then the counts."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--every", type=int, default=1, help="take every so many of the cases")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="number of the only case to run, which is shown")
    asked = parser.parse_args()
    logging.disable()
    counted: dict[str, list[Case]] = {}
    for kind in asked.kinds or KINDS:
        target = KINDS[kind]()
        numbers = range(asked.first, target.full, asked.every)
        found = counted[kind] = []
        for case in run_cases(target, numbers if asked.only is None else [asked.only]):
            found.append(case)
            if case.outcome in BAD or asked.only is not None:
                print(case, flush=True)
    print(table_of_counts(counted))
    return int(any(case.outcome in BAD for found in counted.values() for case in found))


if __name__ == "__main__":
    sys.exit(main())
