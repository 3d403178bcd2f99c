"""Files to begin with: drawn here in every form, and the photos and awkward files shared by all."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.shared_data import SHARED
from tests.vision.pictures import encode, quarters
from tests.vision.tiff import one_tile

_TIFF_COMPRESSIONS = (
    *("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma", "zstd"),
    *("group3", "group4"),
)
_LARGEST = 400_000
"""Bytes; of larger files most mutations hit the same."""


FOUND = Path(__file__).parent / "found"


@dataclass(frozen=True)
class Sample:
    name: str
    data: bytes


@cache
def corpus() -> tuple[Sample, ...]:
    return (*_drawn(), *_shared(), *attacks())


@cache
def attacks() -> tuple[Sample, ...]:
    """Files that cost a server too much once, if they are at hand."""
    paths = [*sorted(FOUND.iterdir()), *sorted((SHARED / "attacks").glob("*.*"))]
    return tuple(Sample(path.name, path.read_bytes()) for path in paths if _is_image(path))


def _drawn() -> list[Sample]:
    noise = np.random.default_rng(3).integers(0, 255, (40, 56, 4), dtype=np.uint8)
    rgba = Image.fromarray(noise)
    rgb, flat = rgba.convert("RGB"), quarters(56, 40)
    exif = Image.Exif()
    exif[0x0112], exif[0x011A] = 6, 72.0
    metadata: dict[str, Any] = {"exif": exif, "icc_profile": bytes(600), "xmp": b"<x/>" * 20}

    def frames(**how: Any) -> dict[str, Any]:
        return {"save_all": True, "append_images": [flat.copy(), rgb.copy()], **how}

    forms: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
        "baseline": (rgb, "JPEG", metadata),
        "progressive": (rgb, "JPEG", {"progressive": True, "subsampling": 2}),
        "restarts": (rgb, "JPEG", {"restart_marker_blocks": 1, "comment": b"c"}),
        "gray": (rgb.convert("L"), "JPEG", {}),
        "cmyk": (rgb.convert("CMYK"), "JPEG", {"progressive": True}),
        "mpo": (rgb, "MPO", frames()),
        "png": (rgba, "PNG", {k: v for k, v in metadata.items() if k != "xmp"}),
        "interlaced": (rgb.convert("1"), "PNG", {}),
        "palette": (flat.convert("P"), "PNG", {"transparency": bytes(200)}),
        "deep": (rgb.convert("I;16"), "PNG", {}),
        "apng": (rgb, "PNG", frames()),
        "gif": (flat, "GIF", {"comment": b"c" * 300}),
        "animated": (flat, "GIF", frames()),
        "bmp": (rgb, "BMP", {}),
        "bmp8": (flat.convert("P"), "BMP", {}),
        "webp": (rgb, "WEBP", metadata),
        "lossless": (rgba, "WEBP", {"lossless": True}),
        "frames": (rgba, "WEBP", frames(lossless=True)),
        "tiff": (rgb, "TIFF", {"tiffinfo": {274: 6}}),
        "floats": (rgb.convert("F"), "TIFF", {}),
        "pages": (rgb, "TIFF", frames()),
        "big": (rgb, "TIFF", {"big_tiff": True}),
        "avif": (rgba, "AVIF", metadata),
        "sequence": (rgb, "AVIF", frames(speed=10)),
    }
    for name in _TIFF_COMPRESSIONS:
        image = rgb.convert("1") if name.startswith("group") else rgb
        forms[f"tiff {name}"] = (image, "TIFF", {"compression": name})
    drawn = [
        Sample(name, encode(image.copy(), form, **how))
        for name, (image, form, how) in forms.items()
    ]
    return [*drawn, Sample("tile", one_tile((64, 64), tile=(64, 64))), Sample("rle", run_lengths())]


def run_lengths() -> bytes:
    """A BMP of 16 x 4 pixels in run lengths, with a jump and an absolute run."""
    runs = b"\x10\1\0\0" + b"\4\2\0\4\1\2\3\4\x08\3\0\0" + b"\0\2\0\1" + b"\x10\7\0\1"
    head = bytearray(encode(Image.new("P", (16, 4)), "BMP"))
    head[30:34], head[34:38] = b"\1\0\0\0", len(runs).to_bytes(4, "little")
    head[58:62] = b"\1\2\3\0"  # not all gray
    start = int.from_bytes(head[10:14], "little")
    return bytes(head[:start]) + runs


def _shared() -> list[Sample]:
    photos = sorted((SHARED / "eval" / "images").glob("*.jpg"))
    awkward = [path for path in sorted((SHARED / "images").glob("*")) if _is_image(path)]
    return [
        Sample(path.name, path.read_bytes())
        for path in [*photos, *awkward]
        if path.stat().st_size <= _LARGEST
    ]


def _is_image(path: Path) -> bool:
    return path.suffix not in (".md", ".tsv", ".py")
