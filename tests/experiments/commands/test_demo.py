"""``kurvs demo`` where it cannot be served."""

import socket

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
