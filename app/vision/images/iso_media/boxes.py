"""Boxes of an ISO base media file and the numbers in them, with limits on both."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.errors import InvalidImage

_MOST_BOXES = 10_000
_MOST_ENTRIES = 20_000
"""Extents, references and property associations; a grid of 3,000 tiles needs 15,000."""
_DEEPEST = 12
# Boxes that contain boxes, and the number of bytes before the first of these.
_BEFORE_CHILDREN = {
    **dict.fromkeys((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"tref"), 0),
    **dict.fromkeys((b"udta", b"iprp", b"ipco", b"grpl", b"sinf", b"schi", b"mvex"), 0),
    **dict.fromkeys((b"meta", b"iref"), 4),
    **dict.fromkeys((b"dref", b"stsd"), 8),
    b"ipro": 6,
    **dict.fromkeys((b"av01", b"hvc1", b"hev1", b"avc1", b"vvc1", b"j2ki", b"mjpg", b"uncv"), 78),
}


@dataclass(frozen=True, slots=True)
class Box:
    kind: bytes
    start: int
    """Start of its content."""
    end: int


class Boxes:
    """Iterates over the boxes of a file; limits the total number of boxes and entries."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self._boxes_left = _MOST_BOXES
        self._entries_left = _MOST_ENTRIES

    def top(self) -> Iterator[Box]:
        """Top-level boxes of the file. Raises InvalidImage if there are too many."""
        for box in self._walk(0, len(self.data)):
            self._spend_box()
            yield box

    def children(self, box: Box, skip: int = 0) -> list[Box]:
        """Boxes inside an already counted box, after its first ``skip`` bytes."""
        return list(self._walk(box.start + skip, box.end))

    def child(self, box: Box, kind: bytes) -> Box | None:
        return next((one for one in self._walk(box.start, box.end) if one.kind == kind), None)

    def count(self, box: Box, depth: int = 1) -> None:
        """Counts all nested boxes, since decoders keep each of them. Raises InvalidImage."""
        if box.kind == b"iinf":
            before = 8 if box.start < box.end and self.data[box.start] else 6
        elif box.kind in _BEFORE_CHILDREN:
            before = _BEFORE_CHILDREN[box.kind]
        else:
            return
        if depth > _DEEPEST:
            raise InvalidImage("The boxes of the image are nested too deeply.")
        for child in self._walk(box.start + before, box.end):
            self._spend_box()
            self.count(child, depth + 1)

    def spend(self, entries: int) -> None:
        """Counts table entries. Raises InvalidImage if there are too many."""
        self._entries_left -= entries
        if self._entries_left < 0:
            raise too_many("entries", _MOST_ENTRIES)

    def _spend_box(self) -> None:
        self._boxes_left -= 1
        if self._boxes_left < 0:
            raise too_many("boxes", _MOST_BOXES)

    def _walk(self, start: int, end: int) -> Iterator[Box]:
        data = self.data
        while start + 8 <= end:
            size = int.from_bytes(data[start : start + 4], "big")
            kind, body = bytes(data[start + 4 : start + 8]), start + 8
            if size == 1:
                size, body = int.from_bytes(data[body : body + 8], "big"), body + 8
            elif size == 0:
                size = end - start
            if start + size < body:
                return
            yield Box(kind, min(body, end), min(start + size, end))
            start += size


class Numbers:
    """Consecutive big-endian numbers of a box; 0 after its end."""

    def __init__(self, data: memoryview, box: Box) -> None:
        self._data = data
        self._at = box.start
        self._end = box.end

    def take(self, size: int) -> int:
        at = self._at
        self._at += size
        return int.from_bytes(self._data[at : self._at], "big") if self._at <= self._end else 0

    @property
    def left(self) -> int:
        return max(0, self._end - self._at)


def too_many(what: str, allowed: int) -> InvalidImage:
    return InvalidImage(
        f"The image has too many {what}: at most {allowed} are allowed. Save it again as one image."
    )
