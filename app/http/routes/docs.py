"""GET /docs: Swagger UI from files that a package carries; GET /openapi.json, which it shows."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from app.http.responses.static_files import Files, Page

FILES = "/docs-files"

_page = Page("docs.html")

router = APIRouter(include_in_schema=False)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs(request: Request) -> Response:
    return _page.response(request)


@router.api_route("/openapi.json", methods=["GET", "HEAD"])
async def openapi(request: Request) -> Response:
    """The document, with the path that a proxy or a stage has in front of all others."""
    root = request.scope.get("root_path", "").rstrip("/")
    return JSONResponse({**request.app.openapi(), "servers": [{"url": root or "/"}]})


def files() -> Files | None:
    """None if the package is not installed."""
    package = find_spec("fastapi_offline")
    if package is None or package.origin is None:
        return None
    return Files(directory=Path(package.origin).parent / "static")
