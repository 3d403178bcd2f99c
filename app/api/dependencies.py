"""What routes ask FastAPI for."""

from typing import Annotated

from fastapi import Depends, Request

from app.errors import ModelUnavailable
from app.service import Service


async def _service(request: Request) -> Service:  # as a plain def it would run on a thread
    service: Service | None = getattr(request.app.state, "service", None)
    if service is None:
        raise ModelUnavailable("The model is not loaded.")
    return service


ServiceDep = Annotated[Service, Depends(_service)]
