"""One detection for each object, whichever views it was seen in."""

import math
from typing import Any

import numpy as np
import pytest

from app.vision.arrays import Floats
from app.vision.detections import Detection
from app.vision.tasks.turned_boxes import TurnedBox, corners, envelopes, values_of
from app.vision.tiles import merging
from app.vision.tiles.grid import Tile
from app.vision.tiles.merging import merge

SIZE = 1000, 500
LEFT, RIGHT = Tile(0, 0, 550, 500), Tile(450, 0, 1000, 500)


def seen(box: tuple[float, float, float, float], probability: float = 0.5, kind: int = 0) -> Any:
    """``box`` is left, top, right and bottom."""
    x, y, right, bottom = box
    return Detection(f"label {kind}", kind, probability, (x, y, right - x, bottom - y))


def test_an_object_seen_in_several_views_is_one() -> None:
    best = seen((460, 100, 500, 140), 0.9)
    views = [
        (None, [seen((458, 98, 502, 141), 0.3)]),
        (LEFT, [best]),
        (RIGHT, [seen((461, 101, 501, 139), 0.8)]),
    ]
    assert merge(views, SIZE, 300) == [best]


def test_objects_of_other_classes_or_elsewhere_stay() -> None:
    items = [seen((100, 100, 140, 140), 0.9), seen((600, 100, 640, 140), 0.8)]
    other = seen((100, 100, 140, 140), 0.7, kind=1)
    assert merge([(None, [other]), (LEFT, items[:1]), (RIGHT, items[1:])], SIZE, 300) == [
        *items,
        other,
    ]


def test_what_one_view_tells_apart_stays_apart() -> None:
    crowd = [seen((100, 100, 140, 140), 0.9), seen((105, 100, 145, 140), 0.8)]
    assert merge([(None, []), (LEFT, crowd)], SIZE, 300) == crowd


def test_a_piece_at_a_tile_s_edge_is_dropped_for_the_whole_object_though_it_is_surer() -> None:
    whole = seen((300, 100, 700, 400), 0.4)
    views = [
        (None, [whole]),
        (LEFT, [seen((301, 100, 549, 400), 0.9)]),
        (RIGHT, [seen((451, 100, 699, 400), 0.8)]),
    ]
    assert merge(views, SIZE, 300) == [whole]


def test_a_piece_of_what_was_not_seen_otherwise_stays() -> None:
    piece = seen((301, 100, 549, 400), 0.9)
    assert merge([(None, []), (LEFT, [piece]), (RIGHT, [])], SIZE, 300) == [piece]


def test_a_small_object_before_a_large_one_is_no_piece() -> None:
    large, small = seen((100, 100, 400, 400), 0.6), seen((200, 200, 240, 240), 0.9)
    assert merge([(None, [large]), (LEFT, [small])], SIZE, 300) == [small, large]


def test_the_picture_s_own_edges_cut_nothing() -> None:
    large, small = seen((0, 0, 400, 500), 0.6), seen((0, 200, 40, 240), 0.9)
    assert merge([(None, [large]), (LEFT, [small])], SIZE, 300) == [small, large]


def test_the_most_probable_come_first_and_no_more_than_wanted() -> None:
    items = [seen((50 * n, 10, 50 * n + 20, 30), 0.1 + n / 20) for n in range(8)]
    found = merge([(None, items[::2]), (LEFT, items[1::2])], SIZE, 5)
    assert found == items[:2:-1]
    assert merge([(None, []), (LEFT, [])], SIZE, 5) == []


def crowded(views: int, each: int) -> list[Any]:
    """Views of one tile, in which no object is seen twice."""
    random = np.random.default_rng(5)
    probabilities = iter(random.permutation(views * each) / (views * each))
    return [
        (
            LEFT if view else None,
            [
                seen((n, 20.0 * view + 1, n + 0.5, 20.0 * view + 9), float(next(probabilities)))
                for n in range(10, 10 + each)
            ],
        )
        for view in range(views)
    ]


def test_what_cannot_be_among_the_wanted_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    views = crowded(8, 200)
    everything = merge(views, SIZE, 10_000)
    assert len(everything) == 1600
    compared, shared = 0, merging._shared

    def counted(box: Floats, boxes: Floats) -> Floats:
        nonlocal compared
        compared += 1
        return shared(box, boxes)

    monkeypatch.setattr(merging, "_shared", counted)
    assert merge(views, SIZE, 30) == everything[:30]
    assert compared <= 2 * 30


def test_a_sure_piece_is_found_though_as_many_others_as_wanted_are_whole() -> None:
    piece = seen((301, 100, 549, 400), 0.9)
    whole = [seen((20.0 * n, 10, 20.0 * n + 9, 19), 0.5 + n / 100) for n in range(6)]
    assert merge([(None, whole), (LEFT, [piece])], SIZE, 3) == [piece, *whole[:3:-1]]


def turned(values: tuple[float, ...], probability: float) -> Any:
    row = np.array([values], np.float32)
    points = tuple((x, y) for x, y in corners(row)[0].tolist())
    left, top, right, bottom = envelopes(row)[0].tolist()
    return seen((left, top, right, bottom), probability)._replace(
        turned=TurnedBox(points, values[4])
    )


def test_turned_boxes_are_compared_as_they_lie() -> None:
    """Two ships side by side, at 45 degrees: their upright boxes overlap nearly wholly."""
    one = turned((200.0, 200.0, 120.0, 20.0, math.pi / 4), 0.9)
    same = turned((201.0, 200.0, 118.0, 21.0, math.pi / 4), 0.8)
    beside = turned((214.0, 186.0, 120.0, 20.0, math.pi / 4), 0.7)
    assert merge([(None, [same]), (LEFT, [one, beside])], SIZE, 300) == [one, beside]
    assert merge([(None, [beside]), (LEFT, [one])], SIZE, 300) == [one, beside]


def test_the_values_of_a_placed_turned_box() -> None:
    values = (200.0, 150.0, 120.0, 20.0, 0.3)
    assert values_of(turned(values, 0.9).turned) == pytest.approx(values, abs=1e-3)
