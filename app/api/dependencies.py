"""What routes ask FastAPI for."""

from typing import Annotated

from fastapi import Depends, Request

from app.errors import ModelUnavailable
from app.service import Service


def service_of(request: Request) -> Service:
    """Raises ModelUnavailable."""
    service: Service | None = getattr(request.app.state, "service", None)
    if service is None:
        raise ModelUnavailable("The model is not loaded.")
    return service


async def get_service(request: Request) -> Service:  # as a plain def it would run on a thread
    return service_of(request)


ServiceDep = Annotated[Service, Depends(get_service)]
