"""The server of the demo, reachable from this machine only unless asked otherwise."""

import socket
import sys
from collections.abc import Collection

import panel as pn
import psutil
from bokeh.server.server import Server
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule
from tornado.web import RequestHandler

from experiments.demo.model.parameters import DemoParameters
from experiments.demo.model.state import demo_state
from experiments.demo.page.page import TITLE, DemoPage
from kurvs_pipeline.errors import ConfigurationError

ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - only compared with what the user gave

MOST_SESSIONS = 60
"""Pages open at once: two classes. Each holds some megabytes."""

FULL = (
    "<h1>All places are taken</h1><p>{n} people look at this page now, as many as this machine "
    "serves. Please load it again in a minute.</p>"
)


def demo_page() -> pn.Template | pn.pane.HTML:
    """Return the page of a new session, or say that too many are open."""
    if _open_sessions() >= MOST_SESSIONS:
        return pn.pane.HTML(FULL.format(n=MOST_SESSIONS))
    arguments = pn.state.session_args
    query = {
        name: values[-1].decode("utf-8", errors="replace") for name, values in arguments.items()
    }
    return DemoPage(query).template()


def _open_sessions() -> int:
    return len(pn.state.curdoc.session_context.server_context.sessions)


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
    # Panel reads whole numbers of any length in a URL; Python refuses more than 4300 digits.
    sys.set_int_max_str_digits(0)
    server = pn.serve(
        {"/": demo_page}, port=port, address=address, show=open_browser, title=TITLE, start=False,
        websocket_origin=_origins(address, port),
    )  # fmt: skip
    refuse_other_hosts(server, _origins(address, port))
    server.start()
    server.io_loop.start()


class _OtherHosts(Matcher):
    """Match requests that ask for a host that this server is not."""

    def __init__(self, hosts: Collection[str]) -> None:
        self._hosts = hosts

    def match(self, request: HTTPServerRequest) -> dict[str, object] | None:
        """Return arguments of the handler for a request to another host, else nothing."""
        return None if request.host.lower() in self._hosts else {}


class _Refusal(RequestHandler):
    """The answer to every request that asks for another host."""

    def prepare(self) -> None:
        """Refuse before any method is looked at."""
        self.set_status(403)
        self.finish("this server does not answer for that host; see kurvs demo --help\n")


def refuse_other_hosts(server: Server, hosts: Collection[str]) -> None:
    """Answer requests for these hosts only.

    A page of another site whose name was rebound to this address states that name as host and
    origin alike, which Bokeh takes for its own.

    Parameters
    ----------
    hosts : collection of str
        ``name:port``, in lower case.
    """
    server._tornado.default_router.rules.insert(0, Rule(_OtherHosts(hosts), _Refusal))  # noqa: SLF001


def _origins(address: str, port: int) -> list[str]:
    """Return which hosts the server answers for: names and addresses that it can be reached by."""
    names = {address, "localhost", "127.0.0.1"}
    if address in ANYWHERE:
        names |= _names_of_this_machine()
    # Bokeh takes no address of IPv6 for the origin of a page.
    hosts = {name.lower() for name in names if ":" not in name}
    return sorted({f"{host}:{port}" for host in hosts} | (hosts if port == 80 else set()))


def _names_of_this_machine() -> set[str]:
    """Return the names and addresses of the network's interfaces."""
    interfaces = psutil.net_if_addrs().values()
    addresses = {
        entry.address
        for interface in interfaces for entry in interface
        if entry.family == socket.AF_INET
    }  # fmt: skip
    return addresses | {socket.gethostname(), socket.getfqdn()}


def _require_free(address: str, port: int) -> None:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
    except (OSError, UnicodeError) as error:  # a name that is none is not looked up at all
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"cannot listen at {address}:{port} ({reason}); choose a free "
            "port with --port, and an address of this machine with --address"
        ) from error
