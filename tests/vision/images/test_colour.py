"""Every colour mode as a person would see it, over white where it is transparent."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.vision.images import colour
from app.vision.images.colour import to_rgb
from tests.vision.pictures import encode, pixels, quarters, read

COLOURS = [(255, 0, 0), (0, 160, 0), (0, 0, 255), (255, 255, 0)]
PLACES = [(20, 20), (70, 20), (20, 50), (70, 50)]


def shown(data: bytes) -> list[Any]:
    """The colours of the four quarters."""
    return [read(data).rgb.getpixel(place) for place in PLACES]


def single(data: bytes) -> Any:
    picture = read(data)
    assert picture.rgb.mode == "RGB"
    return picture.rgb.getpixel((1, 1))


def flat(mode: str, value: Any, form: str = "PNG", **options: Any) -> bytes:
    return encode(Image.new(mode, (4, 4), value), form, **options)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF"])
def test_plain_colours_are_exact(form: str) -> None:
    assert shown(encode(quarters(), form)) == COLOURS


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk(form: str) -> None:
    for found, expected in zip(
        shown(encode(quarters().convert("CMYK"), form)), COLOURS, strict=True
    ):
        assert found == pytest.approx(expected, abs=4)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("1", 0, (0, 0, 0)),
        ("L", 77, (77, 77, 77)),
        ("LA", (77, 255), (77, 77, 77)),
        ("LA", (0, 0), (255, 255, 255)),
        ("LA", (0, 102), (153, 153, 153)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (200, 0, 100, 51), (244, 204, 224)),
    ],
)
def test_gray_and_alpha_over_white(mode: str, value: Any, expected: tuple[int, ...]) -> None:
    assert single(flat(mode, value)) == pytest.approx(expected, abs=1)


def test_transparency_of_webp_and_avif_is_over_white() -> None:
    assert single(flat("RGBA", (200, 0, 100, 51), "WEBP", lossless=True)) == pytest.approx(
        (244, 204, 224), abs=2
    )
    assert single(flat("RGBA", (10, 20, 30, 0), "AVIF")) == (255, 255, 255)


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_transparent_palette_entries_are_white(form: str) -> None:
    image = quarters().quantize(4)
    red: Any = image.getpixel((20, 20))
    assert shown(encode(image, form)) == COLOURS
    assert shown(encode(image, form, transparency=red)) == [(255, 255, 255), *COLOURS[1:]]


def test_palette_entries_of_a_png_may_be_half_transparent() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 0, 100])
    data = encode(image, "PNG", transparency=bytes([255, 51]))
    assert single(data) == pytest.approx((244, 204, 224), abs=1)


def test_a_transparent_colour_of_gray_and_rgb_pngs_is_white() -> None:
    assert single(flat("L", 77, transparency=77)) == (255, 255, 255)
    assert single(flat("L", 78, transparency=77)) == (78, 78, 78)
    assert single(flat("RGB", (1, 2, 3), transparency=(1, 2, 3))) == (255, 255, 255)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize(("value", "level"), [(0, 0), (65535, 255), (32768, 127), (257 * 77, 77)])
def test_sixteen_bits_of_gray_become_eight(form: str, value: int, level: int) -> None:
    image = Image.fromarray(np.full((4, 4), value, dtype=np.uint16))
    assert single(encode(image, form)) == pytest.approx((level,) * 3, abs=1)


def test_sixteen_bit_files_look_like_their_eight_bit_twins(shared: Any) -> None:
    eight = read((shared / "images" / "photo.jpg").read_bytes())
    deep = read((shared / "images" / "rgb16.png").read_bytes())
    assert np.abs(pixels(eight) - pixels(deep)).mean() < 3
    gray = read((shared / "images" / "gray16.png").read_bytes())
    assert np.abs(np.asarray(eight.rgb.convert("L")) - pixels(gray)[..., 0]).mean() < 3


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([0.0, 0.5, 1.0, 0.2], [0, 127, 255, 51]),  # of 0..1
        ([0.0, 100.0, 255.0, 51.4], [0, 100, 255, 51]),  # of 0..255
        ([0.0, 65535.0, 32768.0, 257.0], [0, 255, 127, 1]),  # of 16 bits
        ([0.0, 1e6, 5e5, 2e5], [0, 255, 127, 51]),  # of whatever it reaches
        ([-5.0, 100.0, 255.0, float("nan")], [0, 100, 255, 0]),
    ],
)
def test_floats_of_any_range_become_levels(values: list[float], levels: list[int]) -> None:
    data = encode(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF")
    assert pixels(read(data))[0, :, 1].tolist() == pytest.approx(levels, abs=1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("factor", [1, 2, 3, 7])
@pytest.mark.parametrize("part_pixels", [53 * 10, 40], ids=["rows", "less than a row"])
def test_converting_in_parts_equals_converting_at_once(
    mode: str, factor: int, part_pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(5)
    noise = random.integers(0, 256, (61, 53, 4), dtype=np.uint8)
    if mode == "I;16":
        image = Image.fromarray(random.integers(0, 65536, (61, 53), dtype=np.uint16))
    elif mode == "F":
        image = Image.fromarray(random.random((61, 53), dtype=np.float32))
    else:
        image = (
            Image.fromarray(noise, "RGBA") if mode == "RGBA" else Image.fromarray(noise[..., :3])
        )
        image = image.convert(mode)
    at_once = to_rgb(image, factor)
    monkeypatch.setattr(colour, "_PART_PIXELS", part_pixels)
    in_parts = to_rgb(image, factor)
    assert at_once.size == (-(-53 // factor), -(-61 // factor))
    assert at_once.tobytes() == in_parts.tobytes()


def test_alpha_is_laid_over_white_before_pixels_are_merged() -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((0, 0), (0, 0, 0, 255))
    assert to_rgb(image, 2).getpixel((0, 0)) == pytest.approx((128, 128, 128), abs=1)
