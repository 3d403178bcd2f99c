"""Who may come in: the API key of a request, asked for before its body is read."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from app.api.dependencies import ServiceDep
from app.errors import AccessDenied

_key_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="Where keys are set.")
_bearer = HTTPBearer(auto_error=False, description="The same key, as a bearer token.")


async def require_key(
    request: Request,
    service: ServiceDep,
    _key: Annotated[object, Security(_key_header)],
    _token: Annotated[object, Security(_bearer)],
) -> None:
    """The two Security parameters are for the OpenAPI document."""
    if not service.keys.opens(key_in(request)):
        raise AccessDenied(
            "Send a valid API key in the header X-API-Key, or as 'Authorization: Bearer KEY'."
        )


def key_in(request: Request) -> str | None:
    key = request.headers.get("x-api-key")
    if key is not None:
        return key
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


KeyRequired = Depends(require_key)
