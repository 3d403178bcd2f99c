"""WebP: what its chunks and the codes of a lossless one declare before a decoder makes room."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, WebPImagePlugin

from app.errors import ImageTooLarge, InvalidImage
from app.vision.images.vp8l import GroupCounter
from tests.vision.cost import MOST_BYTES, measurable, measure
from tests.vision.pictures import encode, full_size, pixels, quarters, read

ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)


def photo(width: int, height: int, channels: int = 3) -> Image.Image:
    rough = np.random.default_rng(5).integers(0, 256, (height // 6, width // 6, channels))
    image = Image.fromarray(rough.astype(np.uint8))
    return image.resize((width, height), Image.Resampling.BICUBIC)


def riff(kind: bytes, body: bytes) -> bytes:
    chunk = kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


class Writer:
    """Bits, the lowest of each byte first."""

    def __init__(self) -> None:
        self.text = ""

    def put(self, value: int, count: int) -> None:
        self.text += f"{value:0{count}b}"[::-1] if count else ""

    def one_symbol(self) -> None:
        """A code of one symbol, 0, which takes no bits."""
        self.put(1, 1)
        self.put(0, 3)

    def every_byte(self) -> None:
        """A code of 256 symbols of eight bits each."""
        self.put(0, 1)
        self.put(8, 4)
        for symbol in ORDER[:12]:
            self.put(symbol == 8, 3)
        self.put(1, 1)
        self.put(3, 3)
        self.put(254, 8)

    def bytes(self) -> bytes:
        text = self.text + "0" * (-len(self.text) % 8)
        return int(text[::-1], 2).to_bytes(len(text) // 8, "little")


def of_groups(side: int, different: int) -> bytes:
    """A lossless WebP whose blocks of 4 x 4 name so many groups of codes, each of one symbol."""
    bits = Writer()
    for value, count in ((0x2F, 8), (side - 1, 14), (side - 1, 14), (0, 1), (0, 3)):
        bits.put(value, count)
    bits.put(0, 2)  # no transform, no cache
    bits.put(1, 1)
    bits.put(0, 3)
    bits.put(0, 1)
    bits.every_byte()
    bits.every_byte()
    for _ in range(3):
        bits.one_symbol()
    blocks = side // 4
    for index in range(blocks * blocks):
        group = min(index, different - 1)
        for value in (group & 255, group >> 8):
            bits.text += f"{value:08b}"  # of a code, the highest bit comes first
    codes = Writer()
    for _ in range(5):
        codes.one_symbol()
    bits.text += codes.text * different
    return riff(b"VP8L", bits.bytes())


def counted(data: bytes) -> int:
    body = memoryview(data)[20:]
    sizes = int.from_bytes(body[1:5], "little")
    size = 1 + (sizes & 0x3FFF), 1 + (sizes >> 14 & 0x3FFF)
    return GroupCounter().groups(body[5:], size)


@pytest.mark.parametrize("different", [1, 2, 255, 1000, 4096])
def test_groups_of_codes_are_counted(different: int) -> None:
    data = of_groups(256, different)
    assert counted(data) == different
    assert read(data).size == (256, 256)


@pytest.mark.skipif(not measurable, reason="only Linux can forget a process's peak")
def test_many_groups_are_refused_and_fewer_are_reserved() -> None:
    found = measure({"most": of_groups(1024, 65_536), "some": of_groups(1024, 10_000)})
    assert found["most"].outcome == "ImageTooLarge"
    assert all(one.within_the_rule for one in found.values()), found
    assert found["some"].outcome == "decoded"
    assert found["some"].bytes < found["some"].asked < MOST_BYTES


@pytest.mark.parametrize("method", [0, 3, 6])
@pytest.mark.parametrize("quality", [0, 100])
@pytest.mark.parametrize("colours", [0, 2, 3, 10, 60])
def test_lossless_photos_are_read_as_they_were_written(
    method: int, quality: int, colours: int
) -> None:
    image = photo(203, 151)
    if colours:
        image = image.quantize(colours).convert("RGB")
    data = encode(image, "WEBP", lossless=True, method=method, quality=quality)
    assert data[12:16] == b"VP8L"
    assert 1 <= counted(data) < 100
    assert np.array_equal(pixels(read(data)), np.asarray(image))


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0II*\0"}])
@pytest.mark.parametrize("animated", [False, True])
def test_transparency_and_animations_are_read(options: dict[str, Any], animated: bool) -> None:
    image = photo(200, 152, 4)
    more: dict[str, Any] = (
        {"save_all": True, "append_images": [photo(200, 152)]} if animated else {}
    )
    data = encode(image, "WEBP", **options, **more)
    assert read(data).size == (200, 152)
    if b"ALPH" in data:
        start = data.index(b"ALPH") + 8
        broken = data[:start] + b"\x01" + b"\xff" * 50 + data[start + 51 :]
        with pytest.raises(InvalidImage):
            read(broken)


@pytest.mark.parametrize("part", [0.01, 0.1, 0.5])
def test_a_truncated_lossless_file_is_invalid(part: float) -> None:
    data = encode(photo(203, 151), "WEBP", lossless=True)
    body = data[20:]
    with pytest.raises(InvalidImage):
        read(riff(b"VP8L", body[: int(len(body) * part)]))


def test_a_large_canvas_is_refused_before_the_file_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(WebPImagePlugin.WebPImageFile, "_open", lambda _: pytest.fail("opened"))
    lossy = bytearray(encode(quarters(), "WEBP"))
    lossy[26:30] = struct.pack("<HH", 16_000, 16_000)
    lossless = bytearray(encode(quarters(), "WEBP", lossless=True))
    lossless[21:25] = struct.pack("<I", 15_999 | 15_999 << 14)
    extended = bytearray(encode(photo(60, 60, 4), "WEBP"))
    assert extended[12:16] == b"VP8X"
    extended[24:30] = (15_999).to_bytes(3, "little") * 2
    for data in (lossy, lossless, extended):
        with pytest.raises(ImageTooLarge, match="16000 x 16000"):
            read(bytes(data))


def test_more_lossless_parts_than_a_picture_needs_are_refused() -> None:
    chunk = encode(quarters(), "WEBP", lossless=True)[12:]
    with pytest.raises(InvalidImage, match="parts"):
        read(b"RIFF" + struct.pack("<I", 4 + 5 * len(chunk)) + b"WEBP" + chunk * 5)


def test_the_shared_files_are_read(shared: Path) -> None:
    for path in sorted((shared / "images").glob("*.webp")):
        assert read(path.read_bytes(), full_size).size[0] > 0
