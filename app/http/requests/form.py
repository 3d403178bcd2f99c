"""Parses a multipart form.

The content type often lacks the boundary or is not declared at all. A form may have text before
its first boundary, lines that end in a bare LF, and folded headers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from python_multipart.multipart import parse_options_header

from app.errors import InvalidParameter

IMAGE_FIELDS = frozenset({"file", "image"})
_MAX_PARTS = 32
_MOST_HEADER_BYTES = 8 * 1024
"""Most bytes of all headers of one part."""
_MOST_PREAMBLE_BYTES = 4 * 1024
"""Bytes that are searched for an undeclared boundary."""
_LONGEST_BOUNDARY_LINE_BYTES = 1024
_LINE_END = rb"\r?\n"
_AT_THE_START = re.compile(rb"\s{0,100}?--([^\r\n]{1,200})\r?\n(?=[\w-]+[ \t]*+:|--)")
_AFTER_A_PREAMBLE = re.compile(rb"(?:\A|\n)--([^\r\n]{1,200})(?:\r?\n|\Z)")
_END_OF_HEADERS = re.compile(rb"\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_HEADER = re.compile(rb"([!-9;-~]+)[ \t]*+:(.*)", re.DOTALL)


class Part(NamedTuple):
    name: str
    content: bytes
    is_file: bool
    """Whether the part has a file name."""

    @property
    def untouched(self) -> bool:
        """Whether it may be a page's file input without a chosen file."""
        return not self.content and not self.is_file


@dataclass
class Form:
    names: list[str] = field(default_factory=list)
    """Names of all fields in order."""
    kept: list[Part] = field(default_factory=list)
    """The wanted fields and all files."""

    def contents(self, wanted: frozenset[str]) -> list[bytes]:
        """Contents of the ``wanted`` fields.

        Untouched file inputs count only if there is no other field, and then as one.
        """
        found = [part for part in self.kept if part.name in wanted]
        filled = [part for part in found if not part.untouched] or found[:1]
        return [part.content for part in filled]

    def text(self, name: str) -> str:
        """Text of the last field of that name; empty if there is none."""
        found = self.contents(frozenset({name}))
        return found[-1].decode("utf-8", "replace").strip() if found else ""

    def files(self) -> list[bytes]:
        """Contents of all fields with a file name, whatever their field name is."""
        return [part.content for part in self.kept if part.is_file]


def parse_form(
    body: bytes, content_type: str, wanted: frozenset[str] = IMAGE_FIELDS
) -> Form | None:
    """Returns None if ``body`` is not a multipart form. Keeps only ``wanted`` fields and files.

    Raises InvalidParameter for a malformed or truncated form.
    """
    boundary = None
    for boundary in _boundaries(body, content_type):
        line = re.compile(b"\n--" + re.escape(boundary) + rb"(?:(--)|[ \t]*+\r?\n)")
        if (opening := _opening(body, line)) is not None:
            return _fields(body, line, *opening, wanted)
    if boundary is None:
        return None
    raise _cut_off()


def _boundaries(body: bytes, content_type: str) -> Iterator[bytes]:
    """Yields the declared boundary if the body has it, then any text in a boundary's position."""
    kind, options = parse_options_header(content_type)
    is_declared = kind.startswith(b"multipart/")
    declared = options.get(b"boundary")
    if is_declared and declared and b"--" + declared in body:
        yield declared
    found = _AT_THE_START.match(body)
    if found is None and is_declared:
        found = _AFTER_A_PREAMBLE.search(body, 0, _MOST_PREAMBLE_BYTES)
    if found:
        yield found[1].rstrip()


def _opening(body: bytes, line: re.Pattern[bytes]) -> tuple[int, bool] | None:
    """The start of the first part, and whether the form ends there without any part."""
    if at_once := line.match(b"\n" + body[:_LONGEST_BOUNDARY_LINE_BYTES]):
        return at_once.end() - 1, bool(at_once[1])
    found = line.search(body)
    return (found.end(), bool(found[1])) if found else None


def _fields(
    body: bytes, line: re.Pattern[bytes], start: int, is_last: bool, wanted: frozenset[str]
) -> Form:
    form = Form()
    # If lines end in a bare LF, a CR before a boundary belongs to the content.
    strips_cr = body[start - 2 : start] == b"\r\n"
    while not is_last:
        # A part may be empty: then the same line end closes one boundary and opens the next.
        end = line.search(body, start - 1)
        if end is None:
            raise _cut_off()
        if len(form.names) >= _MAX_PARTS:
            raise InvalidParameter(f"The form has more than {_MAX_PARTS} fields.")
        stop = end.start()
        if strips_cr and body[stop - 1 : stop] == b"\r":
            stop -= 1
        _add_part(form, body, start, stop, wanted)
        start, is_last = end.end(), bool(end[1])
    return form


def _add_part(form: Form, body: bytes, start: int, stop: int, wanted: frozenset[str]) -> None:
    """Raises InvalidParameter if the headers of the part are malformed."""
    # The search starts at the end of the boundary's line, since a part may have no headers.
    end = _END_OF_HEADERS.search(body, start - 1, min(stop + 2, start + _MOST_HEADER_BYTES))
    if end is None:
        raise InvalidParameter("The multipart form is malformed: a part's headers do not end.")
    disposition = b""
    block = _FOLD.sub(b" ", body[start : end.start()].rstrip(b"\r"))
    for header in filter(None, re.split(_LINE_END, block)):
        match = _HEADER.fullmatch(header)
        if match is None:
            raise InvalidParameter("The multipart form is malformed: a part has no valid headers.")
        if match[1].lower() == b"content-disposition":
            disposition = match[2].strip()
    _, options = parse_options_header(disposition)
    name = options.get(b"name", b"").decode("utf-8", "replace")
    form.names.append(name)
    is_file = bool(options.get(b"filename"))
    if name in wanted or is_file:
        form.kept.append(Part(name, body[end.end() : stop], is_file))


def only_image(form: Form, *, any_name: bool = False) -> bytes:
    """The image field; with ``any_name`` also the only file if there is no image field.

    Raises InvalidParameter if the form has no image or several.
    """
    images = form.contents(IMAGE_FIELDS)
    if any_name and not any(images):
        images = form.files() or images
    if len(images) != 1:
        found = ", ".join(repr(name[:40]) for name in form.names[:5]) or "none"
        raise InvalidParameter(
            "A form has to contain one image, in the field 'file' or 'image';"
            f" this one has {len(images)} (fields: {found})."
        )
    return images[0]


def _cut_off() -> InvalidParameter:
    return InvalidParameter("The multipart form is truncated: its last boundary is missing.")
