"""A few labels out of a larger dataset."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from models import subset
from models.common import datasets
from models.common.datasets import Dataset
from tests.models.photos import write_dataset

LABELS = ["cat", "Dog", "hen", "newt"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Cats on 16 photos, dogs on 8 of them; hens on four others, a newt on one; one without."""
    boxes: list[dict[str, Any]] = [{"label": label, "bbox": [1, 2, 30, 40]} for label in LABELS]
    cat, dog, hen, newt = boxes
    pets = [[cat, {**dog, "difficult": 1}] if index % 4 < 2 else [cat] for index in range(16)]
    return write_dataset(tmp_path / "source", LABELS, [*pets, *[[hen]] * 4, [newt], []])


@pytest.fixture
def whole(source: Path) -> Path:
    """The same without a split."""
    path = source / "annotations.json"
    document = json.loads(path.read_text())
    for image in document["images"]:
        del image["split"]
    path.write_text(json.dumps(document))
    return source


def cut(source: Path, labels: str, *options: str) -> Path:
    out = source.parent / "out"
    assert subset.main([str(source), "--labels", labels, "--out", str(out), *options]) == 0
    return out


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert subset.main([str(argument) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("spotter: ")
    assert error.count("\n") == 1
    return error


def photos_of(data: Dataset, label: str, split: str) -> int:
    ids = {photo.id for photo in data.photos if photo.split == split}
    return len({box.photo for box in data.boxes if box.label == label} & ids)


def test_the_photos_and_boxes_of_these_labels_alone(source: Path) -> None:
    made = datasets.load(cut(source, "hen, dog"))
    assert made.labels == ("hen", "Dog")
    assert len(made.photos) == 8 + 4
    assert {box.label for box in made.boxes} == {"hen", "Dog"}
    assert all(box.bounds == (1, 2, 30, 40) for box in made.boxes)
    assert [box.ignored for box in made.boxes] == [box.label == "Dog" for box in made.boxes]
    for photo in made.photos:
        assert photo.read() == (source / "images" / photo.path.name).read_bytes()


def test_the_split_of_the_dataset_stays(source: Path) -> None:
    before = {photo.id: photo.split for photo in datasets.load(source).photos}
    made = datasets.load(cut(source, "cat"))
    assert {photo.id: photo.split for photo in made.photos}.items() <= before.items()


@pytest.mark.parametrize(("share", "cats", "dogs"), [("0.25", 4, 2), ("0.5", 8, 4)])
def test_every_label_gets_its_share_for_validation(
    whole: Path, share: str, cats: int, dogs: int
) -> None:
    made = datasets.load(cut(whole, "cat,dog", "--val-share", share))
    assert photos_of(made, "cat", "val") == cats
    assert photos_of(made, "Dog", "val") == dogs
    assert photos_of(made, "cat", "train") == 16 - cats


def test_a_quarter_where_nothing_is_said(whole: Path) -> None:
    made = datasets.load(cut(whole, "hen"))
    assert (photos_of(made, "hen", "train"), photos_of(made, "hen", "val")) == (3, 1)


def test_a_share_replaces_the_split_of_the_dataset(source: Path) -> None:
    made = datasets.load(cut(source, "cat", "--val-share", "0.125"))
    assert photos_of(made, "cat", "val") == 2


def test_the_same_command_cuts_the_same(whole: Path) -> None:
    first = (cut(whole, "cat,dog") / "annotations.json").read_text()
    (whole.parent / "out").rename(whole.parent / "first")
    assert (cut(whole, "cat,dog") / "annotations.json").read_text() == first


def test_annotations_of_images_that_are_not_listed_are_left_out(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = source / "annotations.json"
    document = json.loads(path.read_text())
    document["annotations"].append({**document["annotations"][0], "id": 999, "image_id": 555})
    path.write_text(json.dumps(document))
    made = cut(source, "cat")
    assert "warning: 1 annotations of " in capsys.readouterr().err
    written = json.loads((made / "annotations.json").read_text())
    assert len(written["annotations"]) == len(written["images"]) == 16


def test_tells_what_was_cut(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut(source, "cat,dog")
    printed = capsys.readouterr().out
    assert "16 photos, 8 of them for validation" in printed
    assert "  Dog: 8 boxes on 8 photos\n" in printed


def test_labels_and_splits_by_other_spellings(source: Path) -> None:
    path = source / "annotations.json"
    text = path.read_text().replace('"val"', '"valid"').replace('"cat"', '" cat"')
    path.write_text(text)
    made = datasets.load(cut(source, "Cat,dog"))
    assert made.labels == (" cat", "Dog")
    assert {photo.split for photo in made.photos} == {"train", "valid"}


def test_refusals(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert "no label 'cats'. Near it: cat." in refusal(
        capsys, source, "--labels", "cats", "--out", out
    )
    assert "'Dog' is given twice" in refusal(capsys, source, "--labels", "dog,Dog", "--out", out)
    assert "is not a dataset" in refusal(capsys, tmp_path / "gone", "--labels", "cat", "--out", out)
    error = refusal(capsys, source, "--labels", "cat,newt", "--out", out)
    assert "'newt' is on 1 photos, 0 of them for validation: too few" in error
    assert not out.exists()
    out.mkdir()
    (out / "mine").touch()
    assert "already exists" in refusal(capsys, source, "--labels", "cat", "--out", out)


def test_photos_from_elsewhere_are_not_taken(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "outside.png").write_bytes((source / "images" / "0.png").read_bytes())
    path = source / "annotations.json"
    document: dict[str, Any] = json.loads(path.read_text())
    document["images"][0]["file_name"] = "../outside.png"
    path.write_text(json.dumps(document))
    out = source.parent / "out"
    assert "is not inside" in refusal(capsys, source, "--labels", "cat", "--out", out)
    assert sorted(entry.name for entry in source.parent.iterdir()) == ["source"]


@pytest.mark.parametrize("share", ["0", "1", "-1", "nan", "abc"])
def test_a_share_that_is_none(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        subset.main(["x", "--labels", "cat", "--out", "y", "--val-share", share])
    assert stop.value.code == 2
    assert re.search("between 0 and 1|not a number from 0 to 1", capsys.readouterr().err)
