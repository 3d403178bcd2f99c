"""GET /docs: Swagger UI from files that a package carries, nothing from elsewhere."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

_FILES = "/docs-files"

router = APIRouter(include_in_schema=False)


@router.get("/")
async def index(request: Request) -> Response:
    return RedirectResponse(request.scope.get("root_path", "") + "/docs")


@router.get("/docs")
async def docs(request: Request) -> Response:
    root = request.scope.get("root_path", "")
    return get_swagger_ui_html(
        title="Spotter",
        openapi_url=f"{root}/openapi.json",
        swagger_js_url=f"{root}{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{_FILES}/swagger-ui.css",
        swagger_favicon_url=f"{root}{_FILES}/favicon.png",
    )


def add_docs(app: FastAPI) -> None:
    app.include_router(router)
    package = find_spec("fastapi_offline")
    if package and package.origin:
        app.mount(_FILES, StaticFiles(directory=Path(package.origin).parent / "static"))
