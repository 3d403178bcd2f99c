"""Pages for people and their files, with a policy that lets nothing from elsewhere in."""

from functools import cached_property
from html import escape
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

PAGES = Path(__file__).parents[2] / "page"

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


class Files(StaticFiles):
    """A folder of files that browsers revalidate. Requests for parts get the whole file."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        headers = [header for header in scope["headers"] if header[0] != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, hardened)


class Page:
    """One HTML file.

    Its addresses are relative, so it works behind a proxy that has not told its path. If the path
    is known they start there, since the address of the page may lack the slash at its end.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def _html(self) -> str:
        html = (PAGES / self._name).read_text(encoding="utf-8")
        return html.replace("<!-- preload -->", _preloads())

    def response(self, request: Request) -> Response:
        path = request.scope.get("root_path", "")
        base = f'<base href="{escape(path)}/">' if path else ""
        return HTMLResponse(
            self._html.replace("<!-- base -->", base).replace("<!-- limit -->", _limit(request)),
            headers={**_HEADERS, "Content-Security-Policy": _POLICY},
        )


def _limit(request: Request) -> str:
    """Tells the page how large a request may be, so that it refuses larger files unsent."""
    service = getattr(request.app.state, "service", None)  # None before the model is loaded
    if service is None:
        return ""
    return f'<meta name="max-body-bytes" content="{service.settings.max_body_bytes}">'


def _preloads() -> str:
    """Has the browser load all modules at once, not one after the other as they are imported."""
    modules = sorted((PAGES / "files" / "js").glob("*.js"))
    return "\n  ".join(
        f'<link rel="modulepreload" href="page/js/{module.name}">' for module in modules
    )
