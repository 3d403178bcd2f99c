"""HTML pages, with a content security policy that loads nothing from other origins.

GET / is a page on which users drop, paste, choose or photograph a picture. GET /docs is Swagger
UI, from files of a package, and shows GET /openapi.json.
"""

from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

_PAGES = Path(__file__).parents[2] / "page"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    return _page(request, "index.html")


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs(request: Request) -> Response:
    return _page(request, "docs.html")


@router.api_route("/openapi.json", methods=["GET", "HEAD"])
async def openapi(request: Request) -> Response:
    """The document; its server is the path prefix of a proxy or a stage."""
    root = request.scope.get("root_path", "").rstrip("/")
    return JSONResponse({**request.app.openapi(), "servers": [{"url": root or "/"}]})


def mount_files(app: FastAPI) -> None:
    """Mounts the files of both pages; those of ``/docs`` only if their package is installed."""
    app.mount("/page", _Files(directory=_PAGES / "files"))
    package = find_spec("fastapi_offline")
    if package is not None and package.origin is not None:
        app.mount("/docs-files", _Files(directory=Path(package.origin).parent / "static"))


class _Files(StaticFiles):
    """Static files that browsers revalidate. Range requests get the whole file."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        headers = [header for header in scope["headers"] if header[0] != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, hardened)


def _page(request: Request, name: str) -> Response:
    """Its links are relative, so it works behind a proxy whose path prefix is unknown.

    If the prefix is known, links start there, since the page's address may lack its final slash.
    """
    path = request.scope.get("root_path", "")
    base = f'<base href="{escape(path)}/">' if path else ""
    return HTMLResponse(
        _html(name).replace("<!-- base -->", base).replace("<!-- limit -->", _limit(request)),
        headers={**_HEADERS, "Content-Security-Policy": _POLICY},
    )


@cache
def _html(name: str) -> str:
    """Preloads all modules, so that the browser does not load one after the other."""
    modules = sorted((_PAGES / "files" / "js").glob("*.js"))
    preloads = (f'<link rel="modulepreload" href="page/js/{module.name}">' for module in modules)
    html = (_PAGES / name).read_text(encoding="utf-8")
    return html.replace("<!-- preload -->", "\n  ".join(preloads))


def _limit(request: Request) -> str:
    """Tells the page the limit of a request, so that it refuses larger files without sending."""
    service = getattr(request.app.state, "service", None)  # None before the model is loaded
    if service is None:
        return ""
    return f'<meta name="max-body-bytes" content="{service.settings.max_body_bytes}">'
