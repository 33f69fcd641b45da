"""How a property of a galaxy changes with radius."""

from kurvs_sim.profiles.radial import (
    Arctan,
    Composable,
    Constant,
    Exponential,
    Linear,
    Product,
    RadialProfile,
    Sum,
)
from kurvs_sim.profiles.shapes import Broken, FreemanDisk, Ring, Sersic, Tabulated

__all__ = [
    "Arctan", "Broken", "Composable", "Constant", "Exponential", "FreemanDisk", "Linear", "Product",
    "RadialProfile", "Ring", "Sersic", "Sum", "Tabulated",
]  # fmt: skip
