"""Reads the image in a request's body, which is raw, in a multipart form, or in JSON.

The kind of body is recognised from its bytes. The declared content type is a hint, and often wrong:
curl's --data-binary declares a form, and a fetch with a custom header omits the boundary.
"""

import codecs
import zlib
from collections.abc import AsyncIterator, Iterable
from functools import partial

from starlette.requests import Request

from app.errors import ImageTooLarge, InvalidImageFormat, InvalidParameter
from app.http import inference
from app.http.middleware.request_record import reservation_of
from app.http.requests.form import Form, only_image, parse_form
from app.http.requests.json_image import ObjectReference, read_json_image
from app.service.service import Service
from app.vision.images import formats

_FORM, _JSON = "multipart/form-data", "application/json"
_GZIP = frozenset({"gzip", "x-gzip"})
_DEFLATE = "deflate"
_FEW_BYTES = 64
"""Enough for a byte order mark and blanks in front of JSON."""
_GZIP_WINDOW, _RAW_WINDOW = 31, -15  # ``wbits`` of zlib


async def read_image(request: Request, service: Service, option_names: Iterable[str]) -> bytes:
    """Raises InvalidParameter if a form or JSON has no image, and what ``read_body`` raises.

    Any other body is returned unchanged: if it is not an image, the decoder reports why.
    ``option_names`` are refused as form fields, since they would have no effect there.
    """
    body = await read_body(request, service)
    content_type = request.headers.get("content-type", "")
    if not _is_wrapped(body, content_type):
        return body
    unwrap = partial(_unwrap, body, content_type, frozenset(option_names))
    image = await inference.run_in_thread(service, len(body), unwrap)
    if isinstance(image, ObjectReference):
        if not service.keys:
            _require_json(content_type)
        return await inference.fetch(request, service, image.bucket, image.key, image.version)
    return image


async def read_body(request: Request, service: Service) -> bytes:
    """Raises what ``receive`` and ``decompress`` raise."""
    limit = service.settings.max_body_bytes
    return await decompress(request, service, await receive(request, limit), limit)


async def receive(request: Request, limit: int) -> bytes:
    """Raises ImageTooLarge as soon as more than ``limit`` bytes are declared or received.

    Raises Overloaded if all requests together hold too many bytes, RequestTimeout if the body
    takes too long, and ClientDisconnect.
    """
    given = request.headers.get("content-length", "")
    declared = int(given) if given.isascii() and given.isdigit() else 0
    if declared > limit:
        raise _too_large(limit)
    return await reservation_of(request).collect(_within(limit, request.stream()), declared, limit)


async def _within(limit: int, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        yield chunk


def _too_large(limit: int) -> ImageTooLarge:
    return ImageTooLarge(f"The request's body is larger than {limit} bytes. Send a smaller image.")


async def decompress(request: Request, service: Service, body: bytes, limit: int) -> bytes:
    """Decompresses ``body`` to at most ``limit`` bytes.

    A body that is not compressed is returned unchanged, whatever its header says: some proxies
    decompress the body and keep the header.

    Raises ImageTooLarge, InvalidParameter for a broken stream, InvalidImageFormat for another
    encoding, or Overloaded.
    """
    encoding = ",".join(request.headers.getlist("content-encoding")).strip().lower()
    if encoding in ("", "identity") or formats.recognise(body) is not None:
        return body
    if encoding not in _GZIP and encoding != _DEFLATE:
        raise InvalidImageFormat(
            f"Content-Encoding: {encoding[:40]} is not supported. Send gzip, deflate or none."
        )
    window = _window(encoding, body)
    if window is None:
        return body
    # Always on the thread, since a few bytes may become many, and one at a time, since the result
    # is not counted as held memory yet.
    plain = await service.run_in_thread(lambda: _inflate(body, window, limit, encoding))
    reservation_of(request).grow_to(len(plain))
    return plain


def _window(encoding: str, body: bytes) -> int | None:
    """zlib's ``wbits`` for ``body``; None if it does not begin like a compressed body."""
    if encoding in _GZIP:
        return _GZIP_WINDOW if body.startswith(b"\x1f\x8b") else None
    if len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0:
        return zlib.MAX_WBITS
    if _begins_as_json(body) or body.startswith(b"--"):
        return None
    return _RAW_WINDOW  # some clients send a raw stream as "deflate"


def _inflate(body: bytes, window: int, limit: int, encoding: str) -> bytes:
    stream = zlib.decompressobj(window)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise InvalidParameter(
            f"The body is declared as Content-Encoding: {encoding} but cannot be decompressed."
        ) from error
    if len(plain) > limit:
        raise ImageTooLarge(
            f"The decompressed body is larger than {limit} bytes. Send a smaller image."
        )
    if not stream.eof:
        raise InvalidParameter(f"The body's {encoding} stream is truncated.")
    if stream.unused_data:
        raise InvalidParameter(f"The body has extra bytes after its {encoding} stream.")
    return plain


def _is_wrapped(body: bytes, content_type: str) -> bool:
    if body.startswith(b"--") or _begins_as_json(body):
        return True
    declared = _media_type(content_type)
    if declared == _JSON or (declared == _FORM and body):
        return not formats.recognise(body)  # images may be declared with wrong types
    return False


def _unwrap(
    body: bytes, content_type: str, option_names: frozenset[str]
) -> bytes | ObjectReference:
    declared = _media_type(content_type)
    if _begins_as_json(body):
        return read_json_image(body)
    form = parse_form(body, content_type)
    if form is not None:
        return _image_of(form, option_names)
    if declared == _JSON:
        return read_json_image(body)
    if declared == _FORM:
        raise InvalidParameter(
            "The body is declared as multipart/form-data but does not begin with a boundary."
        )
    return body


def _require_json(content_type: str) -> None:
    """Raises InvalidParameter for any other type.

    Pages of other sites can make a browser send any body, but not one declared as JSON unless the
    server allows it (CORS). They could request objects that only this machine may read.
    """
    if _media_type(content_type) != _JSON:
        raise InvalidParameter(
            'Send {"s3": {...}} with the header Content-Type: application/json; a server without'
            " API keys requires it."
        )


def _image_of(form: Form, option_names: frozenset[str]) -> bytes:
    if misplaced := sorted(option_names & set(form.names)):
        raise InvalidParameter(
            f"{misplaced[0]}: options go in the query string, such as /detect?{misplaced[0]}=..."
        )
    return only_image(form)


def _begins_as_json(body: bytes) -> bool:
    return body[:_FEW_BYTES].removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{"


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
