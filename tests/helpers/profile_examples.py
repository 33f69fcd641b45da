"""One of every profile: all pass the same checks, and the round trip through a file."""

from kurvs_sim.profiles import (
    Arctan,
    Broken,
    Constant,
    Exponential,
    FreemanDisk,
    Linear,
    Ring,
    Sersic,
    Tabulated,
)  # fmt: skip

PROFILES = (
    Constant(0.4),
    Exponential(central=1.2, scale_length=3.0),
    Linear(central=8.7, gradient=-0.03),
    Arctan(asymptote=200.0, turnover_radius=1.0),
    Sersic(at_effective_radius=1.0, effective_radius=4.0, index=2.5),
    Ring(peak=0.3, ring_radius=4.0, ring_sigma=1.0),
    Broken(central=8.8, inner_gradient=-0.05, outer_gradient=0.02, break_radius=4.0),
    Tabulated(radius=(0.0, 2.0, 5.0), value=(1.0, 0.5, 0.7)),
    FreemanDisk(peak=220.0, scale_length=2.5),
    Constant(0.2) + Exponential(central=1.0, scale_length=2.0),
    Constant(0.2) * Exponential(central=1.0, scale_length=2.0),
)
