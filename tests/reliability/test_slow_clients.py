"""Clients that dawdle, fall silent or vanish: none keeps a place, memory or a connection."""

import json
import resource
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.eventually import eventually
from tests.http.client import Wire, drawn, post, problem
from tests.http.scripted import WHITE
from tests.server import Server, serve

pytestmark = pytest.mark.load

QUICK, SLOW = drawn(), drawn(colour=WHITE)
LIMIT = 100_000
CAPACITY = 10 * LIMIT
"""Bytes that all requests together may hold."""
MOST = 90_000
"""Bytes of a body that is never sent to its end: eleven of them are within the capacity."""


@pytest.fixture(scope="module")
def hasty(scripted_model: Path) -> Iterator[Server]:
    """A body has two seconds; one image at a time, and two may wait."""
    settings = {"body_timeout": "2", "concurrency": "1", "queue": "2", "threads": "1"}
    with serve(scripted_model, max_body_bytes=str(LIMIT), **settings) as server:
        yield server


@pytest.fixture(scope="module")
def patient(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, max_body_bytes=str(LIMIT), body_timeout="60") as server:
        yield server


@contextmanager
def begun(server: Server, sent: int = MOST) -> Iterator[Wire]:
    """An upload that stops on its way."""
    head = {"Content-Length": str(LIMIT)}
    with Wire(server) as wire:
        yield wire.head("POST", "/detect", head).send(bytes(sent))


@contextmanager
def stalled(server: Server, times: int, sent: int = MOST) -> Iterator[list[Wire]]:
    with ExitStack() as stack:
        yield [stack.enter_context(begun(server, sent)) for _ in range(times)]


def is_over(wire: Wire) -> bool:
    """Whether the server has ended the connection."""
    readable, _, _ = select.select([wire.socket], [], [], 0)
    if not readable:
        return False
    try:
        return wire.socket.recv(10_000) == b""
    except ConnectionError:
        return True


def test_a_body_of_a_byte_a_second_is_given_up_and_takes_no_place(hasty: Server) -> None:
    """Thirty of them, where there are three places."""
    with stalled(hasty, 30, sent=1) as wires:
        for _ in range(4):
            for wire in wires:
                wire.send(b"x")
            assert post(hasty, QUICK).status_code == 200
            assert hasty.client.get("/healthz").status_code == 200
            time.sleep(0.2)
        for wire in wires:
            answer = wire.response()
            problem(answer, 408, "RequestTimeout")
            assert answer.headers["connection"] == "close"
    assert "Traceback" not in hasty.output()


def test_a_slow_client_that_comes_in_time_is_answered(hasty: Server) -> None:
    with Wire(hasty) as wire:
        wire.head("POST", "/detect", {"Content-Length": str(len(QUICK))})
        for start in range(0, len(QUICK), 40):
            wire.send(QUICK[start : start + 40])
            time.sleep(0.2)
        assert wire.response().status_code == 200


def test_bodies_may_hold_so_many_bytes_and_no_more(hasty: Server) -> None:
    with stalled(hasty, CAPACITY // MOST) as wires:
        time.sleep(0.3)
        refused = post(hasty, bytes(LIMIT))
        assert str(CAPACITY) in problem(refused, 503, "Overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert post(hasty, QUICK).status_code == 200  # there is room for a small one
        for wire in wires:
            assert wire.response().status_code == 408
    assert post(hasty, bytes(LIMIT)).status_code == 415


def test_bytes_of_unknown_length_count_as_they_come(hasty: Server) -> None:
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(hasty)) for _ in range(14)]
        for wire in wires:
            wire.head("POST", "/detect", {"Transfer-Encoding": "chunked"})
            wire.send(b"%x\r\n%b\r\n" % (MOST, bytes(MOST)))
        answers = [wire.response().status_code for wire in wires]
    assert sorted(answers) == [408] * (CAPACITY // MOST) + [503] * (14 - CAPACITY // MOST)


def test_who_vanishes_on_the_way_leaves_nothing_behind(patient: Server) -> None:
    for _ in range(5):
        with stalled(patient, 10):
            time.sleep(0.1)
    eventually(lambda: post(patient, bytes(LIMIT)).status_code == 415)
    gone = [line for line in patient.log() if line.get("gone")]
    assert len(gone) == 50
    assert "Traceback" not in patient.output()


def test_the_slowest_make_room_when_room_is_needed(patient: Server) -> None:
    with stalled(patient, CAPACITY // MOST) as wires:
        time.sleep(0.2)
        assert post(patient, bytes(LIMIT)).status_code == 503  # they may yet come
        eventually(lambda: post(patient, bytes(LIMIT)).status_code == 415, limit=14)
        problem(wires[0].response(), 503, "Overloaded")
        assert not any(is_over(wire) for wire in wires[2:])


def test_headers_have_ten_seconds(hasty: Server) -> None:
    """And so has the rest of a body that was refused; a silent connection is just closed."""
    with Wire(hasty) as silent, Wire(hasty) as dawdling, Wire(hasty) as refused:
        began = time.monotonic()
        dawdling.send(b"GET /healthz HTTP/1.1\r\nX-Long: ")
        refused.head("POST", "/detect", {"Content-Length": str(10 * LIMIT)})
        assert refused.response().status_code == 413
        while time.monotonic() < began + 8:
            time.sleep(0.5)
            dawdling.send(b"x")
            refused.send(b"x")
            assert not is_over(silent)
        told = dawdling.response()
        assert 8 < time.monotonic() - began < 14
        assert (told.status_code, json.loads(told.content)["code"]) == (408, "RequestTimeout")
        eventually(lambda: is_over(silent), limit=4)
        eventually(lambda: is_over(refused), limit=4)


def test_who_leaves_while_waiting_is_not_worked_for(hasty: Server) -> None:
    with ExitStack() as stack:
        head = {"Content-Length": str(len(SLOW))}
        wires = [stack.enter_context(Wire(hasty)) for _ in range(3)]
        began = time.monotonic()
        for wire in wires:
            wire.head("POST", "/detect", head).send(SLOW)
            time.sleep(0.05)
        wires[1].close()
        wires[2].close()
        assert wires[0].response().status_code == 200
        alone = time.monotonic() - began
        assert post(hasty, QUICK).status_code == 200
        assert time.monotonic() - began < 1.8 * alone
    waited = [line for line in hasty.log() if line.get("gone") and line["bytes"] == len(SLOW)]
    assert len(waited) == 2
    assert not any("stages" in line for line in waited)


def test_a_picture_that_nobody_fetches_is_given_up(scripted_model: Path) -> None:
    """It is larger than what the kernel keeps; the next one is served, and memory comes back."""
    noise = np.random.default_rng(1).integers(0, 256, (1800, 1800, 3), dtype=np.uint8)
    with serve(scripted_model, body_timeout="2") as server:
        image = png(noise)
        head = {"Content-Length": str(len(image)), "Accept": "image/png", "X-Request-Id": "lazy"}
        with ExitStack() as stack:
            for _ in range(3):
                wire = stack.enter_context(Wire(server))
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                wire.head("POST", "/detect", head).send(image)
            line = server.logged("lazy")
            assert line["gone"] is True
            eventually(lambda: sum(line.get("gone", False) for line in server.log()) == 3)
            assert post(server, QUICK).status_code == 200
        fetched = post(server, image, headers={"Accept": "image/png"})
        assert len(fetched.content) > 5_000_000
        assert "Traceback" not in server.output()


def png(pixels: "np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]") -> bytes:
    import io

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def test_requests_one_behind_the_other_take_one_place(scripted_model: Path) -> None:
    """Twenty in one piece, with no queue: each waits for the answer before."""
    request = b"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"
    sizes = [(40 + i, 90 - i) for i in range(20)]
    images = [drawn(*size) for size in sizes]
    with serve(scripted_model, concurrency="1", queue="0") as server, Wire(server) as wire:
        wire.send(b"".join(request % (len(image), image) for image in images))
        answers = []
        with wire.socket.makefile("rb") as stream:
            for _ in images:
                length = 0
                status = stream.readline().split()[1]
                while (line := stream.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split()[1])
                assert status == b"200"
                answers.append(json.loads(stream.read(length))["image"])
    assert answers == [{"width": width, "height": height} for width, height in sizes]


def test_a_crowd_of_silent_connections_keeps_nobody_out(scripted_model: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4000)), hard))
    try:
        with serve(scripted_model) as server, ExitStack() as stack:
            before = server.memory("VmRSS")
            for _ in range(1100):
                stack.enter_context(Wire(server))
            eventually(lambda: works(server), limit=5)
            assert server.memory("VmRSS") - before < 60e6
            assert "Traceback" not in server.output()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def works(server: Server) -> bool:
    """On a connection of its own."""
    try:
        with Wire(server) as wire:
            return wire.head("GET", "/healthz").response().status_code == 200
    except OSError:
        return False
