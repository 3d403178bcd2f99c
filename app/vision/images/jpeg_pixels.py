"""Decodes the pixels of a JPEG, and finds out whether any are missing.

At a marker the decoder silently fills missing pixels with gray, so an end marker proves nothing.
Therefore bytes that are no marker are inserted before it, one by one: a decoder that has all pixels
skips them one by one, while one that still needs pixels consumes several at once for a block.
"""

from collections.abc import Iterator
from typing import Any

from PIL import Image
from PIL.ImageFile import ImageFile

from app.errors import InvalidImage
from app.vision.images.jpeg_header import MARKER_IN_PIXELS, SCAN, WITHOUT_LENGTH, Frame, Header

_PIECE_BYTES = 65_536
_JUNK = b"\x55\xaa" * 14
_SETTLED = 14
"""Bytes that the decoder may read ahead before it has finished its last block."""
_END = b"\xff\xd9"
_RESTART_INTERVAL = b"\xff\xdd"
_RESTARTS = [bytes([0xFF, 0xD0 + number]) for number in range(8)]
"""Restart markers; a decoder that waits for one of them skips everything else."""


def load(image: ImageFile, header: Header) -> None:
    """Loads the pixels into ``image``. Raises InvalidImage if any are missing."""
    if header.frame is None or len(image.tile) != 1:
        image.load()
        return
    last = header.data.rfind(_END)
    # Searching for the first end marker takes a tenth of the decoding time: it is nearly always the
    # last.
    guessed = not header.in_several_scans and last == len(header.data) - 2
    if (
        guessed
        and b"MPF\0" not in header.data[: header.scan]  # no other pictures follow
        and (_consumes(image, header, last) or header.data.find(_END, header.scan) == last)
    ):
        _finish(image)
        return
    end = _end_of_pixels(header, header.frame)
    if end == len(header.data) and header.data.endswith(b"\xff"):
        raise _incomplete()  # the file ends in the middle of a marker, whose kind is unknown
    _consumes(image, header, end)
    _finish(image)


def _incomplete() -> InvalidImage:
    return InvalidImage("The JPEG ends before its last pixel: it is truncated.")


def _finish(image: ImageFile) -> None:
    image.tile = []
    image.fp = None


def _consumes(image: ImageFile, header: Header, end: int) -> bool:
    """Decodes the pixels; returns whether the decoder consumed everything up to ``end``.

    Raises InvalidImage if pixels are missing.
    """
    tile = image.tile[0]
    image.load_prepare()
    decoder = Image._getdecoder(image.mode, tile.codec_name, tile.args, image.decoderconfig)
    try:
        decoder.setimage(image.im, tile.extents)
        return _decode(_Feed(decoder), header, _without_fill(header.data, end))
    finally:
        decoder.cleanup()


def _decode(feed: "_Feed", header: Header, end: int) -> bool:
    data = memoryview(header.data)
    for at in range(0, end, _PIECE_BYTES):
        feed.give(data[at : min(at + _PIECE_BYTES, end)])
        if feed.done:
            return False
    # The arithmetic decoder cannot wait for more bytes.
    if header.frame is not None and not header.frame.arithmetic:
        _insert_junk(feed, b"", _SETTLED)
        if not feed.done and _RESTART_INTERVAL in header.data[: header.scan]:
            for marker in _RESTARTS:
                _insert_junk(feed, marker, 0)
    if not feed.done:
        feed.give(_END)
    if not feed.done:
        raise _incomplete()
    return True


def _insert_junk(feed: "_Feed", marker: bytes, settled: int) -> None:
    """Gives a restart marker, if any, and then bytes that are no marker.

    Raises InvalidImage if a byte after the first ``settled`` ones is used for pixels. The decoder
    may be done before that: then it has all pixels.
    """
    if marker:
        feed.give(marker)
    for index in range(len(_JUNK)):
        taken = feed.give(_JUNK[index : index + 1])
        if index < settled:
            if feed.done:
                return
        elif feed.done or taken != 1:
            raise _incomplete()


class _Feed:
    """Passes bytes to a decoder, which consumes them once it has enough for its next step."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self._left = b""
        self.done = False

    def give(self, piece: bytes | memoryview) -> int:
        """Returns the number of bytes consumed. Raises OSError if the decoder cannot read them."""
        self._left += piece
        taken: int
        taken, error = self._decoder.decode(self._left)
        if taken < 0:
            self.done = True
            if error < 0:
                raise OSError(f"decoder error {error}")
            return 0
        self._left = self._left[taken:]
        return taken


def _without_fill(data: bytes, end: int) -> int:
    """Drops fill bytes, which begin a marker, since the bytes that follow here must not be one."""
    while end and data[end - 1] == 0xFF:
        piece = data[max(0, end - _PIECE_BYTES) : end]
        end -= len(piece) - len(piece.rstrip(b"\xff"))
    return end


def _end_of_pixels(header: Header, frame: Frame) -> int:
    """Position of the end marker, or of the data's end. Raises InvalidImage if scans are
    missing."""
    if header.in_several_scans:
        return _end_of_scans(header, frame)
    found = header.data.find(_END, header.scan)
    return found if found >= 0 else len(header.data)


def _end_of_scans(header: Header, frame: Frame) -> int:
    end = len(header.data)
    # For each coefficient of each component; None if no scan has it.
    missing_bits: dict[int, list[int | None]] = {name: [None] * 64 for name, *_ in frame.layers}
    for marker, start, stop in _markers(header):
        if marker == _END[1]:
            end = start - 2
            break
        if marker == SCAN:
            for name, *part in _coverage(header.data[start:stop]):
                first, last, low = part if frame.progressive else (0, 63, 0)
                if name in missing_bits and last < 64:
                    missing_bits[name][first : last + 1] = [low] * (last + 1 - first)
    if any(bits[0] is None or any(bits) for bits in missing_bits.values()):
        raise _incomplete()
    return end


def _markers(header: Header) -> Iterator[tuple[int, int, int]]:
    """Kind of each marker from the first scan on, and start and end of its segment.

    Raises InvalidImage if a segment is cut off.
    """
    data, at = header.data, header.scan - 2
    while found := MARKER_IN_PIXELS.search(data, at):
        marker, start = found[1][0], found.end()
        length = 0 if marker in WITHOUT_LENGTH else int.from_bytes(data[start : start + 2], "big")
        if start + length > len(data):
            raise _incomplete()
        at = start if marker in WITHOUT_LENGTH else start + max(2, length)
        yield marker, start, at


def _coverage(scan: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Component, first and last coefficient, and how many of their bits are still missing."""
    count = scan[2] if len(scan) > 2 else 0
    if len(scan) < 6 + 2 * count:
        return
    first, last, low = scan[3 + 2 * count], scan[4 + 2 * count], scan[5 + 2 * count] & 15
    for index in range(count):
        yield scan[3 + 2 * index], first, last, low
