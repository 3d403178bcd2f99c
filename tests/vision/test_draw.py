"""The picture with its boxes: whole, upright, and its labels readable."""

import io
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.vision.detections import Detection, Detections
from app.vision.draw import LONGEST_SIDE, Encoding, colour_of, draw
from tests.vision.pictures import encode, quarters, stored_turned
from tests.vision.test_detector import Fixed, detector

DETECTOR = detector(Fixed())


def detections(size: tuple[int, int], *boxes: tuple[float, float, float, float]) -> Detections:
    items = [Detection(f"object {i}", i, 0.9 - i / 100, box) for i, box in enumerate(boxes)]
    return Detections(*size, items)


def drawn(data: bytes, found: Detections, encoding: Encoding = "PNG") -> Image.Image:
    image = Image.open(io.BytesIO(draw(DETECTOR, data, found, encoding)))
    image.load()
    assert image.format == encoding
    assert image.mode == "RGB"
    return image


@pytest.mark.parametrize("encoding", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (64, 4000), (4000, 64), (1600, 1200)])
def test_any_size_comes_back_at_its_own(encoding: Encoding, size: tuple[int, int]) -> None:
    width, height = size
    found = detections(size, (0, 0, width, height), (width / 4, height / 4, width / 2, height / 2))
    data = encode(quarters(*size) if min(size) > 1 else Image.new("RGB", size), "PNG")
    assert drawn(data, found, encoding).size == size


def test_a_box_is_where_its_detection_is() -> None:
    white = Image.new("RGB", (400, 300), (255, 255, 255))
    image = np.asarray(drawn(encode(white, "PNG"), detections((400, 300), (100, 120, 150, 90))))
    coloured = (image == colour_of(0)).all(axis=2)
    ys, xs = np.nonzero(coloured)
    assert (xs.min(), xs.max(), ys.max()) == (100, 250, 210)
    assert coloured[120:211, 100].all()
    assert coloured[210, 100:251].all()
    assert not coloured[130:200, 110:240].any()  # its inside is seen


def test_turned_pictures_are_drawn_on_upright() -> None:
    data = stored_turned(quarters(200, 100), 6, "JPEG", quality=95)
    image = drawn(data, detections((200, 100), (150, 60, 40, 30)))
    assert image.size == (200, 100)
    assert image.getpixel((20, 20)) == pytest.approx((255, 0, 0), abs=6)
    assert image.getpixel((150, 75)) == pytest.approx(colour_of(0), abs=6)


def test_very_large_pictures_are_drawn_smaller_with_their_boxes() -> None:
    size = (6000, 120)
    white = encode(Image.new("RGB", size, (255, 255, 255)), "PNG")
    image = drawn(white, detections(size, (3000, 60, 1500, 40)))
    assert image.size == (LONGEST_SIDE, 82)
    scale = LONGEST_SIDE / 6000
    coloured = (np.asarray(image) == colour_of(0)).all(axis=2)
    assert coloured[round(100 * scale) - 1 : round(100 * scale) + 1].any(axis=0).sum() > 1000
    assert np.nonzero(coloured)[1].max() == pytest.approx(4500 * scale, abs=2)


def test_pictures_of_many_megapixels_are_halved() -> None:
    size = (7000, 4000)
    data = encode(Image.new("RGB", size), "JPEG")
    image = drawn(data, detections(size, (0, 0, 3500, 2000)), "JPEG")
    assert image.size == (3500, 2000)
    brightest = np.asarray(image)[500, 100:].max(axis=1)
    assert 100 + brightest.argmax() == pytest.approx(1745, abs=8)  # the right edge


class Recorder(ImageDraw.ImageDraw):
    """Notes where labels go: the filled rectangles and the ink on them."""

    def __init__(self, image: Image.Image) -> None:
        super().__init__(image)
        self.plates: list[tuple[float, ...]] = []
        self.texts: list[tuple[float, float, float, float]] = []

    def rectangle(self, xy: Any, fill: Any = None, outline: Any = None, width: int = 1) -> None:
        if fill is not None:
            self.plates.append(tuple(xy))
        super().rectangle(xy, fill, outline, width)

    def text(self, xy: Any, text: Any, *args: Any, **kwargs: Any) -> None:
        self.texts.append(self.textbbox(xy, text, font=kwargs["font"]))
        super().text(xy, text, *args, **kwargs)


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> list[Recorder]:
    made: list[Recorder] = []

    def record(image: Image.Image) -> Recorder:
        made.append(Recorder(image))
        return made[-1]

    monkeypatch.setattr(ImageDraw, "Draw", record)
    return made


@pytest.mark.parametrize("size", [(120, 90), (640, 480), (64, 2000), (3000, 2000)])
def test_labels_stay_within_the_picture_and_on_their_plates(
    size: tuple[int, int], recorders: list[Recorder]
) -> None:
    width, height = size
    at_edges = [
        (0, 0, width, height),
        (width - 6, 0, 6, 6),
        (0, height - 6, 6, 6),
        (width - 6, height - 6, 6, 6),
    ]
    drawn(encode(Image.new("RGB", size), "PNG"), detections(size, *at_edges))
    (recorder,) = recorders
    assert len(recorder.plates) == len(recorder.texts) == 4
    for plate, text in zip(recorder.plates, recorder.texts, strict=True):
        assert plate[0] >= 0
        assert plate[1] >= 0
        assert plate[3] <= height
        if plate[2] - plate[0] < width:
            assert plate[2] <= width
        assert plate[0] <= text[0]
        assert plate[1] <= text[1]
        assert text[2] <= plate[2] + 1
        assert text[3] <= plate[3] + 1


def test_labels_of_boxes_one_upon_another_do_not_cover_each_other(
    recorders: list[Recorder],
) -> None:
    size = (640, 480)
    boxes = [(100.0, 100.0 + i, 300.0, 300.0) for i in range(4)]
    drawn(encode(Image.new("RGB", size), "PNG"), detections(size, *boxes))
    plates = recorders[0].plates
    for i, a in enumerate(plates):
        for b in plates[:i]:
            assert a[1] >= b[3] or b[1] >= a[3] or a[0] >= b[2] or b[0] >= a[2]


def test_of_very_many_objects_only_the_most_probable_are_labelled(
    recorders: list[Recorder],
) -> None:
    boxes = [(10.0 * (n % 40), 10.0 * (n // 40), 8.0, 8.0) for n in range(1000)]
    found = detections((400, 300), *boxes)
    drawn(encode(Image.new("RGB", (400, 300)), "PNG"), found)
    (recorder,) = recorders
    assert len(recorder.texts) == len(recorder.plates) == 200


def test_labels_at_the_top_are_whole() -> None:
    """Wherever the box begins, the text has as many pixels of its own colour."""
    black = encode(Image.new("RGB", (512, 512)), "PNG")

    def written(y: float) -> int:
        image = np.asarray(drawn(black, detections((512, 512), (17, y, 365, 400))))
        return int((image.min(axis=2) > 235).sum())

    counts = {written(y / 4) for y in range(4 * 16, 4 * 28)}
    assert len(counts) == 1
    assert counts.pop() > 50


def test_labels_grow_with_the_picture(recorders: list[Recorder]) -> None:
    for size in ((320, 240), (3200, 2400)):
        drawn(encode(Image.new("RGB", size), "PNG"), detections(size, (10, 100, 100, 100)))
    small, large = (r.texts[0][3] - r.texts[0][1] for r in recorders)
    assert small >= 7
    assert large / 2400 > 0.015


def test_colours_are_stable_distinct_and_told_from_their_neighbours() -> None:
    colours = [colour_of(index) for index in range(80)]
    assert colours == [colour_of(index) for index in range(80)]
    assert len(set(colours)) == 80
    for a, b in pairwise(colours):
        assert max(abs(x - y) for x, y in zip(a, b, strict=True)) > 60
    assert colours[0] != (255, 255, 255)
    assert all(0 <= level <= 255 for colour in colours for level in colour)


def test_characters_of_any_language_do_not_stop_it() -> None:
    labels = ["Straßenbahn", "собака", "狗", "", "x" * 500, "two\nlines"]
    items = [Detection(label, 0, 0.5, (5, 5, 50, 50)) for label in labels]
    data = encode(Image.new("RGB", (200, 100)), "PNG")
    assert drawn(data, Detections(200, 100, items)).size == (200, 100)
