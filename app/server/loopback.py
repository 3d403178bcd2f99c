"""Whether a server can be reached from this machine alone."""

import signal
from functools import cached_property
from ipaddress import IPv6Address, ip_address
from typing import Any, Self


class Loopback:
    """Looks at the listening sockets of a server.

    The address of a connection does not tell: a server on 0.0.0.0 has connections to 127.0.0.1.
    """

    def __init__(self, server: object) -> None:
        """``server``: a ``uvicorn.Server``, or any object if another server is running."""
        self._server = server

    @classmethod
    def of_running_server(cls) -> Self:
        """Asks the uvicorn that runs this application, which handles SIGTERM itself.

        Call it in the lifespan, before anybody else handles the signal.
        """
        return cls(getattr(signal.getsignal(signal.SIGTERM), "__self__", None))

    @cached_property
    def alone(self) -> bool:
        """Whether it listens on loopback addresses only. False if that is not known.

        Ask when a request has come: before that the server does not listen.
        """
        listening: list[Any] = getattr(self._server, "servers", [])
        addresses = [socket.getsockname() for server in listening for socket in server.sockets]
        return bool(addresses) and all(map(_is_loopback, addresses))


def _is_loopback(address: object) -> bool:
    """``address`` is a socket's: a tuple of the host and more, or the path of a Unix socket."""
    if not isinstance(address, tuple):
        return False
    host = ip_address(address[0])
    mapped = host.ipv4_mapped if isinstance(host, IPv6Address) else None
    return (mapped or host).is_loopback
