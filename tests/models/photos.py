"""Small datasets, written to a folder."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image


def write_dataset(
    folder: Path,
    labels: Sequence[str],
    photos: Sequence[Iterable[dict[str, Any]]],
    size: tuple[int, int] = (64, 64),
) -> Path:
    """Black photos; each with boxes as ``{"label": ..., "bbox": [...], ...}``."""
    (folder / "images").mkdir(parents=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index, boxes in enumerate(photos):
        name = f"{index}.png"
        Image.new("RGB", size).save(folder / "images" / name)
        split = "val" if index % 2 else "train"
        width, height = size
        images.append(
            {"id": index, "file_name": name, "width": width, "height": height, "split": split}
        )
        for box in boxes:
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": index,
                    "category_id": 10 + labels.index(box["label"]),
                    "iscrowd": 0,
                    **{key: value for key, value in box.items() if key != "label"},
                }
            )
    categories = [{"id": 10 + index, "name": label} for index, label in enumerate(labels)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder
