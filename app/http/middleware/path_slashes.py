"""Paths with several slashes in a row, of clients whose base URL ends in a slash: ``//detect``."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

_SLASHES = re.compile("//+")


class PathSlashes:
    """Makes one slash of several. A redirect would lose the body with many clients."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "//" in scope["path"]:
            scope["path"] = _SLASHES.sub("/", scope["path"])
        await self.app(scope, receive, send)
