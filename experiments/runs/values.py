"""Values of options that are lists of numbers."""

import math

from kurvs_pipeline.errors import ConfigurationError


def comma_separated_numbers(text: str, option: str) -> tuple[float, ...]:
    """Read a list such as ``-0.04,0,0.04``.

    Raises
    ------
    ConfigurationError
        If an entry is not a finite number, or comes twice.
    """
    try:
        values = tuple(float(entry) for entry in text.split(","))
    except ValueError:
        values = ()
    if not values or not all(math.isfinite(value) for value in values):
        raise ConfigurationError(
            f"{option} is '{text}'; expected numbers with commas, such as -0.04,0,0.04"
        )
    if len(set(values)) < len(values):
        raise ConfigurationError(f"{option} is '{text}'; expected every number once")
    return values
