"""``kurvs demo``: a page for a class, with sliders."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from importlib.util import find_spec
from typing import Annotated

import typer

from experiments.commands.options import Debug, Quiet

EXAMPLES = """\b
Examples:
  kurvs demo
  kurvs demo --port 5100 --no-open
  kurvs demo --address 0.0.0.0
"""


def demo(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the page.")] = 5006,
    address: Annotated[
        str,
        typer.Option(help="To listen at; by default other machines cannot reach the page."),
    ] = "localhost",
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Show the page in a browser.")
    ] = True,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Serve a page that shows, with sliders, what seeing does to a metallicity gradient.

    Needs the extra 'demo': pip install 'kurvs[demo]'. The page loads nothing from other
    machines. Ends with Ctrl-C; writes nothing.
    """
    from experiments.runs.terminal import Terminal
    from kurvs_pipeline.errors import ConfigurationError

    if find_spec("panel") is None:
        raise ConfigurationError(
            "panel is not installed, which the demo is served with; install it with "
            "pip install 'kurvs[demo]'"
        )
    from experiments.demo.server import serve

    terminal = Terminal(quiet=quiet, debug=debug)
    terminal.show(f"The demo is at http://{address}:{port}, until Ctrl-C")
    serve(port=port, address=address, open_browser=open_browser)
