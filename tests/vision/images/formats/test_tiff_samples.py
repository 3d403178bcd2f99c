"""Samples of a TIFF in every layout: the picture that its fields say, or a refusal by name."""

import io
import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from app.errors import InvalidImageFormat
from tests.vision.pictures import encode, pixels, read
from tests.vision.tiff import SHORT, tiff
from tests.vision.tiff_layouts import (
    ASSOCIATED,
    MIN_IS_BLACK,
    MIN_IS_WHITE,
    RGB,
    SEPARATED,
    UNASSOCIATED,
    UNSPECIFIED,
    Layout,
    file,
    samples,
    shown,
)

SIZE = (70, 50)
PLAIN = Layout(RGB, 8, None, False, None, 7, "<", 1, False)
PARTS = [
    *itertools.product([None], [7], "<>"),
    *itertools.product([(16, 32), (128, 64)], [7], "<>"),
]
PACKED = [(1, False), (8, False), (8, True), (32773, False)]
DEPTHS = [
    *itertools.product([MIN_IS_WHITE, MIN_IS_BLACK], [None], [1, 2, 4]),
    *itertools.product(
        [MIN_IS_WHITE, MIN_IS_BLACK, RGB, SEPARATED],
        [None, UNSPECIFIED, ASSOCIATED, UNASSOCIATED],
        [8, 16],
    ),
]


def layouts(photometric: int, extra: int | None, bits: int) -> Iterator[Layout]:
    for (tile, rows, order), (packed, predictor), planar, fill in itertools.product(
        PARTS, PACKED, (False, True), (1, 2)
    ):
        if bits >= 8 or not predictor:
            yield Layout(
                *(photometric, bits, extra, planar, tile, rows, order, packed, predictor, fill)
            )


def has_to_be_read(layout: Layout) -> bool:
    """Others may be refused, if the answer names what is not read."""
    if layout.fill_order != 1:
        return False
    alpha = layout.extra in (ASSOCIATED, UNASSOCIATED)
    if layout.photometric == SEPARATED:
        return layout.extra is None
    if layout.photometric == RGB:
        return True
    return not alpha or (layout.photometric == MIN_IS_BLACK and not layout.planar)


@pytest.mark.parametrize(("photometric", "extra", "bits"), DEPTHS)
def test_every_layout(photometric: int, extra: int | None, bits: int) -> None:
    wrong = {}
    for layout in layouts(photometric, extra, bits):
        values = samples(layout, SIZE)
        try:
            off = np.abs(pixels(read(file(layout, values))) - shown(layout, values)).max()
        except InvalidImageFormat as error:
            named = f"{bits}-bit unsigned" in str(error)
            off = 0 if named and not has_to_be_read(layout) else 999
        if off > 3:
            wrong[str(layout)] = off
    assert wrong == {}


@pytest.mark.parametrize(
    ("photometric", "extra", "bits"), [depth for depth in DEPTHS if depth[2] not in (2, 4)]
)
def test_the_files_are_what_another_decoder_reads(
    photometric: int, extra: int | None, bits: int
) -> None:
    """The files written by hand are as they are meant.

    tifffile reads no turned bits, and 2 and 4 bits only beside imagecodecs, which are 30 MB.
    """
    for layout in layouts(photometric, extra, bits):
        if layout.fill_order != 1 or (bits == 1 and layout.planar):
            continue
        values = samples(layout, SIZE)
        found = tifffile.imread(io.BytesIO(file(layout, values)))
        axis = 0 if layout.planar and layout.samples > 1 else 2
        expected = np.moveaxis(values, 2, axis).squeeze()
        assert np.array_equal(found.astype(np.uint16), expected), str(layout)


@pytest.mark.parametrize(
    ("bits", "sample_format", "photometric", "name"),
    [
        (12, 1, MIN_IS_BLACK, "12-bit unsigned gray"),
        (12, 1, RGB, "12-bit unsigned RGB"),
        (24, 1, MIN_IS_BLACK, "24-bit unsigned gray"),
        (32, 1, MIN_IS_BLACK, "32-bit unsigned gray"),
        (32, 1, MIN_IS_WHITE, "32-bit unsigned gray"),
        (64, 1, MIN_IS_BLACK, "64-bit unsigned gray"),
        (8, 2, MIN_IS_BLACK, "8-bit signed gray"),
        (16, 2, MIN_IS_BLACK, "16-bit signed gray"),
        (16, 2, RGB, "16-bit signed RGB"),
        (32, 2, MIN_IS_BLACK, "32-bit signed gray"),
        (16, 3, MIN_IS_BLACK, "16-bit floating-point gray"),
        (32, 3, RGB, "32-bit floating-point RGB"),
        (32, 3, MIN_IS_WHITE, r"32-bit floating-point gray \(0 is white\)"),
        (64, 3, MIN_IS_BLACK, "64-bit floating-point gray"),
        (16, 5, MIN_IS_BLACK, "16-bit undefined gray"),
    ],
)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("planar", [1, 2])
def test_what_is_not_read_is_named(
    bits: int, sample_format: int, photometric: int, name: str, order: str, planar: int
) -> None:
    count = 3 if photometric == RGB else 1
    body = bytes(SIZE[0] * SIZE[1] * count * bits // 8)
    pieces = [body[i :: count if planar == 2 else 1] for i in range(count if planar == 2 else 1)]
    tags = {339: (SHORT, [sample_format] * count), 284: (SHORT, [planar])}
    data = tiff(SIZE, pieces, tags=tags, photometric=photometric, bits=[bits] * count, order=order)
    with pytest.raises(InvalidImageFormat, match=f"This TIFF has {name}"):
        read(data)


def test_samples_of_several_depths_are_named() -> None:
    with pytest.raises(InvalidImageFormat, match="5 and 6-bit"):
        read(tiff(SIZE, [bytes(7000)], bits=(5, 6, 5)))


@pytest.mark.parametrize(("photometric", "name"), [(3, "palette"), (4, "mask")])
def test_two_deep_samples_of_other_kinds_are_named(photometric: int, name: str) -> None:
    body = bytes(SIZE[0] * SIZE[1] * 4)
    with pytest.raises(InvalidImageFormat, match=f"16-bit unsigned {name}"):
        read(tiff(SIZE, [body], photometric=photometric, bits=[16, 16]))


def test_subsampled_colours_that_are_not_packed() -> None:
    tags = {530: (SHORT, [2, 2])}
    with pytest.raises(InvalidImageFormat, match="YCbCr"):
        read(tiff(SIZE, [bytes(7000)], photometric=6, tags=tags))


def test_lab_is_named() -> None:
    with pytest.raises(InvalidImageFormat, match="8-bit unsigned Lab"):
        read(tiff(SIZE, [bytes(SIZE[0] * SIZE[1] * 3)], photometric=8))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "I;16B", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_what_pillow_writes(mode: str, compression: str) -> None:
    values = samples(replace(PLAIN, extra=UNASSOCIATED), SIZE).astype(np.uint8)
    image = Image.fromarray(values, "RGBA")
    if mode.startswith("I;16"):
        deep = values[..., 0].astype(np.uint16) * 257
        order = ">" if mode == "I;16B" else "<"
        image = Image.frombytes(mode, SIZE, deep.astype(f"{order}u2").tobytes())
        expected = np.repeat(values[..., :1], 3, axis=2)
    elif mode in ("LA", "RGBA"):
        image = image.convert(mode)
        white = Image.new("RGBA", SIZE, (255, 255, 255, 255))
        expected = np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))
    else:
        image = image.convert("RGB").convert(mode)
        expected = np.asarray(image.convert("RGB"))
    found = pixels(read(encode(image, "TIFF", compression=compression)))
    assert np.abs(found - expected.astype(np.int16)).max() <= 1
