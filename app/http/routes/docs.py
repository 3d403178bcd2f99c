"""GET /docs: Swagger UI from files that a package carries, nothing from elsewhere."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response

from app.http.responses.static_files import Files, Page

FILES = "/docs-files"

_page = Page("docs.html")

router = APIRouter(include_in_schema=False)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs(request: Request) -> Response:
    return _page.response(request)


def files() -> Files | None:
    """None if the package is not installed."""
    package = find_spec("fastapi_offline")
    if package is None or package.origin is None:
        return None
    return Files(directory=Path(package.origin).parent / "static")
