"""AVIF and HEIC: honest files pass; what makes a small file cost much is refused by its bytes."""

import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from app.errors import ImageTooLarge, InvalidImage, InvalidImageFormat, SpotterError
from app.vision.images.formats import avif, heif
from app.vision.images.iso_media import avif_cost, heif_cost, hevc, structure
from app.vision.images.iso_media.coded import Coded as Measured
from app.vision.images.iso_media.coded import Units
from app.vision.images.iso_media.cost import Cost
from tests.vision.cost import measurable, measure
from tests.vision.iso_files import (
    ALPHA,
    Coded,
    Part,
    Reference,
    av1,
    box,
    boxes,
    grid,
    iso_file,
    ispe,
    taken_out,
)
from tests.vision.pictures import encode, quarters

FORMATS = {"AVIF": avif.FORMAT, "HEIC": heif.FORMAT}
COSTS = {"AVIF": avif_cost.cost_of, "HEIC": heif_cost.cost_of}
MAX_PIXELS = 50_000_000
SMALL = 64
LARGE = (4000, 3000)
START = iso_file("AVIF", {}).index(b"mdat") + 4


def check(form: str, data: bytes, max_pixels: int = MAX_PIXELS) -> None:
    FORMATS[form].inspect(data, max_pixels)


def cost_of(form: str, data: bytes) -> Cost:
    return COSTS[form](structure.read(data))


class Samples(NamedTuple):
    kind: bytes
    small: Coded
    """64 x 64."""
    large: Coded
    """12 megapixels, or said to be."""
    tile: Coded
    """512 x 512, or said to be."""


def resized(coded: Coded, width: int, height: int) -> Coded:
    """The same, said to be of another size."""
    kept = [one for one in coded.properties if one[4:8] != b"ispe"]
    return Coded(coded.content, (ispe(width, height), *kept))


def drawn(form: str, small: Coded) -> Samples:
    """Sizes are declared only: enough for what is told from the structure."""
    kind = {"AVIF": b"av01", "HEIC": b"hvc1"}[form]
    return Samples(kind, small, resized(small, *LARGE), resized(small, 512, 512))


def exp_golomb(value: int) -> str:
    digits = f"{value + 1:b}"
    return "0" * (len(digits) - 1) + digits


def sequence_parameters(width: int, height: int, *, layer: int = 0, depth: int = 8) -> bytes:
    """A unit that declares the size of pictures; as much of it as is read."""
    text = "0000" + "000" + "1" + "0" * 96 + exp_golomb(0) + exp_golomb(1)
    text += exp_golomb(width) + exp_golomb(height) + "0" + 2 * exp_golomb(depth - 8)
    text += "0" * (-len(text) % 8)
    body = int(text, 2).to_bytes(len(text) // 8, "big")
    escaped = b""
    for byte in body:  # 7.3.1.1
        if escaped[-2:] == b"\0\0" and byte <= 3:
            escaped += b"\3"
        escaped += bytes([byte])
    return bytes([33 << 1 | layer >> 5, (layer & 31) << 3 | 1]) + escaped


def configuration(*units: bytes, depth: int = 8) -> bytes:
    arrays = b"\xa1" + struct.pack(">H", len(units))
    arrays += b"".join(struct.pack(">H", len(unit)) + unit for unit in units)
    return box(b"hvcC", b"\1" + bytes(16) + bytes([depth - 8] * 2) + b"\0\0\xff\1" + arrays)


def slices(*firsts: bool) -> bytes:
    """Slices that begin a picture, or go on with one."""
    units = [bytes([19 << 1, 1, first << 7 | 1]) for first in firsts]
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


def hevc_like(width: int = SMALL, height: int = SMALL) -> Coded:
    """No decoder reads it; what is counted does."""
    settings = configuration(sequence_parameters(width, height))
    return Coded(slices(True), (ispe(width, height), settings))


@pytest.fixture(scope="module", params=["AVIF", "HEIC"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def samples(form: str) -> Samples:
    if form == "AVIF":
        return drawn(form, av1(quarters(SMALL, SMALL)))
    return drawn(form, hevc_like())


def grid_file(form: str, tile: Part, columns: int, rows: int, size: tuple[int, int]) -> bytes:
    numbers = range(2, 2 + columns * rows)
    head = Part(b"grid", grid(columns, rows, *size), (ispe(*size),))
    return iso_file(form, {1: head, **dict.fromkeys(numbers, tile)}, [(b"dimg", 1, list(numbers))])


# Honest files.


def test_a_grid_of_equal_tiles_passes(form: str, samples: Samples) -> None:
    """48 tiles of a telephone's photo, all sky: stored once."""
    tile = samples.tile.part(samples.kind, hidden=True)
    data = grid_file(form, tile, 8, 6, (4032, 3024))
    assert len(data) < 20_000
    check(form, data)
    cost = cost_of(form, data)
    assert cost.declared == 4032 * 3024
    assert 48 * 512 * 512 < cost.pixels < 1.1 * 48 * 512 * 512


def test_what_decoding_the_picture_does_not_touch_is_not_counted(
    form: str, samples: Samples
) -> None:
    depth = box(b"auxC", bytes(4) + b"urn:mpeg:hevc:2015:auxid:2\0")
    others = {n: samples.large.part(samples.kind) for n in range(2, 40)}
    others |= {n: samples.large.part(samples.kind, depth) for n in range(40, 80)}
    links: list[Reference] = [(b"thmb", n, [1]) for n in range(2, 40)]
    links += [(b"auxl", n, [1]) for n in range(40, 80)]
    data = iso_file(form, {1: samples.small.part(samples.kind), **others}, links)
    check(form, data)
    assert cost_of(form, data).pixels < 20_000


def test_transparency_is_counted(form: str, samples: Samples) -> None:
    parts = {1: samples.small.part(samples.kind), 2: samples.small.part(samples.kind, ALPHA)}
    with_alpha = iso_file(form, parts, [(b"auxl", 2, [1])])
    without = iso_file(form, parts)
    costs = [cost_of(form, data).pixels for data in (with_alpha, without)]
    assert costs[0] == 2 * costs[1]


def test_a_grid_decodes_as_its_tiles_are() -> None:
    tile = av1(quarters(SMALL, SMALL), quality=95).part(b"av01", hidden=True)
    found = measure({"grid": grid_file("AVIF", tile, 3, 2, (192, 128))})["grid"]
    assert (found.outcome, found.detail) == ("decoded", "192 x 128")


def test_grids_of_heic_decode(shared: Path) -> None:
    """Tiles that are the same item content, taken out of a real file."""
    coded = taken_out((shared / "images" / "multi.heic").read_bytes())
    tile = coded.part(b"hvc1", hidden=True)
    found = measure({"grid": grid_file("HEIC", tile, 8, 6, (512, 384))})["grid"]
    assert (found.outcome, found.detail) == ("decoded", "512 x 384")


def test_a_heic_of_24_megapixels_in_a_camera_s_best_quality_is_read(shared: Path) -> None:
    """The tiles of a real photo, of 2.4 bits a pixel, over and over."""
    tile = taken_out((shared / "images" / "photo.heic").read_bytes()).part(b"hvc1", hidden=True)
    found = measure({"large": grid_file("HEIC", tile, 5, 5, (6000, 4000))})["large"]
    assert (found.outcome, found.detail) == ("decoded", "6000 x 4000")


def test_honest_files_are_read(shared: Path) -> None:
    names = ("photo.avif", "rotated_irot.avif", "small.avif", "exif_or_xmp_orientation.avif")
    files = {n: (shared / "images" / n).read_bytes() for n in (*names, "photo.heic", "multi.heic")}
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (60, 80, 4), dtype=np.uint8))
    files["alpha"] = encode(noise, "AVIF")
    files["sequence"] = encode(noise, "AVIF", save_all=True, append_images=[noise] * 20)
    files["grey"] = encode(noise.convert("L"), "AVIF")
    found = measure(files)
    assert {name: one.outcome for name, one in found.items()} == dict.fromkeys(files, "decoded")
    assert found["photo.heic"].detail == "1280 x 854"
    assert found["alpha"].detail == found["sequence"].detail == "80 x 60"


def test_a_photo_may_be_as_large_as_is_allowed(shared: Path) -> None:
    """The coded picture has rows that are cut off; they do not count."""
    data = (shared / "images" / "photo.heic").read_bytes()
    check("HEIC", data, 1280 * 854)
    with pytest.raises(ImageTooLarge, match="1093119 are"):
        check("HEIC", data, 1280 * 854 - 1)


# Files that read bytes, boxes and items more often than they have them.


@pytest.mark.parametrize("count", [2, 100, 9000])
@pytest.mark.parametrize("length", [0, 3000])
def test_an_item_that_has_the_same_bytes_again_and_again(
    form: str, samples: Samples, count: int, length: int
) -> None:
    again = Part(samples.kind, b"", samples.small.properties, extents=((START, length),) * count)
    data = iso_file(
        form, {1: again, 2: samples.small.part(samples.kind)}, behind=box(b"free", bytes(3000))
    )
    with pytest.raises(InvalidImage, match="share bytes"):
        check(form, data)


@pytest.mark.parametrize("count", [3, 500, 3000])
def test_items_over_each_other(form: str, samples: Samples, count: int) -> None:
    """Each begins a byte later and goes on to the end of the file."""
    others = {
        n: Part(samples.kind, b"", samples.small.properties, extents=((START + n, 0),))
        for n in range(2, 2 + count)
    }
    with pytest.raises(InvalidImage, match="share bytes"):
        check(form, iso_file(form, {1: samples.small.part(samples.kind), **others}))


@pytest.mark.parametrize("kind", [b"Exif", b"mime", b"grid", b"abcd"])
@pytest.mark.parametrize("count", [2, 1000])
def test_metadata_that_is_stored_once_and_copied_for_each_item(
    form: str, samples: Samples, kind: bytes, count: int
) -> None:
    parts = {1: samples.small.part(samples.kind)}
    parts |= {n: Part(kind, bytes(100_000)) for n in range(2, 2 + count)}
    links: list[Reference] = [(b"cdsc", n, [1]) for n in range(2, 2 + count)]
    with pytest.raises(InvalidImage, match="share bytes"):
        check(form, iso_file(form, parts, links))


def test_more_metadata_than_is_copied(form: str, samples: Samples) -> None:
    for size, allowed in ((5_000_000, True), (9_000_000, False)):
        parts = {1: samples.small.part(samples.kind), 2: Part(b"Exif", bytes(size))}
        data = iso_file(form, parts, [(b"cdsc", 2, [1])])
        if allowed:
            check(form, data)
        else:
            with pytest.raises(InvalidImage, match="metadata"):
                check(form, data)


def test_a_colour_profile_for_each_picture_of_a_heic() -> None:
    profile = box(b"colr", b"prof" + bytes(100_000))
    for count, allowed in ((10, True), (900, False)):
        parts = {n: hevc_like().part(b"hvc1", profile) for n in range(1, 1 + count)}
        if allowed:
            check("HEIC", iso_file("HEIC", parts))
        else:
            with pytest.raises(InvalidImage, match="metadata"):
                check("HEIC", iso_file("HEIC", parts))


def test_a_second_meta_or_moov(form: str, samples: Samples) -> None:
    parts = {1: samples.small.part(samples.kind)}
    meta, moov = box(b"meta", bytes(4)), box(b"moov")
    check(form, iso_file(form, parts, behind=moov))
    for behind, name in ((meta, "meta"), (box(b"free") + meta * 9000, "meta"), (moov * 2, "moov")):
        with pytest.raises(InvalidImage, match=f"second '{name}'"):
            check(form, iso_file(form, parts, behind=behind))


def test_parts_of_meta_twice(form: str, samples: Samples) -> None:
    parts = {1: samples.small.part(samples.kind)}
    for kind in (b"iloc", b"iinf", b"iref", b"iprp", b"idat", b"pitm"):
        with pytest.raises(InvalidImage, match="twice"):
            check(form, iso_file(form, parts, meta=box(kind, bytes(8)) * 2))


@pytest.mark.parametrize("count", [10_001, 300_000, 2_000_000])
def test_boxes_by_the_thousand(form: str, samples: Samples, count: int) -> None:
    flood = box(b"free") * count
    parts = {1: samples.small.part(samples.kind)}
    began = time.process_time()
    for data in (
        iso_file(form, parts, behind=flood),
        iso_file(form, parts, meta=box(b"iprp", box(b"ipco", flood))),
        iso_file(form, parts, meta=box(b"dinf", flood)),
        iso_file(form, parts, behind=box(b"moov", box(b"trak", box(b"udta", flood)))),
    ):
        with pytest.raises(InvalidImage, match=r"boxes|twice"):
            check(form, data)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("off", [-6, -4, -1, 1, 4, 14, 1000])
def test_references_whose_size_is_not_that_of_what_they_hold(
    form: str, samples: Samples, off: int
) -> None:
    """libheif goes on behind the last number of one, and would see more of them."""
    parts = {n: Part(b"iden", properties=(ispe(64, 64),)) for n in range(2, 9)}
    links = [(b"dimg", n, [n - 1]) for n in parts]
    data = iso_file(form, {1: samples.small.part(samples.kind), **parts}, links, primary=8)
    check(form, data)
    at = data.index(b"dimg") - 4
    size = int.from_bytes(data[at : at + 4], "big") + off
    with pytest.raises(InvalidImage, match="'iref'"):
        check(form, data[:at] + size.to_bytes(4, "big") + data[at + 4 :])


def test_boxes_in_boxes(form: str, samples: Samples) -> None:
    nested = b""
    for _ in range(1000):
        nested = box(b"dinf", nested)
    with pytest.raises(InvalidImage, match="nested too deeply"):
        check(form, iso_file(form, {1: samples.small.part(samples.kind)}, meta=nested))


def test_items_and_entries_are_counted(form: str, samples: Samples) -> None:
    parts = {1: samples.small.part(samples.kind)}
    with pytest.raises(InvalidImage, match="items"):
        check(form, iso_file(form, parts | {n: Part(b"abcd") for n in range(2, 5000)}))
    with pytest.raises(InvalidImage, match="items"):  # which are only mentioned
        check(form, iso_file(form, parts, [(b"abcd", 1, range(2, 5000))]))
    with pytest.raises(InvalidImage, match="entries"):
        check(form, iso_file(form, parts, [(b"abcd", 1, [2] * 21_000)]))
    turned = Part(b"abcd", b"", (box(b"irot", b"\1"),) * 255)
    with pytest.raises(InvalidImage, match="entries"):
        check(form, iso_file(form, parts | dict.fromkeys(range(2, 100), turned)))


def test_two_items_of_one_number(form: str, samples: Samples) -> None:
    data = iso_file(form, {n: samples.small.part(samples.kind) for n in (1, 2)})
    number = struct.pack(">I", 2)
    name = data.index(number + bytes(2) + samples.kind)
    twice = data[:name] + struct.pack(">I", 1) + data[name + 4 :]
    with pytest.raises(InvalidImage, match="same number"):
        check(form, twice)
    place = data.index(number + struct.pack(">HHH", 0, 0, 1))
    twice = data[:place] + struct.pack(">I", 1) + data[place + 4 :]
    with pytest.raises(InvalidImage, match="location of one of its items twice"):
        check(form, twice)


def test_forms_that_are_not_read(form: str, samples: Samples) -> None:
    parts = {1: samples.small.part(samples.kind)}
    with pytest.raises(InvalidImage, match="mini"):
        check(form, iso_file(form, parts, behind=box(b"mini", bytes(50))))
    inside = Part(samples.kind, b"", samples.small.properties, extents=((0, 9),), method=2)
    with pytest.raises(InvalidImage, match="a way that is not supported"):
        check(form, iso_file(form, {1: inside}))


# Files whose picture takes the decoding of many.


@pytest.mark.parametrize("count", [1, 3, 100])
def test_overlays_are_refused_by_name(count: int) -> None:
    numbers = range(2, 2 + count)
    parts = {1: Part(b"iovl", bytes(20 + 8 * count), (ispe(SMALL, SMALL),))}
    parts |= {n: hevc_like().part(b"hvc1") for n in numbers}
    with pytest.raises(InvalidImageFormat, match=r"overlay.*JPEG"):
        check("HEIC", iso_file("HEIC", parts, [(b"dimg", 1, numbers)]))
    # Beside the picture it is not decoded.
    check("HEIC", iso_file("HEIC", parts, [(b"dimg", 1, numbers)], primary=2))


def test_overlays_inside_of_others() -> None:
    parts = {1: Part(b"iden", b"", (ispe(64, 64),)), 2: Part(b"iovl", bytes(28), (ispe(64, 64),))}
    parts[3] = hevc_like().part(b"hvc1")
    links: list[Reference] = [(b"dimg", 1, [2]), (b"dimg", 2, [3])]
    with pytest.raises(InvalidImageFormat, match="overlay"):
        check("HEIC", iso_file("HEIC", parts, links))


@pytest.mark.parametrize("count", [9, 100, 900])
@pytest.mark.parametrize("shared", [False, True])
def test_grids_of_many_large_tiles(form: str, samples: Samples, count: int, shared: bool) -> None:
    """As items of their own, and as one item that is referenced as often."""
    numbers = [2] * count if shared else list(range(2, 2 + count))
    parts = {1: Part(b"grid", grid(9, count // 9, SMALL, SMALL), (ispe(SMALL, SMALL),))}
    parts |= {n: samples.large.part(samples.kind, hidden=True) for n in numbers}
    with pytest.raises(ImageTooLarge, match="tiles"):
        check(form, iso_file(form, parts, [(b"dimg", 1, numbers)]))


def test_grids_of_grids(form: str, samples: Samples) -> None:
    parts = {n: Part(b"grid", grid(16, 16, 64, 64), (ispe(64, 64),)) for n in (1, 2, 3, 4)}
    parts[5] = samples.small.part(samples.kind)
    links: list[Reference] = [(b"dimg", n, [n + 1] * 256) for n in (1, 2, 3, 4)]
    with pytest.raises(ImageTooLarge, match="tiles"):
        check(form, iso_file(form, parts, links))


@pytest.mark.parametrize("links", [[1], [2], [1, 2, 3]])
def test_pictures_that_are_made_of_themselves(
    form: str, samples: Samples, links: list[int]
) -> None:
    parts = {n: Part(b"iden", b"", (ispe(64, 64),)) for n in (1, 2, 3)}
    circle: list[Reference] = [(b"dimg", n, links) for n in (1, 2, 3)]
    with pytest.raises(InvalidImage, match="nested too deeply"):
        check(form, iso_file(form, parts, circle))


def test_tiles_without_number(form: str, samples: Samples) -> None:
    """Each takes a decoder to begin with, however small it is."""
    for side, allowed in ((20, True), (60, False)):
        numbers = [2] * side * side
        parts = {1: Part(b"grid", grid(side, side, SMALL, SMALL), (ispe(SMALL, SMALL),))}
        parts[2] = samples.small.part(samples.kind)
        data = iso_file(form, parts, [(b"dimg", 1, numbers)])
        if allowed:
            check(form, data)
        else:
            with pytest.raises(ImageTooLarge, match="tiles"):
                check(form, data)


def test_transparency_many_times_over(form: str, samples: Samples) -> None:
    parts = {1: samples.small.part(samples.kind)}
    parts |= {n: samples.large.part(samples.kind, ALPHA) for n in range(2, 50)}
    links: list[Reference] = [(b"auxl", n, [1]) for n in range(2, 50)]
    with pytest.raises(ImageTooLarge, match="would process"):
        check(form, iso_file(form, parts, links))


def test_a_heic_that_is_turned_again_and_again() -> None:
    for kind in (b"irot", b"imir", b"clap"):
        for count, allowed in ((1, True), (200, False)):
            large = resized(hevc_like(), *LARGE).part(b"hvc1", *(box(kind, b"\1"),) * count)
            if allowed:
                check("HEIC", iso_file("HEIC", {1: large}))
            else:
                with pytest.raises(ImageTooLarge, match="would process"):
                    check("HEIC", iso_file("HEIC", {1: large}))


def test_a_picture_of_which_none_is_the_first(form: str, samples: Samples) -> None:
    """Decoders then take another: the one that costs most is counted."""
    huge = {n: samples.large.part(samples.kind, hidden=True) for n in range(10, 40)}
    head = Part(b"grid", grid(30, 1, 64, 64), (ispe(64, 64),))
    parts = {1: samples.small.part(samples.kind, hidden=True), 2: head, **huge}
    with pytest.raises(ImageTooLarge, match="would process"):
        check(form, iso_file(form, parts, [(b"dimg", 2, range(10, 40))]))
    with pytest.raises(ImageTooLarge, match="would process"):
        check(form, iso_file(form, parts, [(b"dimg", 2, range(10, 40))], primary=999))


def test_the_canvas_of_a_grid_may_be_larger_than_it_declares(form: str, samples: Samples) -> None:
    parts = {1: Part(b"grid", grid(1, 1, 30_000, 30_000), (ispe(64, 64),))}
    parts[2] = samples.small.part(samples.kind)
    with pytest.raises(ImageTooLarge, match="900000000"):
        check(form, iso_file(form, parts, [(b"dimg", 1, [2])]))


def test_frames_that_are_larger_than_declared(form: str, samples: Samples) -> None:
    if form == "AVIF":
        large = resized(av1(quarters(1600, 1200)), SMALL, SMALL)
    else:
        large = resized(hevc_like(1600, 1200), SMALL, SMALL)
    with pytest.raises(InvalidImage, match="larger than"):
        check(form, iso_file(form, {1: large.part(samples.kind)}))


def test_many_frames_in_one_item(form: str, samples: Samples) -> None:
    content = samples.small.content * 5000
    many = Part(samples.kind, content, samples.small.properties)
    with pytest.raises((ImageTooLarge, InvalidImage), match=r"would process|units"):
        check(form, iso_file(form, {1: many}))


def test_slices_over_each_other() -> None:
    """A picture of three slices is honest; many more are the same picture again and again."""
    for count, allowed in ((3, True), (4, False), (100, False)):
        large = resized(hevc_like(), *LARGE)
        content = slices(True, *[False] * (count - 1))
        data = iso_file("HEIC", {1: Part(b"hvc1", content, large.properties)})
        if allowed:
            check("HEIC", data)
        else:
            with pytest.raises(ImageTooLarge, match="would process"):
                check("HEIC", data)


def test_parameters_of_a_picture_given_again_and_again() -> None:
    """libde265 makes tables of each set, which take a sixteenth of the picture's size."""
    again = struct.pack(">I", 4) + bytes([34 << 1, 1, 0xC1, 0x80])
    for count, allowed in ((2, True), (100, False), (15_000, False)):
        large = resized(hevc_like(), *LARGE)
        data = iso_file("HEIC", {1: Part(b"hvc1", again * count + slices(True), large.properties)})
        if allowed:
            check("HEIC", data)
        else:
            with pytest.raises(ImageTooLarge, match="would process"):
                check("HEIC", data)


def test_more_coded_bytes_than_can_be_decoded_in_time(form: str, samples: Samples) -> None:
    for size, allowed in ((8_000_000, True), (21_000_000, False)):
        if form == "AVIF":  # a unit of padding
            more = b"\x7a" + bytes([size >> shift & 127 | 128 for shift in (0, 7, 14, 21)])
            more += b"\0" + bytes(size)
        else:  # a message
            more = struct.pack(">I", size) + bytes([39 << 1, 1]) + bytes(size - 2)
        many = Part(samples.kind, samples.small.content + more, samples.large.properties)
        if allowed:
            check(form, iso_file(form, {1: many}))
        else:
            with pytest.raises(ImageTooLarge, match="coded bytes"):
                check(form, iso_file(form, {1: many}))


# What sequences declare.


def test_sequences_of_millions_of_pictures() -> None:
    image = Image.new("RGB", (64, 64))
    data = encode(image, "AVIF", save_all=True, append_images=[quarters(64, 64)] * 3, speed=10)
    check("AVIF", data)
    at = data.index(b"stsz") + 8
    huge = data[:at] + struct.pack(">II", 1, 2_500_000) + data[at + 8 :]
    with pytest.raises(InvalidImage, match="pictures in a sequence"):
        check("AVIF", huge)
    runs = data.index(b"stsc") + 16
    longer = data[:runs] + struct.pack(">II", 2_500_000, 1) + data[runs + 8 :]
    check("AVIF", longer)  # sizes are listed: there are no more than these
    at_once = longer[:at] + struct.pack(">II", 1, 4) + longer[at + 8 :]
    with pytest.raises(InvalidImage, match="pictures in a sequence"):
        check("AVIF", at_once)


def test_metadata_of_tracks_is_counted_like_that_of_the_file() -> None:
    """Animations carry EXIF in a `meta` of their track."""
    for count, size, match in (
        (1, 1000, None),
        (500, 30_000, "share bytes"),
        (1, 9_000_000, "meta"),
    ):
        content = bytes(size)
        inner = iso_file("AVIF", {n: Part(b"Exif", content) for n in range(1, 1 + count)})
        start, meta = inner.split(box(b"mdat", content))
        assert meta[4:8] == b"meta"
        data = start + box(b"mdat", content) + box(b"moov", box(b"trak", meta))
        if match is None:
            check("AVIF", data)
        else:
            with pytest.raises(InvalidImage, match=match):
                check("AVIF", data)


def test_runs_of_chunks_that_are_searched_for_each_chunk() -> None:
    def track(chunks: int, runs: int) -> bytes:
        tables = box(
            b"stbl",
            box(b"stsz", struct.pack(">III", 0, 0, chunks) + bytes(4 * chunks)),
            box(b"stco", struct.pack(">II", 0, chunks) + bytes(4 * chunks)),
            box(b"stsc", struct.pack(">II", 0, runs) + struct.pack(">III", 1, 1, 1) * runs),
        )
        return box(b"moov", box(b"trak", box(b"mdia", box(b"minf", tables))))

    check("AVIF", iso_file("AVIF", {}, behind=track(2000, 500)))
    with pytest.raises(InvalidImage, match="pictures in a sequence"):
        check("AVIF", iso_file("AVIF", {}, behind=track(20_000, 10_000)))
    with pytest.raises(InvalidImage, match="bytes in its 'moov'"):
        check("AVIF", iso_file("AVIF", {}, behind=box(b"moov", box(b"free", bytes(5_000_000)))))


def test_the_first_samples_of_tracks() -> None:
    sizes = (struct.pack(">III", 0, 4, 1), struct.pack(">IIII", 0, 0, 1, 4))
    offsets = (
        box(b"stco", struct.pack(">III", 0, 1, 8)),
        box(b"co64", struct.pack(">IIQ", 0, 1, 8)),
    )
    for size in sizes:
        for offset in offsets:
            tables = box(b"stbl", box(b"stsz", size) + offset)
            track = box(b"trak", box(b"mdia", box(b"minf", tables)))
            data = box(b"mdat", b"0123456789") + box(b"moov", track + box(b"trak", b""))
            assert structure.read(data).first_samples == [(8, 12)]


# Reading itself.


def test_items_in_pieces_in_the_file_and_in_idat() -> None:
    parts = {
        1: Part(b"av01", b"", extents=((START, 3), (START + 4, 2))),
        2: Part(b"av01", b"456", method=1),
        3: Part(b"mime", b"0123456789"),
    }
    file = structure.read(iso_file("AVIF", parts))
    contents = [bytes(file.content(file.items[n])) for n in parts]
    assert contents == [b"01245", b"456", b"0123456789"]


def test_long_boxes_and_boxes_to_the_end() -> None:
    meta = dict(boxes(iso_file("AVIF", {1: Part(b"av01", b"", extents=((16, 5),))})))[b"meta"]
    long = struct.pack(">I4sQ", 1, b"mdat", 16 + 10) + b"0123456789"
    file = structure.read(long + struct.pack(">I", 0) + b"meta" + meta)
    assert bytes(file.content(file.items[1])) == b"01234"


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_cut_anywhere(form: str, samples: Samples, cut: int) -> None:
    data = iso_file(form, {1: samples.small.part(samples.kind)})
    with suppress(SpotterError):
        check(form, data[:cut])


def test_sizes_of_hevc_pictures() -> None:
    def found(settings: bytes, content: bytes = b"", units: Units | None = None) -> Measured:
        return hevc.measure(memoryview(settings[8:]), memoryview(content), units or Units())

    settings = configuration(sequence_parameters(640, 480))
    units = Units(left=100)
    assert found(settings, units=units) == Measured(640 * 480, 0, 1.5)
    assert units.left == 99
    deep = sequence_parameters(640, 480, depth=10)
    assert found(configuration(deep, depth=10)).pixel_bytes == 3
    # Inside of the item, too; units of other layers are not decoded.
    inside = sequence_parameters(4000, 3000)
    data = struct.pack(">I", len(inside)) + inside + slices(True, False, False)
    assert found(settings, data, units) == Measured(4000 * 3000, 3, 1.5)
    assert units.left == 99 - 5
    other = sequence_parameters(4000, 3000, layer=1)
    assert found(settings, struct.pack(">I", len(other)) + other).pixels == 640 * 480
    with pytest.raises(InvalidImage, match="too many units"):
        found(settings, slices(*[True] * 500), units)
    assert units.left == -1
    for cut in range(len(settings)):
        with suppress(InvalidImage):
            assert found(settings[:cut], data[:cut]).pixels <= 2 * 4000 * 3000


def test_a_heic_whose_samples_have_other_bits_than_it_declares(shared: Path) -> None:
    """libheif then writes past its buffers: a byte of a file ended the process."""
    settings = configuration(sequence_parameters(640, 480, depth=10), depth=8)
    with pytest.raises(InvalidImage, match="bit depth"):
        hevc.measure(memoryview(settings[8:]), memoryview(b""), Units())
    data = bytearray((shared / "images" / "multi.heic").read_bytes())
    at = data.index(b"hvcC\x01\x04") + 4  # of its transparency
    check("HEIC", bytes(data))
    for value in range(1, 8):
        data[at + 17] = 0xF8 | value
        with pytest.raises(InvalidImage, match="bit depth"):
            check("HEIC", bytes(data))


# What it costs, with the decoders.


ATTACKS = {
    "avif_extents.avif": "InvalidImage",
    "avif_9000_small_metas.avif": "InvalidImage",
    "avif_obus.avif": "InvalidImage",
    "heic_overlay_100.heic": "InvalidImageFormat",
    "heic_overlay_900.heic": "InvalidImageFormat",
}


@pytest.mark.skipif(not measurable, reason="only Linux can forget a process's peak")
def test_the_files_of_a_review(shared: Path) -> None:
    found = measure({name: (shared / "attacks" / name).read_bytes() for name in ATTACKS})
    assert {name: one.outcome for name, one in found.items()} == ATTACKS
    assert {name: one for name, one in found.items() if not one.within_the_rule} == {}


@pytest.mark.skipif(not measurable, reason="only Linux can forget a process's peak")
def test_the_most_that_passes_stays_within_the_rule(shared: Path) -> None:
    small = av1(quarters(SMALL, SMALL))
    large = av1(Image.new("RGB", LARGE, (9, 99, 200)))
    tile = small.part(b"av01", hidden=True)
    photo = taken_out((shared / "images" / "photo.heic").read_bytes())
    little = taken_out((shared / "images" / "multi.heic").read_bytes())
    layered = [
        Part(b"av01", tile.content, (*tile.properties, box(b"a1op", bytes([n])))) for n in (0, 1)
    ]
    numbers = list(range(2, 102))
    head = Part(b"grid", grid(10, 10, 640, 640), (ispe(640, 640),))
    files = {
        "AVIF, a grid of 1,600 tiles": grid_file("AVIF", tile, 40, 40, (2560, 2560)),
        "AVIF, frames that are not shown": iso_file(
            "AVIF", {1: Part(b"av01", large.content * 3, large.properties)}
        ),
        "AVIF, a decoder for each tile": iso_file(
            "AVIF", {1: head, **{n: layered[n % 2] for n in numbers}}, [(b"dimg", 1, numbers)]
        ),
        "AVIF, 4,000 items": iso_file("AVIF", {n: small.part(b"av01") for n in range(1, 4000)}),
        "HEIC, 900 pictures": iso_file("HEIC", {n: little.part(b"hvc1") for n in range(1, 900)}),
        "HEIC, a grid of 12 photos": grid_file(
            "HEIC", photo.part(b"hvc1", hidden=True), 4, 3, (4 * 1280, 3 * 854)
        ),
        "HEIC, turned": iso_file("HEIC", {1: photo.part(b"hvc1", *(box(b"irot", b"\1"),) * 10)}),
    }
    found = measure(files)
    assert {name: one.outcome for name, one in found.items()} == dict.fromkeys(files, "decoded")
    assert {name: one for name, one in found.items() if not one.within_the_rule} == {}
    # And no more than was set aside, beside what a process needs to begin with the format.
    assert {name: one for name, one in found.items() if one.bytes > one.asked + 14_000_000} == {}
