"""A served demo and a browser to look at it with, for the demo's tests and benchmark."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

START_SECONDS = 90.0
WAIT_SECONDS = 30.0

FIND = """
window.kurvs = {
  models() { return [...Bokeh.documents[0]._all_models.values()]; },
  source(name) { return this.models().find(
    m => m.type === "ColumnDataSource" && m.name === name).data; },
  slider(start) { return this.models().find(
    m => m.type === "Slider" && (m.title || "").startsWith(start)); },
  *deep(root) { for (const e of root.querySelectorAll("*")) {
    yield e; if (e.shadowRoot) yield* this.deep(e.shadowRoot); } },
  button(label) { return [...this.deep(document)].find(
    e => (e.tagName === "BUTTON" || e.tagName === "A") && e.textContent.trim() === label); },
  text() { return [...this.deep(document)].filter(e => e.shadowRoot)
    .map(e => e.shadowRoot.textContent).join(" "); },
};
"""


class Served:
    """The demo in a process of its own.

    Parameters
    ----------
    port : int
        Where it listens.
    process : Popen
        The server.
    """

    def __init__(self, port: int, process: subprocess.Popen[str]) -> None:
        self.port, self.process = port, process
        self.url = f"http://localhost:{port}/"

    def memory_mb(self) -> float:
        """Return the memory that the server holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
        return float(line.split()[1]) / 1024.0

    def processor_ms(self) -> float:
        """Return the processor time that the server has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").split()
        return 1e3 * (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served_demo() -> Iterator[Served]:
    """Serve the demo as a user would, at a free port."""
    with closing(socket.socket()) as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from experiments.cli import main; main()", "demo",
               "--no-open", "--port", str(port)]  # fmt: skip
    process = subprocess.Popen(  # noqa: S603 - a fixed command
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        _wait_until_served(port, process)
        yield Served(port, process)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _wait_until_served(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"http://localhost:{port}/favicon.ico", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    process.kill()
    raise RuntimeError(f"the demo did not start: {process.communicate()[0]}")


class Browser:
    """Headless Chromium with the page in it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, url: str, width: int = 1280, height: int = 720) -> None:
        """Open the page and wait until it is drawn."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        self.driver.get(url)
        self.wait_for("return document.body.dataset.ready === 'yes'")
        self.driver.execute_script(FIND)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript on the page."""
        return self.driver.execute_script(script, *arguments)

    def wait_for(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript until it returns something true, and return that."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = self.driver.execute_script(script, *arguments)
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"the page never came to: {script}")

    def source(self, name: str) -> dict[str, list[Any]]:
        """Return the columns of a data source as the page holds them."""
        return self.sources([name])[name]

    def sources(self, names: list[str]) -> dict[str, dict[str, list[Any]]]:
        """Return several data sources by name; numbers are text, NaN among them."""
        script = """
        const plain = v => typeof v === "number" ? String(v) : v;
        const nested = v => v && v.length !== undefined && typeof v !== "string";
        const found = {};
        for (const source of arguments[0]) {
          found[source] = {};
          for (const [name, values] of Object.entries(kurvs.source(source)))
            found[source][name] = Array.from(
              values, v => nested(v) ? Array.from(v, plain) : plain(v));
        }
        return found;"""
        return self.run(script, names)

    def number(self, name: str) -> float:
        """Return a number of the state that the page shows."""
        return float(self.run("return String(kurvs.source('summary')[arguments[0]][0])", name))

    def move_slider(self, label: str, name: str, value: float) -> None:
        """Move a slider and wait for the data that belong to it."""
        self.run("kurvs.slider(arguments[0]).value = arguments[1]", label, value)
        self.wait_for(
            "return Math.abs(kurvs.source('summary')[arguments[0]][0] - arguments[1]) < 1e-9",
            name, value,
        )  # fmt: skip

    def press(self, label: str) -> None:
        """Press a button."""
        self.wait_for("return kurvs.button(arguments[0]) !== undefined", label)
        self.run("kurvs.button(arguments[0]).click()", label)

    def requests(self) -> list[str]:
        """Return the address of everything that the page asked for."""
        messages = [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]
        return [
            message["params"]["request"]["url"] for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]  # fmt: skip


def _refuse(reason: str) -> None:
    """Skip, or fail where the browser tests are asked for."""
    if os.environ.get("KURVS_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium, or skip the test where there is none."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        _refuse("no browser: install chromium and chromium-driver")
    try:
        from selenium import webdriver  # noqa: PLC0415 - an extra
    except ImportError:
        _refuse("no browser client: pip install '.[test]'")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                     "--disable-dev-shm-usage"):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield Browser(started)
    finally:
        started.quit()
