"""An HTTP connection with limits on the size of its headers and on its idle time."""

import asyncio
import re
import time
from contextlib import suppress
from ipaddress import IPv6Address
from typing import TypeVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from app.errors import BadRequest, RequestTimeout
from app.errors.problem import problem_bytes
from app.server.crowd import MOST_CONNECTIONS, Crowd
from app.server.load_shedding import Shedder

Port = TypeVar("Port")

HEAD_SECONDS = 10.0
"""Time for a request's headers to arrive, from the connection or from their first byte."""
ANSWER_SECONDS = 60.0
"""Time for the client to fetch the rest of an answer."""
MOST_HEAD_BYTES = 32 * 1024
"""Most bytes of a request's line and headers, which are parsed on the event loop."""
MANY_CHUNKS, SMALL_CHUNK = 1000, 32
"""A body of more than ``MANY_CHUNKS`` chunks needs ``SMALL_CHUNK`` bytes per chunk on average."""
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_LAST_CALL_SECONDS = 0.05
_ENDED = (h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)
"""States of a client that can send no further request on its connection."""


class Connection(h11.Connection):
    """Refuses many small chunks: h11 takes as long for a chunk of one byte as for a thousand."""

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


class CrowdedState(ServerState):
    """uvicorn's state of a server, shared by all its connections."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self.crowd = crowd


class Protocol(H11Protocol):
    """Limits the time of a connection, except while the application answers a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.client, self.server = _without_mapping(self.client), _without_mapping(self.server)
        self.conn = Connection(h11.SERVER, MOST_HEAD_BYTES)
        state = self.server_state
        self._crowd = state.crowd if isinstance(state, CrowdedState) else Crowd(MOST_CONNECTIONS)
        self._discarding = False
        self._has_answered = False
        self._since: float | None
        """When the wait for the client began; None while a request is being answered."""
        if not self._crowd.make_room(len(self.connections)):
            transport.abort()
        self._begin_to_wait()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._crowd.leave(self)

    def data_received(self, data: bytes) -> None:
        if self._discarding or self.conn.their_state in _ENDED:
            return
        if self._begins_too_long(data):
            self.send_400_response(f"The headers are longer than {MOST_HEAD_BYTES} bytes.")
            return
        if self._shed(data):
            return
        super().data_received(data)
        if self._is_answering():
            self._since = None
            self._crowd.leave(self)
        elif self._rests is not self._is_at_rest():
            self._begin_to_wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._has_answered = True
        if not self._is_answering():  # a pipelined request may have begun already
            self._begin_to_wait()

    def hurry(self) -> None:
        """Ends the connection if its client has been idle for too long."""
        if self._since is None:
            if self.transport.is_closing():  # the application has failed
                self._begin_to_wait()
            return
        idle = time.monotonic() - self._since
        if self.transport.get_write_buffer_size():
            if idle > ANSWER_SECONDS:
                self.transport.abort()
        elif idle > (self.timeout_keep_alive if self._rests else HEAD_SECONDS):
            begun = self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]
            if begun and not self._discarding:
                late = RequestTimeout("The headers did not arrive in time.")
                self.transport.write(problem_bytes(late))
            self.transport.close()

    def end(self) -> None:
        """Ends the connection at once to make room for another one."""
        self.transport.abort()

    def _begin_to_wait(self) -> None:
        self._since = time.monotonic()
        self._rests = self._is_at_rest()
        if self in self.connections:
            self._crowd.wait(self)

    def _is_answering(self) -> bool:
        return not getattr(self.cycle, "response_complete", True)  # ``cycle`` is None at first

    def _is_at_rest(self) -> bool:
        """Whether it has answered a request and received nothing of the next one yet."""
        return (
            self._has_answered
            and self.conn.our_state is self.conn.their_state is h11.IDLE
            and not self.conn.trailing_data[0]
            and not self._discarding
            and not self.transport.is_closing()
        )

    def send_400_response(self, msg: str) -> None:
        """Sends the error as problem details, unless another answer has begun."""
        answer = problem_bytes(BadRequest(msg))
        if self._is_answering():
            if not self.cycle.response_started:
                self.transport.write(answer)
            self.transport.close()
            self._begin_to_wait()
        elif self.conn.our_state is h11.IDLE:
            self._answer_last(answer)
        else:
            self.transport.close()

    def _begins_too_long(self, data: bytes) -> bool:
        """Whether the headers are too long. h11 itself limits incomplete headers only."""
        return (
            len(data) > MOST_HEAD_BYTES
            and self.conn.their_state is h11.IDLE
            and not _END_OF_HEAD.search(data, 0, MOST_HEAD_BYTES)
        )

    def _shed(self, data: bytes) -> bool:
        """Refuses the request in ``data`` if the shedder says so; returns whether it did."""
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
            self._has_answered = True
            self._begin_to_wait()
        return True

    def _awaits_request(self) -> bool:
        """Whether the next byte begins a request whose answer would be sent next.

        h11's state tells: an answer may be complete while the refused body is still arriving.
        """
        return (
            self.conn.their_state is h11.IDLE
            and not self.conn.trailing_data[0]
            and not self._is_answering()
            and not self.flow.write_paused  # otherwise unread answers would pile up
            and not self.transport.is_closing()
        )

    def _answer_last(self, answer: bytes) -> None:
        """Sends ``answer`` and the end of the stream, and discards any further input.

        If the connection were closed at once, the client might not receive the answer.
        """
        self.transport.write(answer)
        with suppress(OSError):  # the client is gone
            self.transport.write_eof()
        self._discarding = True
        self._begin_to_wait()

    def shutdown(self) -> None:
        """Waits a moment, so that a request that has just arrived is still answered."""
        if self._is_answering():
            super().shutdown()
        else:
            self.loop.call_later(_LAST_CALL_SECONDS, super().shutdown)


def _without_mapping(address: tuple[str, Port] | None) -> tuple[str, Port] | None:
    """``10.0.0.7`` for ``::ffff:10.0.0.7``, which a dual-stack socket reports."""
    if address is None or not address[0].lower().startswith("::ffff:"):
        return address
    mapped = IPv6Address(address[0].partition("%")[0]).ipv4_mapped
    return (str(mapped), address[1]) if mapped else address
