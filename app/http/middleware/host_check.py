"""Checks the Host of requests to a server on loopback, against DNS rebinding.

Any web page can have a name of its own resolve to 127.0.0.1. For the browser the server is then
part of that page's site, which may read all answers. The requests' Host gives it away.
"""

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import MisdirectedRequest
from app.errors.problem import problem_response

ANY = "*"
_LOCAL = frozenset({"localhost", "host.docker.internal"})
"""Names that no page can be loaded from: they do not resolve outside of a machine."""
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]*))(?::\d{0,5})?", re.ASCII | re.IGNORECASE)
_LONGEST_SHOWN = 100  # characters


class Reach(Protocol):
    """Who can reach the server; the lifespan puts it into the state of every request."""

    @property
    def alone(self) -> bool:
        """True if the server can be reached from its own machine only."""


class HostCheck:
    """Refuses foreign names, unless keys are set or others than this machine reach the server."""

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
                await problem_response(refused)(scope, receive, send)
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
