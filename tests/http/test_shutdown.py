"""SIGTERM: what was accepted is answered, nothing else is, and the process ends well."""

import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.eventually import eventually
from tests.http.client import Wire, drawn, full, post, problem, sent, statuses
from tests.http.scripted import WHITE
from tests.server import Server, serve

SLOW = drawn(colour=WHITE)
SETTINGS = {"concurrency": "1", "queue": "2", "threads": "1"}
PLACES = 3
"""Once they are taken, every request has been read."""


def listens(server: Server) -> bool:
    try:
        Wire(server).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_answered(scripted_model: Path, number: int) -> None:
    with serve(scripted_model, **SETTINGS) as server, sent(server, SLOW, PLACES) as wires:
        eventually(lambda: full(server))
        server.process.send_signal(number)
        assert statuses(wires) == [200] * PLACES
        assert server.process.wait(60) == 0
        assert "Traceback" not in server.output()


def test_a_body_on_its_way_is_waited_for(scripted_model: Path) -> None:
    with serve(scripted_model, **SETTINGS) as server, Wire(server) as wire:
        headers = {"Content-Length": str(len(SLOW)), "Expect": "100-continue"}
        wire.head("POST", "/detect", headers)
        assert wire.socket.recv(1000).startswith(b"HTTP/1.1 100 ")
        wire.send(SLOW[:50])
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: not listens(server))
        time.sleep(0.5)
        assert wire.send(SLOW[50:]).response().status_code == 200
        assert server.process.wait(60) == 0


def test_health_turns_at_once(scripted_model: Path) -> None:
    """On an open connection it says 503 until the connection is closed; never 200 again."""
    with serve(scripted_model, **SETTINGS) as server, sent(server, SLOW, PLACES) as wires:
        assert server.client.get("/healthz").status_code == 200
        eventually(lambda: full(server))
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: not says_that_it_is_well(server), pause=0)
        assert not wires[-1].is_answered(), "it did not turn before the work was done"
        assert not says_that_it_is_well(server)
        assert statuses(wires) == [200] * PLACES
        assert server.process.wait(60) == 0


def says_that_it_is_well(server: Server) -> bool:
    try:
        answer = server.client.get("/healthz")
    except httpx.TransportError:
        return False
    if answer.status_code != 200:
        problem(answer, 503, "ModelUnavailable")
    return answer.status_code == 200


def test_new_connections_are_refused_while_draining(scripted_model: Path) -> None:
    with serve(scripted_model, **SETTINGS) as server, sent(server, SLOW, PLACES) as wires:
        eventually(lambda: full(server))
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: not listens(server))
        assert not wires[-1].is_answered(), "new connections were taken until the work was done"
        assert statuses(wires) == [200] * PLACES


def test_an_idle_server_ends_within_a_moment(scripted_model: Path) -> None:
    with serve(scripted_model) as server:
        idle = [Wire(server) for _ in range(3)]
        assert post(server, drawn()).status_code == 200
        assert server.terminate(limit=10) == 0
        for wire in idle:
            wire.close()
