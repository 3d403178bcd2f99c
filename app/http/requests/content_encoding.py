"""Bodies that are compressed as a whole, as their Content-Encoding says."""

import zlib

from starlette.requests import Request

from app.errors import ImageTooLarge, InvalidImageFormat, InvalidParameter
from app.http.middleware.request_record import reservation_of
from app.service.service import Service
from app.vision.images import formats

_GZIP = frozenset({"gzip", "x-gzip"})
_DEFLATE = "deflate"
_GZIP_WINDOW, _RAW_WINDOW = 31, -15  # ``wbits`` of zlib


async def decompress(request: Request, service: Service, body: bytes, limit: int) -> bytes:
    """``body``, decompressed to at most ``limit`` bytes.

    A body that is not compressed is returned as it is, whatever its header says: some proxies
    decompress and leave the header.

    Raises ImageTooLarge, InvalidParameter for a broken stream, InvalidImageFormat for another
    encoding, or Overloaded.
    """
    encoding = ",".join(request.headers.getlist("content-encoding")).strip().lower()
    if encoding in ("", "identity") or formats.recognise(body) is not None:
        return body
    if encoding not in _GZIP and encoding != _DEFLATE:
        raise InvalidImageFormat(
            f"Content-Encoding: {encoding[:40]} is not decoded here. Send gzip, deflate or none."
        )
    window = _window(encoding, body)
    if window is None:
        return body
    # Always on the thread: a few bytes may become many. One at a time holds uncounted memory.
    plain = await service.run_in_thread(lambda: _inflate(body, window, limit, encoding))
    reservation = reservation_of(request)
    service.memory.check_room(max(0, len(plain) - len(body)), reservation)
    reservation.become(len(plain))
    return plain


def _window(encoding: str, body: bytes) -> int | None:
    """None if ``body`` does not begin like a compressed one."""
    if encoding in _GZIP:
        return _GZIP_WINDOW if body.startswith(b"\x1f\x8b") else None
    if len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0:
        return zlib.MAX_WBITS
    if body.lstrip()[:1] == b"{" or body.startswith(b"--"):
        return None  # JSON or a form
    return _RAW_WINDOW  # as some clients understand "deflate"


def _inflate(body: bytes, window: int, limit: int, encoding: str) -> bytes:
    stream = zlib.decompressobj(window)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise InvalidParameter(
            f"The body is declared as Content-Encoding: {encoding} and cannot be decompressed."
        ) from error
    if len(plain) > limit:
        raise ImageTooLarge(
            f"The decompressed body is larger than {limit} bytes. Send a smaller image."
        )
    if not stream.eof:
        raise InvalidParameter(f"The body's {encoding} stream is cut off.")
    if stream.unused_data:
        raise InvalidParameter(f"The body has more after its {encoding} stream.")
    return plain
