"""``kurvs demo`` where it cannot be served."""

import http.client
import socket
from urllib.request import urlopen

import psutil
import pytest
from demo_browser import served_demo

from experiments import cli
from experiments.commands import demo


def test_without_panel_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setattr(demo, "find_spec", lambda _: None)
    assert cli.execute(["demo", "--no-open"]) == 2
    assert "pip install 'kurvs[demo]'" in capsys.readouterr().err


def test_a_port_in_use_is_told_in_one_line(capsys):
    pytest.importorskip("panel", reason="the demo needs panel: pip install '.[demo]'")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert cli.execute(["demo", "--no-open", "--quiet", "--address", "127.0.0.1",
                            "--port", str(port)]) == 2  # fmt: skip
    told = capsys.readouterr().err
    assert f"127.0.0.1:{port}" in told
    assert "--port" in told
    assert told.count("\n") == 1


def test_an_address_that_is_no_name_is_told_in_one_line(capsys):
    pytest.importorskip("panel", reason="the demo needs panel: pip install '.[demo]'")
    assert cli.execute(["demo", "--no-open", "--quiet", "--address", ".."]) == 2
    told = capsys.readouterr().err
    assert "cannot listen at ..:" in told
    assert told.count("\n") == 1


def test_the_demo_listens_on_loopback_alone_and_where_it_says():
    pytest.importorskip("panel", reason="the demo needs panel: pip install '.[demo]'")
    with served_demo() as demo_server:
        sockets = [
            connection.laddr
            for connection in psutil.Process(demo_server.process.pid).net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        ]
    assert {address.port for address in sockets} == {demo_server.port}
    assert {address.ip for address in sockets} <= {"127.0.0.1", "::1"}


@pytest.fixture(scope="module")
def demo_server():
    pytest.importorskip("panel", reason="the demo needs panel: pip install '.[demo]'")
    with served_demo() as found:
        yield found


def _websocket_status(port, host, origin):
    """Ask for a websocket as a browser does, and return the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("GET", "/ws", skip_host=True)
    for name, value in (("Host", host), ("Origin", origin), ("Upgrade", "websocket"),
                        ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
                        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                        ("Sec-WebSocket-Protocol", "bokeh, x")):  # fmt: skip
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 101), ("127.0.0.1", 101), ("evil.example", 403)]
)
def test_only_hosts_of_this_machine_open_a_websocket(demo_server, host, status):
    name = f"{host}:{demo_server.port}"
    assert _websocket_status(demo_server.port, name, f"http://{name}") == status


def test_on_all_addresses_the_hosts_are_those_of_the_machine():
    server = pytest.importorskip("experiments.demo.server")
    hosts = server._origins("0.0.0.0", 5006)  # noqa: S104 - what a user gives
    assert f"{socket.gethostname().lower()}:5006" in hosts
    assert "127.0.0.1:5006" in hosts
    assert not [host for host in hosts if "*" in host]


@pytest.mark.parametrize("text", ["9" * 5000, "-" + "9" * 5000, "1e999"])
def test_a_url_with_an_endless_number_is_answered(demo_server, text):
    with urlopen(f"{demo_server.url}?gradient={text}&halpha_snr={text}") as answer:  # noqa: S310
        assert answer.status == 200


def test_one_session_too_many_is_told_so(monkeypatch):
    server = pytest.importorskip("experiments.demo.server")
    monkeypatch.setattr(server, "MOST_SESSIONS", 0)
    monkeypatch.setattr(server, "_open_sessions", lambda: 0)
    assert "All places are taken" in server.demo_page().object
