from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidImage
from models.common import datasets
from models.common.commands import CommandError
from models.evaluate.measure import Report, measure
from models.evaluate.sources import Answer, Prediction, Thresholds
from tests.models.photos import write_dataset

Said = Sequence[tuple[str, float, tuple[float, float, float, float]]]
CAT: dict[str, Any] = {"label": "cat", "bbox": [10, 10, 20, 20]}
DOG: dict[str, Any] = {"label": "dog", "bbox": [40, 30, 20, 30]}
A, B = (10, 10, 20, 20), (40, 30, 20, 30)


class Parrot:
    """Says of every photo, one after the other, what it was taught."""

    name = "parrot"
    thresholds = Thresholds()

    def __init__(self, said: Sequence[Said], labels: tuple[str, ...] = ("cat", "dog")) -> None:
        self.labels = labels
        self._said = iter(said)
        self.asked: list[frozenset[str]] = []

    def detect(self, image: bytes, labels: frozenset[str]) -> Answer:
        self.asked.append(labels)
        found = [Prediction(*item) for item in next(self._said)]
        return Answer((64, 64), found, {"inference": 1.0 + len(self.asked)})


def report(tmp_path: Path, truth: Sequence[list[dict[str, Any]]], said: Sequence[Said]) -> Report:
    folder = write_dataset(tmp_path / "set", ["cat", "dog"], truth)
    return measure(Parrot(said), datasets.load(folder))


def test_a_perfect_detector(tmp_path: Path) -> None:
    said = [[("cat", 0.9, A)], [("dog", 0.3, B), ("cat", 0.2, A)], []]
    result = report(tmp_path, [[CAT], [CAT, DOG], []], said)
    scores = result.scores
    assert [scores.map, scores.map50, scores.map75] == pytest.approx([1, 1, 1])
    assert [(entry.label, entry.photos, entry.objects) for entry in scores.classes] == [
        ("cat", 2, 2),
        ("dog", 1, 1),
    ]
    assert scores.recall == pytest.approx(1)
    assert result.timings == {"inference": 3.0}
    assert result.other_size == 0


def test_a_miss_and_a_false_one(tmp_path: Path) -> None:
    """Two cats, the better guess wrong, one found: precision 1/2 up to recall 1/2, then 0."""
    said = [[("cat", 0.9, (0, 40, 10, 10)), ("cat", 0.8, A)], []]
    scores = report(tmp_path, [[CAT], [CAT]], said).scores
    assert scores.map == pytest.approx(51 / 101 / 2)
    assert scores.recall == pytest.approx(0.5)
    assert scores.classes[1].ap is None  # there is no dog


def test_a_loose_box_counts_at_low_thresholds_only(tmp_path: Path) -> None:
    """IoU 0.64: right at 0.50, 0.55 and 0.60."""
    scores = report(tmp_path, [[CAT]], [[("cat", 0.9, (10, 10, 16, 16))]]).scores
    assert scores.map50 == pytest.approx(1)
    assert scores.map75 == 0
    assert scores.map == pytest.approx(0.3)


def test_sizes(tmp_path: Path) -> None:
    """Below 32 x 32 is small."""
    scores = report(tmp_path, [[CAT]], [[("cat", 0.9, A)]]).scores
    assert scores.small == pytest.approx(1)
    assert scores.medium is None
    assert scores.large is None


@pytest.mark.parametrize("flag", ["iscrowd", "difficult"])
def test_ignored_objects_are_neither_asked_for_nor_wrong(tmp_path: Path, flag: str) -> None:
    said = [[("cat", 0.9, B), ("cat", 0.8, A)]]
    scores = report(tmp_path, [[CAT, {**DOG, "label": "cat", flag: 1}]], said).scores
    assert scores.map == pytest.approx(1)
    assert scores.classes[0].objects == 1


def test_two_detections_in_a_difficult_object_but_not_in_a_crowd_are_one_too_many(
    tmp_path: Path,
) -> None:
    twice: Said = [("cat", 0.9, B), ("cat", 0.9, B), ("cat", 0.8, A)]
    for flag, expected in (("iscrowd", 1.0), ("difficult", 0.5)):
        truth = [CAT, {**DOG, "label": "cat", flag: 1}]
        assert report(tmp_path / flag, [truth], [twice]).scores.map == pytest.approx(expected)


CATS = [CAT, {**CAT, "bbox": list(B)}]


@pytest.mark.parametrize(
    ("truth", "said", "right"),
    [
        ([CAT], [("cat", 0.9, A)], 1),
        ([CAT], [("cat", 0.9, A), ("dog", 0.25, B)], 1),
        ([CAT, DOG], [("dog", 0.26, B), ("cat", 0.9, A), ("cat", 0.2, A)], 1),
        (CATS, [("cat", 0.3, A), ("cat", 0.9, B)], 1),
        ([CAT], [("cat", 0.9, (10, 10, 20, 10.1))], 1),
        ([CAT], [("cat", 0.9, (10, 10, 20, 9.9))], 0),
        ([CAT], [("cat", 0.25, A)], 0),
        ([CAT], [("dog", 0.9, A)], 0),
        ([CAT], [("cat", 0.9, A), ("cat", 0.3, A)], 0),
        ([CAT], [("cat", 0.9, A), ("dog", 0.3, B)], 0),
        (CATS, [("cat", 0.9, B)], 0),
        ([CAT, DOG], [("cat", 0.9, A)], 0),
    ],
)
def test_a_photo_is_right_if_all_is_found_and_nothing_else(
    tmp_path: Path, truth: list[dict[str, Any]], said: Said, right: int
) -> None:
    scores = report(tmp_path, [truth], [said]).scores
    assert (scores.photos_right, scores.photos_with_objects) == (right, 1)


@pytest.mark.parametrize("flag", ["iscrowd", "difficult"])
def test_ignored_objects_make_no_photo_wrong(tmp_path: Path, flag: str) -> None:
    truth = [CAT, {**DOG, flag: 1}]
    said: list[Said] = [[("cat", 0.9, A)], [("cat", 0.9, A), ("dog", 0.9, B)]]
    scores = report(tmp_path, [truth, truth], said).scores
    assert (scores.photos_right, scores.photos_with_objects) == (2, 2)


def test_photos_without_objects_are_neither_right_nor_wrong(tmp_path: Path) -> None:
    truth = [[], [], [{**CAT, "difficult": 1}], [CAT]]
    said: list[Said] = [[], [("cat", 0.9, A)], [], [("cat", 0.9, A)]]
    scores = report(tmp_path, truth, said).scores
    assert (scores.photos_right, scores.photos_with_objects) == (1, 1)


def test_a_detector_that_finds_nothing(tmp_path: Path) -> None:
    scores = report(tmp_path, [[CAT]], [[]]).scores
    assert (scores.map, scores.recall) == (0, 0)


def test_labels_match_by_name_whatever_their_order_and_case(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "set", ["Cat", "dog", "yeti"], [[{**CAT, "label": "Cat"}]])
    parrot = Parrot([[("cat", 0.9, A)]], ("zebra", "dog", "cat"))
    result = measure(parrot, datasets.load(folder))
    assert result.scores.map == pytest.approx(1)
    assert result.shared == ("Cat", "dog")
    assert result.not_in_model == ("yeti",)
    assert result.not_in_dataset == ("zebra",)
    assert parrot.asked == [{"cat", "dog"}]


def test_no_label_in_common(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "set", ["cat"], [[CAT]])
    with pytest.raises(CommandError, match=r"share no label: a, b, c \.\.\. against cat"):
        measure(Parrot([], ("a", "b", "c", "d")), datasets.load(folder))


def test_a_photo_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    class Blind(Parrot):
        def detect(self, image: bytes, labels: frozenset[str]) -> Answer:
            raise InvalidImage("It is truncated.")

    folder = write_dataset(tmp_path / "set", ["cat"], [[CAT]])
    with pytest.raises(CommandError, match=r"0\.png: It is truncated"):
        measure(Blind([]), datasets.load(folder))


def test_photos_of_another_size_are_counted(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "set", ["cat"], [[CAT]], size=(64, 65))
    assert measure(Parrot([[]]), datasets.load(folder)).other_size == 1
