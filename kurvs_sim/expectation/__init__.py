"""What a fit would find, without drawing noise."""

from kurvs_sim.expectation.errors import BandExpectation, ExpectedFlux, IntegratedExpectation
from kurvs_sim.expectation.signal_to_noise import HalphaExpectation

__all__ = ["BandExpectation", "ExpectedFlux", "HalphaExpectation", "IntegratedExpectation"]
