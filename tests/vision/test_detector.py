"""From image bytes to detections, around a session whose answer the test decides."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from app.errors import InvalidImage, InvalidParameter
from app.vision import detections, families
from app.vision.arrays import Array
from app.vision.description import Description
from app.vision.detections import Options
from app.vision.detector import Detector
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.model.file_hash import FileHash
from app.vision.model.load import Model
from app.vision.model.signature import Signature
from app.vision.preprocess.input_spec import InputSpec
from tests.vision.pictures import encode, quarters

LABELS = ("cat", "dog", "traffic light", "Bus")
WHITE = encode(Image.new("RGB", (64, 64), (255, 255, 255)), "PNG")


class Fixed:
    """A session that answers the same rows: x1, y1, x2, y2, score and class."""

    def __init__(self, *rows: list[float]) -> None:
        self.output: Array = np.array(rows, dtype=np.float32).reshape(1, -1, 6)
        self.error: Exception | None = None

    def get_inputs(self) -> list[Any]:
        return []

    get_outputs = get_inputs

    def get_modelmeta(self) -> Any:
        return SimpleNamespace(custom_metadata_map={})

    def run(self, output_names: list[str], feed: dict[str, Array]) -> list[Array]:
        if self.error is not None:
            raise self.error
        assert list(feed) == ["images"]
        return [self.output]


class Brightness(Fixed):
    """One cat whose score is the mean of the input."""

    def run(self, output_names: list[str], feed: dict[str, Array]) -> list[Array]:
        rows = [[0, 0, 32, 32, feed["images"].mean(), 0]]
        return [np.array([rows], dtype=np.float32)]


def detector(session: Fixed, family: str = "end2end", side: int = 64) -> Detector:
    description = Description.model_validate(
        {
            "family": family,
            "name": "fixed",
            "labels": LABELS,
            "input": InputSpec(size=(side, side)),
        }
    )
    shape = [1, 3, side, side]
    signature = Signature("images", shape, np.dtype(np.float32), {"output0": [1, None, 6]})
    reader = ImageReader(50_000_000, DecodingBudget(200_000_000))
    decode = families.get(family).decode
    file_hash = FileHash(Path(__file__))
    model = Model(session, description, signature, ["output0"], decode, file_hash)
    return Detector(model, reader)


def found(session: Fixed, data: bytes = WHITE, **options: Any) -> list[tuple[str, float]]:
    items = detector(session).detect(data, Options(**options)).items
    return [(item.label, round(item.probability, 4)) for item in items]


ROWS = [
    [0, 0, 10, 10, 0.5, 0],
    [0, 0, 10, 10, 0.875, 1],
    [20, 20, 30, 30, 0.625, 0],
    [40, 40, 50, 50, 0.75, 3],
    [0, 0, 5, 5, 0.2, 2],
]
RIVALS = [
    [0, 0, 10, 10, 0.75, 1],
    [0, 0, 10, 9, 0.5, 0],  # IoU 0.9 with the dog
    [0, 0, 10, 7, 0.375, 3],  # 0.7 with the dog, 0.78 with the cat
    [20, 20, 30, 30, 0.4375, 0],
]


def test_the_most_probable_comes_first() -> None:
    assert found(Fixed(*ROWS)) == [("dog", 0.875), ("Bus", 0.75), ("cat", 0.625), ("cat", 0.5)]


def test_who_says_no_iou_has_the_models_own_else_the_default() -> None:
    plain = detector(Fixed())
    description = plain.model.description.model_copy(update={"iou": 0.5})
    own = Detector(replace(plain.model, description=description), plain.reader)
    assert plain.options(0.3, None, 10) == Options(0.3, 0.7, 10)
    assert own.options(0.3, None, 10) == Options(0.3, 0.5, 10)
    assert own.options(0.3, 0.0, 10, frozenset({1})) == Options(0.3, 0.0, 10, frozenset({1}))


def test_the_model_says_whether_its_labels_compete() -> None:
    plain = detector(Fixed(*RIVALS))
    description = plain.model.description.model_copy(update={"agnostic_iou": 0.8})
    own = Detector(replace(plain.model, description=description), plain.reader)

    def labels(of: Detector, **options: Any) -> list[tuple[str, float]]:
        chosen = of.options(options.pop("confidence", 0.25), None, 10, **options)
        return [(item.label, item.probability) for item in of.detect(WHITE, chosen).items]

    everything = [("dog", 0.75), ("cat", 0.5), ("cat", 0.4375), ("Bus", 0.375)]
    assert labels(plain) == everything
    assert labels(own) == [("dog", 0.75), ("cat", 0.4375), ("Bus", 0.375)]
    assert labels(own, confidence=0.1) == [*labels(own), ("cat", 0.125)]
    assert labels(own, confidence=0.4) == labels(own)[:2]


def test_other_labels_count_even_if_nobody_asked_for_them() -> None:
    both: dict[str, Any] = {"agnostic_iou": 0.8, "confidence": 0.1, "classes": frozenset({0})}
    assert found(Fixed(*RIVALS), **both) == [("cat", 0.4375), ("cat", 0.125)]
    assert found(Fixed(*RIVALS), max_detections=1, **both) == [("cat", 0.4375)]


@pytest.mark.parametrize(("wanted", "rivals"), [(1, 300), (300, 300), (400, 400)])
def test_no_more_boxes_compete_than_are_asked_for_or_usual(
    monkeypatch: pytest.MonkeyPatch, wanted: int, rivals: int
) -> None:
    """A confidence of 0 would let thousands through, and each is compared with all others."""
    counts: list[int] = []

    def counted(boxes: Array, scores: Array, *others: Any) -> Array:
        counts.append(len(boxes))
        return scores

    monkeypatch.setattr(detections, "soften", counted)
    rows = [[0.0, 0.0, 10.0, 10.0, 0.5, 0.0]] * 500
    answer = found(Fixed(*rows), agnostic_iou=0.8, confidence=0.0, max_detections=wanted)
    assert len(answer) == wanted
    assert counts == [rivals]


def test_labels_of_a_model_with_nms_compete_after_it() -> None:
    """The second dog is suppressed by the first one, and so does not compete."""
    output = np.zeros((1, 8, 3), dtype=np.float32)
    for column, (x, width, index, score) in enumerate(
        [(30, 20, 1, 0.75), (34, 20, 1, 0.7), (38, 20, 0, 0.5)]
    ):
        output[0, :4, column] = x, 30, width, 20
        output[0, 4 + index, column] = score
    session = Fixed()
    session.output = output
    options = Options(iou=0.6, agnostic_iou=0.6)
    items = detector(session, "yolov8").detect(WHITE, options).items
    assert [(item.label, item.probability) for item in items] == [("dog", 0.75), ("cat", 0.5)]


@pytest.mark.parametrize("iou", [-0.1, 1.1, "a"])
def test_a_description_with_an_impossible_overlap_is_refused(iou: object) -> None:
    described = detector(Fixed()).model.description.model_dump() | {"agnostic_iou": iou}
    with pytest.raises(ValidationError, match="agnostic_iou"):
        Description.model_validate(described)


def test_the_threshold_is_exclusive_and_lower_ones_let_more_through() -> None:
    assert found(Fixed(*ROWS), confidence=0.625) == [("dog", 0.875), ("Bus", 0.75)]
    assert len(found(Fixed(*ROWS), confidence=0.0)) == 5
    assert found(Fixed(*ROWS), confidence=1.0) == []


def test_classes_are_chosen_before_the_number_is_limited() -> None:
    assert found(Fixed(*ROWS), max_detections=1) == [("dog", 0.875)]
    assert found(Fixed(*ROWS), max_detections=1, classes=frozenset({0})) == [("cat", 0.625)]
    assert found(Fixed(*ROWS), classes=frozenset({2})) == []
    assert found(Fixed(*ROWS), classes=frozenset()) == []


def test_classes_are_chosen_before_suppression_too() -> None:
    output = np.zeros((1, 8, 3), dtype=np.float32)
    for column, (box, index, score) in enumerate(
        [((30, 30, 20, 20), 1, 0.9), ((30, 30, 20, 19), 1, 0.8), ((31, 30, 20, 20), 0, 0.7)]
    ):
        output[0, :4, column] = box
        output[0, 4 + index, column] = score
    session = Fixed()
    session.output = output
    dogs_and_cats = detector(session, "yolov8")

    def labels(**options: Any) -> list[str]:
        return [item.label for item in dogs_and_cats.detect(WHITE, Options(**options)).items]

    assert labels() == ["dog", "cat"]
    assert labels(iou=0.96) == ["dog", "dog", "cat"]
    assert labels(max_detections=1, classes=frozenset({0})) == ["cat"]


def test_boxes_are_placed_on_the_upright_picture_and_clipped() -> None:
    """200 x 100 lies in 64 x 64 between rows 16 and 48, at 0.32 of its size."""
    session = Fixed([16, 24, 48, 40, 0.9, 0], [-10, 0, 16, 64, 0.8, 0])
    data = encode(quarters(200, 100), "PNG")
    result = detector(session).detect(data, Options())
    assert (result.width, result.height) == (200, 100)
    assert [item.box for item in result.items] == [
        pytest.approx((50, 25, 100, 50), abs=1e-3),
        pytest.approx((0, 0, 50, 100), abs=1e-3),
    ]


def test_boxes_without_an_area_on_the_picture_are_dropped() -> None:
    session = Fixed(
        [70, 0, 90, 10, 0.9, 0],  # right of the picture
        [10, -9, 20, 0, 0.9, 0],  # above it
        [5, 5, 5, 9, 0.9, 0],  # no width
        [9, 9, 5, 12, 0.9, 0],  # inside out
        [1, 1, 2, 2, 0.5, 1],
    )
    assert found(session) == [("dog", 0.5)]


def test_numbers_that_are_none_never_come_out() -> None:
    nan, inf = float("nan"), float("inf")
    session = Fixed([nan, 0, 9, 9, 0.9, 0], [0, 0, 9, 9, nan, 0], [0, 0, inf, 9, 0.8, 1])
    assert found(session) == [("dog", 0.8)]


def test_the_names_of_classes_are_told_apart_without_regard_to_case() -> None:
    some = detector(Fixed())
    assert some.class_ids([]) == frozenset()
    assert some.class_ids(["CAT", "bus", "Traffic Light"]) == {0, 2, 3}


def test_all_classes_of_a_label_are_meant() -> None:
    """ImageNet has a crane that flies and one that lifts."""
    some = detector(Fixed())
    description = some.model.description
    twice = description.model_copy(update={"labels": ("crane", "dog", "Crane")})
    some = Detector(replace(some.model, description=twice), some.reader)
    assert some.class_ids(["CRANE"]) == {0, 2}
    assert some.class_ids(["dog", "crane"]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("trafic light", "Near names: traffic light"),
        ("buss", "Near names: Bus"),
        ("DOGS", "Near names: dog"),
        ("zebra crossing", "GET /model"),
        ("", "GET /model"),
        ("x" * 100_000, "GET /model"),
    ],
)
def test_unknown_names_are_answered_with_near_ones(name: str, hint: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        detector(Fixed()).class_ids(["cat", name])
    assert caught.value.detail.startswith(f"classes: the model knows no label {name[:100]!r}")
    assert hint in caught.value.detail
    assert len(caught.value.detail) < 300


def test_a_failing_session_is_remembered_until_it_works_again() -> None:
    session = Fixed(*ROWS)
    some = detector(session)

    def failed() -> bool:
        return some.failed

    some.detect(WHITE, Options())
    assert not failed()
    session.error = RuntimeError("out of memory")
    with pytest.raises(RuntimeError, match="out of memory"):
        some.detect(WHITE, Options())
    assert failed()
    with pytest.raises(InvalidImage):
        some.detect(WHITE[:-30], Options())  # says nothing about the session
    assert failed()
    session.error = None
    some.detect(WHITE, Options())
    assert not failed()


def test_every_stage_is_timed() -> None:
    timings = detector(Fixed(*ROWS)).detect(WHITE, Options()).timings
    assert timings.decode > 0
    assert timings.preprocess > 0
    assert timings.inference > 0
    assert timings.postprocess > 0


def test_threads_do_not_mix_their_pictures() -> None:
    some = detector(Brightness())
    files = {
        level: encode(Image.new("RGB", (640 + level, 480), (level,) * 3), form)
        for level, form in zip(range(80, 256, 25), ["PNG", "JPEG", "BMP", "WEBP"] * 2, strict=True)
    }

    def answer(level: int) -> tuple[int, float, int]:
        result = some.detect(files[level], Options())
        return level, result.items[0].probability, result.width

    alone = [answer(level) for level in files]
    assert len({probability for _, probability, _ in alone}) == len(files)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(answer, [*files] * 6)) == alone * 6
