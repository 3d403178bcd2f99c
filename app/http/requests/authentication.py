"""The API key of a request, checked before its body is read."""

from starlette.requests import Request

from app.errors import AccessDenied
from app.http.requests import rate_limit
from app.service.service import Service

WANTED = "Send a valid API key in the header X-API-Key, or as 'Authorization: Bearer KEY'."


def admit(request: Request, service: Service, key: bytes | None, wanted: str = WANTED) -> None:
    """Counts the request for its key, or for its address if the server asks for no key.

    Raises AccessDenied, with ``wanted`` as its detail, or TooManyRequests.
    """
    holder = service.keys.holder(key) if service.keys else None
    if service.keys and holder is None:
        raise AccessDenied(wanted)
    if service.limiter is not None:
        if holder is None:
            rate_limit.charge_address(request, service, service.limiter)
        else:
            rate_limit.charge(request, service.limiter, f"key {holder}")


def key_in(request: Request) -> bytes | None:
    """The key in the headers, as it was sent."""
    key = request.headers.get("x-api-key")
    if key is None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else None
    return None if key is None else key.encode("latin-1")  # as Starlette has decoded it
