"""Each family in any clone: the shipped model in its form, adopted, against a plain decoder.

The reference below is written out with nothing of ``app``: a letterbox by Pillow, the session,
the arithmetic of the shipped model's outputs and a suppression in plain loops.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from app.vision import families
from app.vision.detections import Options
from models import adopt
from models.common import checks, metadata
from models.common.labels import COCO
from tests.acceptance.matching import overlap
from tests.server import REPOSITORY, serve
from tests.stand_ins import rewired

SHIPPED = REPOSITORY / "models" / "default.onnx"
PHOTOS = {
    name: REPOSITORY / "app" / "page" / "files" / "samples" / f"{name}.jpg"
    for name in ("astronaut", "cat")
}
LEAST = 0.3
"""Above this, an object has to be found."""
APART = 0.06
"""Between two probabilities: Pillow's resizer here is not the service's."""
OTHERS = {
    "nanodet_plus": "a fourth level, which the shipped model has not",
    "fastestdet": "one level only",
    "yunet": "faces",
    "spotter": "the shipped model itself",
    **dict.fromkeys(("yolov8_pose", "end2end_pose"), "keypoints"),
    **dict.fromkeys(("yolov8_obb", "end2end_obb"), "turned boxes"),
    "whole_picture": "labels without boxes",
}
"""Families into whose form it is not brought, and why."""
INPUTS: dict[str, list[str]] = {
    "ssd": ["--fit", "letterbox", "--mean", "0", "--std", "255"],
    "nanodet_m": ["--channels", "rgb", "--mean", "0", "--std", "255", "--pad", "114"],
    **{family: ["--fit", "letterbox"] for family in ("rtdetr", "raw_detr", "detr")},
}
"""What the network was trained for, where the family's usual input differs."""


class Found(NamedTuple):
    label: str
    probability: float
    box: tuple[float, float, float, float]


@cache
def reference(photo: str) -> list[Found]:
    """What the shipped model finds on a square of ``rewired.SIDE``, the best first."""
    side = rewired.SIDE
    image = Image.open(PHOTOS[photo]).convert("RGB")
    scale = min(side / image.width, side / image.height)
    size = round(image.width * scale), round(image.height * scale)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    canvas = Image.new("RGB", (side, side), (114, 114, 114))
    canvas.paste(image.resize(size, Image.Resampling.BILINEAR), (left, top))
    tensor = np.asarray(canvas, np.float32).transpose(2, 0, 1)[None] / 255
    session = onnxruntime.InferenceSession(SHIPPED, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {"images": tensor}), strict=True))
    labels = json.loads(metadata.read(SHIPPED.read_bytes())["spotter"])["labels"]
    found = []
    for stride in (8, 16, 32):
        logits, distances = outputs[f"scores.{stride}"][0], outputs[f"distances.{stride}"][0]
        for row in range(side // stride):
            for column in range(side // stride):
                number = int(logits[:, row, column].argmax())
                probability = float(1 / (1 + np.exp(-logits[number, row, column])))
                if probability < 0.1:
                    continue
                far = np.exp(np.minimum(distances[:, row, column], 6)) * stride
                x, y = (column + 0.5) * stride, (row + 0.5) * stride
                corners = np.array([x - far[0], y - far[1], x + far[2], y + far[3]])
                corners = (corners - [left, top, left, top]) / scale
                x1, x2 = np.clip(corners[[0, 2]], 0, image.width)
                y1, y2 = np.clip(corners[[1, 3]], 0, image.height)
                box = float(x1), float(y1), float(x2 - x1), float(y2 - y1)
                found.append(Found(labels[number], probability, box))
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: -one.probability):
        if all(o.label != one.label or overlap(o.box, one.box) <= rewired.IOU for o in kept):
            kept.append(one)
    return kept


def adopted(folder: Path, family: str, *options: str) -> Path:
    source, out = rewired.write(folder / f"{family}-raw.onnx", family), folder / f"{family}.onnx"
    arguments = [str(source), "--labels", "coco", "--iou", str(rewired.IOU), "--out", str(out)]
    assert adopt.main([*arguments, *options]) == 0
    return out


def assert_same(found: list[Found], expected: list[Found]) -> None:
    """Those of ``expected`` above the least are found, and nothing else that is sure."""
    sure = [one for one in expected if one.probability > LEAST]
    assert sure
    for one in sure:
        near = [other for other in found if overlap(other.box, one.box) > 0.9]
        assert [other.label for other in near][:1] == [one.label], (one, found)
        assert near[0].probability == pytest.approx(one.probability, abs=APART)
    limit = LEAST + APART
    assert len([one for one in found if one.probability > limit]) <= len(sure)


def test_every_family_is_here_or_told_why_not() -> None:
    assert {*rewired.FORMS, *OTHERS} == {*families.NAMES}
    assert not {*rewired.FORMS} & {*OTHERS}


@pytest.mark.parametrize("photo", PHOTOS)
def test_the_reference_finds_what_is_there(photo: str) -> None:
    best = reference(photo)[0]
    assert best.label == {"astronaut": "person", "cat": "cat"}[photo]
    assert best.probability > LEAST


@pytest.mark.parametrize("family", rewired.FORMS)
def test_a_family_finds_what_the_plain_decoder_finds(family: str, tmp_path: Path) -> None:
    out = adopted(tmp_path, family, "--family", family, *INPUTS.get(family, []))
    detector = checks.detector(out)
    assert detector.model.description.family == family
    assert detector.labels == COCO
    for photo, path in PHOTOS.items():
        items = detector.detect(path.read_bytes(), Options(confidence=0.1, iou=rewired.IOU)).items
        found = [Found(item.label, item.probability, item.box) for item in items]
        assert_same(found, reference(photo))


@pytest.mark.parametrize("family", ["yolox", "end2end", "detections_apart", "raw_detr"])
def test_adopt_finds_the_family_out_and_the_server_answers(family: str, tmp_path: Path) -> None:
    """From a file that does not say what it is, over HTTP, to boxes."""
    out = adopted(tmp_path, family)
    assert checks.detector(out).model.description.family == family
    with serve(out) as server:
        for photo, path in PHOTOS.items():
            answer = server.detect(path.read_bytes(), confidence=0.2).json()
            best, expected = answer["detections"][0], reference(photo)[0]
            assert best["label"] == expected.label
            assert overlap(best["boundingBox"], expected.box) > 0.7
