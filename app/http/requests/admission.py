"""Admits requests by their API key and rate limit.

The rate-limit headers follow draft-ietf-httpapi-ratelimit-headers.
"""

import logging
from ipaddress import IPv6Address, ip_address

from starlette.requests import Request

from app.admission.rate_limit import Rate, RateLimiter, Standing
from app.errors import AccessDenied, TooManyRequests
from app.http.middleware.request_record import record_of
from app.service.service import Service

_log = logging.getLogger("spotter")
_UNITS = {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}


def admit(
    request: Request, service: Service, key: bytes | None, wanted: str = AccessDenied.example
) -> None:
    """Counts the request for its key, or for its address if no keys are set.

    Raises AccessDenied, with ``wanted`` as its detail, or TooManyRequests.
    """
    holder = service.keys.holder(key) if service.keys else None
    if service.keys and holder is None:
        raise AccessDenied(wanted)
    if service.limiter is not None:
        if holder is None:
            charge_address(request, service, service.limiter)
        else:
            charge(request, service.limiter, f"key {holder}")


def key_in(request: Request) -> bytes | None:
    """The key in the headers, as raw bytes."""
    key = request.headers.get("x-api-key")
    if key is None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else None
    return None if key is None else key.encode("latin-1")  # as Starlette decoded it


def charge(request: Request, limiter: RateLimiter, client: str) -> None:
    """Counts the request. Raises TooManyRequests."""
    _answer_with(request, limiter.rate, limiter.consume(client))


def charge_address(request: Request, service: Service, limiter: RateLimiter) -> None:
    """Counts the request for the client's address. Raises TooManyRequests."""
    if not service.proxy_told and (peer := _untrusted_proxy(request)):
        service.proxy_told = True
        _log.warning(
            "X-Forwarded-For from %s is not trusted: rate limits count all clients behind it as"
            " one. If it is your proxy, name it in FORWARDED_ALLOW_IPS.",
            peer,
        )
    charge(request, limiter, address_of(request))


def check(request: Request, limiter: RateLimiter, client: str) -> None:
    """Counts nothing, since the client is not authenticated yet. Raises TooManyRequests."""
    _answer_with(request, limiter.rate, limiter.peek(client))


def address_of(request: Request) -> str:
    """The client's address; for IPv6 its /64 network, since one customer has 2^64 addresses."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:64]
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or int(address) >> 64)


def _untrusted_proxy(request: Request) -> str:
    """The address that sent X-Forwarded-For; empty if there is no such header or it is trusted.

    If the server trusts the header, it has replaced the peer's address by one from the header.
    """
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    peer = request.client.host if request.client else ""
    named = {part.strip() for part in forwarded.split(",")}
    is_one_of_them = any(one in (peer, f"[{peer}]") or _has_port(one, peer) for one in named)
    return "" if not forwarded or is_one_of_them else peer[:64]


def _has_port(address: str, host: str) -> bool:
    return address.startswith((f"{host}:", f"[{host}]:"))


def _answer_with(request: Request, rate: Rate, standing: Standing) -> None:
    record_of(request).answer_headers.update(
        {
            "RateLimit-Policy": f'"default";q={rate.count};w={rate.seconds}',
            "RateLimit": f'"default";r={standing.remaining};t={standing.more_in}',
        }
    )
    if not standing.allowed:
        raise TooManyRequests(
            f"{rate.count} requests {_UNITS[rate.seconds]} are allowed."
            f" Try again in {standing.more_in} seconds.",
            standing.more_in,
        )
