"""Suppression against a slow, obvious one."""

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.vision.arrays import Floats, Ints
from app.vision.nms import nms, soften


def overlap(a: Floats, b: Floats) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return float(shared / both) if both > 0 else 0.0


def obvious(boxes: Floats, scores: Floats, classes: Ints, iou: float, limit: int) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(scores)), key=lambda i: -scores[i]):
        if not any(
            classes[index] == classes[other] and overlap(boxes[index], boxes[other]) > iou
            for other in kept
        ):
            kept.append(index)
    return kept[:limit]


@st.composite
def candidates(draw: st.DrawFn) -> tuple[Floats, Floats, Ints]:
    """On a coarse grid: many ties, equal boxes, shared edges, empty boxes."""
    count = draw(st.integers(0, 40))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    corner = random.integers(0, 6, (count, 2))
    side = random.integers(0, 5, (count, 2))
    boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
    scores = (random.integers(1, 8, count) / 8).astype(np.float32)
    return boxes, scores, random.integers(0, draw(st.integers(1, 5)), count)


@given(candidates(), st.sampled_from([0.0, 0.25, 0.4375, 0.6875, 0.99, 1.0]), st.integers(1, 50))
def test_it_keeps_what_the_obvious_one_keeps(
    found: tuple[Floats, Floats, Ints], iou: float, limit: int
) -> None:
    assert nms(*found, iou, limit).tolist() == obvious(*found, iou, limit)


def test_nothing_in_nothing_out() -> None:
    empty = np.zeros(0, dtype=np.float32)
    assert nms(np.zeros((0, 4), np.float32), empty, np.zeros(0, np.intp), 0.5, 10).tolist() == []


def test_the_threshold_itself_is_no_overlap() -> None:
    boxes = np.array([[0, 0, 2, 1], [0, 0, 1, 1]], dtype=np.float32)  # exactly one half
    scores = np.array([0.9, 0.8], dtype=np.float32)
    one_class = np.zeros(2, np.intp)
    assert nms(boxes, scores, one_class, 0.5, 10).tolist() == [0, 1]
    assert nms(boxes, scores, one_class, 0.49, 10).tolist() == [0]
    assert nms(boxes, scores, np.array([0, 1]), 0.0, 10).tolist() == [0, 1]


@given(candidates(), st.sampled_from([0.0, 0.25, 0.6875, 0.99, 1.0]))
def test_softened_scores_are_those_of_the_obvious_way(
    found: tuple[Floats, Floats, Ints], iou: float
) -> None:
    order = np.argsort(-found[1], kind="stable")
    boxes, scores, classes = found[0][order], found[1][order], found[2][order]
    expected = [
        score
        * min(
            (
                1 - scores[other]
                for other in range(i)
                if classes[other] != classes[i] and overlap(boxes[other], boxes[i]) > iou
            ),
            default=1,
        )
        for i, score in enumerate(scores)
    ]
    softened = soften(boxes, scores, classes, iou)
    np.testing.assert_array_equal(softened, np.array(expected, dtype=np.float32))
    for count in range(len(scores)):  # less probable boxes change nothing
        fewer = soften(boxes[:count], scores[:count], classes[:count], iou)
        assert fewer.tolist() == softened[:count].tolist()


def test_thousands_of_candidates_are_no_slow_path() -> None:
    """Against one Python loop that does next to nothing for each candidate of each kept box."""
    random = np.random.default_rng(11)
    count = 8400
    centres = random.random((60, 2))[random.integers(0, 60, count)] * 600
    boxes = np.concatenate([centres, centres + 60], axis=1) + random.normal(0, 4, (count, 4))
    scores = random.random(count)
    kinds = random.integers(0, 3, count)
    ours, loops = [], []
    for _ in range(5):  # in turns; the least of each is the one that was disturbed least
        began = time.thread_time()
        kept = nms(boxes.astype(np.float32), scores.astype(np.float32), kinds, 0.7, 300)
        ours.append(time.thread_time() - began)
        assert len(kept) >= 150
        began = time.thread_time()
        total = 0.0
        for _ in range(len(kept) // 10):
            for score in scores.tolist():
                total += score
        loops.append((time.thread_time() - began) * 10)
        assert total > 0
    assert min(ours) < min(loops), (ours, loops)
