"""JPEG, and MPO: a JPEG followed by more pictures, of which only the first is read."""

import re
from collections.abc import Iterator
from typing import Any

from PIL import Image
from PIL.ImageFile import ImageFile

from app.errors import InvalidImage
from app.vision.images import jpeg_header
from app.vision.images.formats.record import Format, Inspection, Orientation, begins_with
from app.vision.images.jpeg_header import SCAN, WITHOUT_LENGTH, Header
from app.vision.images.memory import Memory, Size, pillow_memory

_COPIES = 3
"""Pillow keeps each segment, parses it, and joins the parts of profiles."""
_PIECE_BYTES = 65_536
_JUNK = b"\x55\xaa" * 14
_SETTLED = 14
"""Bytes that the decoder may read ahead before it has finished its last block."""
_END = b"\xff\xd9"
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
_RESTART_INTERVAL = b"\xff\xdd"


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    header = jpeg_header.read(data)
    metadata = jpeg_header.read_metadata(data, header.scan)

    def memory(image: ImageFile, full: Size) -> Memory:
        if header.frame and not header.has_plain_scan:
            from app.vision.images import jpeg_scans

            jpeg_scans.check(header)
        return pillow_memory(image, header.block_bytes(full))

    return Inspection(
        _COPIES * metadata.kept_bytes,
        memory,
        load=lambda image: _load(image, header),
        skips=metadata.skips,
        orientation=metadata.orientation,
    )


def _incomplete() -> InvalidImage:
    return InvalidImage("The JPEG ends before its last pixel: it is truncated.")


def _load(image: ImageFile, header: Header) -> None:
    """Decodes the pixels. Raises InvalidImage if any are missing, whatever the end marker says.

    At a marker the decoder silently fills missing pixels with gray. Therefore bytes that are no
    marker are inserted before the end marker, one by one: a decoder that has all pixels skips them
    one by one, while one that still needs pixels consumes several at once for a block.
    """
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
        and (_loaded(image, header, last) or header.data.find(_END, header.scan) == last)
    ):
        _finish(image)
        return
    end = _end_of_pixels(header)
    if end == len(header.data) and header.data.endswith(b"\xff"):
        raise _incomplete()  # the file ends in the middle of a marker, whose kind is unknown
    _loaded(image, header, end)
    _finish(image)


def _finish(image: ImageFile) -> None:
    image.tile = []
    image.fp = None


def _loaded(image: ImageFile, header: Header, end: int) -> bool:
    """Whether the decoder has consumed everything up to ``end``."""
    tile = image.tile[0]
    image.load_prepare()
    decoder = Image._getdecoder(image.mode, tile.codec_name, tile.args, image.decoderconfig)
    try:
        decoder.setimage(image.im, tile.extents)
        return _decode(decoder, header, _without_fill(header.data, end))
    finally:
        decoder.cleanup()


def _decode(decoder: Any, header: Header, end: int) -> bool:
    data = memoryview(header.data)
    feed = _Feed(decoder)
    for at in range(0, end, _PIECE_BYTES):
        feed.give(data[at : min(at + _PIECE_BYTES, end)])
        if feed.done:
            return False
    # The arithmetic decoder cannot wait for more bytes.
    if header.frame is not None and not header.frame.arithmetic:
        restarts = _RESTART_INTERVAL in header.data[: header.scan]
        for number, junk in enumerate([_JUNK] * (9 if restarts else 1)):
            if number:
                feed.give(bytes([0xFF, 0xCF + number]))
            for index, byte in enumerate(junk):
                taken = feed.give(bytes([byte]))
                if feed.done and not (number or index >= _SETTLED):
                    return True
                if feed.done or ((number or index >= _SETTLED) and taken != 1):
                    raise _incomplete()
    feed.give(_END)
    if not feed.done:
        raise _incomplete()
    return True


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


def _end_of_pixels(header: Header) -> int:
    """Position of the end marker, or of the data's end. Raises InvalidImage if scans are
    missing."""
    data, frame = header.data, header.frame
    assert frame is not None
    if not header.in_several_scans:
        found = data.find(_END, header.scan)
        return found if found >= 0 else len(data)
    seen: dict[int, list[int | None]] = {name: [None] * 64 for name, *_ in frame.layers}
    at, end = header.scan - 2, len(data)
    while found_marker := _MARKER.search(data, at):
        marker, at = found_marker[1][0], found_marker.end()
        if marker == _END[1]:
            end = at - 2
            break
        if marker in WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if at + length > len(data):
            raise _incomplete()
        if marker == SCAN:
            for name, *part in _coverage(data[at : at + length]):
                first, last, low = part if frame.progressive else (0, 63, 0)
                if name in seen and last < 64:
                    seen[name][first : last + 1] = [low] * (last + 1 - first)
        at += max(2, length)
    for bits in seen.values():
        if bits[0] is None or any(bits):
            raise _incomplete()
    return end


def _without_fill(data: bytes, end: int) -> int:
    """Drops fill bytes, which begin a marker, since the bytes that follow here must not be one."""
    while end and data[end - 1] == 0xFF:
        piece = data[max(0, end - _PIECE_BYTES) : end]
        end -= len(piece) - len(piece.rstrip(b"\xff"))
    return end


def _coverage(scan: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Component, first and last coefficient, and how many of their bits are still missing."""
    count = scan[2] if len(scan) > 2 else 0
    if len(scan) < 6 + 2 * count:
        return
    first, last, low = scan[3 + 2 * count], scan[4 + 2 * count], scan[5 + 2 * count] & 15
    for index in range(count):
        yield scan[3 + 2 * index], first, last, low


FORMAT = Format(
    name="JPEG",
    variants=("MPO",),
    media_type="image/jpeg",
    suffixes=(".jpg", ".jpeg", ".mpo"),
    begins=begins_with(b"\xff\xd8\xff"),
    pillow_name="JPEG",
    plugin="PIL.JpegImagePlugin",
    scales=True,
    releases_buffers=True,
    orientation=Orientation.IN_HEADER,
    inspect=_inspect,
)
