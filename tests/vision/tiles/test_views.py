"""A tile is seen at its own scale, and what is found there lands on the whole picture."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.vision.detections import Detection, Options
from app.vision.detector import Detector
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.model.load import load
from app.vision.preprocess.input_spec import InputSpec
from app.vision.tiles.grid import MOST_TILES
from app.vision.tiles.views import held_bytes, plan_views, wanted
from app.vision.turns import at_once
from tests.stand_ins import spots

sides = st.integers(1, 20_000)
SPEC = InputSpec(size=(384, 640))


@given(sides, sides, st.booleans())
def test_points_of_a_tile_land_on_the_picture(width: int, height: int, rectangular: bool) -> None:
    for view in plan_views(SPEC, (width, height), rectangular=rectangular)[1:]:
        assert view.tile is not None
        left, top, right, bottom = view.tile
        corners = np.array([[0, 0], [right - left, bottom - top]]) * view.seen.scale_x
        corners += [view.seen.left, view.seen.top]
        placed = view.placed.restore_points(corners.astype(np.float32))
        assert placed == pytest.approx(np.array([[left, top], [right, bottom]]), abs=0.05)
        box = view.placed.restore(np.array([[-1e6, -1e6, 1e6, 1e6]], np.float32))
        assert box.tolist() == [[left, top, right, bottom]]


@given(sides, sides)
def test_the_decoder_gives_tiles_the_pixels_that_they_show(width: int, height: int) -> None:
    views = plan_views(SPEC, (width, height), rectangular=False)
    across, down = wanted(views)
    for view in views[1:]:
        assert across >= width * view.seen.scale_x - 1
        assert down >= height * view.seen.scale_y - 1
    assert across <= max(width, views[0].seen.wanted[0])


def test_memory_is_bounded_whatever_the_picture_s_size() -> None:
    views = plan_views(SPEC, (20_000, 20_000), rectangular=False)
    pixels = len(views) * 384 * 640
    assert len(views) <= MOST_TILES + 1
    assert held_bytes(views, masks=False) == 4 * pixels
    assert held_bytes(views, masks=True) == 12 * pixels


@pytest.fixture
def detector(tmp_path: Path) -> Detector:
    model = load(spots.write_model(tmp_path / "spots.onnx"))
    return Detector(model, ImageReader(50_000_000, DecodingBudget(200_000_000)))


def near(item: Detection, spot: tuple[int, int]) -> bool:
    x, y, width, height = item.box
    return max(abs(x + width / 2 - spot[0]), abs(y + height / 2 - spot[1])) <= spots.SPOT_SIDE


@pytest.mark.parametrize("encoding", ["PNG", "JPEG"])
def test_small_things_are_found_in_tiles_only(detector: Detector, encoding: str) -> None:
    data = spots.picture(encoding)
    assert detector.detect(data, Options()).items == []
    found = detector.detect(data, Options(tiles=True))
    assert (found.width, found.height) == spots.SIZE
    assert all(any(near(item, spot) for item in found.items) for spot in spots.SPOTS)
    assert all(any(near(item, spot) for spot in spots.SPOTS) for item in found.items)


def test_a_picture_turned_by_its_orientation_is_cut_upright(detector: Detector) -> None:
    with Image.open(io.BytesIO(spots.picture())) as image:
        stored = image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    stored.save(out, "PNG", exif=exif)
    found = detector.detect(out.getvalue(), Options(tiles=True))
    assert (found.width, found.height) == spots.SIZE
    assert all(any(near(item, spot) for item in found.items) for spot in spots.SPOTS)


def test_each_tile_has_a_turn_and_its_memory_is_told_first(detector: Detector) -> None:
    views = plan_views(detector.model.description.input, spots.SIZE, rectangular=False)
    told = list(detector.turns(spots.picture(), Options(tiles=True)))
    assert told == [held_bytes(views, masks=False), *[0] * (len(views) - 1)]
    assert list(detector.turns(spots.picture(), Options())) == []


def test_a_picture_without_tiles_is_answered_as_ever(detector: Detector) -> None:
    out = io.BytesIO()
    Image.new("RGB", (80, 60), (255, 255, 255)).save(out, "PNG")
    assert list(detector.turns(out.getvalue(), Options(tiles=True))) == []
    plain = detector.detect(out.getvalue(), Options())
    assert plain.items
    assert at_once(detector.turns(out.getvalue(), Options(tiles=True))).items == plain.items
