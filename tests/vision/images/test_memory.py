"""What is set aside for decoding is what decoding takes."""

import io
import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.errors import ImageTooLarge
from app.service.memory_shares import MOST_DECODING_BYTES, decoding_bytes
from app.settings import Settings
from app.vision.images import formats
from app.vision.images.formats.record import Pieces
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader
from tests.hostile.inserts import chunk, segment
from tests.server import REPOSITORY
from tests.vision.pictures import encode, full_size, quarters, read, reserved_bytes
from tests.vision.tiff import one_tile

SIDE = 2000
SLACK = 12_000_000
"""Of what is converted band by band, and of what Python and the allocator take."""

FORMS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "baseline": ("RGB", "JPEG", {}),
    "progressive": ("RGB", "JPEG", {"progressive": True, "subsampling": 0}),
    "progressive 4:2:0": ("RGB", "JPEG", {"progressive": True, "subsampling": 2}),
    "progressive CMYK": ("CMYK", "JPEG", {"progressive": True}),
    "PNG": ("RGB", "PNG", {"compress_level": 1}),
    "PNG with alpha": ("RGBA", "PNG", {"compress_level": 1}),
    "palette with alpha": ("P", "PNG", {"compress_level": 1, "transparency": bytes(range(256))}),
    "lossy WebP": ("RGB", "WEBP", {"method": 0}),
    "lossless WebP": ("RGBA", "WEBP", {"lossless": True, "quality": 0, "method": 0}),
    "GIF": ("P", "GIF", {}),
    "BMP": ("RGB", "BMP", {}),
    "TIFF": ("RGB", "TIFF", {}),
    "TIFF, LZW": ("RGB", "TIFF", {"compression": "tiff_lzw"}),
    "TIFF, one strip": ("RGBA", "TIFF", {"compression": "tiff_deflate", "tiffinfo": {278: SIDE}}),
    "TIFF, turned": ("RGB", "TIFF", {"tiffinfo": {274: 6}}),
    "TIFF, floats": ("F", "TIFF", {}),
    "AVIF": ("RGBA", "AVIF", {"speed": 10, "subsampling": "4:4:4"}),
}

# Told to forget its earlier peak, the process decodes each file as the service would.
MEASURE = r"""
import io, json, re, sys
from pathlib import Path
from PIL import Image
from app.vision.images import reader as module
from app.vision.images.memory import DecodingBudget

def status(key):
    text = Path("/proc/self/status").read_text()
    return int(re.search(key + r":\s+(\d+)", text)[1]) * 1024

class Recorder(DecodingBudget):
    def reserve(self, size):
        self.asked = size
        return super().reserve(size)

budget = Recorder(10**10)
reader = module.ImageReader(10**9, budget)
for path in sys.argv[2:]:
    data = Path(path).read_bytes()
    with Image.open(io.BytesIO(data)) as opened:
        form = opened.format
    warm = io.BytesIO()
    Image.new("RGB", (16, 16)).save(warm, form)
    reader.read(warm.getvalue(), lambda size: size)
    longest = int(sys.argv[1])
    cover = lambda size: tuple(round(side * min(1, longest / max(size))) for side in size)
    idle = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    reader.read(data, cover)
    print(json.dumps([budget.asked, status("VmHWM") - idle]))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(7)
    rough = Image.fromarray(random.integers(0, 256, (SIDE // 8, SIDE // 8, 4), dtype=np.uint8))
    image = rough.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    modes = {"P": image.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE)}
    written = {}
    for name, (mode, form, options) in FORMS.items():
        if mode not in modes:
            modes[mode] = image if mode == "RGBA" else image.convert("RGB").convert(mode)
        written[name] = folder / name.replace(" ", "_").replace(":", "")
        written[name].write_bytes(encode(modes[mode], form, **options))
    return written


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget a process's peak"
)
@pytest.mark.parametrize("longest", [640, SIDE])
def test_no_format_takes_more_than_was_set_aside(files: dict[str, Path], longest: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(longest), *files.values()],
        capture_output=True,
        check=True,
        cwd=REPOSITORY,
        # Freed memory goes back at once, so that one file's is not reused unseen for the next.
        env={"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"},
    )
    measured = [json.loads(line) for line in done.stdout.splitlines()]
    table = dict(zip(files, measured, strict=True))
    assert {n: (a, p) for n, (a, p) in table.items() if p > a + SLACK} == {}
    # Nor is twice as much set aside as is taken, or large photos would be refused for nothing.
    assert {n: (a, p) for n, (a, p) in table.items() if a > 2 * p + SLACK} == {}


def declared(width: int, height: int, form: str, **options: Any) -> int:
    """What is set aside for a photo of that size, read for an input of 640 pixels."""
    data = encode(quarters(), form, **options)
    image = Image.open(io.BytesIO(data))
    image._size = (width, height)
    return reserved_bytes(image, data, (width, height), width // 640)


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "subsampling": 0}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw", "tiffinfo": {278: 4000}}),
        ("AVIF", {}),
        ("AVIF", {"subsampling": "4:4:4"}),
    ],
)
def test_24_megapixels_fit_at_a_limit_of_one_gibibyte_and_50_without_one(
    form: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
    at_one_gibibyte = decoding_bytes(Settings.model_validate({}))
    assert declared(6000, 4000, form, **options) < at_one_gibibyte - 30_000_000
    assert declared(8165, 6123, form, **options) < MOST_DECODING_BYTES - 60_000_000


def test_a_jpeg_in_several_scans_counts_its_coefficients() -> None:
    """Two baseline scans are held as coefficients, too, as jpegtran and mozjpeg write them."""
    data = encode(quarters(1024, 1024), "JPEG", subsampling=0)
    size = (1024, 1024)

    def cost(data: bytes) -> int:
        return reserved_bytes(Image.open(io.BytesIO(data)), data, size, 8)

    single = b"\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00"
    assert single in data
    several = data.replace(single, b"\x00\x08\x01\x01\x00\x00\x3f\x00")
    assert cost(data) < 1024 * 1024 * 5
    assert cost(several) == 1024 * 1024 * (4 + 3 * 2)


def test_a_tile_much_larger_than_its_picture_is_refused() -> None:
    reader = ImageReader(10**6, DecodingBudget(50_000_000))
    with pytest.raises(ImageTooLarge, match="tiles of the TIFF have 36000000 pixels"):
        reader.read(one_tile((64, 64), tile=(6_000, 6_000)), full_size)
    with pytest.raises(ImageTooLarge, match="54 MB"):
        reader.read(one_tile((64, 64), tile=(4_500, 4_000)), full_size)
    assert reader.read(one_tile((64, 64), tile=(64, 64)), full_size).size == (64, 64)


RETAIN = r"""
import io, re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from PIL import Image
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader

def resident():
    text = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024

reader = ImageReader(10**9, DecodingBudget(10**9))
out = io.BytesIO()
Image.new("RGB", (5000, 4000)).save(out, "PNG", compress_level=1)
with ThreadPoolExecutor(2) as threads:
    before = resident()
    for _ in range(2):
        list(threads.map(lambda _: reader.read(out.getvalue(), lambda _: (640, 512)), range(2)))
    print(resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
def test_the_memory_of_large_photos_is_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RETAIN],
        capture_output=True,
        check=True,
        cwd=REPOSITORY,
    )
    assert int(done.stdout) < 40_000_000  # of 80 MB a thread


def with_metadata(form: str, size: int) -> bytes:
    plain = encode(quarters(), form)
    if form == "JPEG":
        segments = [
            segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 60]) + bytes(65_000)) for n in range(60)
        ]
        return plain[:2] + b"".join(segments) * (size // 3_900_000 + 1) + plain[2:]
    if form == "GIF":
        at = plain.index(b"\x2c", 13)
        return plain[:at] + b"!\xfe" + (b"\xff" + bytes(255)) * (size // 255) + b"\0" + plain[at:]
    return encode(quarters(), form, icc_profile=bytes(size))


@pytest.mark.parametrize("form", ["GIF", "WEBP", "TIFF", "AVIF"])
def test_metadata_is_reserved_before_anything_is_copied(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening the file copies it, and so waits like a decoder."""
    data = with_metadata(form, 3_000_000)
    reserved: list[int] = []

    class Recorder(DecodingBudget):
        @contextmanager
        def reserve(self, size: int) -> Iterator[None]:
            reserved.append(size)
            with super().reserve(size):
                yield
            reserved.append(-size)

    picture = ImageReader(10**6, Recorder(10**8)).read(data, full_size)
    assert picture.size == (96, 64)
    opening, opened, decoding, decoded = reserved
    assert opening == -opened
    assert decoding == -decoded
    assert decoding > opening >= 3_000_000
    monkeypatch.setattr(Pieces, "read", lambda *_: pytest.fail("opened"))
    with pytest.raises(ImageTooLarge, match="set aside"):
        ImageReader(10**6, DecodingBudget(2_500_000)).read(data, full_size)


def test_texts_of_a_png_are_not_read() -> None:
    plain = encode(quarters(), "PNG")
    packed = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 1_000_000))
    for data in (
        plain,
        plain[:33] + packed * 7 + plain[33:],
        plain[:-12] + packed * 7 + plain[-12:],
    ):
        assert formats.require(data).inspect(data, 10**6).metadata_bytes == 0
        assert read(data).size == (96, 64)
