"""Status requests of clients for DeepStack and CodeProject.AI, and paths that are not served."""

import re
import socket
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.routing import Match

from app import __version__
from app.http.dependencies import ServiceDep
from app.http.errors import WrongMethod
from app.http.routes import deepstack
from app.http.routes.deepstack import DeepStackRoute, EndpointNotActivated, success

router = APIRouter(prefix="/v1", route_class=DeepStackRoute, include_in_schema=False)


@router.api_route("/status/ping", methods=["GET", "POST"])
@router.api_route("/server/status/ping", methods=["GET", "POST"])
async def ping(service: ServiceDep) -> Response:
    return success(
        message=f"Spotter serves {service.detector.name}.", hostname=socket.gethostname()
    )


@router.get("/status/updateavailable")
async def update_available(service: ServiceDep) -> Response:
    """Spotter does not look for updates, so it reports its own version as the latest."""
    version = _version()
    return success(
        message=f"This is Spotter {__version__}, which does not look for updates.",
        version=version,
        current=version,
        latest=version,
        updateAvailable=False,
    )


@router.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def unserved(path: str, request: Request) -> Response:
    methods: set[str] = set()
    for route in [*deepstack.router.routes, *router.routes]:
        if route.matches(request.scope)[0] is Match.PARTIAL:
            methods |= getattr(route, "methods", set())
    if methods:
        raise WrongMethod(methods)
    raise EndpointNotActivated(path)


def _version() -> dict[str, Any]:
    """Spotter's version in CodeProject.AI's format."""
    major, minor, patch = (int(number) for number in re.findall(r"\d+", __version__)[:3])
    return {
        "major": major,
        "minor": minor,
        "patch": patch,
        "preRelease": "",
        "securityUpdate": False,
        "build": 0,
        "file": "",
        "releaseNotes": "",
    }
