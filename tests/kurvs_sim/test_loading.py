"""What the simulator loads, and when."""

import subprocess
import sys

LOADS_GALSIM_TO_DRAW = """
import sys
import kurvs_sim.configuration.file
from kurvs_sim import Galaxy, PointSpreadFunction, SpaxelGrid, observe

def loads_galsim(kind):
    observe(Galaxy(), bands=("H",), grid=SpaxelGrid(n_x=8, n_y=8), psf=PointSpreadFunction(kind))
    return "galsim" in sys.modules

assert not loads_galsim("gaussian")
assert loads_galsim("moffat")
"""


def test_galsim_is_loaded_when_it_draws_an_image():
    subprocess.run([sys.executable, "-c", LOADS_GALSIM_TO_DRAW], check=True)  # noqa: S603 - our own
