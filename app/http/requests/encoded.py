"""Base64 within JSON, megabytes of it, and other threads get their turn meanwhile.

The interpreter runs no other thread while it parses a document or decodes a string: so the string
is taken out before the one, and cut into pieces for the other.
"""

import binascii
import json
import re
import time
from collections.abc import Iterator

MOST_REST = 128 * 1024
"""Bytes of a document without its string. Parsed, JSON may take fifty times its size."""
TAKEN_OUT = "="
"""Stands in the document for the string that was taken out of it; is no base64 itself."""
_PIECE = 32 * 1024
_BEFORE_A_REST = 4
_REST = 2e-5
"""Seconds in which another thread can take over; asked to, the interpreter does so after 5 ms."""
_LONGEST_ESCAPE = len(r"\u0041")
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="


class TooMuchJson(ValueError):
    def __init__(self) -> None:
        super().__init__(f"There are more than {MOST_REST} bytes beside the image.")


def take_out(document: bytes, member: str) -> tuple[bytes, bytes | None]:
    """``document`` without the first string that is called ``member``, and that string.

    The string is as it was written, escapes and all; None where there is none.
    Raises TooMuchJson where the rest has more than ``MOST_REST`` bytes, or ValueError for text
    that is no Unicode.
    """
    encoding = json.detect_encoding(document[:4])
    if not encoding.startswith("utf-8"):
        document = document.decode(encoding).encode()
    key = re.compile(rb'"%s"[ \t\r\n]*:[ \t\r\n]*"' % re.escape(member.encode()))
    found = key.search(document, 0, MOST_REST)
    rest, text = document, None
    if found:
        start, end = found.end(), document.find(b'"', found.end())
        if end >= 0:
            text = document[start:end]
            rest = b"".join((document[:start], TAKEN_OUT.encode(), document[end:]))
    if len(rest) > MOST_REST:
        raise TooMuchJson
    return rest, text


def put_back(value: str, text: bytes | None) -> bytes:
    """What ``value``, of the document without ``text``, was: as it may be written in JSON."""
    return json.dumps(value)[1:-1].encode() if text is None or value != TAKEN_OUT else text


def decode(text: bytes, *, wrapped: bool = False) -> bytes:
    """Of base64 as a JSON string may have it; ``wrapped`` may have spaces and line ends, too.

    Raises JSONDecodeError or UnicodeDecodeError for what no JSON string may have, else ValueError.
    """
    decoded: list[bytes] = []
    left = b""
    for piece in _pieces(text):
        left += _plain(piece, wrapped) if piece.translate(None, _ALPHABET) else piece
        whole = len(left) // 4 * 4
        if whole:
            if decoded and len(decoded[-1]) % 3:
                raise ValueError("Excess data after padding")
            decoded.append(binascii.a2b_base64(left[:whole], strict_mode=True))
            if len(decoded) % _BEFORE_A_REST == 0:
                time.sleep(_REST)
            left = left[whole:]
    if left:
        raise ValueError("Incorrect padding")
    return b"".join(decoded)


def _pieces(text: bytes) -> Iterator[bytes]:
    """None of them ends within an escape. Of two backslashes it might, but they are no base64."""
    start = 0
    while start < len(text):
        end = start + _PIECE
        if end < len(text):
            escape = text.rfind(b"\\", end - _LONGEST_ESCAPE, end)
            end = end if escape < 0 else escape
        yield text[start:end]
        start = end


def _plain(piece: bytes, wrapped: bool) -> bytes:
    text: str = json.loads(b'"%s"' % piece)
    return ("".join(text.split()) if wrapped else text).encode("ascii")
