import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.train import dataset
from models.train.image_cache import ImageStore

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


def test_yolo_form(tmp_path: Path) -> None:
    for split in ("train", "val"):
        (tmp_path / "images" / split).mkdir(parents=True)
        (tmp_path / "labels" / split).mkdir(parents=True)
        Image.new("RGB", (64, 64)).save(tmp_path / "images" / split / "a.png")
    (tmp_path / "labels" / "train" / "a.txt").write_text("1 0.5 0.5 0.2 0.4\n", "utf-8")
    (tmp_path / "data.yaml").write_text(
        "train: images/train\nval: images/val\nnames: {0: cat, 1: dog}\n", "utf-8"
    )
    read = dataset.load(tmp_path)
    assert read.labels == ("cat", "dog")
    (sample,) = read.part("train")
    assert sample.classes.tolist() == [1]
    assert sample.boxes[0].tolist() == pytest.approx([0.4, 0.3, 0.6, 0.7])
    (empty,) = read.part("val")
    assert empty.boxes.shape == (0, 4)


def test_a_folder_without_a_dataset_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(dataset.DatasetError, match="found neither"):
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
