"""GET /docs: Swagger UI from files that a package carries, nothing from elsewhere."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response

from app.http.openapi import DESCRIPTION, schemas
from app.http.responses.static_files import Files, Page

_page = Page("docs.html")

router = APIRouter(include_in_schema=False)


@router.get("/docs")
@router.head("/docs")
async def docs(request: Request) -> Response:
    return _page.response(request)


def add_docs(app: FastAPI) -> None:
    app.description = DESCRIPTION
    _name_schemas(app)
    app.include_router(router)
    package = find_spec("fastapi_offline")
    if package and package.origin:
        app.mount("/docs-files", Files(directory=Path(package.origin).parent / "static"))


def _name_schemas(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        document["components"]["schemas"].update(schemas())
        return document

    app.openapi = openapi  # type: ignore[method-assign]
