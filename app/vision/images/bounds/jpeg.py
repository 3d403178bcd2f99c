"""Bounds on the segments and scans of a JPEG."""

import re
from collections.abc import Iterator
from typing import Any

from app.errors import InvalidImage

_MOST_SEGMENTS = 2000
_MOST_BLOCKS = 64
"""Of those that Pillow takes apart, or puts together one behind the other."""
_MOST_LAYERS = 4
_MOST_WORK = 100_000_000
"""Blocks of 8 x 8 pixels times scans: about a second."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TAKEN_APART = frozenset({0xDB, 0xE1, 0xED}) | _FRAMES  # quantisation, EXIF, Photoshop
_SCAN, _END = 0xDA, 0xD9
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_MARKER_IN_SCAN = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")


def check_header(data: bytes) -> None:
    """Up to the first scan. Raises InvalidImage."""
    blocks = 0
    for count, (marker, at, length) in enumerate(_segments(data, 2)):
        if marker == _SCAN:
            return
        blocks += marker in _TAKEN_APART and (marker != 0xE1 or data.startswith(b"Exif", at))
        layers = (length - 8) // 3 if marker in _FRAMES else 0
        if count > _MOST_SEGMENTS or blocks > _MOST_BLOCKS or layers > _MOST_LAYERS:
            raise InvalidImage("The JPEG has more in front of its pixels than is read here.")


def check_scans(image: Any, data: bytes) -> None:
    """Each scan goes over the whole picture, however few bytes it has. Raises InvalidImage.

    ``image`` has been opened, and not drafted.
    """
    blocks = blocks_of_scans(image, data, image.size)
    if not blocks:
        return
    scans = 1
    at = image.fp.tell()
    while following := _MARKER_IN_SCAN.search(data, at):
        marker, at = following[1][0], following.end()
        if marker == _END:
            return
        scans += marker == _SCAN
        if scans * blocks > _MOST_WORK:
            raise InvalidImage(f"The JPEG has {scans} scans or more, too many for its size.")
        if marker not in _WITHOUT_LENGTH:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))


def blocks_of_scans(image: Any, data: bytes, full: tuple[int, int]) -> int:
    """A JPEG of several scans is held whole, as its blocks, until the last; 0 for one scan.

    ``image`` has been opened and not loaded, ``full`` is its stored size.
    """
    layers: list[tuple[int, int]] = [(max(1, h), max(1, v)) for _, h, v, _ in image.layer]
    scan_header = bytes([0, 6 + 2 * len(layers), len(layers)])
    scan = image.fp.tell() - scan_header[1]  # the header of the first scan was read last
    if "progressive" not in image.info and data.startswith(scan_header, scan):
        return 0
    across = -(-full[0] // (8 * max(h for h, _ in layers)))
    down = -(-full[1] // (8 * max(v for _, v in layers)))
    return across * down * sum(h * v for h, v in layers)


def _segments(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Marker, where its content begins, and the content's length."""
    while found := _MARKER.search(data, at):
        marker, at = found[1][0], found.end()
        if marker in _WITHOUT_LENGTH:
            continue
        length = max(0, int.from_bytes(data[at : at + 2], "big") - 2)
        yield marker, at + 2, length
        at += 2 + length
