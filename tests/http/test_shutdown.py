"""SIGTERM: what was accepted is answered, nothing else is, and the process ends well."""

import signal
from pathlib import Path

import httpx
import pytest

from tests.http.client import (
    Wire,
    drawn,
    post,
    problem,
    sent,
    statuses,
    until_begun,
    until_refused,
    until_taken,
)
from tests.http.scripted import WHITE
from tests.server import LIMIT, serve

SLOW = drawn(colour=WHITE)
HALF = len(SLOW) // 2
HEAD = {"Content-Length": str(len(SLOW))}
SETTINGS = {"concurrency": "1", "queue": "20", "threads": "1"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_answered(scripted_model: Path, number: int) -> None:
    with serve(scripted_model, **SETTINGS) as server, sent(server, SLOW, 5) as wires:
        until_taken(server, 5)
        server.process.send_signal(number)
        assert statuses(wires) == [200] * 5
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.output()


def test_a_body_on_its_way_is_waited_for(scripted_model: Path) -> None:
    with serve(scripted_model, **SETTINGS) as server, Wire(server) as wire:
        wire.head("POST", "/detect", HEAD).send(SLOW[:HALF])
        until_begun(server, 1)
        server.process.send_signal(signal.SIGTERM)
        until_refused(server)
        assert wire.send(SLOW[HALF:]).response().status_code == 200
        assert server.process.wait(20) == 0


def test_health_turns_at_once(scripted_model: Path) -> None:
    """On an open connection it says 503 until the connection is closed; never 200."""
    with serve(scripted_model, **SETTINGS) as server, Wire(server) as wire:
        wire.head("POST", "/detect", HEAD).send(SLOW[:HALF])  # the rest comes when all is seen
        until_begun(server, 1)
        assert server.client.get("/healthz").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        until_refused(server)
        try:
            answer = server.client.get("/healthz")
        except httpx.TransportError:
            pass
        else:
            problem(answer, 503, "ModelUnavailable")
        assert wire.send(SLOW[HALF:]).response().status_code == 200
        assert server.process.wait(20) == 0


def test_new_connections_are_refused_while_draining(scripted_model: Path) -> None:
    with serve(scripted_model, **SETTINGS) as server, Wire(server) as last:
        last.head("POST", "/detect", HEAD).send(SLOW[:HALF])
        until_begun(server, 1)
        with sent(server, SLOW, 4) as wires:
            until_taken(server, 4)
            server.process.send_signal(signal.SIGTERM)
            until_refused(server)
            assert statuses([*wires, last.send(SLOW[HALF:])]) == [200] * 5


def test_an_idle_server_ends_within_a_moment(scripted_model: Path) -> None:
    """It would wait for connections that are in use for longer than this test does."""
    program = f"from app.__main__ import main; main(drain_seconds={int(10 * LIMIT)})"
    with serve(scripted_model, lambda _: ["-c", program], keep_alive="600") as server:
        idle = [Wire(server) for _ in range(3)]
        assert post(server, drawn()).status_code == 200
        assert server.terminate(limit=10) == 0
        for wire in idle:
            wire.close()
