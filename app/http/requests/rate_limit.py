"""How often a client may ask, told in the fields that draft-ietf-httpapi-ratelimit-headers has."""

from ipaddress import IPv6Address, ip_address

from starlette.requests import Request

from app.admission.rate_limit import Rate, Standing
from app.errors import TooManyRequests
from app.service.service import Service

_UNITS = {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}


def charge(request: Request, service: Service, client: str) -> None:
    """Counts the request. Raises TooManyRequests."""
    if service.limiter is not None:
        _judge(request, service.limiter.rate, service.limiter.take(client))


def check(request: Request, service: Service, client: str) -> None:
    """Counts nothing, for a client that still has to prove who it is. Raises TooManyRequests."""
    if service.limiter is not None:
        _judge(request, service.limiter.rate, service.limiter.look(client))


def address_of(request: Request) -> str:
    """Of an IPv6 address the network: a customer has 2^64 of them."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:64]
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or int(address) >> 64)


def _judge(request: Request, rate: Rate, standing: Standing) -> None:
    request.state.exchange.answer_headers.update(
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
