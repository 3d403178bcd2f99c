"""Requests one behind the other while load is shed: one answer each, and bodies stay bodies."""

import asyncio
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import h11
import pytest
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.http.application import create_app
from app.server.load_shedding import Head, Shedder
from app.server.protocol import MOST_HEAD_BYTES, Protocol
from app.service.loading import load_detector
from app.settings import Settings

HIDDEN = (
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-Id: hidden\r\n\r\n",
    b"POST /detect HTTP/1.1\r\nHost: a\r\nX-Request-Id: hidden\r\nContent-Length: 0\r\n\r\n",
    b"POST /detect HTTP/1.1\r\nHost: a\r\nX-Request-Id: hidden\r\nContent-Length: 900\r\n\r\n",
)
ODD = b"X-Odd: POST /detect HTTP/1.1"
"""A header whose value, with the headers behind it, looks like a request."""


@dataclass(frozen=True)
class Sent:
    request_id: str
    head: bytes
    body: bytes
    """As it goes over the wire."""
    statuses: frozenset[int]
    """Those that its answer may have."""
    may_close: bool
    """Whether its answer may be the last one."""
    has_to_close: bool


@dataclass
class Answer:
    status: int
    request_id: str
    closes: bool


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = self.paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.ended:
            self.written += bytes(data)

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.ended = True
        self.closed = True

    closed = False

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Often(Shedder):
    """Takes nearly every moment for a flood."""

    chance = random.Random(1)

    def _are_many(self) -> bool:
        return self.chance.random() < 0.8


@dataclass
class Crowded:
    """A server whose places are all taken."""

    app: FastAPI
    executed: list[str] = field(default_factory=list)
    """Ids of the requests that got to the application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.executed += [v.decode() for k, v in scope["headers"] if k == b"x-request-id"]
        await self.app(scope, receive, send)

    async def converse(self, pieces: list[bytes], turns: Iterator[int]) -> Transport:
        """Sends the pieces, with some turns of the event loop after each."""
        config = uvicorn.Config(self, http=Protocol, ws="none", lifespan="off", log_config=None)
        config.load()
        state = ServerState()
        shedder = Often(self.app.state.service)
        loop = asyncio.get_running_loop()
        protocol = Protocol(config, state, {"shedder": shedder}, _loop=loop)
        transport = Transport()
        protocol.connection_made(transport)
        for piece in pieces:
            while transport.paused and not transport.closed:
                await asyncio.sleep(0)
            if transport.closed:
                break
            protocol.data_received(piece)
            for _ in range(next(turns)):
                await asyncio.sleep(0)
        while state.tasks:
            await asyncio.wait(state.tasks, timeout=10)
            await asyncio.sleep(0)  # a pipelined request may have begun
        protocol._unset_keepalive_if_required()
        return transport


@pytest.fixture(scope="module")
def crowded(scripted_model: Path) -> Crowded:
    given = Settings(model=scripted_model, api_keys="good", threads=1, concurrency=1)
    app = create_app(given, load_detector(given))
    app.state.service.pool.taken = 10**6
    return Crowded(app)


def answers(stream: bytes) -> list[Answer]:
    found = []
    while stream:
        head, _, rest = stream.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 100"):
            stream = rest
            continue
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        request_id = re.search(rb"(?i)\r\nx-request-id: ([\w.-]+)", head)
        assert length, stream
        assert request_id, stream
        closes = re.search(rb"(?i)\r\nconnection: close", head) is not None
        found.append(Answer(int(head[9:12]), request_id[1].decode(), closes))
        stream = rest[int(length[1]) :]
    return found


@st.composite
def requests(draw: st.DrawFn) -> list[Sent]:
    return [draw(request(f"n{number}")) for number in range(draw(st.integers(1, 6)))]


@st.composite
def request(draw: st.DrawFn, request_id: str) -> Sent:
    kind = draw(st.sampled_from(["no key", "no key", "key", "key", "health", "nothing"]))
    line, statuses = {
        "no key": ("POST /detect", {401, 503}),
        "key": ("POST /detect?confidence=0.5", {503}),
        "health": ("GET /healthz", {200}),
        "nothing": ("POST /nothing", {404}),
    }[kind]
    version = draw(st.sampled_from(["1.1"] * 9 + ["1.0"]))
    fields = ["Host: a", f"X-Request-Id: {request_id}"]
    fields += ["X-API-Key: good"] if kind == "key" else []
    content = b"".join(draw(st.lists(st.sampled_from([*HIDDEN, b"x" * 40]), max_size=3)))
    chunked = version == "1.1" and draw(st.integers(0, 4)) == 0
    if chunked:
        name = draw(
            st.sampled_from(["Transfer-Encoding: ", "transfer-encoding:\t", "TRANSFER-encoding:"])
        )
        fields.append(name + draw(st.sampled_from(["chunked", "Chunked"])))
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in halves(content))
        body += b"0\r\n\r\n"
    else:
        body = content
        fields.append(
            draw(st.sampled_from(["Content-Length: ", "content-length:", "CONTENT-LENGTH:\t"]))
            + str(len(body))
        )
    connection = draw(st.sampled_from([None] * 8 + ["close", "keep-alive", "keep-alive, Close"]))
    fields += [f"Connection: {connection}"] if connection else []
    expects = draw(st.integers(0, 9)) == 0
    fields += ["Expect: 100-continue"] if expects else []
    fields += draw(st.sampled_from([[], [], ["Origin: http://b"], ["Upgrade: websocket"]]))
    end = "\n" if draw(st.integers(0, 9)) == 0 else "\r\n"
    fields = draw(st.permutations(fields))
    if draw(st.integers(0, 3)) == 0:
        fields = [ODD.decode(), *fields]
    head = end.join([f"{line} HTTP/{version}", *fields, "", ""]).encode()
    last = version == "1.0" or "close" in (connection or "").lower()
    may_be_shed = kind in ("no key", "key") and bool(body)
    return Sent(request_id, head, body, frozenset(statuses), last or expects or may_be_shed, last)


def halves(content: bytes) -> list[bytes]:
    middle = len(content) // 2
    return [part for part in (content[:middle], content[middle:]) if part]


@st.composite
def cut(draw: st.DrawFn, sent: list[Sent]) -> list[bytes]:
    """Mostly between heads and bodies, where a careless server would see a new request."""
    edges = [0]
    for one in sent:
        start = edges[-1]
        within = [start + one.head.index(ODD) + ODD.index(b"POST")] if ODD in one.head else []
        edges += [*within, start + len(one.head), start + len(one.head) + len(one.body)]
    stream = b"".join(one.head + one.body for one in sent)
    chosen = draw(st.lists(st.sampled_from(edges), max_size=len(edges)))
    chosen += draw(st.lists(st.integers(0, len(stream)), max_size=6))
    points = sorted({0, len(stream), *chosen})
    return [stream[start:stop] for start, stop in pairwise(points)]


MANY = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@MANY
@given(data=st.data(), sent=requests(), seed=st.integers(0, 1000))
def test_one_answer_a_request_in_order_and_nothing_of_a_body(
    crowded: Crowded, data: st.DataObject, sent: list[Sent], seed: int
) -> None:
    pieces = data.draw(cut(sent))
    chance = random.Random(seed)
    turns = iter(lambda: chance.choice((0, 0, 1, 2, 30)), None)
    Often.chance = chance
    crowded.executed.clear()
    transport = asyncio.run(crowded.converse(pieces, turns))
    found = answers(transport.written)
    assert [one.request_id for one in found] == [one.request_id for one in sent][: len(found)]
    assert len(found) == len(sent) or found[-1].closes
    assert transport.ended is found[-1].closes
    for one, answer in zip(sent, found, strict=False):
        assert answer.status in one.statuses
        if answer.closes:
            assert one.may_close
            assert answer is found[-1]
        else:
            assert not one.has_to_close
    assert "hidden" not in crowded.executed


def test_the_rest_of_a_refused_body_is_no_request(crowded: Crowded) -> None:
    """The example of the report: 401, then the body, then the next request with its body."""
    inner, hidden = HIDDEN[1], HIDDEN[0]
    outer = b"POST /detect HTTP/1.1\r\nHost: a\r\nX-Request-Id: outer\r\nOrigin: http://b\r\n"
    outer += b"Content-Length: %d\r\n\r\n" % len(inner)
    second = b"POST /nothing HTTP/1.1\r\nHost: a\r\nX-Request-Id: second\r\n"
    second += b"Content-Length: %d\r\n\r\n" % len(hidden)
    crowded.executed.clear()
    transport = asyncio.run(
        crowded.converse([outer, inner, second, hidden], iter(lambda: 30, None))
    )
    assert [(a.status, a.request_id) for a in answers(transport.written)] == [
        (401, "outer"),
        (404, "second"),
    ]
    assert crowded.executed == ["outer", "second"]


def test_the_rest_of_a_head_is_no_request(crowded: Crowded) -> None:
    start, end = b"GET /healthz HTTP/1.1\r\nX-Odd: ", HIDDEN[1]
    Often.chance = random.Random(1)
    for _ in range(5):
        transport = asyncio.run(crowded.converse([start, end], iter(lambda: 1, None)))
        assert [answer.status for answer in answers(transport.written)] == [200]


def test_answers_that_nobody_fetches_do_not_pile_up(crowded: Crowded) -> None:
    """Past the mark of the transport the application waits until there is room."""

    async def flood() -> int:
        class Stuck(Transport):
            def write(self, data: bytes | bytearray | memoryview) -> None:
                super().write(data)
                if len(self.written) > 10_000:
                    protocol.pause_writing()

        config = uvicorn.Config(crowded, http=Protocol, ws="none", lifespan="off", log_config=None)
        config.load()
        state = ServerState()
        shedder = Shedder(crowded.app.state.service)
        loop = asyncio.get_running_loop()
        protocol = Protocol(config, state, {"shedder": shedder}, _loop=loop)
        transport = Stuck()
        protocol.connection_made(transport)
        for _ in range(2000):
            if transport.paused:
                break
            protocol.data_received(HIDDEN[1])
            await asyncio.sleep(0)
        for task in state.tasks:
            task.cancel()
        return len(transport.written)

    Often.chance = random.Random(1)
    assert asyncio.run(flood()) < 12_000


# What is refused without h11 is what h11 would have read.

LINES = [
    *(b"Host: a", b"host:a", b"Host:", b"Content-Length: 5", b"content-length:\t5 "),
    *(b"Content-Length: 5, 5", b"Content-Length: +5", b"Content-Length: 5\r\n 6", b" folded"),
    *(b"Content-Length : 5", b"Content-Length: \xb25", b"Transfer-Encoding: chunked"),
    *(b"Transfer-Encoding:\tchunked", b"transfer-encoding\t: chunked", b"X: a\nContent-Length: 9"),
    *(b"X: a\rContent-Length: 9", b"X: \x00", b"X:", b": x", b"X", b"X-Request-Id: a"),
    *(b"Connection: close", b"Connection:\tclose", b"Connection: x, close", b"Upgrade: h2c"),
    *(b"Expect: 100-continue", b"X: \xff", b"", b"\n", b"Cookie: a=b; c=d"),
]
STARTS = [
    *(b"POST /detect HTTP/1.1", b"POST /detect?a=b HTTP/1.1", b"POST /detect HTTP/1.0"),
    *(b"POST /detection HTTP/1.1", b"POST  /detect HTTP/1.1", b"POST /detect HTTP/1.1 "),
    *(b"POST http://a/detect HTTP/1.1", b"post /detect HTTP/1.1", b"POST /detect"),
    b"\r\nPOST /detect HTTP/1.1",
    *(b"POST /detect HTTP/2.0", b"POST /detect\tHTTP/1.1", b"GET /detect HTTP/1.1"),
]  # fmt: skip
PLAIN = [b"Host: a", b"Content-Length: 5"]


@settings(max_examples=1500, deadline=None)
@given(
    st.sampled_from([STARTS[0]] * 6 + STARTS),
    st.lists(st.sampled_from(LINES), max_size=3),
    st.booleans(),
    st.sampled_from([b"\r\n"] * 4 + [b"\n"]),
    st.randoms(use_true_random=False),
)
def test_what_is_read_without_h11_is_what_h11_reads(
    start: bytes, odd: list[bytes], plain: bool, end: bytes, chance: random.Random
) -> None:
    lines = [*odd, *(PLAIN if plain else [])]
    chance.shuffle(lines)
    stream = end.join([start, *lines, b"", b"12345"])
    head = Head.parse(stream, frozenset({b"/detect"}))
    if head is None:
        return
    connection = h11.Connection(h11.SERVER, MOST_HEAD_BYTES)
    connection.receive_data(stream)
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    assert (event.method, event.target.partition(b"?")[0]) == (b"POST", b"/detect")
    lengths = [int(value) for name, value in event.headers if name == b"content-length"]
    assert lengths == [head.length]
    connection.receive_data(b"x" * head.length)
    size = 0
    while isinstance(event := connection.next_event(), h11.Data):
        size += len(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert size == head.length
    assert head.closes is (connection.their_state is h11.MUST_CLOSE)
    assert len(connection.trailing_data[0]) == len(stream) - head.size


@pytest.mark.parametrize("plain", [STARTS[0], STARTS[1], STARTS[2]])
def test_a_plain_request_is_read(plain: bytes) -> None:
    """The test above would pass if none were."""
    stream = b"\r\n".join([plain, *PLAIN, b"X-Request-Id: a", b"", b"12345"])
    head = Head.parse(stream, frozenset({b"/detect"}))
    assert head is not None
    assert (head.length, head.request_id, head.closes) == (5, b"a", plain.endswith(b"0"))
    assert head.size == len(stream) - 5
