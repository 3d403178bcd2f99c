"""Tells whether a server can be reached from this machine only."""

import signal
from functools import cached_property
from ipaddress import IPv6Address, ip_address
from typing import Any, Self


class Loopback:
    """Looks at the listening sockets of a server.

    A connection's address is not enough: a server on 0.0.0.0 also accepts those to 127.0.0.1.
    """

    def __init__(self, server: object) -> None:
        """``server`` is a ``uvicorn.Server``, or any other object if another server is running."""
        self._server = server

    @classmethod
    def of_running_server(cls) -> Self:
        """Finds the uvicorn server that runs this application by its SIGTERM handler.

        Call it in the lifespan, before another handler is installed.
        """
        return cls(getattr(signal.getsignal(signal.SIGTERM), "__self__", None))

    @cached_property
    def alone(self) -> bool:
        """Whether it listens on loopback addresses only; False if that is unknown.

        Valid only once a request has arrived: earlier the server does not listen.
        """
        listening: list[Any] = getattr(self._server, "servers", [])
        addresses = [socket.getsockname() for server in listening for socket in server.sockets]
        return bool(addresses) and all(map(_is_loopback, addresses))


def _is_loopback(address: object) -> bool:
    """``address`` is a tuple that begins with the host, or the path of a Unix socket."""
    if not isinstance(address, tuple):
        return False
    host = ip_address(address[0])
    mapped = host.ipv4_mapped if isinstance(host, IPv6Address) else None
    return (mapped or host).is_loopback
