"""A web server on this machine whose files behave as the tests want."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class File:
    content: bytes = b""
    etag: str | None = '"1"'
    ranges: bool = True
    """The server answers Range requests."""
    conditions: bool = True
    """The server knows If-Range."""
    announced: bool = True
    """The answer has a Content-Length."""
    statuses: list[int] = field(default_factory=list)
    """Answered first, one a request."""
    cuts: list[int] = field(default_factory=list)
    """Bytes of the body after which the connection is cut, one a request."""
    location: str | None = None
    """Address of a redirect."""


@dataclass
class Asked:
    path: str
    headers: dict[str, str]


@dataclass
class Site:
    url: str
    files: dict[str, File] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def put(self, name: str, file: File) -> str:
        """The address of ``file``."""
        self.files[f"/{name}"] = file
        return f"{self.url}/{name}"

    @property
    def ranges(self) -> list[str | None]:
        return [request.headers.get("range") for request in self.asked]


@contextmanager
def running() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.asked.append(Asked(self.path, headers))
            file = site.files.get(self.path.partition("?")[0])
            if file is None:
                self.send_error(404)
            elif file.statuses:
                self.send_error(file.statuses.pop(0))
            else:
                self._answer(file, headers)

        def _answer(self, file: File, headers: dict[str, str]) -> None:
            if file.location:
                self.send_response(302)
                self.send_header("Location", file.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body, whole = file.content, len(file.content)
            fresh = not file.conditions or headers.get("if-range", file.etag) == file.etag
            if "range" in headers and file.ranges and fresh:
                start = int(headers["range"].removeprefix("bytes=").removesuffix("-"))
                if start >= whole:
                    self.send_error(416)
                    return
                body = body[start:]
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
            else:
                self.send_response(200)
            if file.announced:
                self.send_header("Content-Length", str(len(body)))
            if file.etag:
                self.send_header("ETag", file.etag)
            self.end_headers()
            self.wfile.write(body[: file.cuts.pop(0)] if file.cuts else body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
