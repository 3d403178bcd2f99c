import json
from pathlib import Path
from typing import Any

import pytest

from models.common import datasets
from models.common.commands import CommandError
from tests.models.photos import write_dataset


def test_reads_photos_boxes_and_labels(tmp_path: Path) -> None:
    boxes: list[dict[str, Any]] = [
        {"label": "dog", "bbox": [1, 2, 3, 4]},
        {"label": "cat", "bbox": [0, 0, 9, 9], "area": 50, "iscrowd": 1},
        {"label": "cat", "bbox": [0, 0, 9, 9], "difficult": 1},
    ]
    data = datasets.load(write_dataset(tmp_path / "set", ["cat", "dog"], [boxes, []]))
    assert data.labels == ("cat", "dog")
    assert [(photo.width, photo.height) for photo in data.photos] == [(64, 64)] * 2
    assert data.photos[0].read().startswith(b"\x89PNG")
    assert [(box.label, box.area, box.crowd, box.ignored) for box in data.boxes] == [
        ("dog", 12, False, False),
        ("cat", 50, True, True),
        ("cat", 81, False, True),
    ]


def test_parts(tmp_path: Path) -> None:
    boxes = [[{"label": "cat", "bbox": [1, 2, 3, 4]}]] * 10
    data = datasets.load(write_dataset(tmp_path / "set", ["cat"], boxes))
    assert [photo.id for photo in data.part("val").photos] == [1, 3, 5, 7, 9]
    part = data.part(limit=3)
    assert [photo.id for photo in part.photos] == [0, 3, 6]
    assert [box.photo for box in part.boxes] == [0, 3, 6]
    assert data.part(limit=99) == data
    with pytest.raises(CommandError, match=r"no .*'gone'|'gone'.*train, val"):
        data.part("gone")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "not in COCO format"),
        ("[]", "not in COCO format"),
        ({"images": [], "categories": []}, "lists no images"),
        ({"images": []}, "no 'categories'"),
        ({"images": [{"id": 1}], "categories": []}, "no 'file_name'"),
        (
            {
                "images": [{"id": 1, "file_name": "x.jpg", "width": 1, "height": 1}],
                "categories": [],
            },
            "1 images are missing",
        ),
    ],
)
def test_what_is_no_dataset(tmp_path: Path, document: Any, reason: str) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    (tmp_path / "annotations.json").write_text(text)
    with pytest.raises(CommandError, match=reason):
        datasets.load(tmp_path)


def test_ids_that_are_used_twice(tmp_path: Path) -> None:
    boxes = [[{"label": "cat", "bbox": [1, 2, 3, 4]}]] * 3
    folder = write_dataset(tmp_path / "set", ["cat"], boxes)
    document = json.loads((folder / "annotations.json").read_text())
    document["images"][2]["id"] = 1
    (folder / "annotations.json").write_text(json.dumps(document))
    with pytest.raises(CommandError, match=r"2 images have the id 1, .* Give each image an id"):
        datasets.load(folder)


def test_annotations_of_images_that_are_not_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are ignored, whatever their category."""
    soft = {"label": "cat", "bbox": [1, 2, 3, 4], "score": 0.9}
    folder = write_dataset(tmp_path / "set", ["cat"], [[soft], []])
    datasets.load(folder)
    assert capsys.readouterr().err == ""
    document = json.loads((folder / "annotations.json").read_text())
    for number, category in enumerate((10, 77)):
        other = {"id": 8 + number, "image_id": 555, "category_id": category, "bbox": [1, 2, 3, 4]}
        document["annotations"].append(other)
    (folder / "annotations.json").write_text(json.dumps(document))
    assert [box.photo for box in datasets.load(folder).boxes] == [0]
    error = capsys.readouterr().err
    assert error.startswith("warning: 2 annotations of ")
    assert error.count("\n") == 1


def test_a_folder_without_annotations(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"it needs annotations\.json"):
        datasets.load(tmp_path)
