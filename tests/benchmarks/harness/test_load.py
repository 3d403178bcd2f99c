"""The client, and what a server's processes are charged with."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.harness.load import _while_all_asked, drive, raw_request
from benchmarks.harness.process import run, tree
from tests.server import LIMIT

REQUEST = raw_request("/detect", b"photo")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
SERVICE = 0.02

FAMILY = """
import os, socket, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c",
    "import time; data = bytearray(80_000_000); end = time.process_time() + 0.5\\n"
    "while time.process_time() < end: pass\\nprint(flush=True); time.sleep(60)"],
    stdout=subprocess.PIPE)
child.stdout.readline()
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
time.sleep(60)
"""


@dataclass
class Seen:
    """What a server has seen of its clients."""

    requests: int = 0
    most_at_once: int = 0
    open: int = 0


@contextmanager
def serving(answer: Callable[[int], bytes | None], seen: Seen | None = None) -> Iterator[int]:
    """One request at a time, each so long; ``answer`` is given its number."""
    turn = threading.Lock()
    count = iter(range(10**6))
    noted, noting = seen or Seen(), threading.Lock()

    def note(change: int) -> None:
        with noting:
            noted.requests += change > 0
            noted.open += change
            noted.most_at_once = max(noted.most_at_once, noted.open)

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:

        def serve(connection: socket.socket) -> None:
            with connection:
                while connection.recv(65536):
                    note(1)
                    with turn:
                        time.sleep(SERVICE)
                        said = answer(next(count))
                    note(-1)
                    if said is None:
                        return
                    connection.sendall(said)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_as_many_a_second_as_the_server_answers() -> None:
    seen = Seen()
    with serving(lambda _: OK, seen) as port:
        result = drive(port, REQUEST, 4, 1.0)
    assert result.errors == 0
    assert 0 < result.per_second <= 1 / SERVICE
    assert result.answered == seen.requests
    assert result.answered <= len(result.latencies) + 3  # those that the others waited for
    assert seen.most_at_once == 4
    assert result.p95 >= result.p50 >= SERVICE


def test_figures_are_those_of_the_time_in_which_all_asked() -> None:
    """Four share a server that answers ten a second: each waits for all."""
    answers = [(round(0.1 * n, 1), min(0.1 * n, 0.4)) for n in range(1, 24)]
    result = _while_all_asked(answers, 2.0, 4, errors=1)
    assert result.seconds == 2.0
    assert (len(result.latencies), result.answered, result.errors) == (20, 24, 1)
    assert result.per_second == pytest.approx(10)
    assert result.p50 == result.p95 == pytest.approx(0.4)


def test_what_is_refused_is_an_error() -> None:
    with serving(lambda number: BUSY if number % 2 else OK) as port:
        result = drive(port, REQUEST, 1, 0.5)
    assert abs(result.errors - len(result.latencies)) <= 1
    assert result.answered == result.errors + len(result.latencies)


def test_a_server_that_goes_away_is_no_result() -> None:
    with (
        serving(lambda number: OK if number < 3 else None) as port,
        pytest.raises(ConnectionError),
    ):
        drive(port, REQUEST, 2, 5)


def test_each_connection_asks_at_least_once() -> None:
    with serving(lambda _: OK) as port:
        result = drive(port, REQUEST, 5, 0)
    assert result.answered == 5
    assert len(result.latencies) == 5


def test_what_a_server_starts_counts_and_ends_with_it() -> None:
    with run([sys.executable, "-c", FAMILY], {}, os.sched_getaffinity(0)) as server:
        parent, child = tree(server.process.pid)
        assert parent == server.process.pid
        assert server.cpu_seconds() >= 0.5
        assert server.rss() > 80e6
        assert server.peak_rss() >= server.rss()
        server.forget_peak()
        assert server.peak_rss() > 80e6  # which are still in use
    assert tree(parent) == [parent]
    with pytest.raises(ProcessLookupError):
        os.kill(parent, 0)
    assert not _lives(child)


def _lives(pid: int) -> bool:
    """A process that nobody waited for may stay for a moment, as a zombie."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except FileNotFoundError:
            return False
        time.sleep(0.02)
    return True
