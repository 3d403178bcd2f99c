"""Families whose outputs may have several meanings: outputs made by hand, boxes that are known."""

from typing import Any

import numpy as np
import pytest

from app.vision import families
from app.vision.arrays import Array, Shape
from app.vision.detections import Candidates
from app.vision.families.meanings import COCO_NUMBERS
from app.vision.output_spec import OutputSpec

SIZE = (32, 64)
"""Height and width of the input."""


def found(name: str, outputs: list[Array], classes: int = 2, **spec: Any) -> list[Any]:
    family = families.get(name)
    assert family.with_spec
    decode = family.with_spec(OutputSpec.model_validate(spec))
    return listed(decode(outputs, classes, 0.25, SIZE))


def listed(candidates: Candidates) -> list[Any]:
    assert candidates.boxes.dtype == candidates.scores.dtype == np.float32
    assert candidates.classes.dtype == np.intp
    return [
        ([round(value, 3) for value in box], round(score, 3), number)
        for box, score, number in zip(
            candidates.boxes.tolist(),
            candidates.scores.tolist(),
            candidates.classes.tolist(),
            strict=True,
        )
    ]


def floats(*values: Any) -> Array:
    return np.array(values, dtype=np.float32)


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


RAW: dict[str, Any] = {"boxes": "cxcywh", "unit": "shares"}


def test_a_raw_detr_by_sigmoid_may_give_a_box_two_classes() -> None:
    logits = floats([[logit(0.75), logit(0.5)], [-9, -9]])
    boxes = floats([[0.5, 0.5, 0.5, 0.25], [0, 0, 1, 1]])
    assert found("raw_detr", [logits, boxes], scores="sigmoid", **RAW) == [
        ([16, 12, 48, 20], 0.75, 0),
        ([16, 12, 48, 20], 0.5, 1),
    ]


def test_a_raw_detr_gives_at_most_300_pairs_the_best_ones() -> None:
    logits = floats(np.linspace(0, 4, 800).reshape(400, 2))
    boxes = floats(np.full((400, 4), 0.5))
    pairs = found("raw_detr", [logits, boxes], scores="sigmoid", **RAW)
    assert len(pairs) == 300
    assert min(score for _, score, _ in pairs) == pytest.approx(0.924, abs=0.01)


def test_a_raw_detr_by_softmax_leaves_its_last_column_out() -> None:
    logits = floats([[np.log(3), 0, 0], [0, 0, np.log(9)]])
    boxes = floats([[0.5, 0.5, 0.5, 0.25], [0.5, 0.5, 1, 1]])
    spec: dict[str, Any] = {**RAW, "scores": "softmax", "numbers": [0, 1]}
    assert found("raw_detr", [logits, boxes], **spec) == [([16, 12, 48, 20], 0.6, 0)]


def test_a_raw_detr_with_coco_s_own_numbers() -> None:
    logits = floats(np.full((1, 91), -9))
    logits[0, 0, 18] = logit(0.75)  # dog is the 17th label
    boxes = floats([[0.5, 0.5, 0.5, 0.25]])
    spec: dict[str, Any] = {**RAW, "scores": "sigmoid", "numbers": COCO_NUMBERS}
    assert found("raw_detr", [logits, boxes], 80, **spec) == [([16, 12, 48, 20], 0.75, 16)]


@pytest.mark.parametrize(
    ("columns", "labels", "model_type", "expected"),
    [
        (80, 80, "", [("sigmoid", None)]),
        (81, 80, "", [("softmax", 0)]),
        (92, 80, "", [("softmax", 1)]),
        (91, 80, "", [("sigmoid", 1)]),
        (92, 91, "detr", [("softmax", 0)]),
        (3, 3, "d_fine", [("sigmoid", None)]),
        (4, 3, "yolos", [("softmax", 0)]),
        (4, 3, "deformable_detr", [("sigmoid", 0)]),
        (4, 3, "rf_detr", [("sigmoid", 0)]),
        (7, 3, "", []),
    ],
)
def test_the_columns_and_the_model_s_type_tell_how_a_raw_detr_is_meant(
    columns: int, labels: int, model_type: str, expected: list[Any]
) -> None:
    family = families.get("raw_detr")
    declared = {"logits": [1, 100, columns], "pred_boxes": [1, 100, 4]}
    assert family.bind(declared, labels) == ["logits", "pred_boxes"]
    assert family.ways
    ways = family.ways(declared, labels, model_type)
    assert [(way.scores, way.numbers[0] if way.numbers else None) for way in ways] == expected


def test_rf_detr_has_a_last_column_that_is_not_used() -> None:
    ways = families.get("raw_detr").ways
    declared = {"dets": [1, 100, 4], "labels": [1, 100, 4]}
    assert families.get("raw_detr").bind(declared, 3) == ["labels", "dets"]
    assert ways
    assert [(way.scores, way.numbers) for way in ways(declared, 3, "")] == [("sigmoid", (0, 1, 2))]


@pytest.mark.parametrize(
    ("name", "row", "spec"),
    [
        ("end2end", [1, 2, 3, 4, 0.5, 1], {}),
        ("end2end", [1 / 64, 2 / 32, 3 / 64, 4 / 32, 0.5, 1], {"unit": "shares"}),
        ("end2end", [1, 0.5, 1, 2, 3, 4], {"columns": "class score box"}),
    ],
)
def test_rows_of_six(name: str, row: list[float], spec: dict[str, Any]) -> None:
    assert found(name, [floats([row, [0] * 6])], **spec) == [([1, 2, 3, 4], 0.5, 1)]


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ([0, 1, 2, 3, 4, 1, 0.5], "box class score"),
        ([0, 1, 2, 3, 4, 0.5, 1], "box score class"),
        ([1, 0.5, 1, 2, 3, 4], "class score box"),
    ],
)
def test_detection_rows(row: list[float], columns: str) -> None:
    outputs = [np.array([row], dtype=np.float32)]
    assert found("detection_rows", outputs, columns=columns) == [([1, 2, 3, 4], 0.5, 1)]
    empty = [np.zeros((0, len(row)), np.float32)]
    assert found("detection_rows", empty, columns=columns) == []


BOX = [[1.0, 2, 3, 4], [5, 6, 7, 8]]


@pytest.mark.parametrize(
    ("outputs", "names"),
    [
        ({"boxes": BOX, "labels": [1, 0], "scores": [0.5, 0.1]}, "boxes labels scores"),
        ({"scores": [[0.5, 0.1]], "labels": [[1, 0]], "boxes": [BOX]}, "boxes labels scores"),
        ({"labels": [[1, 0]], "dets": [[[1, 2, 3, 4, 0.5], [5, 6, 7, 8, 0]]]}, "dets labels"),
        (
            {
                "num_dets": [[1]],
                "det_boxes": [BOX],
                "det_scores": [[0.5, 0.9]],  # the second one is not counted
                "det_classes": [[1, 0]],
            },
            "det_boxes det_classes det_scores num_dets",
        ),
    ],
)
def test_detections_in_outputs_of_their_own(outputs: dict[str, Any], names: str) -> None:
    arrays = {name: np.array(value, dtype=np.float32) for name, value in outputs.items()}
    bound = families.get("detections_apart").bind({n: a.shape for n, a in arrays.items()}, 2)
    assert bound == names.split()
    given = [arrays[name] for name in bound]
    assert found("detections_apart", given) == [([1, 2, 3, 4], 0.5, 1)]
    assert found("detections_apart", given, numbers=[1, 2]) == [([1, 2, 3, 4], 0.5, 0)]


def test_tensorflow_s_boxes_have_y_first() -> None:
    declared = {"detection_boxes": [1, 9, 4], "detection_classes": [1, 9]}
    declared |= {"detection_scores": [1, 9], "num_detections": [1]}
    ways = families.get("detections_apart").ways
    assert ways
    first = ways(declared, 80, "")[0]
    assert (first.boxes, first.unit) == ("yxyx", "shares")
    assert first.numbers == tuple(range(1, 81))
    outputs = [floats([2 / 32, 1 / 64, 4 / 32, 3 / 64]), floats([1]), floats([0.5])]
    spec: dict[str, Any] = {"boxes": "yxyx", "unit": "shares", "numbers": [1, 2]}
    assert found("detections_apart", outputs, **spec) == [([1, 2, 3, 4], 0.5, 0)]


def test_selected_indices() -> None:
    boxes, scores = floats(BOX), floats([[0.1, 0.9], [0.5, 0.2]])
    selected = np.array([[0, 1, 0], [0, 0, 1]])
    declared: dict[str, Shape] = {
        "boxes": [1, 2, 4],
        "scores": [1, 2, 2],
        "selected_indices": [None, 3],
    }
    assert families.get("selected_indices").bind(declared, 2) == list(declared)
    assert found("selected_indices", [boxes, scores, selected]) == [
        ([1, 2, 3, 4], 0.5, 1),
        ([5, 6, 7, 8], 0.9, 0),
    ]


def test_boxes_and_scores_apart() -> None:
    bind = families.get("boxes_scores").bind
    assert bind({"output": [1, 9, 2], "953": [1, 9, 4]}, 2) == ["953", "output"]
    assert bind({"boxes": [1, 9, 1, 4], "confs": [1, 9, 2]}, 2) == ["boxes", "confs"]
    assert bind({"cls_scores": [1, 9, 4], "boxes": [1, 9, 4]}, 4) == ["boxes", "cls_scores"]
    assert bind({"scores": [1, 9, 3], "boxes": [1, 9, 4]}, 2) is None
    outputs = [floats(BOX), floats([[0.1, 0.5], [0.1, 0.2]])]
    assert found("boxes_scores", outputs) == [([1, 2, 3, 4], 0.5, 1)]


@pytest.mark.parametrize(
    ("boxes", "unit", "row"),
    [
        ("xyxy", "pixels", [1, 2, 3, 4]),
        ("cxcywh", "pixels", [2, 3, 2, 2]),
        ("cxcywh", "shares", [2 / 64, 3 / 32, 2 / 64, 2 / 32]),
    ],
)
def test_box_rows(boxes: str, unit: str, row: list[float]) -> None:
    outputs = [floats([*row, 0.1, 0.5])[None]]
    assert found("box_rows", outputs, boxes=boxes, unit=unit) == [([1, 2, 3, 4], 0.5, 1)]


def distribution(*cells: int) -> list[float]:
    """Logits of 8 bins for each side: all the weight is on one bin."""
    logits = np.full((4, 8), -50.0)
    logits[np.arange(4), list(cells)] = 50
    return [float(value) for value in logits.ravel()]


def test_nanodet_measures_from_the_centre_of_a_cell() -> None:
    """64 x 32: 8 x 4 cells of 8 pixels, 4 x 2 of 16, 2 x 1 of 32."""
    scores = [np.zeros((1, cells, 2), np.float32) for cells in (32, 8, 2)]
    sides = [np.zeros((1, cells, 32), np.float32) for cells in (32, 8, 2)]
    scores[0][0, 8 + 3] = 0.1, 0.5  # column 3, row 1
    sides[0][0, 8 + 3] = distribution(1, 0, 2, 1)
    names = ["s8", "s16", "s32", "d8", "d16", "d32"]
    arrays = dict(zip(names, scores + sides, strict=True))
    shuffled = {name: arrays[name].shape for name in ("d16", "s8", "d8", "s16", "s32", "d32")}
    family = families.get("nanodet_m")
    assert family.bind(shuffled, 2) == names
    candidates = family.decode([arrays[name] for name in names], 2, 0.25, SIZE)
    assert listed(candidates) == [([20, 12, 44, 20], 0.5, 1)]


def test_nanodet_plus_measures_from_the_corner_of_a_cell() -> None:
    rows = np.zeros((1, 32 + 8 + 2 + 1, 2 + 32), np.float32)
    rows[0, 8 + 3] = [0.1, 0.5, *distribution(1, 0, 2, 1)]
    family = families.get("nanodet_plus")
    assert family.bind({"output": rows.shape}, 2) == ["output"]
    assert family.fits_input
    assert family.fits_input({"output": rows.shape}, *SIZE)
    assert listed(family.decode([rows], 2, 0.25, SIZE)) == [([16, 8, 40, 16], 0.5, 1)]


def test_fastestdet() -> None:
    level = np.zeros((1, 7, 4, 8), np.float32)
    level[0, :, 1, 3] = [0.5, 0, 0, 0, 0, 0.25, 0.5]
    family = families.get("fastestdet")
    assert family.bind({"758": level.shape}, 2) == ["758"]
    assert listed(family.decode([level], 2, 0.25, SIZE)) == [([8, 0, 40, 16], 0.5, 1)]


def test_yunet() -> None:
    outputs = []
    for width, value in ((1, 0.0), (1, 0.0), (4, 0.0)):
        outputs += [np.full((1, cells, width), value, np.float32) for cells in (32, 8, 2)]
    outputs[0][0, 8 + 3] = 0.5
    outputs[3][0, 8 + 3] = 0.5
    outputs[6][0, 8 + 3] = [0.5, 0.25, np.log(2), 0]
    family = families.get("yunet")
    names = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox") for stride in (8, 16, 32)]
    declared = {name: value.shape for name, value in zip(names, outputs, strict=True)}
    assert family.bind({**declared, "kps_8": [1, 32, 10]}, 1) == names
    assert listed(family.decode(outputs, 1, 0.25, SIZE)) == [([20, 6, 36, 14], 0.5, 0)]


def test_inputs_besides_the_image() -> None:
    detections, raw = families.get("detection_rows"), families.get("raw_detr")
    assert detections.feeds["scale_factor"](32, 64).tolist() == [[1, 1]]
    assert detections.feeds["im_shape"](32, 64).tolist() == [[32, 64]]
    assert raw.feeds["pixel_mask"](32, 64).shape == (1, 32, 64)
    assert raw.can_feed(())
    assert raw.can_feed({"pixel_mask"})
    assert not raw.can_feed({"orig_target_sizes"})
    assert not families.get("detr").can_feed(())
