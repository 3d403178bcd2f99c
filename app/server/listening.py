"""The sockets that a server listens on."""

import logging
import socket
from contextlib import suppress

_log = logging.getLogger("spotter")


def bind(host: str, port: int) -> list[socket.socket]:
    """Returns a bound socket for each address of ``host``. ``::`` accepts IPv4 as well.

    Raises OSError with the address in its text.
    """
    flags = socket.AI_PASSIVE
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    bound: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((family, address) for family, *_, address in found):
            bound.append(_bound(family, address))
    except OSError:
        for one in bound:
            one.close()
        raise
    return bound


def _bound(family: socket.AddressFamily, address: tuple[object, ...]) -> socket.socket:
    # asyncio sets TCP_NODELAY only if the socket says that it is TCP. Otherwise an answer on a
    # kept-alive connection waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            _share_with_ipv4(listener, is_wildcard=address[0] == "::")
        listener.bind(address)
    except OSError as error:
        listener.close()
        # asyncio's wording, which people search for.
        reason = (error.strerror or str(error)).lower()
        text = f"error while attempting to bind on address {address[:2]}: {reason}"
        raise OSError(error.errno, text) from error
    return listener


def _share_with_ipv4(listener: socket.socket, *, is_wildcard: bool) -> None:
    if is_wildcard:
        with suppress(OSError):
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            return
        _log.warning("HOST=:: does not accept connections over IPv4 on this system.")
    else:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def url(host: str, port: int) -> str:
    """The URL to open in a browser."""
    if host in ("", "127.0.0.1", "0.0.0.0", "::", "::1"):
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
