"""What routes ask FastAPI for."""

from typing import Annotated

from fastapi import Depends, Request

from app.errors import ModelUnavailable
from app.service import Service


def _service(request: Request) -> Service:
    service: Service | None = getattr(request.app.state, "service", None)
    if service is None:
        raise ModelUnavailable("The model is not loaded.")
    return service


ServiceDep = Annotated[Service, Depends(_service)]
