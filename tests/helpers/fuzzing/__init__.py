"""Damaged input by the thousand, and what becomes of it.

Each kind of input has a module with a ``Target``: an undamaged example, and a way to damage it at
random and judge what comes out. Every case has its own seed, so that one can be repeated:
``python -m fuzzing cubes --only 17``.
"""

from fuzzing.outcome import OUTCOMES, Case, Outcome, Target, run_cases, table_of_counts

__all__ = ["OUTCOMES", "Case", "Outcome", "Target", "run_cases", "table_of_counts"]
