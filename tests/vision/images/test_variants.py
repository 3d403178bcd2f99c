"""Variants of formats that are known and not read are told by their kind; brands of HEIF."""

import struct
from pathlib import Path

import pytest

from app.errors import InvalidImage, InvalidImageFormat, SpotterError
from app.vision.images import formats
from app.vision.images.formats import record
from tests.vision.pictures import read


def bmp(compression: int, bits: int, masks: tuple[int, ...]) -> bytes:
    fields = struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, bits, compression, 0, 0, 0, 0, 0)
    header = fields + struct.pack(f"<{len(masks)}I", *masks)
    start = 14 + len(header)
    body = bytes(8 * 8 * bits // 8)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + body


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (bmp(3, 32, (0x3FF00000, 0xFFC00, 0x3FF)), "bitfields"),
        (bmp(6, 32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)), "compression"),
        (bmp(4, 24, ()), "compression"),
        (bmp(0, 2, ()), "pixel depth"),
    ],
)
def test_a_bmp_that_is_not_read_is_told_by_its_kind(data: bytes, name: str) -> None:
    with pytest.raises(InvalidImageFormat, match=name):
        read(data)


def test_masks_of_few_bits_that_are_not_read() -> None:
    with pytest.raises(InvalidImage, match="masks"):
        read(bmp(3, 16, (0xF000, 0xF00, 0xF0)))


@pytest.mark.parametrize(
    ("brands", "name"),
    [
        ((b"mif1",), "HEIC"),
        ((b"msf1", b"msf1"), "HEIC"),
        ((b"XXXX", b"miaf", b"mif1"), "HEIC"),
        ((b"mif1", b"heic"), "HEIC"),
        ((b"mif1", b"miaf", b"avif"), "AVIF"),
        ((b"msf1", b"avis"), "AVIF"),
    ],
)
def test_brands(brands: tuple[bytes, ...], name: str) -> None:
    body = b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])
    found = formats.recognise(struct.pack(">I", 4 + len(body)) + body + bytes(40))
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("brands", [(b"isom", b"mp42"), (b"M4A ",), (b"qt  ",)])
def test_films_are_no_pictures(brands: tuple[bytes, ...]) -> None:
    body = b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])
    assert formats.recognise(struct.pack(">I", 4 + len(body)) + body + bytes(40)) is None


SERVED = {
    "apng_default_image_not_a_frame.png": (162, 216),
    "avif_xmp_orientation_only.avif": (405, 540),
    "jpeg_exif6_pad_ff.jpg": (405, 540),
    "jpeg_no_eoi.jpg": (405, 540),
    "jpeg_short_adobe.jpg": (405, 540),
    "jpeg_xmp_orientation_only.jpg": (405, 540),
    "png16_gray_trns.png": (162, 216),
    "tiff_minwhite16.tif": (162, 216),
    "tiff_planar16.tif": (162, 216),
    **dict.fromkeys(
        [f"png_badcrc_{kind}.png" for kind in ("gAMA", "pHYs", "prVt", "tEXt")]
        + [f"png_short_{kind}.png" for kind in ("cHRM", "gAMA", "pHYs")]
        + ["png_icc_2.2mb.png", "png_iccp_bad_method.png", "png_ztxt_1.6mb_text.png"],
        (162, 216),
    ),
}
REFUSED = {
    "bmp_10bit_masks.bmp": "bitfields",
    "bmp_alphabitfields.bmp": "compression",
    "heic_mif1_brand_only.heic": "HEIC",
    "jpeg_12bit.jpg": "12 bits",
    "tiff_float_rgb.tif": "32-bit floating-point RGB",
    "tiff_gray12.tif": "12-bit unsigned gray",
    "tiff_u32.tif": "32-bit unsigned gray",
}


@pytest.mark.parametrize("name", SERVED)
def test_reports_from_the_field_that_are_served(shared: Path, name: str) -> None:
    assert read((shared / "reports" / name).read_bytes()).size == SERVED[name]


@pytest.mark.parametrize("name", REFUSED)
def test_reports_from_the_field_that_are_refused_by_name(
    shared: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "find_spec", lambda _: None)  # without HEIC's extra
    with pytest.raises(SpotterError, match=REFUSED[name]) as refused:
        read((shared / "reports" / name).read_bytes())
    assert refused.value.status == 415
