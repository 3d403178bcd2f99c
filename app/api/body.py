"""The image out of a request's body, whichever of the three forms it comes in.

The form is found from the bytes: the declared content type is a hint, and often wrong (curl's
--data-binary declares a form, a fetch with its own header forgets the boundary).
"""

import binascii
import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from app.errors import ImageTooLarge, InvalidParameter
from app.vision import formats

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

IMAGE_FIELDS = frozenset({"file", "image"})
_MAX_PARTS = 32
_FIRST_BOUNDARY = re.compile(rb"--([^\r\n]{1,200})\r\n")
_DATA_URL = re.compile(r"data:[\w.+/;=-]{0,200},")


async def read_body(request: Request, limit: int) -> bytes:
    """Raises ImageTooLarge as soon as more than ``limit`` bytes are declared or have come."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def extract_image(body: bytes, content_type: str, option_names: Iterable[str] = ()) -> bytes:
    """Raises InvalidParameter where a form or a JSON object carries no image.

    What is neither is passed on as it is: the decoder says what it is not. ``option_names``
    are refused as form fields, since they would have no effect there.
    """
    if formats.recognise(body):
        return body
    declared = content_type.partition(";")[0].strip().lower()
    boundary = _boundary(body, content_type)
    if boundary is not None:
        return _from_multipart(body, boundary, frozenset(option_names))
    if body.lstrip()[:1] == b"{" or declared == "application/json":
        return _from_json(body)
    if declared == "multipart/form-data" and body:
        raise InvalidParameter(
            "The body is declared as multipart/form-data and does not begin with a boundary."
        )
    return body


def _too_large(limit: int) -> ImageTooLarge:
    return ImageTooLarge(f"The request's body is larger than {limit} bytes. Send a smaller image.")


def _boundary(body: bytes, content_type: str) -> bytes | None:
    first_line = _FIRST_BOUNDARY.match(body)
    if first_line:
        return first_line[1].rstrip()
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    return boundary if kind == b"multipart/form-data" and boundary and boundary in body else None


def _from_multipart(body: bytes, boundary: bytes, option_names: frozenset[str]) -> bytes:
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise InvalidParameter("The multipart form is malformed or cut off.") from error
    if not parts.ended:
        raise InvalidParameter("The multipart form is cut off: its last boundary is missing.")
    if misplaced := sorted(option_names & set(parts.names)):
        raise InvalidParameter(
            f"{misplaced[0]}: options belong into the query, such as /detect?{misplaced[0]}=..."
        )
    if len(parts.images) != 1:
        found = ", ".join(repr(name[:40]) for name in parts.names[:5]) or "none"
        raise InvalidParameter(
            "A form has to carry one image, in the field 'file' or 'image';"
            f" here are {len(parts.images)} (fields: {found})."
        )
    return parts.images[0]


class _Parts:
    """Collects what the parser reports: the names of all fields, the bytes of the images."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.images: list[bytes] = []
        self.ended = False
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._pieces: list[bytes] | None = None

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        if len(self.names) >= _MAX_PARTS:
            raise InvalidParameter(f"The form has more than {_MAX_PARTS} fields.")
        self._disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self.names.append(name)
        self._pieces = [] if name in IMAGE_FIELDS else None

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._pieces is not None:
            self._pieces.append(data[start:end])

    def _part_end(self) -> None:
        if self._pieces is not None:
            self.images.append(b"".join(self._pieces))

    def _end(self) -> None:
        self.ended = True


def _from_json(body: bytes) -> bytes:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidParameter('The body is not JSON. Send {"image": "<base64>"}.') from error
    if not isinstance(value, dict) or set(value) != {"image"}:
        raise InvalidParameter('The JSON has to be {"image": "<base64>"}, with nothing else.')
    text = value["image"]
    if not isinstance(text, str):
        raise InvalidParameter("image: has to be a string of base64.")
    prefix = _DATA_URL.match(text)
    if prefix:
        text = text[prefix.end() :]
    try:
        return binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError as error:
        raise InvalidParameter(f"image: is not base64 ({str(error)[:60]}).") from error
