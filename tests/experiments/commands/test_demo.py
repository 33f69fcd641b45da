"""``kurvs demo`` where it cannot be served."""

import socket

import pytest

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
