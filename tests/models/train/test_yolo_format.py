"""Datasets in YOLO format: ``data.yaml``, photos and label files."""

from pathlib import Path

import pytest
from PIL import Image

from models.train import dataset
from models.train.samples import DatasetError, Sample

pytestmark = pytest.mark.kit

FOLDERS = "train: images/train\nval: images/val\n"
TWO = FOLDERS + "names: {0: cat, 1: dog}\n"
BOX = "1 0.5 0.5 0.2 0.4\n"


def yolo(folder: Path, labels: str = BOX, settings: str = TWO) -> Path:
    """One photo to train on, with these ``labels``, and one to validate on, without any."""
    for split in ("train", "val"):
        (folder / "images" / split).mkdir(parents=True)
        (folder / "labels" / split).mkdir(parents=True)
        Image.new("RGB", (64, 64)).save(folder / "images" / split / "a.png")
    (folder / "labels" / "train" / "a.txt").write_text(labels, "utf-8")
    (folder / "data.yaml").write_text(settings, "utf-8")
    return folder


def trained_on(folder: Path) -> Sample:
    (sample,) = dataset.load(folder).part("train")
    return sample


def test_boxes_of_text_files(tmp_path: Path) -> None:
    read = dataset.load(yolo(tmp_path, f"\ufeff{BOX}\n0.0 0.5 0.5 1 1.005\n"))
    assert read.labels == ("cat", "dog")
    (sample,) = read.part("train")
    assert sample.classes.tolist() == [1, 0]
    assert sample.boxes[0].tolist() == pytest.approx([0.4, 0.3, 0.6, 0.7])
    assert sample.boxes[1].tolist() == [0, 0, 1, 1]
    (empty,) = read.part("val")
    assert empty.boxes.shape == (0, 4)


@pytest.mark.parametrize(
    "points",
    [
        "0.2 0.3 0.6 0.3 0.6 0.9",
        "0.2 0.3 0.6 0.4 0.5 0.9 0.3 0.5",
        "0.4 0.3 0.6 0.4 0.5 0.9 0.3 0.5 0.2 0.4",
    ],
)
def test_a_polygon_has_its_bounding_box(tmp_path: Path, points: str) -> None:
    sample = trained_on(yolo(tmp_path, f"0 {points}\n"))
    assert sample.boxes[0].tolist() == pytest.approx([0.2, 0.3, 0.6, 0.9])


def test_keypoints_after_a_box_are_not_a_polygon(tmp_path: Path) -> None:
    pose = yolo(tmp_path, "0 0.5 0.5 0.2 0.4 0.9 0.9 0.1 0.1\n", f"{TWO}kpt_shape: [2, 2]\n")
    assert trained_on(pose).boxes[0].tolist() == pytest.approx([0.4, 0.3, 0.6, 0.7])


def test_class_numbers_are_the_keys_of_names(tmp_path: Path) -> None:
    gaps = yolo(
        tmp_path, "3 0.5 0.5 1 1\n7 0.5 0.5 1 1\n", f"{FOLDERS}names: {{7: dog, 3: cat, 9: hen}}\n"
    )
    read = dataset.load(gaps)
    labels = [read.labels[label] for label in trained_on(gaps).classes]
    assert labels == ["cat", "dog"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("3 0.5 0.5 0.2 0.4", r"class 3 is not in names \(0, 1\)"),
        ("-1 0.5 0.5 0.2 0.4", "class -1 is not in names"),
        ("1.5 0.5 0.5 0.2 0.4", "class 1.5 is not in names"),
        ("inf 0.5 0.5 0.2 0.4", "class inf is not in names"),
        ("cat 0.5 0.5 0.2 0.4", "class cat is not in names"),
        ("1 0.5 0.5 20 0.4", "20 is not from 0 to 1; .* normalised"),
        ("1 -0.5 0.5 0.2 0.4", "-0.5 is not from 0 to 1"),
        ("1 nan 0.5 0.2 0.4", "nan is not from 0 to 1"),
        ("1 0.5 0.5 0.2", "3 numbers follow the class; a box has 4"),
        ("1 0.5 0.5 0.2 0.4 0.9", "5 numbers follow the class"),
        ("1 0.1 0.1 0.5 0.5 0.9 0.9 1", "7 numbers follow the class"),
        ("1 0.5 0.5 0.2 wide", "wide"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    folder = yolo(tmp_path, f"{BOX}{line}\n")
    with pytest.raises(DatasetError, match=rf"labels/train/a\.txt:2: .*{reason}"):
        dataset.load(folder)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("", "it needs the entries train, val and names"),
        ("- cat", "it needs the entries train, val and names"),
        ("names: [cat, dog", "it is not YAML"),
        (f"{FOLDERS}nc: 2", "it has no names"),
        (f"{FOLDERS}names:", "it has no names"),
        (f"{FOLDERS}names: cat", "it has no names"),
        (f"{FOLDERS}names: [0, 1, 2]", "the name of class 0 is 0, which is not text; put it in"),
        (f"{FOLDERS}names: [yes, no]", "the name of class 0 is True, which is not text"),
        (f"{FOLDERS}names: {{a: cat}}", "the key 'a' in names is not a class number"),
        ("train: gone\nnames: [cat]", "gone is neither a folder nor a list of photos"),
    ],
)
def test_wrong_settings_are_one_line(tmp_path: Path, settings: str, reason: str) -> None:
    folder = yolo(tmp_path, settings=settings)
    with pytest.raises(DatasetError, match=rf"data\.yaml: .*{reason}") as refusal:
        dataset.load(folder)
    assert "\n" not in str(refusal.value)


def test_a_list_of_photos_with_one_missing(tmp_path: Path) -> None:
    folder = yolo(tmp_path, settings="train: list.txt\nval: images/val\nnames: [cat, dog]\n")
    (folder / "list.txt").write_text("images/train/a.png\n", "utf-8")
    assert trained_on(folder).classes.tolist() == [1]
    (folder / "list.txt").write_text("images/train/a.png\nimages/train/b.png\n", "utf-8")
    with pytest.raises(DatasetError, match=r"list\.txt:2: there is no photo .*b\.png"):
        dataset.load(folder)


def test_photos_without_any_label_file(tmp_path: Path) -> None:
    folder = yolo(tmp_path)
    (folder / "labels" / "train" / "a.txt").unlink()
    with pytest.raises(DatasetError, match=r"no photo to train on has a label .*train/a\.txt"):
        dataset.load(folder)


def test_other_splits(tmp_path: Path) -> None:
    settings = "train: images/train\nvalid: images/val\ntest: images/val\nnames: [cat, dog]\n"
    read = dataset.load(yolo(tmp_path, settings=settings))
    assert read.counts() == "photos: 1 to train on, 1 to validate on, 1 unused (test)"
