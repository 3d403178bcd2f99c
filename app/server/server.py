"""uvicorn with limits on connections, open files and the time for draining."""

import asyncio
import logging
import socket
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn

from app.server import listening
from app.server.crowd import Crowd
from app.server.drain_limit import DrainLimit
from app.server.protocol import CrowdedState, Protocol

_BACKLOG = 2048
"""Connections that the kernel may queue until they are accepted."""
_ACCEPTED_AT_ONCE = 8
"""Connections accepted in one go. It is low, since they hold files before they are counted."""
_ACCEPT_FAILED = "socket.accept() out of system resource"
"""asyncio's message, which it repeats while no file descriptor is free."""
_START_FAILED = 3
"""uvicorn's exit code for a failed start."""
_POLL_SECONDS = 0.1
_log = logging.getLogger("uvicorn.error")


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, drain_limit: DrainLimit, crowd: Crowd) -> None:
        super().__init__(config)
        self._drain_limit = drain_limit
        self._crowd = crowd
        self.server_state = CrowdedState(crowd)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._drain_limit.begin()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])  # runs the lifespan; uvicorn itself does not listen
        asyncio.get_running_loop().set_exception_handler(self._on_loop_error)
        try:
            await self._listen()
        except OSError as error:
            _log.error("%s", error)
            self.started = False
            await self.lifespan.shutdown()
            sys.exit(_START_FAILED)
        with suppress(OSError):  # standard output is closed
            address = listening.url(self.config.host, self.config.port)
            print(f"\nSpotter is ready: {address}\n", flush=True)

    async def _listen(self) -> None:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        for bound in listening.bind(self.config.host, self.config.port):
            server = await loop.create_server(
                self._new_connection, sock=bound, backlog=_ACCEPTED_AT_ONCE
            )
            bound.listen(_BACKLOG)
            self.servers.append(server)

    def _new_connection(self) -> Protocol:
        return Protocol(self.config, self.server_state, self.lifespan.state)

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context.get("message") == _ACCEPT_FAILED:
            self._crowd.make_room(self._crowd.most + 1)
        else:
            loop.default_exception_handler(context)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        forced = asyncio.create_task(self._end_when_forced())
        try:
            await super().shutdown(sockets)
        finally:
            forced.cancel()

    async def _end_when_forced(self) -> None:
        """Ends all connections at the second Ctrl+C.

        uvicorn itself would not wait for them then, but since Python 3.12 ``wait_closed`` of
        asyncio's server does.
        """
        while not self.force_exit:
            await asyncio.sleep(_POLL_SECONDS)
        for connection in list(self.server_state.connections):
            if isinstance(connection, Protocol):
                connection.end()

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:  # once a second
            for connection in list(self.server_state.connections):
                if isinstance(connection, Protocol):
                    connection.hurry()
        return await super().on_tick(counter)
