"""WebP: the first frame."""

from PIL.ImageFile import ImageFile

from app.errors import ImageTooLarge, InvalidImage
from app.vision.images.formats.record import Format, Inspection, Orientation, check_pixels
from app.vision.images.memory import Memory, Size

_MOST_CHUNKS = 20_000
"""Each frame of an animation is a chunk; the decoder keeps a record of each unknown chunk."""
_MOST_STREAMS = 4
"""Lossless streams of a frame; usually it has one for its colours or its transparency."""
_HEADER_BYTES, _FRAME_HEADER_BYTES, _LOSSLESS_HEADER_BYTES = 12, 16, 5
_FRAME, _LOSSLESS = b"ANMF", (b"VP8L", b"ALPH")
_PACKED_LOSSLESS = 1
_GROUP_BYTES = 12_000
"""Memory of the decoder's tables for a group of Huffman codes, if the codes are long."""
_MOST_GROUPS = 16_000
"""libwebp's encoder makes at most 2,600."""

_BYTES_DECODING, _BYTES_HELD = 16, 12
"""Bytes per pixel: two canvases, the frame, and Pillow's own pixels."""
_COPIES_OF_FILE = 2
"""One for the decoder, and one while Pillow assembles it or removes chunks."""

_Chunk = tuple[bytes, memoryview]
"""Kind and content."""


def _begins(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    chunks = _chunks(memoryview(data))
    canvas = _canvas(data)
    # The decoder allocates its canvases when the file is opened.
    check_pixels(canvas, max_pixels)
    groups = _groups(chunks, canvas)
    if groups > _MOST_GROUPS:
        raise ImageTooLarge(
            f"The WebP has {groups} groups of Huffman codes, which take too much memory."
            " Save it again, for example as JPEG."
        )
    table_bytes = _GROUP_BYTES * groups

    def memory(image: ImageFile, full: Size) -> Memory:
        pixels = image.width * image.height
        return Memory(pixels * _BYTES_DECODING + table_bytes, pixels * _BYTES_HELD)

    return Inspection(_COPIES_OF_FILE * len(data), memory)


def _chunks(data: memoryview, at: int = _HEADER_BYTES) -> list[_Chunk]:
    """Raises InvalidImage if there are too many."""
    found: list[_Chunk] = []
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((bytes(data[at : at + 4]), data[at + 8 : at + 8 + size]))
        if len(found) >= _MOST_CHUNKS:
            raise InvalidImage("The WebP has too many chunks.")
        at += 8 + size + size % 2
    return found


def _groups(chunks: list[_Chunk], canvas: Size) -> int:
    """Number of Huffman code groups in the first frame's lossless streams. Raises InvalidImage."""
    frame = next((body for kind, body in chunks if kind == _FRAME), None)
    streams = [(kind, body, canvas) for kind, body in chunks if kind in _LOSSLESS]
    if frame is not None and len(frame) > _FRAME_HEADER_BYTES:
        size = _size(frame[6:12])
        parts = _chunks(frame, _FRAME_HEADER_BYTES)
        streams += [(kind, body, size) for kind, body in parts if kind in _LOSSLESS]
    if not streams:
        return 0
    if len(streams) > _MOST_STREAMS:
        raise InvalidImage("The WebP has more parts than its picture needs.")
    from app.vision.images.vp8l import GroupCounter

    counter = GroupCounter()
    groups = 0
    for kind, body, size in streams:
        if kind == b"VP8L" and len(body) >= _LOSSLESS_HEADER_BYTES:
            groups += counter.groups(body[_LOSSLESS_HEADER_BYTES:], _lossless_size(body))
        elif kind == b"ALPH" and len(body) > 1 and body[0] & 3 == _PACKED_LOSSLESS:
            groups += counter.groups(body[1:], size)
    return groups


def _canvas(data: bytes) -> Size:
    """Width and height declared by the first chunk; 0 x 0 if no decoder can read it."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        return 0, 0
    if kind == b"VP8X":
        return _size(body[4:10])
    if kind == b"VP8 ":
        width, height = body[6:8], body[8:10]
        return int.from_bytes(width, "little") & 0x3FFF, int.from_bytes(height, "little") & 0x3FFF
    return _lossless_size(body) if kind == b"VP8L" else (0, 0)


def _size(body: bytes | memoryview) -> Size:
    """Width and height minus one, in three bytes each."""
    return 1 + int.from_bytes(body[:3], "little"), 1 + int.from_bytes(body[3:6], "little")


def _lossless_size(body: bytes | memoryview) -> Size:
    sizes = int.from_bytes(body[1:5], "little")
    return 1 + (sizes & 0x3FFF), 1 + (sizes >> 14 & 0x3FFF)


FORMAT = Format(
    name="WebP",
    media_type="image/webp",
    suffixes=(".webp",),
    begins=_begins,
    pillow_name="WEBP",
    plugin="PIL.WebPImagePlugin",
    orientation=Orientation.IN_HEADER,
    inspect=_inspect,
)
