import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.train import dataset
from models.train.image_cache import ImageStore
from models.train.samples import DatasetError

pytestmark = pytest.mark.kit


def coco(folder: Path, annotations: list[dict[str, object]], images: int = 1) -> Path:
    (folder / "images").mkdir(parents=True)
    for i in range(images):
        Image.new("RGB", (200, 100), (i, 0, 0)).save(folder / "images" / f"{i}.png")
    document = {
        "images": [
            {"id": i, "file_name": f"{i}.png", "width": 200, "height": 100} for i in range(images)
        ],
        "annotations": annotations,
        "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}],
    }
    (folder / "annotations.json").write_text(json.dumps(document), "utf-8")
    return folder


def test_coco_boxes_become_shares_and_flags_are_kept(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"image_id": 0, "category_id": 3, "bbox": [20, 10, 100, 50]},
        {"image_id": 0, "category_id": 7, "bbox": [0, 0, 50, 50], "iscrowd": 1},
        {"image_id": 0, "category_id": 7, "bbox": [0, 0, 50, 50], "difficult": 1},
        {"image_id": 0, "category_id": 7, "bbox": [10, 10, 0, 50]},
    ]
    read = dataset.load(coco(tmp_path / "set", rows))
    assert read.labels == ("cat", "dog")
    (sample,) = read.samples
    assert sample.classes.tolist() == [1, 0, 0]
    assert sample.boxes[0].tolist() == pytest.approx([0.1, 0.1, 0.6, 0.6])
    assert sample.ignored.tolist() == [False, True, True]


def test_a_tenth_is_set_aside_where_no_photo_is_for_validation(tmp_path: Path) -> None:
    read = dataset.load(coco(tmp_path / "set", [], images=20))
    assert (len(read.part("train")), len(read.part("val"))) == (18, 2)
    few = dataset.load(coco(tmp_path / "few", [], images=3))
    assert (len(few.part("train")), len(few.part("val"))) == (2, 1)


def split(folder: Path, *splits: str | None) -> Path:
    """A dataset with one photo and one box of each of ``splits``."""
    boxes: list[dict[str, object]] = [
        {"image_id": i, "category_id": 7, "bbox": [0, 0, 50, 50]} for i in range(len(splits))
    ]
    path = coco(folder, boxes, images=len(splits)) / "annotations.json"
    document = json.loads(path.read_text("utf-8"))
    for image, name in zip(document["images"], splits, strict=True):
        if name is not None:
            image["split"] = name
    path.write_text(json.dumps(document), "utf-8")
    return folder


def test_only_photos_for_training_are_trained_on(tmp_path: Path) -> None:
    splits = "train", None, "val", "valid", "Validation", "test", "test", "later"
    read = dataset.load(split(tmp_path / "set", *splits))
    assert [sample.path.stem for sample in read.part("train")] == ["0", "1"]
    assert [sample.path.stem for sample in read.part("val")] == ["2", "3", "4"]
    assert read.counts() == "photos: 2 to train on, 3 to validate on, 3 unused (later, test)"
    whole = dataset.load(split(tmp_path / "whole", None, "test", None))
    assert whole.counts() == "photos: 1 to train on, 1 to validate on, 1 unused (test)"


def test_a_dataset_without_photos_or_boxes_to_train_on_is_refused(tmp_path: Path) -> None:
    def refused(folder: Path) -> str:
        with pytest.raises(DatasetError) as refusal:
            dataset.check_training(dataset.load(folder), folder)
        return str(refusal.value)

    assert "no photo is for training" in refused(split(tmp_path / "val", "val", "val"))
    assert "no photo is for training or" in refused(split(tmp_path / "test", "test"))
    bare = coco(tmp_path / "bare", [], images=3)
    assert refused(bare) == f"{bare}: none of the 2 photos to train on has a box"
    crowd: list[dict[str, object]] = [
        {"image_id": 0, "category_id": 7, "bbox": [0, 0, 50, 50], "iscrowd": 1}
    ]
    assert "none of the 1 photos" in refused(coco(tmp_path / "crowd", crowd))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ("{", "annotations.json is not in COCO format"),
        ({"categories": None}, "annotations.json is not in COCO format"),
        ({"images": [{"id": 0, "file_name": "0.png", "height": 100}]}, "no 'width'"),
        (
            {"images": [{"id": 0, "file_name": "0.png", "width": 0, "height": 100}]},
            "annotations.json: 0.png has the size 0 x 100",
        ),
        (
            {"images": [{"id": 0, "file_name": "x.png", "width": 200, "height": 100}]},
            "the first of them .*x.png",
        ),
        ({"annotations": [{"image_id": 0, "category_id": 3, "bbox": [1, 2]}]}, "annotations.json"),
        (
            {"annotations": [{"image_id": 0, "category_id": 5, "bbox": [0, 0, 9, 9]}]},
            "annotations.json",
        ),
        (
            {
                "annotations": [
                    {"image_id": 0, "category_id": 7, "bbox": [0, 0, 9, 9]},
                    {"image_id": 0, "category_id": 5, "bbox": [0, 0, 9, 9], "score": 0.5},
                ]
            },
            "annotations.json: an annotation of 0.png needs .* has .* the category_id 5",
        ),
    ],
)
def test_a_broken_coco_dataset_is_one_line(tmp_path: Path, changed: object, reason: str) -> None:
    path = coco(tmp_path / "set", []) / "annotations.json"
    if isinstance(changed, dict):
        changed = json.dumps({**json.loads(path.read_text("utf-8")), **changed})
    path.write_text(str(changed), "utf-8")
    with pytest.raises(DatasetError, match=reason) as refusal:
        dataset.load(path.parent)
    assert "\n" not in str(refusal.value)


def test_numeric_names_are_labels(tmp_path: Path) -> None:
    path = coco(tmp_path / "set", []) / "annotations.json"
    document = json.loads(path.read_text("utf-8"))
    document["categories"] = [{"id": 7, "name": 0}, {"id": 3, "name": 1}]
    path.write_text(json.dumps(document), "utf-8")
    assert dataset.load(path.parent).labels == ("0", "1")


def test_labels_in_another_order_and_case(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"image_id": 0, "category_id": 3, "bbox": [20, 10, 100, 50]}]
    read = dataset.load(coco(tmp_path / "set", rows)).in_order_of(("DOG ", "Cat"))
    assert read.labels == ("DOG ", "Cat")
    assert read.samples[0].classes.tolist() == [0]
    assert read.samples[0].wanted.tolist() == [[1, 0]]
    with pytest.raises(DatasetError, match=r"only in the dataset: cat; only in the model: hen$"):
        dataset.load(tmp_path / "set").in_order_of(("hen", "dog"))


def test_a_folder_without_a_dataset_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="found neither"):
        dataset.load(tmp_path)


def test_the_store_scales_down_only_and_is_built_once(tmp_path: Path) -> None:
    read = dataset.load(coco(tmp_path / "set", [], images=2))
    small = ImageStore(read.samples, tmp_path / "cache", 100)
    assert small[0].shape == (50, 100, 3)
    large = ImageStore(read.samples, tmp_path / "cache", 400)
    assert large[1].shape == (100, 200, 3)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    again = ImageStore(read.samples, tmp_path / "cache", 400)
    assert np.array_equal(again[1], large[1])
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}


@pytest.mark.parametrize("content", ["none", "truncated"])
def test_the_store_names_a_photo_that_it_cannot_decode(tmp_path: Path, content: str) -> None:
    read = dataset.load(coco(tmp_path / "set", [], images=2))
    photo = tmp_path / "set" / "images" / "1.png"
    photo.write_bytes(b"not a photo" if content == "none" else photo.read_bytes()[:60])
    with pytest.raises(DatasetError, match=r"images/1\.png: it is not an image, or it is trunc"):
        ImageStore(read.samples, tmp_path / "cache", 100)
