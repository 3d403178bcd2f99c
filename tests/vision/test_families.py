"""Each family's raw outputs, made by hand, to boxes that are known."""

from typing import Literal

import numpy as np
import pytest

from app.vision import families
from app.vision.arrays import Array
from app.vision.detections import Candidates
from app.vision.families import (
    detr,
    end2end,
    end2end_obb,
    end2end_pose,
    spotter,
    ssd,
    whole_picture,
    yolov5,
    yolov8,
    yolov8_obb,
    yolov8_pose,
    yolox,
)
from app.vision.output_spec import OutputSpec

SIZE = (64, 64)
"""Of the input; also what YOLOX derives its grid from."""


def rows_of(found: Candidates) -> list[tuple[list[float], float, int]]:
    assert found.boxes.dtype == found.scores.dtype == np.float32
    assert found.classes.dtype == np.intp
    assert found.boxes.shape == (len(found.scores), 4)
    return [
        (box, round(score, 4), index)
        for box, score, index in zip(
            found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True
        )
    ]


def v8(*anchors: list[float], dtype: type = np.float32) -> Array:
    return np.array(anchors, dtype=dtype).T[None]


def rows(*rows: list[float], dtype: type = np.float32) -> Array:
    return np.array(rows, dtype=dtype)[None]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_yolov8(dtype: type) -> None:
    output = v8(
        [10, 20, 4, 6, 0.125, 0.75], [1, 2, 3, 4, 0.25, 0.1], [9, 9, 2, 2, 0.5, 0], dtype=dtype
    )
    assert rows_of(yolov8.decode([output], 2, 0.25, SIZE)) == [
        ([8, 17, 12, 23], 0.75, 1),
        ([8, 8, 10, 10], 0.5, 0),
    ]


def test_a_segmenter_s_masks_come_with_its_prototypes() -> None:
    output = v8([1, 1, 2, 2, 0, 0, 0, 0, 0], [10, 20, 4, 6, 0.125, 0.75, 99, -99, 5])
    prototypes = np.ones((1, 3, 16, 16), dtype=np.float32)
    assert yolov8.decode([output], 2, 0.25, SIZE).masks is None
    found = yolov8.decode([output, prototypes], 2, 0.25, SIZE)
    assert rows_of(found) == [([8, 17, 12, 23], 0.75, 1)]
    assert found.masks is not None
    assert found.masks.coefficients(found.masks.rows).tolist() == [[99, -99, 5]]
    assert yolov8.bind({"rows": [1, 9, 84], "masks": [1, 3, 16, 16]}, 2) == ["rows"]
    assert not yolov8.bind({"rows": [1, 9, 84], "masks": [1, 4, 16, 16]}, 2)
    assert not yolov8.bind({"rows": [1, 9, 84]}, 2)


def test_other_segmenters_have_coefficients_in_their_last_columns_too() -> None:
    prototypes = np.ones((1, 2, 16, 16), dtype=np.float32)
    apart = rows([1, 2, 3, 4, 0.5, 1, 7, 8])
    found = end2end.decode([apart, prototypes], 2, 0.25, SIZE)
    assert found.masks is not None
    assert found.masks.coefficients(found.masks.rows).tolist() == [[7, 8]]
    older = rows([10, 20, 4, 6, 0.5, 0, 1, 7, 8])
    found = yolov5.decode([older, prototypes], 2, 0.25, SIZE)
    assert found.masks is not None
    assert found.masks.coefficients(found.masks.rows).tolist() == [[7, 8]]
    masks = {"masks": [1, 2, 16, 16]}
    assert end2end.bind({"rows": [1, 300, 8], **masks}, 2) == ["rows"]
    assert yolov5.FAMILY.bind({"rows": [1, 84, 9], **masks}, 2) == ["rows"]
    assert not end2end.bind({"rows": [1, 300, 6], **masks}, 2)


@pytest.mark.parametrize("values", [2, 3])
def test_keypoints_follow_the_scores(values: int) -> None:
    spec = OutputSpec(keypoints=("a", "b"), keypoint_values=values)
    points = [1, 2, 0.5, 3, 4, 0.75] if values == 3 else [1, 2, 3, 4]
    expected = np.array(points).reshape(1, 2, values)
    output = v8([10, 20, 4, 6, 0.25, 0.125, *points], [10, 20, 4, 6, 0.125, 0.75, *points])
    end = rows([8, 17, 12, 23, 0.75, 1, *points], [0] * (6 + len(points)))
    for family, raw in ((yolov8_pose, output), (end2end_pose, end)):
        found = family.with_spec(spec)([raw], 2, 0.25, SIZE)
        assert rows_of(found) == [([8, 17, 12, 23], 0.75, 1)]
        assert found.keypoints is not None
        assert found.keypoints.names == ("a", "b")
        assert found.keypoints.values.tolist() == expected.tolist()


def test_turned_boxes_have_their_angle_in_the_last_row() -> None:
    output = v8([30, 20, 10, 4, 0.125, 0.75, np.pi / 2], [1, 1, 1, 1, 0.1, 0.1, 0])
    end = rows([30, 20, 10, 4, 0.75, 1, np.pi / 2], [0] * 7)
    for family, raw in ((yolov8_obb, output), (end2end_obb, end)):
        found = family.decode([raw], 2, 0.25, SIZE)
        assert found.boxes == pytest.approx(np.array([[28, 15, 32, 25]]), abs=1e-4)
        assert found.classes.tolist() == [1]
        assert found.turned is not None
        assert found.turned.values == pytest.approx(np.array([[30, 20, 10, 4, np.pi / 2]]))
    assert yolov8_obb.bind({"rows": [1, 7, 84]}, 2) == ["rows"]
    assert not yolov8_obb.bind({"rows": [1, 6, 84]}, 2)
    assert end2end_obb.bind({"rows": [1, 300, 7]}, 2) == ["rows"]
    assert not end2end_obb.bind({"rows": [1, 300, 6]}, 2)


def test_a_classifier_s_scores_become_probabilities() -> None:
    logits = np.array([[1, 3, 2]], dtype=np.float32)

    def scores(how: Literal["probability", "sigmoid", "softmax"], output: Array) -> list[float]:
        found = whole_picture.with_spec(OutputSpec(scores=how))([output], 3, 0.0, SIZE)
        assert found.classes.tolist() == [0, 1, 2]
        return list(found.scores)

    assert scores("softmax", logits) == pytest.approx([0.09003, 0.66524, 0.24473], abs=1e-5)
    assert scores("sigmoid", logits) == pytest.approx([0.73106, 0.95257, 0.8808], abs=1e-5)
    assert scores("probability", logits / 4) == [0.25, 0.75, 0.5]
    found = whole_picture.with_spec(OutputSpec(scores="softmax"))([logits], 3, 0.3, SIZE)
    assert found.classes.tolist() == [1]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_yolov5_multiplies_by_objectness(dtype: type) -> None:
    output = rows(
        [10, 20, 4, 6, 0.5, 0.25, 0.75],
        [10, 20, 4, 6, 0.5, 0.5, 0.5],  # 0.25: not above it
        [10, 20, 4, 6, 0.125, 1, 1],
        dtype=dtype,
    )
    assert rows_of(yolov5.decode([output], 2, 0.25, SIZE)) == [([8, 17, 12, 23], 0.375, 1)]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_end2end_takes_rows_as_they_are(dtype: type) -> None:
    output = rows([1, 2, 3, 4, 0.5, 1], [1, 2, 3, 4, 0.25, 0], [0] * 6, dtype=dtype)
    assert rows_of(end2end.decode([output], 2, 0.25, SIZE)) == [([1, 2, 3, 4], 0.5, 1)]


def test_yolox_undoes_its_grid() -> None:
    """64 x 64: 8 x 8 cells of 8 pixels, then 4 x 4 of 16, then 2 x 2 of 32."""
    output = np.zeros((1, 64 + 16 + 4, 7), dtype=np.float32)
    output[0, 8 * 2 + 3] = [0.5, 0.25, np.log(2), 0, 0.5, 0.25, 1]  # column 3, row 2 of stride 8
    output[0, 64 + 4 + 2] = [0, 0, 0, np.log(3), 1, 0.75, 0]  # column 2, row 1 of stride 16
    output[0, -1] = [-0.5, 0.5, 0, 0, 1, 0.5, 0.625]  # column 1, row 1 of stride 32
    found = yolox.decode([output], 2, 0.25, SIZE)
    assert found.boxes == pytest.approx(
        np.array([[20, 14, 36, 22], [24, -8, 40, 40], [0, 32, 32, 64]]), abs=1e-4
    )
    assert found.scores.tolist() == [0.5, 0.75, 0.625]
    assert found.classes.tolist() == [1, 0, 1]


def test_yolox_grids_follow_the_input_s_height_and_width() -> None:
    output = np.zeros((1, 8 * 4 + 4 * 2 + 2 * 1, 6), dtype=np.float32)
    output[0, 31] = [0, 0, 0, 0, 1, 1]  # the last of 4 rows of 8 columns
    found = yolox.decode([output], 1, 0.5, (32, 64))
    assert found.boxes.tolist() == [[7 * 8 - 4, 3 * 8 - 4, 7 * 8 + 4, 3 * 8 + 4]]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_detr(dtype: type) -> None:
    labels = np.array([[1, 0, 0]], dtype=np.int64)
    boxes: Array = np.array([[[1, 2, 3, 4], [5, 6, 7, 8], [0, 0, 1, 1]]], dtype=dtype)
    scores: Array = np.array([[0.75, 0.25, 0.5]], dtype=dtype)
    assert rows_of(detr.decode([labels, boxes, scores], 2, 0.25, SIZE)) == [
        ([1, 2, 3, 4], 0.75, 1),
        ([0, 0, 1, 1], 0.5, 0),
    ]


def levels(classes: int) -> dict[str, Array]:
    """Of an input of 64 x 32: no cell is likely."""
    shapes = {8: (4, 8), 16: (2, 4), 32: (1, 2)}
    return {
        f"{kind}.{stride}": np.full((1, channels, *shape), -9, dtype=np.float32)
        for kind, channels in (("scores", classes), ("distances", 4))
        for stride, shape in shapes.items()
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_spotter_s_boxes_lie_around_their_cells(dtype: type) -> None:
    maps = levels(2)
    maps["scores.8"][0, :, 3, 7] = 0, 1
    maps["distances.8"][0, :, 3, 7] = np.log([1, 2, 3, 4])
    maps["scores.32"][0, 0, 0, 1] = 2
    maps["distances.32"][0, :, 0, 1] = 0, 0, 7, 0  # 7 is above what is trained
    found = spotter.decode([value.astype(dtype) for value in maps.values()], 2, 0.5, (32, 64))
    far = 48 + 32 * np.exp(6.0)
    expected = [[60 - 8, 28 - 16, 60 + 24, 28 + 32], [48 - 32, 16 - 32, far, 16 + 32]]
    assert found.boxes == pytest.approx(np.array(expected), rel=1e-3)
    assert found.scores.tolist() == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-2))])
    assert found.classes.tolist() == [1, 0]


def test_spotter_s_outputs_are_bound_by_name() -> None:
    declared = {name: value.shape for name, value in reversed(levels(2).items())}
    names = [name.replace("scores", "distances") for name in declared if "scores" in name]
    scores = [name for name in declared if "scores" in name]
    assert spotter.bind(declared, 2) == spotter.bind(declared, None) == scores + names
    assert spotter.bind(declared, 3) is None
    assert spotter.bind({**declared, "other": [1, 2]}, 2) is None
    assert spotter.bind({**declared, "scores.8": [1, 3, 4, 8]}, None) is None
    assert spotter.bind({**declared, "distances.8": [1, 5, 4, 8]}, 2) is None
    assert spotter.bind({"output0": [1, 6, 84]}, 2) is None


def test_ssd_leaves_the_background_out_and_takes_shares_of_the_input() -> None:
    scores = rows([0.9, 0.05, 0.05], [0.1, 0.3, 0.6], [0.7, 0.3, 0])
    boxes = rows([0, 0, 1, 1], [0.25, 0.5, 0.75, 1], [0, 0, 0.5, 0.5])
    found = ssd.decode([scores, boxes], 2, 0.25, (32, 64))
    assert rows_of(found) == [([16, 16, 48, 32], 0.6, 1), ([0, 0, 32, 16], 0.3, 0)]
    declared = {"boxes": [1, 9, 4], "scores": [1, 9, 3]}
    assert ssd.bind(declared, 2) == ssd.bind(declared, None) == ["scores", "boxes"]
    assert ssd.bind(declared, 3) is None
    assert ssd.bind({**declared, "scores": [1, 8, 3]}, 2) is None
    assert ssd.bind({**declared, "labels": [1, 9]}, 2) is None


def test_classes_that_have_no_label_are_left_out() -> None:
    output = rows([1, 2, 3, 4, 0.5, -1], [1, 2, 3, 4, 0.5, 2], [1, 2, 3, 4, 0.5, 1])
    assert end2end.decode([output], 2, 0.25, SIZE).classes.tolist() == [1]
    labels = np.array([[-1, 2, 0]], dtype=np.int64)
    ones: list[Array] = [np.ones((1, 3, 4), np.float32), np.ones((1, 3), np.float32)]
    assert detr.decode([labels, *ones], 2, 0.25, SIZE).classes.tolist() == [0]


EMPTY: dict[str, list[Array]] = {
    "yolov8": [np.zeros((1, 6, 84), np.float32)],
    "yolov5": [np.zeros((1, 84, 7), np.float32)],
    "end2end": [np.zeros((1, 300, 6), np.float32)],
    "yolox": [np.zeros((1, 84, 7), np.float32)],
    "detr": [
        np.zeros((1, 9), np.int64),
        np.zeros((1, 9, 4), np.float32),
        np.zeros((1, 9), np.float32),
    ],
}


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_above_the_threshold_is_an_empty_answer(name: str) -> None:
    family = families.get(name)
    declared = {f"output{number}": output.shape for number, output in enumerate(EMPTY[name])}
    assert family.bind(declared, 2)
    # A score of 0 is not above a threshold of 0.
    assert rows_of(family.decode(EMPTY[name], 2, 0.0, SIZE)) == []


def test_no_detection_slots_at_all() -> None:
    assert rows_of(end2end.decode([np.zeros((1, 0, 6), np.float32)], 2, 0.2, SIZE)) == []
    empty = [np.zeros((1, 0), np.int64), np.zeros((1, 0, 4)), np.zeros((1, 0))]
    assert rows_of(detr.decode(empty, 2, 0.2, SIZE)) == []


def test_ties_between_classes_go_to_the_first() -> None:
    assert yolov8.decode([v8([1, 1, 1, 1, 0.5, 0.5])], 2, 0.2, SIZE).classes.tolist() == [0]
