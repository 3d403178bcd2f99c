"""Turned boxes, keypoints and masks against the Ultralytics package's own post-processing."""

import math
from typing import Any

import numpy as np
import pytest

from app.vision.arrays import Array, Floats
from app.vision.detections import Options, place, select
from app.vision.families import yolov8, yolov8_obb, yolov8_pose
from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox

pytestmark = pytest.mark.kit
torch = pytest.importorskip("torch")

SIDE, CLASSES, ANCHORS = 128, 3, 400
LABELS = ("a", "b", "c")
OPTIONS = Options(confidence=0.3, iou=0.5, max_detections=60, masks=True)
PLAN = Letterbox.plan(InputSpec(size=(SIDE, SIDE)), 256, 192, rectangular=False)


def raw(*more: tuple[float, float]) -> Floats:
    """YOLOv8's output with random boxes and scores, then rows within these bounds."""
    random = np.random.default_rng(11)
    bounds = [(0, SIDE), (16, SIDE - 16), (8, 50), (8, 30), *[(0, 1)] * CLASSES, *more]
    low, high = np.array(bounds).T
    output: Array = random.uniform(low, high, (ANCHORS, len(bounds)))
    return output.T[None].astype(np.float32)


def suppressed(output: Floats, *, rotated: bool = False) -> Any:
    nms = pytest.importorskip("ultralytics.utils.nms")
    (rows,) = nms.non_max_suppression(
        torch.from_numpy(output.copy()), OPTIONS.confidence, OPTIONS.iou,
        max_det=OPTIONS.max_detections, nc=CLASSES, rotated=rotated, max_time_img=60,
    )  # fmt: skip
    return rows


def test_turned_boxes_are_suppressed_as_the_package_does() -> None:
    ops = pytest.importorskip("ultralytics.utils.ops")
    output = raw((-math.pi / 4, 3 * math.pi / 4))
    rows = suppressed(output, rotated=True)
    chosen = select(
        yolov8_obb.decode([output], CLASSES, OPTIONS.confidence, (SIDE, SIDE)),
        OPTIONS,
        needs_nms=True,
    )
    assert 10 < len(rows) == len(chosen.scores)
    assert chosen.scores == pytest.approx(rows[:, 4].numpy())
    assert chosen.turned is not None
    boxes = torch.cat([rows[:, :4], rows[:, 6:]], dim=1)
    assert chosen.turned.values == pytest.approx(boxes.numpy())
    boxes[:, :4] = ops.scale_boxes((SIDE, SIDE), boxes[:, :4], (192, 256), xywh=True)
    corners = np.array([box.corners for box in chosen.turned.place(PLAN)])
    assert corners == pytest.approx(ops.xywhr2xyxyxyxy(boxes).numpy(), abs=1e-3)


def test_keypoints_are_placed_as_the_package_does() -> None:
    ops = pytest.importorskip("ultralytics.utils.ops")
    output = raw(*[(-20, SIDE + 20), (-20, SIDE + 20), (0, 1)] * 17)
    rows = suppressed(output)
    found = yolov8_pose.FAMILY.decode([output], CLASSES, OPTIONS.confidence, (SIDE, SIDE))
    items = place(select(found, OPTIONS, needs_nms=True), PLAN, LABELS)
    assert 10 < len(rows) == len(items)
    expected = ops.scale_coords((SIDE, SIDE), rows[:, 6:].reshape(-1, 17, 3), (192, 256))
    points = [
        [(point.x, point.y, point.probability) for point in item.keypoints or ()] for item in items
    ]
    assert np.array(points) == pytest.approx(expected.numpy(), abs=1e-3)


def test_masks_are_those_of_the_package() -> None:
    ops = pytest.importorskip("ultralytics.utils.ops")
    output = raw(*[(-1, 1)] * 4)
    prototypes = np.random.default_rng(5).normal(size=(4, 8, 8)).astype(np.float32)
    prototypes = np.asarray(torch.nn.functional.interpolate(
        torch.from_numpy(prototypes)[None], (SIDE // 4, SIDE // 4), mode="bicubic"
    )[0])  # fmt: skip
    rows = suppressed(output)
    boxes = ops.scale_boxes((SIDE, SIDE), rows[:, :4].clone(), (192, 256))
    expected = ops.process_mask_native(
        torch.from_numpy(prototypes), rows[:, 6:], boxes, (192, 256)
    ).numpy()
    outputs = [output, prototypes[None]]
    found = yolov8.decode(outputs, CLASSES, OPTIONS.confidence, (SIDE, SIDE))
    items = place(select(found, OPTIONS, needs_nms=True), PLAN, LABELS)
    assert 10 < len(rows) == len(items)
    for item, right in zip(items, expected, strict=True):
        assert item.mask is not None
        left, top, bits = item.mask.bits()
        whole = np.zeros((192, 256), dtype=bool)
        whole[top : top + bits.shape[0], left : left + bits.shape[1]] = bits
        assert (whole == (right > 0)).mean() > 0.9999
