"""Who may come in: the API key of a request, asked for before its body is read."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from app.api import rate
from app.api.dependencies import ServiceDep
from app.errors import AccessDenied
from app.service import Service

_key_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="Where keys are set.")
_bearer = HTTPBearer(auto_error=False, description="The same key, as a bearer token.")
_WANTED = "Send a valid API key in the header X-API-Key, or as 'Authorization: Bearer KEY'."


async def documented(
    _key: Annotated[object, Security(_key_header)], _token: Annotated[object, Security(_bearer)]
) -> None:
    """Has the OpenAPI document tell of the two headers."""


async def require_key(
    request: Request, service: ServiceDep, _: Annotated[None, Depends(documented)]
) -> None:
    if not service.keys.opens(key_in(request)):
        raise AccessDenied(_WANTED)


async def require_leave(
    request: Request, service: ServiceDep, _: Annotated[None, Depends(documented)]
) -> None:
    admit(request, service, key_in(request))


def admit(request: Request, service: Service, key: bytes | None, wanted: str = _WANTED) -> None:
    """Counts the request for who sends it: the key, or the address where no keys are set.

    Raises AccessDenied, with ``wanted`` for people, or TooManyRequests.
    """
    holder = service.keys.holder(key)
    if service.keys and holder is None:
        raise AccessDenied(wanted)
    rate.charge(request, service, rate.address_of(request) if holder is None else f"key {holder}")


def key_in(request: Request) -> bytes | None:
    """The key in the headers, as it was sent."""
    key = request.headers.get("x-api-key")
    if key is None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else None
    return None if key is None else key.encode("latin-1")  # as Starlette has decoded it


KeyRequired = Depends(require_key)
LeaveRequired = Depends(require_leave)
"""A key, and that its holder has not asked too often."""
