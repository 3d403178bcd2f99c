"""Where tiles lie, for every size of picture and input."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox
from app.vision.tiles.grid import MOST_TILES, OVERLAP, WORTHWHILE, Tile, cut

SQUARE = InputSpec(size=(640, 640))
sides = st.integers(1, 20_000)
inputs = st.integers(32, 1280)


def tiles_of(spec: InputSpec, width: int, height: int) -> list[Tile]:
    return cut(spec, Letterbox.plan(spec, width, height, rectangular=True))


@given(sides, sides, inputs, inputs)
def test_tiles_cover_the_picture_and_are_few(
    width: int, height: int, input_width: int, input_height: int
) -> None:
    tiles = tiles_of(InputSpec(size=(input_height, input_width)), width, height)
    assert len(tiles) <= MOST_TILES
    if not tiles:
        return
    assert len({tile.size for tile in tiles}) == 1
    columns = sorted({(tile.left, tile.right) for tile in tiles})
    rows = sorted({(tile.top, tile.bottom) for tile in tiles})
    assert len(tiles) == len(columns) * len(rows)
    for spans, length in ((columns, width), (rows, height)):
        assert (spans[0][0], spans[-1][1]) == (0, length)
        for (start, end), (following, _) in pairwise(spans):
            # Places are whole pixels.
            assert end - following >= OVERLAP * (end - start) - 1


@given(sides, sides)
def test_things_look_larger_in_a_tile_than_in_the_whole(width: int, height: int) -> None:
    whole = max(width, height) / 640
    for tile in tiles_of(SQUARE, width, height):
        assert max(tile.size) / 640 < whole / WORTHWHILE + 1 / 640
        assert max(tile.size) >= min(640, max(width, height))


@pytest.mark.parametrize("size", [(640, 640), (832, 100), (100, 832), (1, 1), (832, 832)])
def test_a_picture_that_hardly_shrinks_has_no_tiles(size: tuple[int, int]) -> None:
    assert tiles_of(SQUARE, *size) == []


@pytest.mark.parametrize(
    ("size", "count", "side"),
    [
        ((810, 1080), 4, 640),  # tiles of the input's own size
        ((1920, 1080), 8, 640),
        ((4000, 3000), 15, 1154),  # 5 x 3: 3000 / 2.6
        ((8000, 6000), 15, 2308),
    ],
)
def test_usual_sizes(size: tuple[int, int], count: int, side: int) -> None:
    tiles = tiles_of(SQUARE, *size)
    assert len(tiles) == count
    assert max(tiles[0].size) == side


def test_a_long_strip_is_cut_in_one_direction() -> None:
    tiles = tiles_of(SQUARE, 8000, 300)
    assert len(tiles) > 8
    assert {(tile.top, tile.bottom) for tile in tiles} == {(0, 300)}


def test_a_picture_that_already_gets_more_pixels_has_fewer_tiles() -> None:
    area = SQUARE.model_copy(update={"fit": "area"})
    assert tiles_of(SQUARE, 900, 400)
    assert tiles_of(area, 900, 400) == []  # scaled to 960 x 416 at once
    assert tiles_of(area, 1920, 1080) == tiles_of(SQUARE, 1920, 1080)
