"""Dependencies of routes: the service, a valid key, and admission within the rate limit."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from app.errors import AccessDenied
from app.http.middleware.request_record import service_of
from app.http.requests.admission import admit, key_in
from app.service.service import Service

_key_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="If keys are set.")
_bearer = HTTPBearer(auto_error=False, description="The same key, as a bearer token.")


async def get_service(request: Request) -> Service:  # a plain def would run on a thread
    return service_of(request)


ServiceDep = Annotated[Service, Depends(get_service)]


async def keys_documented(
    _key: Annotated[object, Security(_key_header)], _token: Annotated[object, Security(_bearer)]
) -> None:
    """Puts the two headers into the OpenAPI document."""


async def require_key(
    request: Request, service: ServiceDep, _: Annotated[None, Depends(keys_documented)]
) -> None:
    if service.keys and service.keys.holder(key_in(request)) is None:
        raise AccessDenied(AccessDenied.example)


async def require_admission(
    request: Request, service: ServiceDep, _: Annotated[None, Depends(keys_documented)]
) -> None:
    admit(request, service, key_in(request))


KeyDocumented = Depends(keys_documented)
KeyRequired = Depends(require_key)
AdmissionRequired = Depends(require_admission)
"""Requires a valid key, if keys are set, and counts the request for the rate limit."""
