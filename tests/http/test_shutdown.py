"""SIGTERM: what was accepted is answered, nothing else is, and the process ends well."""

import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.http.client import Wire, drawn, post, problem, sent, statuses
from tests.http.scripted import WHITE
from tests.server import serve

SLOW = drawn(colour=WHITE)
SETTINGS = {"concurrency": "1", "queue": "20", "threads": "1"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_answered(scripted_model: Path, number: int) -> None:
    with serve(scripted_model, **SETTINGS) as server, sent(server, SLOW, 5) as wires:
        time.sleep(0.3)  # all are read; the first is being worked on
        server.process.send_signal(number)
        assert statuses(wires) == [200] * 5
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.output()


def test_a_body_on_its_way_is_waited_for(scripted_model: Path) -> None:
    with serve(scripted_model, **SETTINGS) as server, Wire(server) as wire:
        wire.head("POST", "/detect", {"Content-Length": str(len(SLOW))}).send(SLOW[:50])
        time.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert wire.send(SLOW[50:]).response().status_code == 200
        assert server.process.wait(20) == 0


def test_health_turns_at_once(scripted_model: Path) -> None:
    """On an open connection it says 503 until the connection is closed; never 200."""
    with serve(scripted_model, **SETTINGS) as server, sent(server, SLOW, 1) as wires:
        assert server.client.get("/healthz").status_code == 200
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.02)
        try:
            answer = server.client.get("/healthz")
        except httpx.TransportError:
            pass
        else:
            problem(answer, 503, "ModelUnavailable")
        assert statuses(wires) == [200]
        assert server.process.wait(20) == 0


def test_new_connections_are_refused_while_draining(scripted_model: Path) -> None:
    with serve(scripted_model, **SETTINGS) as server, sent(server, SLOW, 5) as wires:
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(OSError, match="refused"):
            Wire(server)
        assert statuses(wires) == [200] * 5


def test_an_idle_server_ends_within_a_moment(scripted_model: Path) -> None:
    with serve(scripted_model) as server:
        idle = [Wire(server) for _ in range(3)]
        assert post(server, drawn()).status_code == 200
        assert server.terminate(limit=10) == 0
        for wire in idle:
            wire.close()
