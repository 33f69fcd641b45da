"""How soon the teaching demo answers a slider.

Run as ``python benchmarks/bench_demo.py`` on an idle machine; it prints the median and the 95th
percentile, in ms, of a state in this process and of a step of each slider in a browser, from the
move to the new data. Goals: 20 ms for the noise-free sky, 100 ms for a step and 150 ms for 95 per
cent of them.
"""

import importlib.util
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.demo.model.parameters import SLIDERS, DemoParameters, Slider
from experiments.demo.model.sky import DemoSky
from experiments.demo.model.state import demo_state, intrinsic_maps

STEPS = 20
MOVE = """
const [label, name, value, done] = arguments, start = performance.now();
kurvs.slider(label).value = value;
(function look() {
  if (Math.abs(kurvs.source("summary")[name][0] - value) < 1e-9) done(performance.now() - start);
  else setTimeout(look, 1);
})();
"""


def steps_of(slider: Slider) -> np.ndarray:
    """Return places of a slider, each other than the one before."""
    places = np.linspace(slider.low, slider.high, STEPS)
    return np.unique([slider.nearest(place) for place in places])


def times_ms(call: Callable[[DemoParameters], object], slider: Slider) -> list[float]:
    """Return how long a function takes at each step of a slider."""
    times = []
    for place in steps_of(slider):
        parameters = replace(DemoParameters(), **{slider.name: float(place)})
        start = time.perf_counter()
        call(parameters)
        times.append(1e3 * (time.perf_counter() - start))
    return times


def noise_free(parameters: DemoParameters) -> None:
    """Compute what there is before noise and fits."""
    sky = DemoSky(parameters)
    intrinsic_maps(sky)
    _ = sky.cube, sky.smeared_velocity_kms


def show(name: str, times: list[float]) -> None:
    """Print one row."""
    print(f"{name:34s} {np.median(times):7.0f} {np.percentile(times, 95):7.0f}")


def main() -> None:
    """Time everything."""
    path = Path(__file__).parents[1] / "tests" / "helpers" / "demo_browser.py"
    spec = importlib.util.spec_from_file_location("demo_browser", path)
    helpers = importlib.util.module_from_spec(spec)
    sys.modules["demo_browser"] = helpers
    spec.loader.exec_module(helpers)
    demo_state(DemoParameters())
    print(f"{'ms':34s} {'median':>7s} {'p95':>7s}")
    show("noise-free sky", [t for slider in SLIDERS for t in times_ms(noise_free, slider)])
    show("state", [t for slider in SLIDERS for t in times_ms(demo_state, slider)])
    with helpers.served_demo() as served, helpers.chromium() as browser:
        browser.open(served.url)
        everything: list[float] = []
        before = served.processor_ms()
        for slider in SLIDERS:
            label, start = slider.label, getattr(DemoParameters(), slider.name)
            times = [
                browser.driver.execute_async_script(MOVE, label, slider.name, float(place))
                for place in steps_of(slider)
            ]
            browser.move_slider(label, slider.name, start)
            show(f"step of {slider.label.lower()}", times)
            everything += times
        show("step of any slider", everything)
        print(f"{'processor time of the server, a step':34s} "
              f"{(served.processor_ms() - before) / len(everything):7.0f}")  # fmt: skip
        print(f"{'memory of the server (MB)':34s} {served.memory_mb():7.0f}")


if __name__ == "__main__":
    main()
