"""Normalises the path of a request and checks its Host."""

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
"""Names that resolve to the machine itself, so no foreign page can use one."""
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]*))(?::\d{0,5})?", re.ASCII | re.IGNORECASE)
_LONGEST_SHOWN = 100  # characters


class RequestPath:
    """Sets the root path that a proxy strips, since FastAPI's own argument is deprecated.

    As ASGI requires, the request's path then begins with it, even if the proxy stripped it.
    Repeated slashes become one: clients whose base URL ends in a slash request ``//detect``, and
    many of them would lose the body on a redirect.
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
                    scope["path"] += "/"  # the front page, typed without its slash
        await self.app(scope, receive, send)


class Reach(Protocol):
    """How the server can be reached. The lifespan adds it to the state of every request."""

    @property
    def alone(self) -> bool:
        """True if the server can be reached from its own machine only."""


class HostCheck:
    """Refuses foreign names if no keys are set and only this machine can reach the server.

    This prevents DNS rebinding: the owner of any web page can make its name resolve to 127.0.0.1.
    For the browser the server then belongs to that page's site, which may read all answers.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        """``allowed`` are further names in lower case; ``*`` allows any."""
        self.app = app
        self._allowed = _LOCAL | frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_needed(scope):
            host = Headers(scope=scope).get("host", "")
            if not self._takes(host):
                refused = MisdirectedRequest(
                    f"This server only serves its own machine and accepts no requests for"
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
        """``host`` is the header's value; empty if it is missing, which no browser does."""
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
