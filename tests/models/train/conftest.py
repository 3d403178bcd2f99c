"""A drawn dataset, small enough to train on in seconds.

Without torch these tests are not even collected: see the conftest of the folder above.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

LABELS = ("square", "disc")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """On so small pictures a second thread only waits for the first."""
    import torch

    torch.set_num_threads(1)


def draw_photo(path: Path, random: np.random.Generator) -> list[tuple[int, list[float]]]:
    """Two red squares or blue discs on noise; returns class and x, y, width, height of each."""
    noise = random.integers(90, 160, (96, 128, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    canvas = ImageDraw.Draw(image)
    objects = []
    for column in (0, 64):
        kind = int(random.integers(2))
        side = int(random.integers(24, 48))
        x, y = column + int(random.integers(0, 64 - side)), int(random.integers(0, 96 - side))
        corners = (x, y, x + side - 1, y + side - 1)
        if kind == 0:
            canvas.rectangle(corners, fill="red")
        else:
            canvas.ellipse(corners, fill="blue")
        objects.append((kind, [float(x), float(y), float(side), float(side)]))
    image.save(path)
    return objects


def draw_dataset(folder: Path, labels: tuple[str, ...] = LABELS, photos: int = 40) -> Path:
    """COCO form; the last eighth of the photos is for validation."""
    (folder / "images").mkdir(parents=True)
    random = np.random.default_rng(1)
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for i in range(photos):
        name = f"{i:03}.png"
        for kind, box in draw_photo(folder / "images" / name, random):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": i,
                    "category_id": 10 + kind,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
        split = "val" if i >= photos - photos // 8 else "train"
        images.append({"id": i, "file_name": name, "width": 128, "height": 96, "split": split})
    document = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 10 + i, "name": label} for i, label in enumerate(labels)],
    }
    (folder / "annotations.json").write_text(json.dumps(document), "utf-8")
    return folder


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_dataset(tmp_path_factory.mktemp("drawn") / "set")
