"""The fields of a multipart form, found from its bytes.

The boundary is read from the first line: declared content types forget it, or never had one.
"""

import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from app.errors import InvalidParameter

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

IMAGE_FIELDS = frozenset({"file", "image"})
_MAX_PARTS = 32
# What is wrong with a form is for whoever sent it, and not for the log.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL + 1)
_FIRST_BOUNDARY = re.compile(rb"--([^\r\n]{1,200})\r\n")


@dataclass
class Form:
    names: list[str] = field(default_factory=list)
    """Names of all fields, in their order."""
    kept: list[tuple[str, bytes]] = field(default_factory=list)
    """Name and content of the fields that were wanted."""

    def contents(self, wanted: frozenset[str]) -> list[bytes]:
        return [content for name, content in self.kept if name in wanted]

    def text(self, name: str) -> str:
        """The last field of that name; empty if there is none."""
        found = self.contents(frozenset({name}))
        return found[-1].decode("utf-8", "replace").strip() if found else ""


def parse_form(
    body: bytes, content_type: str, wanted: frozenset[str] = IMAGE_FIELDS
) -> Form | None:
    """None if ``body`` is no multipart form. Only ``wanted`` fields are kept.

    Raises InvalidParameter for a form that is broken or cut off.
    """
    boundary = _boundary(body, content_type)
    if boundary is None:
        return None
    parts = _Parts(wanted)
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise InvalidParameter("The multipart form is malformed or cut off.") from error
    if not parts.ended:
        raise InvalidParameter("The multipart form is cut off: its last boundary is missing.")
    return parts.form


def _boundary(body: bytes, content_type: str) -> bytes | None:
    first_line = _FIRST_BOUNDARY.match(body)
    if first_line:
        return first_line[1].rstrip()
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    return boundary if kind == b"multipart/form-data" and boundary and boundary in body else None


def only_image(form: Form) -> bytes:
    """Raises InvalidParameter if the form has no image or several."""
    images = form.contents(IMAGE_FIELDS)
    if len(images) != 1:
        found = ", ".join(repr(name[:40]) for name in form.names[:5]) or "none"
        raise InvalidParameter(
            "A form has to carry one image, in the field 'file' or 'image';"
            f" here are {len(images)} (fields: {found})."
        )
    return images[0]


class _Parts:
    """Collects what the parser reports."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self.form = Form()
        self.ended = False
        self._wanted = wanted
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
        if len(self.form.names) >= _MAX_PARTS:
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
        self.form.names.append(name)
        self._pieces = [] if name in self._wanted else None

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._pieces is not None:
            self._pieces.append(data[start:end])

    def _part_end(self) -> None:
        if self._pieces is not None:
            self.form.kept.append((self.form.names[-1], b"".join(self._pieces)))

    def _end(self) -> None:
        self.ended = True
