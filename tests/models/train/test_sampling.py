"""Repeat-factor sampling, rectangular training, and the batches that come of both."""

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from models.train.augment import Recipe
from models.train.canvas import Format, format_of, formats, shape_of
from models.train.repeat_factor import one_pass, repeat_factors
from models.train.sampler import Orders
from models.train.samples import Sample
from models.train.schedule import Schedule

pytestmark = pytest.mark.kit


def photo(*classes: int, labels: int = 2, ignored: bool = False) -> Sample:
    count = len(classes)
    wanted = np.eye(labels, dtype=np.float32)[list(classes)].reshape(-1, labels)
    boxes = np.tile(np.array([0, 0, 1, 1], np.float32), (count, 1))
    return Sample(
        Path(), "train", np.array(classes, np.int64), boxes, np.full(count, ignored), wanted
    )


def test_photos_of_a_rare_label_come_more_often() -> None:
    samples = [photo(0)] * 98 + [photo(0, 1)] * 1 + [photo()] * 1
    factors = repeat_factors(samples, enough=0.04)
    assert factors[:98] == pytest.approx(1)
    assert factors[98] == pytest.approx(2.0)  # sqrt(0.04 / 0.01)
    assert factors[99] == 1


def test_what_is_ignored_does_not_make_a_photo_rare() -> None:
    samples = [photo(0)] * 99 + [photo(1, ignored=True)]
    assert repeat_factors(samples).max() == 1


def test_a_pass_holds_every_photo_as_often_as_its_factor_says() -> None:
    factors = np.array([1.0, 1.5, 3.0])
    random = np.random.default_rng(0)
    counts = Counter(i for _ in range(400) for i in one_pass(factors, random))
    assert counts[0] == 400
    assert counts[1] == pytest.approx(600, abs=50)
    assert counts[2] == 1200


@pytest.mark.parametrize(
    ("size", "form"),
    [((640, 480), "wide"), ((480, 640), "tall"), ((500, 500), "square"), ((500, 450), "square")],
)
def test_photos_are_told_apart_by_their_format(size: tuple[int, int], form: str) -> None:
    assert format_of(*size) == form


@pytest.mark.parametrize("side", [64, 96, 160, 224, 288, 320, 352])
def test_canvases_fit_the_strides(side: int) -> None:
    assert shape_of("square", side) == (side, side)
    assert shape_of("wide", side) == shape_of("tall", side)[::-1]
    height, width = shape_of("wide", side)
    assert height % 32 == width % 32 == 0
    assert height <= side <= width
    assert 0.6 * side**2 < height * width <= side**2


def test_a_batch_is_of_one_format_and_every_photo_has_its_turn() -> None:
    shapes = [(60, 100)] * 10 + [(100, 60)] * 5 + [(100, 100)] * 3
    orders = Orders(
        np.ones(18),
        formats(shapes),
        4,
        Schedule(320, None, 1.0, progressive=False),
        Recipe(),
        lambda: 0.5,
        (0,),
    )
    seen: Counter[int] = Counter()
    for order in islice(iter(orders), 90):
        (form,) = {format_of(*shapes[i][::-1]) for i in order.indices}
        assert len(order.indices) == 4
        assert order.shape in {shape_of(form, side) for side in (288, 320, 352)}
        seen.update(order.indices)
    assert set(seen) == set(range(18))
    assert max(seen.values()) - min(seen.values()) <= 4


def test_shares_of_a_batch_have_other_photos_and_the_same_side() -> None:
    one, two = (
        Orders(
            np.ones(18),
            formats([(100, 100)] * 18),
            4,
            Schedule(320, None, 1.0, progressive=False),
            Recipe(),
            lambda: 0.5,
            (0, 7),
            share,
        )
        for share in (0, 1)
    )
    pairs = list(islice(zip(one, two, strict=False), 30))
    assert {a.shape for a, _ in pairs} == {(side, side) for side in (288, 320, 352)}
    assert all(a.shape == b.shape for a, b in pairs)
    assert sum(a.indices == b.indices for a, b in pairs) < 5
    assert all(a.seed != b.seed for a, b in pairs)


def test_formats_have_names_that_the_canvas_knows() -> None:
    forms: list[Format] = formats([(10, 20), (20, 10), (10, 10)])
    assert forms == ["wide", "tall", "square"]
