"""What the tests send and how they read answers; ``Wire`` is for what no HTTP library would do."""

import base64
import io
import select
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from typing import Any, Self

import httpx
from PIL import Image

from tests.eventually import eventually
from tests.server import LIMIT, Server

Colour = tuple[int, int, int]
Part = tuple[str, bytes]

BOUNDARY = "spotter-test-boundary"
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code"}


def drawn(
    width: int = 64,
    height: int = 64,
    colour: Colour = (0, 0, 0),
    encoding: str = "PNG",
    orientation: int | None = None,
) -> bytes:
    """A small picture of one colour, as a file."""
    image = Image.new("RGB", (width, height), colour)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, encoding, exif=exif)
    return out.getvalue()


def multipart(*parts: Part, end: bool = True) -> bytes:
    """A form written by hand."""
    pieces = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in parts
    ]
    return b"".join(pieces) + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def chunks(data: bytes, size: int = 1000) -> Iterable[bytes]:
    """A body that httpx sends chunked, without a length."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def post(server: Server, content: bytes | Iterable[bytes], **options: Any) -> httpx.Response:
    """The raw body to /detect; ``options`` are httpx's."""
    return server.client.post("/detect", content=content, **options)


def detections(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["detections"]
    return found


def problem(response: httpx.Response, status: int, code: str) -> str:
    """The detail of an error, after a look at all that every error has."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body.keys() == PROBLEM_MEMBERS
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"].endswith(code)
    assert response.headers["x-request-id"]
    assert "Traceback" not in response.text
    detail: str = body["detail"]
    assert detail
    return detail


class Wire:
    """A connection of which every byte is the test's own."""

    def __init__(self, server: Server, timeout: float = LIMIT) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def head(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Self:
        """Sends the request line and the headers, and ``body`` in the same piece."""
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        return self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def send(self, data: bytes) -> Self:
        self.socket.sendall(data)
        return self

    def response(self) -> httpx.Response:
        """The next response, final or not, with its body."""
        with HTTPResponse(self.socket) as raw:  # leaves the socket open
            raw.begin()
            return httpx.Response(raw.status, headers=raw.getheaders(), content=raw.read())

    @property
    def is_open(self) -> bool:
        """Whether this side has not closed it."""
        return self.socket.fileno() >= 0

    def close(self) -> None:
        self.socket.close()


@contextmanager
def sent(
    server: Server, image: bytes, times: int, accept: str = "application/json"
) -> Iterator[list[Wire]]:
    """So many connections, each with its request on its way; their answers are not read yet."""
    head = {"Content-Length": str(len(image)), "Accept": accept}
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(server)) for _ in range(times)]
        for wire in wires:
            wire.head("POST", "/detect", head).send(image)
        yield wires


def is_answered(wire: Wire) -> bool:
    """Whether anything has come that is not read yet, be it the end."""
    return bool(select.select([wire.socket], [], [], 0)[0])


def full(server: Server) -> bool:
    """Whether every place is taken.

    It asks whether to send a body, and never does: so it takes no place itself.
    """
    headers = {"Content-Length": "1000000", "Expect": "100-continue"}
    with Wire(server) as wire:
        return wire.head("POST", "/detect", headers).socket.recv(12) == b"HTTP/1.1 503"


def until_taken(server: Server, images: int) -> None:
    """Waits until a new server has so many images, or has answered some of them already."""
    detections = 'spotter_requests_total{code="",method="POST",route="/detect"'
    series = ("spotter_images_running ", "spotter_images_waiting ", detections)
    eventually(lambda: server.figure(*series) >= images)


def until_begun(server: Server, requests: int) -> None:
    """Waits until so many requests are open whose answers have not been sent."""
    # The request for this figure is open, too.
    eventually(lambda: server.figure("spotter_requests_open ") >= requests + 1)


def until_refused(server: Server) -> None:
    """Waits until nobody can connect any more: a server that drains has heard the signal."""

    def refused() -> bool:
        try:
            Wire(server).close()
        except ConnectionRefusedError:
            return True
        return False

    eventually(refused)


def statuses(wires: Iterable[Wire]) -> list[int]:
    return [wire.response().status_code for wire in wires]
