"""An application that is made when it is first needed."""

import asyncio
from collections.abc import Callable
from threading import Lock

from starlette.types import ASGIApp, Receive, Scope, Send


class Later:
    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        """``make`` runs once, on a thread: other requests are answered meanwhile."""
        self._make = make
        self._lock = Lock()
        self._made: ASGIApp | None = None

    def made(self) -> ASGIApp:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            await asyncio.to_thread(self.made)
        await self.made()(scope, receive, send)
