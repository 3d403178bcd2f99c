"""Tiles with real weights: small things in large pictures are found, and lie where they are."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.vision.detections import Detection, Options
from models.common import checks, datasets
from models.evaluate import mosaic
from models.evaluate.measure import measure
from models.evaluate.sources import InProcess, Thresholds
from tests.acceptance.matching import overlap
from tests.server import REPOSITORY

CAT = REPOSITORY / "app" / "page" / "files" / "samples" / "cat.jpg"
SMALL = 150, 99
"""Pixels of a cat in a picture of 2400 x 1800; the model sees less than a seventh of them."""
PLACES = [(300, 200), (1480, 910), (2100, 1500)]


def encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


def test_the_shipped_model_finds_small_cats_with_tiles_and_not_without() -> None:
    picture = Image.new("RGB", (2400, 1800), (120, 130, 110))
    with Image.open(CAT) as cat:
        small = cat.resize(SMALL, Image.Resampling.LANCZOS)
    for place in PLACES:
        picture.paste(small, place)
    detector = checks.detector(REPOSITORY / "models" / "default.onnx", 1)
    data = encoded(picture)
    assert detector.detect(data, Options()).items == []
    found = detector.detect(data, Options(tiles=True)).items
    cats = sorted(item.box for item in found if item.label == "cat")
    assert len(cats) == len(PLACES)
    for box, place in zip(cats, PLACES, strict=True):
        assert box[:2] == pytest.approx(place, abs=20)


def test_small_things_in_pictures_joined_of_photos(shared: Path, tmp_path: Path) -> None:
    dataset = mosaic.join(datasets.load(shared / "eval").part(None, 18), 3, tmp_path)
    detector = checks.detector(shared / "models" / "yolov8n-dynamic.onnx", 2)

    def score(*, tiles: bool) -> float:
        source = InProcess(detector, Thresholds(confidence=0.05, tiles=tiles))
        return measure(source, dataset).scores.map or 0.0

    assert score(tiles=True) > 1.3 * score(tiles=False)


def test_masks_of_a_photo_within_a_large_picture(shared: Path) -> None:
    """As they are on the photo alone, which the model sees at nearly the same scale."""
    detector = checks.detector(shared / "models" / "yolov8n-seg.onnx", 2)
    with Image.open(shared / "models" / "bus.jpg") as bus:
        photo = bus.convert("RGB").resize((480, 640))
    left, top = 1000, 700
    picture = Image.new("RGB", (2000, 1600), (114, 114, 114))
    picture.paste(photo, (left, top))
    expected = detector.detect(encoded(photo), Options(0.5, masks=True)).items
    found = detector.detect(encoded(picture), Options(0.25, masks=True, tiles=True)).items
    assert len(expected) >= 4
    for item in expected:
        x, y, width, height = item.box
        box = x + left, y + top, width, height
        same = max(
            (other for other in found if other.label == item.label),
            key=lambda other: overlap(other.box, box),
        )
        alone = whole_mask(item, photo.size)
        there = whole_mask(same, picture.size)
        part = there[top : top + photo.height, left : left + photo.width]
        assert part.sum() == pytest.approx(there.sum(), rel=0.05)
        assert np.logical_and(part, alone).sum() > 0.8 * np.logical_or(part, alone).sum()


def whole_mask(item: Detection, size: tuple[int, int]) -> NDArray[np.bool_]:
    assert item.mask is not None
    left, top, bits = item.mask.bits()
    found = np.zeros(size[::-1], dtype=bool)
    found[top : top + bits.shape[0], left : left + bits.shape[1]] = bits
    return found
