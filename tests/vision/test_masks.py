"""Masks from prototypes and coefficients, as run lengths, bits and polygons."""

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pycocotools import mask as coco

from app.vision.arrays import Array, Floats
from app.vision.families import raw_detr
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox
from app.vision.tasks import mask_runs
from app.vision.tasks.mask_contours import outer, simplified
from app.vision.tasks.masks import Mask, Masks, polygons
from app.vision.tasks.prototypes import LatePrototypes, WholePrototypes

Bits = NDArray[np.bool_]
SIDE = 64
"""Of the input; prototypes have a quarter of it."""


def field(seed: int, roughness: int = 4) -> Floats:
    """(1, 16, 16) of smooth noise around 0."""
    noise = np.random.default_rng(seed).normal(size=(roughness, roughness)).astype(np.float32)
    image = Image.fromarray(noise).resize((16, 16), Image.Resampling.BICUBIC)
    return np.asarray(image)[None]


def masks(
    prototypes: Array, box: tuple[float, float, float, float], size: tuple[int, int] = (200, 120)
) -> tuple[Mask, Letterbox]:
    """One mask whose only coefficient is 1; ``box`` is in input pixels."""
    plan = Letterbox.plan(InputSpec(size=(SIDE, SIDE)), *size, rectangular=False)
    weights = np.ones((1, 1), dtype=np.float32)
    boxes = np.array([box], dtype=np.float32)
    rows, whole = np.array([0]), WholePrototypes(prototypes)
    (mask,) = Masks(weights.__getitem__, rows, whole, boxes, (SIDE, SIDE)).place(plan)
    return mask, plan


def expected(prototypes: Array, plan: Letterbox, box: tuple[float, float, float, float]) -> Bits:
    """Each pixel for itself: bilinear at its centre, above 0, and within the box."""
    x1, y1, x2, y2 = plan.restore(np.array([box], dtype=np.float32))[0].tolist()
    bits = np.zeros((plan.height, plan.width), dtype=bool)
    values = prototypes[0].astype(float)

    def cell(at: float, start: float, length: int, scale: float) -> tuple[int, float]:
        where = ((at + 0.5) * scale + start) / 4 - 0.5
        where = min(max(where, start / 4), (start + length) / 4 - 1)
        return min(int(where), 14), where - min(int(where), 14)

    for y in range(plan.height):
        row, down = cell(y, plan.top, plan.content_height, plan.scale_y)
        for x in range(plan.width):
            column, along = cell(x, plan.left, plan.content_width, plan.scale_x)
            four = values[row : row + 2, column : column + 2]
            value = np.array([1 - down, down]) @ four @ np.array([1 - along, along])
            bits[y, x] = value > 0 and x1 <= x < x2 and y1 <= y < y2
    return bits


def whole(mask: Mask, plan: Letterbox) -> Bits:
    left, top, part = mask.bits()
    bits = np.zeros((plan.height, plan.width), dtype=bool)
    bits[top : top + part.shape[0], left : left + part.shape[1]] = part
    return bits


def decoded(lengths: dict[str, Any]) -> Bits:
    with warnings.catch_warnings():  # of pycocotools, about NumPy
        warnings.simplefilter("ignore", DeprecationWarning)
        found: Array = coco.decode({**lengths, "counts": lengths["counts"].encode()})
    return found.astype(bool)


BOXES = [(0.0, 0.0, 64.0, 64.0), (10.3, 20.2, 50.7, 40.9), (-9.0, 14.5, 7.0, 99.0)]


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pixels_belong_to_the_object_where_the_field_is_above_0(
    seed: int, box: tuple[float, float, float, float]
) -> None:
    prototypes = field(seed)
    mask, plan = masks(prototypes, box)
    right = expected(prototypes, plan, box)
    assert 0.05 < right.mean() < 0.95 or box[0] < 0
    # Pixels where the field is 0 but for rounding may differ.
    assert (whole(mask, plan) == right).mean() > 0.9999
    assert (decoded(mask.run_lengths()) == whole(mask, plan)).all()


@pytest.mark.parametrize("seed", range(4))
def test_run_lengths_are_written_as_pycocotools_does(seed: int) -> None:
    mask, plan = masks(field(seed, roughness=16), BOXES[0], (333, 250))
    lengths = mask.run_lengths()
    written = coco.encode(np.asfortranarray(whole(mask, plan).astype(np.uint8)))
    assert lengths == {"size": [250, 333], "counts": written["counts"].decode()}


def test_large_counts_are_written_as_pycocotools_does() -> None:
    bits = np.zeros((3000, 2000), dtype=np.uint8, order="F")
    bits[5:2990, 10:1900] = 1
    bits[100:120, 30:40] = 0
    flat = bits.ravel(order="F")
    changes = np.flatnonzero(np.diff(np.concatenate([[0], flat]).astype(int)))
    counts = mask_runs.counts_between(changes, flat.size)
    assert mask_runs.compress(counts) == coco.encode(bits)["counts"].decode()


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_nothing_and_everything(value: float) -> None:
    mask, plan = masks(np.full((1, 16, 16), value, dtype=np.float32), (-5, -5, 99, 99))
    inside = value > 0
    assert (whole(mask, plan) == inside).all()
    assert (decoded(mask.run_lengths()) == inside).all()
    corners = [[(0.0, 0.0), (200.0, 0.0), (200.0, 120.0), (0.0, 120.0)]]
    found = [sorted(ring) for ring in polygons([mask])[0]]
    assert found == ([sorted(corners[0])] if inside else [])


def test_a_box_beyond_the_picture_has_no_mask() -> None:
    mask, plan = masks(np.ones((1, 16, 16), dtype=np.float32), (70, 70, 80, 80))
    assert polygons([mask])[0] == []
    assert not decoded(mask.run_lengths()).any()
    assert not whole(mask, plan).any()


@pytest.mark.parametrize("seed", range(6))
def test_polygons_go_round_the_same_pixels(seed: int) -> None:
    mask, plan = masks(field(seed), BOXES[0])
    rings = polygons([mask])[0]
    canvas = Image.new("1", (plan.width * 8, plan.height * 8))
    for ring in rings:
        ImageDraw.Draw(canvas).polygon([(x * 8 - 0.5, y * 8 - 0.5) for x, y in ring], fill=1)
    drawn = np.asarray(canvas)[4::8, 4::8]
    bits = whole(mask, plan)
    assert (bits & ~drawn).sum() <= 0.02 * bits.sum()
    assert sum(len(ring) for ring in rings) < 150


def test_a_hole_is_no_polygon_of_its_own() -> None:
    values = np.full((9, 9), 1.0, dtype=np.float32)
    values[4, 4] = -1
    at = np.arange(9.0) * 10
    ((ring,),) = simplified([outer(values, at, at)])
    assert sorted(ring) == [(0, 0), (0, 80), (80, 0), (80, 80)]


def test_parts_are_polygons_of_their_own_the_largest_first() -> None:
    values = np.full((9, 9), -1.0, dtype=np.float32)
    values[1, 1] = values[5:8, 5:8] = 1
    at = np.arange(9.0) * 10
    (rings,) = simplified([outer(values, at, at)])
    assert [min(ring)[0] for ring in rings] == [45, 5]


def test_contours_of_many_masks_are_simplified_as_those_of_each() -> None:
    fields = [field(seed)[0] for seed in range(6)] + [np.full((9, 9), -1, np.float32)]
    contours = [
        outer(one, np.linspace(0, 90, len(one)), np.linspace(5, 70, len(one))) for one in fields
    ]
    together = simplified(contours)
    assert together == [simplified([some])[0] for some in contours]
    assert [len(some) > 0 for some in together] == [True] * 6 + [False]
    assert simplified([]) == []


def test_a_drawing_is_covered_at_its_own_scale() -> None:
    mask, plan = masks(field(1), BOXES[1])
    full = whole(mask, plan)
    left, top, half = mask.bits(0.5)
    ys, xs = np.nonzero(half)
    agree = full[np.minimum((ys + top) * 2 + 1, plan.height - 1), (xs + left) * 2 + 1]
    assert agree.mean() > 0.95
    assert half.sum() * 4 == pytest.approx(full.sum(), rel=0.1)


def test_prototypes_that_are_computed_late_are_computed_around_the_objects_only() -> None:
    feature = field(5)[:, None]
    asked = []

    def run(part: Array) -> Array:
        asked.append(part.shape)
        return part.repeat(2, axis=2).repeat(2, axis=3)

    late = LatePrototypes(run, feature, (128, 128))
    boxes = np.array([[60, 70, 80, 90], [64, 64, 70, 70]], dtype=np.float32)
    part = late.around(boxes)
    assert asked == [(1, 1, 10, 9)]
    assert part.size == (32, 32)
    whole_map = run(feature)[0]
    rows, columns = part.values.shape[1:]
    assert (
        part.values == whole_map[:, part.top : part.top + rows, part.left : part.left + columns]
    ).all()
    # Everything within the boxes is there.
    assert part.left <= 60 / 4
    assert part.left + columns >= 80 / 4
    assert part.top <= 64 / 4
    assert part.top + rows >= 90 / 4


@pytest.mark.parametrize("scores", ["sigmoid", "softmax"])
def test_a_detr_gives_each_object_the_mask_of_its_query(scores: str) -> None:
    """Of four queries the second and the last are objects; the last one is of two classes."""
    logits = np.full((1, 4, 3), -9, dtype=np.float32)
    logits[0, :, 2] = 0
    logits[0, 1, 1], logits[0, 3, :2] = 3, (4, 2)
    boxes = np.tile(np.array([0.5, 0.5, 1, 1], dtype=np.float32), (1, 4, 1))
    maps = np.concatenate([field(seed) for seed in range(4)])[None]
    spec = OutputSpec.model_validate(
        {"boxes": "cxcywh", "unit": "shares", "scores": scores, "numbers": [0, 1]}
    )
    found = raw_detr.with_spec(spec)([logits, boxes, maps], 2, 0.25, (SIDE, SIDE))
    plan = Letterbox.plan(InputSpec(size=(SIDE, SIDE), fit="stretch"), 90, 50, rectangular=False)
    assert found.masks is not None
    placed = found.masks.place(plan)
    queries = [1, 3, 3] if scores == "sigmoid" else [1, 3]
    assert len(found.scores) == len(placed) == len(queries)
    for mask, query in zip(placed, queries, strict=True):
        right = expected(maps[0, query][None], plan, (0, 0, SIDE, SIDE))
        assert 0.05 < right.mean() < 0.95
        assert (whole(mask, plan) == right).mean() > 0.999


def test_the_masks_of_a_detr_are_an_output_by_name() -> None:
    boxes, maps = (1, 200, 4), (1, 200, 108, 108)
    declared = {"dets": boxes, "labels": (1, 200, 91), "masks": maps}
    assert raw_detr.FAMILY.bind(declared, 80) == ["labels", "dets"]
    assert raw_detr.mask_output(declared) == "masks"
    dfine = {"pred_logits": (1, 200, 80), "pred_boxes": boxes, "pred_masks": maps}
    assert raw_detr.mask_output(dfine) == "pred_masks"
    assert raw_detr.mask_output({"dets": boxes, "labels": (1, 200, 91)}) is None
