"""The server of the demo, reachable from this machine only unless asked otherwise."""

import socket

import panel as pn

from experiments.demo.model.parameters import DemoParameters
from experiments.demo.model.state import demo_state
from experiments.demo.page.page import TITLE, DemoPage
from kurvs_pipeline.errors import ConfigurationError

ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - only compared with what the user gave


def demo_page() -> pn.Template:
    """Return the page of a new session."""
    arguments = pn.state.session_args
    query = {
        name: values[-1].decode("utf-8", errors="replace") for name, values in arguments.items()
    }
    return DemoPage(query).template()


def serve(*, port: int, address: str, open_browser: bool) -> None:
    """Serve the demo until interrupted; ``localhost`` cannot be reached from other machines.

    Raises
    ------
    ConfigurationError
        If the address or the port cannot be used.
    """
    _require_free(address, port)
    pn.extension()
    demo_state(DemoParameters())  # compiles the fits: the first student does not wait
    pn.serve(
        {"/": demo_page}, port=port, address=address, show=open_browser, title=TITLE,
        websocket_origin=_origins(address, port),
    )  # fmt: skip


def _origins(address: str, port: int) -> list[str]:
    """Return which pages may talk to the server: its own, by the names it can be reached by."""
    if address in ANYWHERE:
        return ["*"]
    return sorted({f"{name}:{port}" for name in (address, "localhost", "127.0.0.1")})


def _require_free(address: str, port: int) -> None:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen at {address}:{port} ({error.strerror or error}); choose a free "
            "port with --port, and an address of this machine with --address"
        ) from error
