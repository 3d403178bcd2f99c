"""What bounds a file beyond its pixels: honest files pass, and what is hidden is seen."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.errors import InvalidImage
from app.vision.images import jpeg_header, jpeg_scans
from app.vision.images.formats.record import USUAL_READS, Pieces
from app.vision.images.iso_media import av1, structure
from app.vision.images.iso_media.avif_cost import cost_of
from app.vision.images.iso_media.coded import Coded, Units
from tests.hostile.inserts import chunk, segment
from tests.vision.pictures import at_most, encode, quarters, read


def noise(width: int, height: int, channels: int = 3) -> Image.Image:
    pixels = np.random.default_rng(5).integers(0, 255, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels)


# Honest files at the edge of what programs write.


@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_progressive_jpeg_of_a_phone_has_few_scans(subsampling: int) -> None:
    data = bytearray(encode(noise(64, 48), "JPEG", progressive=True, subsampling=subsampling))
    at = data.index(b"\xff\xc2") + 5
    data[at : at + 4] = struct.pack(">HH", 3024, 4032)
    assert Image.open(io.BytesIO(data)).size == (4032, 3024)
    jpeg_scans.check(jpeg_header.read(bytes(data)))


def test_a_jpeg_with_much_in_front() -> None:
    profile = [segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 60]) + bytes(65_000)) for n in range(60)]
    extended = [segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(65_000))] * 200
    exif = [segment(0xE1, b"Exif\0\0II*\0" + bytes(60_000))] * 5
    plain = encode(quarters(), "JPEG")
    data = plain[:2] + b"".join([*profile, *extended, *exif]) + b"\xff" * 5000 + plain[2:]
    assert read(data).size == (96, 64)


@pytest.mark.parametrize("between", [b"\xff", b"\0"])
def test_bytes_between_segments_are_passed_over_up_to_a_limit(
    between: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = encode(quarters(), "JPEG")
    table, frame = plain.index(b"\xff\xdb"), plain.index(b"\xff\xc0")

    def padded(count: int) -> bytes:
        half = between * (count // 2)
        return plain[:table] + half + plain[table:frame] + half + plain[frame:]

    assert read(padded(400_000)).size == (96, 64)
    monkeypatch.setattr(Pieces, "read", lambda *_: pytest.fail("the decoder has begun"))
    for count in (600_000, 18_000_000):
        with pytest.raises(InvalidImage, match="too many bytes between its segments"):
            read(padded(count))


def test_fill_bytes_between_markers_and_behind_the_picture() -> None:
    for progressive in (False, True):
        plain = encode(quarters(), "JPEG", progressive=progressive)
        padded = plain[:-2] + b"\xff" * 60_000 + plain[-2:] + b"\xff" * 200_000
        assert read(padded).size == (96, 64)


def _arithmetic(side: int) -> bytes:
    data = bytearray(encode(quarters(), "JPEG", subsampling=0))
    at = data.index(b"\xff\xc0")
    data[at + 1] = 0xC9
    data[at + 5 : at + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def test_arithmetic_coding_costs_more_for_a_pixel() -> None:
    jpeg_scans.check(jpeg_header.read(_arithmetic(3000)))
    with pytest.raises(InvalidImage, match="1 scans"):
        jpeg_scans.check(jpeg_header.read(_arithmetic(4000)))


def test_a_jpeg_without_a_frame_or_a_scan_is_left_to_its_decoder() -> None:
    plain = encode(quarters(), "JPEG", progressive=True)
    frame, scan = plain.index(b"\xff\xc2"), plain.index(b"\xff\xda")
    without_frame = plain[:frame] + plain[frame + 19 :]
    short_frame = plain[: frame + 2] + b"\0\5" + bytes(3) + plain[frame + 19 :]
    for data in (without_frame, short_frame, plain[:scan], plain[: scan + 3], plain[: scan + 6]):
        jpeg_scans.check(jpeg_header.read(data))
        with pytest.raises(InvalidImage):
            read(data)


def test_a_reserved_marker_hides_no_scans() -> None:
    """A decoder that looks for a restart marker steps over its two bytes only."""
    plain = encode(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    scans = segment(0xDA, b"\1\1\0\1\x3f\x10") * 3000
    hidden = b"\xff\2" + struct.pack(">H", len(scans)) + scans
    with pytest.raises(InvalidImage, match="too many for its size"):
        jpeg_scans.check(jpeg_header.read(plain[:-2] + hidden + plain[-2:]))


def test_two_frames_are_refused() -> None:
    plain = encode(quarters(), "JPEG")
    at = plain.index(b"\xff\xc0")
    with pytest.raises(InvalidImage, match="before its pixels"):
        read(plain[:at] + plain[at : at + 19] + plain[at:])


def test_a_png_in_small_chunks() -> None:
    plain = encode(noise(500, 400), "PNG")
    start = plain.index(b"IDAT") + 4
    size = int.from_bytes(plain[start - 8 : start - 4], "big")
    body = plain[start : start + size]
    pieces = [chunk(b"IDAT", body[at : at + 100]) for at in range(0, size, 100)]
    assert len(pieces) > 600
    data = plain[: start - 8] + b"".join(pieces) + plain[start + size + 4 :]
    assert read(data).size == (500, 400)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_a_tiff_with_a_strip_for_each_row(compression: str) -> None:
    info: dict[int, Any] = {278: 1}
    data = encode(noise(20, 5000), "TIFF", compression=compression, tiffinfo=info)
    assert read(data, at_most(640)).size == (20, 5000)


def streams(data: bytes) -> list[Coded]:
    """Of each AV1 item."""
    file = structure.read(data)
    items = [item for item in file.items.values() if item.kind == b"av01"]
    return [av1.measure(file.content(item), Units()) for item in items]


@pytest.mark.parametrize("side", [64, 1000, 1001])
@pytest.mark.parametrize("form", ["RGB", "RGBA"])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
def test_an_avif_holds_what_it_declares(side: int, form: str, subsampling: str) -> None:
    image = noise(side, side // 2, 4).convert(form)
    data = encode(image, "AVIF", speed=10, subsampling=subsampling)
    found = streams(data)
    assert [stream.pixels for stream in found] == [side * (side // 2)] * len(found)
    assert [stream.passes for stream in found] == [1] * (2 if form == "RGBA" else 1)
    colours = {"4:2:0": 1.5, "4:2:2": 2, "4:4:4": 3}[subsampling]
    assert [stream.pixel_bytes for stream in found] == [colours, 1][: len(found)]
    assert all(stream.held == 1 for stream in found)
    assert cost_of(structure.read(data)).largest == side * (side // 2)


def test_a_grey_avif_has_one_plane() -> None:
    assert [one.pixel_bytes for one in streams(encode(noise(64, 64).convert("L"), "AVIF"))] == [1]


def test_film_grain_is_seen() -> None:
    for grain in (0, 50):
        options = {"advanced": {"film-grain-test": "1"}} if grain else {}
        (found,) = streams(encode(noise(64, 64), "AVIF", speed=10, **options))
        assert found.held == 1 + bool(grain)


def test_an_image_sequence_counts_its_first_picture() -> None:
    data = encode(noise(70, 50), "AVIF", save_all=True, append_images=[noise(70, 50)] * 3, speed=10)
    assert data[8:12] == b"avis"
    file = structure.read(data)
    ((start, end),) = file.first_samples
    found = av1.measure(file.data[start:end], Units())
    assert (found.pixels, found.passes) == (70 * 50, 1)
    assert cost_of(structure.read(data)).largest == 70 * 50


# AV1 as only its specification has it.


def bits(*fields: tuple[int, int]) -> bytes:
    """Values with their lengths, padded to whole bytes."""
    text = "".join(f"{value:0{length}b}" for value, length in fields)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def unit(kind: int, body: bytes, *, sized: bool = True, extended: bool = False) -> bytes:
    header = bytes([kind << 3 | extended << 2 | sized << 1]) + bytes(extended)
    return header + (bytes([len(body) & 127 | 128, len(body) >> 7]) if sized else b"") + body


def sequence(timing: bool = False, ids: bool = False) -> bytes:
    """640 x 480, with room for 65536 x 65536."""
    fields = [(0, 3), (0, 1), (0, 1)]
    if timing:  # time, equal intervals: no; a decoder model, 9 bits of delay, 7 of presentation
        fields += [(1, 1), (1, 32), (1, 32), (0, 1), (1, 1), (8, 5), (1, 32), (4, 5), (6, 5)]
    else:
        fields += [(0, 1)]
    fields += [(1, 1), (0, 5), (1, 12), (9, 5), (1, 1)]  # delays present; one point, level 9, tier
    fields += [(1, 1), (3, 9), (4, 9), (0, 1)] if timing else []
    fields += [(1, 1), (5, 4)]
    fields += [(15, 4), (15, 4), (639, 16), (479, 16)]
    fields += [(1, 1), (3, 4), (2, 3)] if ids else [(0, 1)]
    fields += [(0, 3), (0, 4), (1, 1), (0, 2), (1, 1), (1, 1)]
    return bits(*fields)


def frame(override: int, timing: bool = False, ids: bool = False) -> bytes:
    fields = [(0, 1), (0, 2), (1, 1)]
    fields += [(5, 7)] if timing else []
    fields += [(0, 1), (1, 1), (0, 1)]  # screen content, and motion in whole pixels: no
    fields += [(9, 8)] if ids else []
    return bits(*fields, (override, 1), (0xFFFF, 16), (0xFFFF, 16))


def size_and_frames(data: bytes) -> tuple[int, float]:
    found = av1.measure(memoryview(data), Units())
    return found.pixels, found.passes


@pytest.mark.parametrize("timing", [False, True])
@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("extended", [False, True])
def test_a_frame_may_give_a_size_of_its_own(timing: bool, ids: bool, extended: bool) -> None:
    start = unit(2, b"") + unit(1, sequence(timing, ids), extended=extended)
    plain = start + unit(6, frame(0, timing, ids), extended=extended)
    assert size_and_frames(plain) == (640 * 480, 1)
    larger = start + unit(6, frame(1, timing, ids), extended=extended)
    assert size_and_frames(larger) == (1 << 32, 1)
    unsized = start + unit(3, frame(1, timing, ids), sized=False)
    assert size_and_frames(unsized) == (1 << 32, 1)


def test_a_frame_that_is_shown_again_is_not_decoded_again() -> None:
    shown_again = unit(3, bits((1, 1), (0, 3)))
    assert size_and_frames(unit(1, sequence()) + shown_again)[0] == 640 * 480


@pytest.mark.parametrize(
    "data", [b"", b"\x0a", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x32"]
)
def test_a_stream_that_ends_early_has_no_frames_to_fear(data: bytes) -> None:
    assert size_and_frames(data)[0] <= 1


def test_units_are_counted_to_where_there_are_too_many() -> None:
    units = Units(left=100)
    av1.measure(memoryview(unit(2, b"") * 50), units)
    assert units.left == 50
    with pytest.raises(InvalidImage, match="too many units"):
        av1.measure(memoryview(unit(2, b"") * 500), units)
    assert units.left == -1


# What is read, and how often.


def test_pieces_are_counted() -> None:
    pieces = Pieces(bytes(1_000_000), USUAL_READS, {})

    def read_on() -> None:
        while pieces.read(1):
            pass

    with pytest.raises(InvalidImage, match="small pieces"):
        read_on()
    assert 400_000 < pieces.tell() < 600_000
