"""uvicorn with limits: on idle connections, on headers, and on the time that draining takes."""

import asyncio
import re
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.errors import BadRequest, RequestTimeout
from app.errors.problem import problem_bytes
from app.server.drain_limit import DrainLimit
from app.server.load_shedding import Shedder

HEAD_SECONDS = 10.0
"""A request's headers have to arrive so soon after connecting, or after the last answer."""
ANSWER_SECONDS = 60.0
"""The client has to fetch the rest of an answer within so many seconds."""
MOST_CONNECTIONS = 1000
MOST_HEAD_BYTES = 32 * 1024
"""Bytes of a request's line and headers, which are read on the event loop."""
MANY_CHUNKS, SMALL_CHUNK = 1000, 32
"""If there are more chunks than the first, they must have the second in bytes on average."""
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_LAST_CALL_SECONDS = 0.05
_ENDED = (h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)
"""States of a client that can send no further request on its connection."""


class Connection(h11.Connection):
    """Refuses many small chunks: h11 takes as long for one byte as for a thousand."""

    _chunks = _bytes = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._bytes = 0
        elif isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            self._bytes += len(event.data)
            if self._chunks > MANY_CHUNKS and self._bytes < self._chunks * SMALL_CHUNK:
                raise h11.RemoteProtocolError("The chunks are too small.")
        return event


class Protocol(H11Protocol):
    """Limits the time of a connection, except while the application answers a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.conn = Connection(h11.SERVER, MOST_HEAD_BYTES)
        self._answered: object = None
        self._since: float | None = time.monotonic()
        self._discarding = False
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._discarding or self.conn.their_state in _ENDED:
            return
        if self._begins_too_long(data):
            self.send_400_response(f"The headers are longer than {MOST_HEAD_BYTES} bytes.")
            return
        if not self._shed(data):
            super().data_received(data)

    def idle_since(self) -> float | None:
        """In seconds of ``time.monotonic``; None while a request is being answered."""
        answered = getattr(self.cycle, "response_complete", True)  # there is none at first
        if answered or self.transport.is_closing():
            if self._since is None or self.cycle is not self._answered:
                self._since, self._answered = time.monotonic(), self.cycle
        else:
            self._since = None
        return self._since

    def hurry(self, patience: float) -> None:
        """Ends the connection if the client has been idle for more than ``patience`` seconds."""
        since = self.idle_since()
        if since is None:
            return
        idle = time.monotonic() - since
        if self.transport.get_write_buffer_size():
            if idle > ANSWER_SECONDS:
                self.transport.abort()
        elif idle > patience:
            begun = self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]
            if begun and not self._discarding:
                late = RequestTimeout("The headers did not arrive in time.")
                self.transport.write(problem_bytes(late))
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Sends a problem as all errors are, unless another answer has begun."""
        answer = problem_bytes(BadRequest(msg))
        if self.idle_since() is None:
            if not self.cycle.response_started:
                self.transport.write(answer)
            self.transport.close()
        elif self.conn.our_state is h11.IDLE:
            self._answer_last(answer)
        else:
            self.transport.close()

    def _begins_too_long(self, data: bytes) -> bool:
        """h11 itself limits only headers that are incomplete."""
        return (
            len(data) > MOST_HEAD_BYTES
            and self.conn.their_state is h11.IDLE
            and not _END_OF_HEAD.search(data, 0, MOST_HEAD_BYTES)
        )

    def _shed(self, data: bytes) -> bool:
        """Whether ``data`` was a request that the shedder has refused."""
        shedder: Shedder | None = self.app_state.get("shedder")
        if shedder is None or not self._awaits_request():
            return False
        refusal = shedder.refusal(data)
        if refusal is None:
            return False
        self._unset_keepalive_if_required()
        if refusal.closes:
            self._answer_last(refusal.answer)
        else:
            self.transport.write(refusal.answer)
            self._since = time.monotonic()
        return True

    def _awaits_request(self) -> bool:
        """Whether the next byte is the first of a request, and its answer would be the next one.

        h11 knows: an answer may be complete while the body that it refused is still coming.
        """
        return (
            self.conn.their_state is h11.IDLE
            and not self.conn.trailing_data[0]
            and getattr(self.cycle, "response_complete", True)  # there is no cycle at first
            and not self.flow.write_paused  # else answers that nobody fetches would pile up
            and not self.transport.is_closing()
        )

    def _answer_last(self, answer: bytes) -> None:
        """Sends ``answer`` and then the end of the stream; whatever still comes is discarded.

        If the connection were closed at once, the client might miss its answer.
        """
        self.transport.write(answer)
        with suppress(OSError):  # the client is gone
            self.transport.write_eof()
        self._discarding = True
        self._since = time.monotonic()

    def shutdown(self) -> None:
        """Waits a moment, so that a request is read that has come and was not read yet."""
        if self.idle_since() is None:
            super().shutdown()
        else:
            self.loop.call_later(_LAST_CALL_SECONDS, super().shutdown)


def _ours(connections: Iterable[object]) -> list[Protocol]:
    return [connection for connection in connections if isinstance(connection, Protocol)]


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, drain_limit: DrainLimit) -> None:
        super().__init__(config)
        self._drain_limit = drain_limit

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._drain_limit.begin()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host = self.config.host
            shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host
            with suppress(OSError):  # nobody can read it
                print(f"\nSpotter is ready: http://{shown}:{self.config.port}/\n", flush=True)

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:  # once a second
            connections = _ours(self.server_state.connections)
            crowded = len(connections) > MOST_CONNECTIONS / 2
            for connection in connections:
                connection.hurry(1.0 if crowded else HEAD_SECONDS)
        return await super().on_tick(counter)
