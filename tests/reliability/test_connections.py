"""Idle connections: how long they are kept, which go first, and a process with few files."""

import asyncio
import json
import os
import resource
import select
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import pytest

from app.server import listening, protocol
from app.server.crowd import MOST_CONNECTIONS, Crowd, most_connections
from tests.eventually import eventually
from tests.http.client import Wire, drawn, post, statuses
from tests.missing import missing
from tests.server import LIMIT, Server, serve

FILES = 256


class Lasting:
    """A connection of which only the end is of interest."""

    def __init__(self) -> None:
        self.ended = False

    def end(self) -> None:
        self.ended = True


def test_who_has_waited_for_longest_goes_first(caplog: pytest.LogCaptureFixture) -> None:
    crowd, waiting = Crowd(3), [Lasting() for _ in range(3)]
    for connection in waiting:
        assert crowd.make_room(3)
        crowd.wait(connection)
    crowd.wait(waiting[0])  # had an answer just now
    crowd.leave(waiting[1])  # is being answered
    assert crowd.make_room(4)
    assert [connection.ended for connection in waiting] == [False, False, True]
    assert crowd.make_room(4)
    assert waiting[0].ended
    assert not crowd.make_room(4)
    crowd.leave(waiting[1])
    assert not waiting[1].ended
    said = [record.getMessage() for record in caplog.records]
    assert said == ["connections ended", "connections refused"]


def test_a_flood_is_a_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    crowd = Crowd(0)
    began = time.monotonic()
    for _ in range(100_000):
        crowd.make_room(1)
    assert len(caplog.records) <= 2 + time.monotonic() - began


@pytest.mark.parametrize(
    ("files", "most"),
    [
        (20_000, MOST_CONNECTIONS),
        (resource.RLIM_INFINITY, MOST_CONNECTIONS),
        (1024, 924),
        (256, 156),
        (64, 32),
    ],
)
def test_connections_leave_files_for_everything_else(files: int, most: int) -> None:
    assert most_connections(files) == most


_PATIENT = (
    "from app.server import protocol; protocol.HEAD_SECONDS = 1000.0;"
    " from app.__main__ import main; main()"
)


@contextmanager
def many_files() -> Iterator[None]:
    """This process may open as many files as it can be allowed to; some systems begin with 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4000)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def with_files(model: Path, soft: int, hard: int, **settings: str) -> Iterator[Server]:
    """A server that is started with these limits of open files.

    It closes no connection for being silent: on a busy machine all would be soon.
    """
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    start = (
        "import os, resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        f"os.execv(sys.executable, [sys.executable, '-c', {_PATIENT!r}])\n"
    )
    with serve(model, lambda _: ["-c", start], **settings) as server:
        yield server
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def is_open(wire: Wire) -> bool:
    readable, _, _ = select.select([wire.socket], [], [], 0)
    if not readable:
        return True
    try:
        return wire.socket.recv(1000) != b""
    except ConnectionError:
        return False


def answers(wire: Wire, path: str = "/healthz") -> int:
    return wire.head("GET", path).response().status_code


def test_the_soft_limit_is_raised_to_the_hard_one(scripted_model: Path) -> None:
    with with_files(scripted_model, 200, 700) as server:
        found = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    assert found == (700, 700)


def test_three_hundred_idle_connections_and_256_files(scripted_model: Path) -> None:
    began_at = time.monotonic()
    with with_files(scripted_model, FILES, FILES) as server, ExitStack() as stack:
        wires = [stack.enter_context(Wire(server)) for _ in range(300)]
        took: list[float] = []
        end = time.monotonic() + 8
        while time.monotonic() < end or len(took) < 20:
            began = time.monotonic()
            with Wire(server) as wire:
                assert answers(wire) == 200
            took.append(time.monotonic() - began)
            time.sleep(0.1)
        assert median(took) < 2  # of one that waits for another to be closed, it is many seconds
        assert post(server, drawn()).status_code == 200
        assert len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) < FILES
        kept = [wire for wire in wires if is_open(wire)]
        assert 0 < len(kept) <= FILES
        assert all(not is_open(wire) for wire in wires[:100])  # who came first has waited longest
        lines = [line for line in server.log() if line["message"] != "request"]
        assert len(lines) <= 20 + 2 * (time.monotonic() - began_at)
        assert "Traceback" not in server.output()
        assert len(server.output()) < 100_000


def test_a_storm_of_connections_on_few_files(scripted_model: Path) -> None:
    """Each is opened and never used, faster than they are counted; health is asked all along."""
    with (
        many_files(),
        with_files(scripted_model, FILES, FILES) as server,
        ExitStack() as stack,
    ):
        for _ in range(8):
            for _ in range(150):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            with Wire(server) as wire:
                assert answers(wire) == 200
        assert "Traceback" not in server.output()
        assert len(server.output()) < 100_000


def test_connections_in_use_are_kept_when_others_crowd_in(scripted_model: Path) -> None:
    image = drawn(80, 80, (255, 255, 255))  # takes its time
    settings = {"concurrency": "1", "queue": "20"}
    with with_files(scripted_model, FILES, FILES, **settings) as server, ExitStack() as stack:
        head = {"Content-Length": str(len(image))}
        busy = [stack.enter_context(Wire(server)) for _ in range(6)]
        for wire in busy:
            wire.head("POST", "/detect", head).send(image)
        for _ in range(400):
            stack.enter_context(Wire(server))
        assert statuses(busy) == [200] * 6


@pytest.mark.load
def test_connections_are_kept_for_the_next_request(scripted_model: Path) -> None:
    """As proxies use them: after 4, 6, 20 and 60 seconds, each on connections of its own."""
    pauses = (4, 6, 20, 60)
    with serve(scripted_model) as server, ExitStack() as stack:
        wires = {n: [stack.enter_context(Wire(server)) for _ in range(10)] for n in pauses}
        for group in wires.values():
            assert [answers(wire) for wire in group] == [200] * 10
        began = time.monotonic()
        for pause, group in wires.items():
            time.sleep(max(0.0, began + pause - time.monotonic()))
            assert [answers(wire) for wire in group] == [200] * 10, pause


HEAD_SECONDS = 6


def with_short_heads(_: int) -> list[str]:
    """A server that waits for a request's head for ``HEAD_SECONDS``."""
    program = (
        f"from app.server import protocol; protocol.HEAD_SECONDS = {HEAD_SECONDS};"
        " from app.__main__ import main; main()"
    )
    return ["-c", program]


def test_a_head_has_ten_seconds() -> None:
    assert protocol.HEAD_SECONDS == 10


def test_keep_alive_is_a_setting(scripted_model: Path) -> None:
    """And the seconds of what is silent or has begun a request stay what they are."""
    with (
        serve(scripted_model, with_short_heads, keep_alive=str(3 * HEAD_SECONDS)) as server,
        ExitStack() as stack,
    ):
        began = time.monotonic()
        answered, begun, refused, silent, dawdling = (
            stack.enter_context(Wire(server)) for _ in range(5)
        )
        head = {"Content-Length": "5", "Content-Type": "image/png"}
        assert refused.head("POST", "/none", head).response().status_code == 404
        refused.send(b"12345")  # the rest of the refused body: now it is at rest
        assert [answers(wire) for wire in (answered, begun)] == [200, 200]
        dawdling.send(b"GET /healthz HTTP/1.1\r\n")
        eventually(lambda: not is_open(silent))
        assert time.monotonic() - began > 0.8 * HEAD_SECONDS
        begun.send(b"GET ")
        assert dawdling.response().status_code == 408
        begun.send(b"/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert begun.response().status_code == 200
        assert is_open(answered)
        assert answers(refused) == 200
        eventually(lambda: not is_open(answered))
        assert answers(begun) == 200


def test_a_head_that_was_begun_after_an_answer_has_its_own_time(scripted_model: Path) -> None:
    with (
        serve(scripted_model, with_short_heads, keep_alive="60") as server,
        Wire(server) as wire,
    ):
        assert answers(wire) == 200
        time.sleep(1)
        began = time.monotonic()
        wire.send(b"GET /healthz HTTP/1.1\r\n")
        late = wire.response()
        assert (late.status_code, json.loads(late.content)["code"]) == (408, "RequestTimeout")
        assert HEAD_SECONDS - 1 < time.monotonic() - began < 50


def test_stopping_does_not_wait_for_idle_connections(scripted_model: Path) -> None:
    program = f"from app.__main__ import main; main(drain_seconds={int(10 * LIMIT)})"
    with (
        serve(scripted_model, lambda _: ["-c", program], keep_alive="3600") as server,
        Wire(server) as wire,
    ):
        assert answers(wire) == 200
        assert server.terminate() == 0


def needs_ipv6() -> None:
    """In some containers sockets of that family can be made, but have no address."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        missing("There is no IPv6 here")
    if not socket.has_dualstack_ipv6():
        missing("Sockets of IPv6 take no IPv4 here")


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
def test_answers_are_sent_at_once(host: str) -> None:
    """Without TCP_NODELAY an answer waits for the acknowledgement of the part before it."""

    if host == "::":
        needs_ipv6()

    async def delays_nothing() -> bool:
        connected: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        class Accepted(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                accepted: socket.socket = transport.get_extra_info("socket")
                connected.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        (listener,) = listening.bind(host, 0)
        server = await asyncio.get_running_loop().create_server(Accepted, sock=listener)
        async with server:
            address = "::1" if host == "::" else host
            with socket.create_connection((address, listener.getsockname()[1])):
                return bool(await connected)

    assert asyncio.run(delays_nothing())


def test_ipv6_for_all_takes_ipv4_as_well(scripted_model: Path) -> None:
    """With the clients' own addresses, which rate limits count."""
    needs_ipv6()
    with serve(scripted_model, host="::", rate_limit="1/h") as server:
        assert f"http://localhost:{server.port}/" in server.output()
        assert post(server, drawn()).status_code == 200  # over IPv4
        assert post(server, drawn()).status_code == 429
        with socket.create_connection(("::1", server.port)) as six:
            six.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert six.recv(100).startswith(b"HTTP/1.1 200")
    with serve(scripted_model, host="[::]") as server:
        assert server.client.get("/healthz").status_code == 200


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_standard_streams(scripted_model: Path, closed: str) -> None:
    """Nothing of the log gets into a client's connection, which would have their number."""
    command = ["-c", f"import os; os.execlp('sh', 'sh', '-c', 'exec python -m app {closed}')"]
    folder = str(Path(sys.executable).parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        with serve(scripted_model, lambda _: command) as server:
            for _ in range(5):
                assert post(server, drawn()).status_code == 200
            with Wire(server) as wire:
                assert answers(wire) == 200
                assert is_open(wire)
                assert select.select([wire.socket], [], [], 0.2)[0] == []
            assert server.terminate() == 0
