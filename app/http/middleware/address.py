"""The address of a request: normalises its path, and checks its Host."""

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import MisdirectedRequest
from app.errors.problem import ProblemResponse

ANY = "*"
_SLASHES = re.compile("//+")
_LOCAL = frozenset({"localhost", "host.docker.internal"})
"""Names that resolve to the machine itself, so no foreign page can have one of them."""
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]*))(?::\d{0,5})?", re.ASCII | re.IGNORECASE)
_LONGEST_SHOWN = 100  # characters


class RequestPath:
    """Sets the path that a proxy in front has cut off, since FastAPI's own argument is deprecated.

    As ASGI wants it, the request's path then begins with it, even if the proxy cut it off. Several
    slashes in a row become one: clients whose base URL ends in a slash ask for ``//detect``, and a
    redirect would lose the body with many of them.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = _SLASHES.sub("/", scope["path"])
            if self.root_path and not scope.get("root_path"):
                scope["root_path"] = self.root_path
                if not f"{scope['path']}/".startswith(f"{self.root_path}/"):
                    scope["path"] = self.root_path + scope["path"]
                elif scope["path"] == self.root_path:
                    scope["path"] += "/"  # the front page, as people type its address
        await self.app(scope, receive, send)


class Reach(Protocol):
    """Tells who can reach the server; the lifespan puts it into the state of every request."""

    @property
    def alone(self) -> bool:
        """True if the server can be reached from its own machine only."""


class HostCheck:
    """Refuses foreign names if no keys are set and only this machine can reach the server.

    Against DNS rebinding: any web page can have a name of its own resolve to 127.0.0.1. For the
    browser the server is then part of that page's site, which may read all answers.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        """``allowed``: further names, in lower case; ``*`` is any."""
        self.app = app
        self._allowed = _LOCAL | frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_needed(scope):
            host = Headers(scope=scope).get("host", "")
            if not self._takes(host):
                refused = MisdirectedRequest(
                    f"This server is for its own machine and takes no request for"
                    f" {host[:_LONGEST_SHOWN]!r}. Use localhost or an IP address, or add the name"
                    " to SPOTTER_ALLOWED_HOSTS."
                )
                await ProblemResponse(refused)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _is_needed(self, scope: Scope) -> bool:
        if ANY in self._allowed:
            return False
        loopback: Reach | None = scope["state"].get("loopback")
        service = getattr(scope["app"].state, "service", None)
        return loopback is not None and loopback.alone and not (service and service.keys)

    def _takes(self, host: str) -> bool:
        """``host`` as the header has it; empty if there is none, which no browser sends."""
        match = _HOST.fullmatch(host.strip())
        if match is None:
            return False
        address, name = match[1], (match[2] or "").lower().removesuffix(".")
        if address or _is_address(name):
            return _is_address(address or name)
        return not name or name in self._allowed or name.endswith(".localhost")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
