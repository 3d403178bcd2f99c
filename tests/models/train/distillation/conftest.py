"""Teachers as the service takes them, and a photo for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from models import adopt

if TYPE_CHECKING:
    import torch


@pytest.fixture(scope="session")
def yolox_file(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _adopted(shared / "models" / "yolox_nano.onnx", tmp_path_factory)


@pytest.fixture(scope="session")
def nanodet_file(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _adopted(shared / "teacher" / "nanodet-plus-m-1.5x_416.onnx", tmp_path_factory)


@pytest.fixture(params=["yolox", "nanodet_plus"], scope="session")
def file(request: pytest.FixtureRequest, yolox_file: Path, nanodet_file: Path) -> Path:
    return yolox_file if request.param == "yolox" else nanodet_file


@pytest.fixture(scope="session")
def photo(shared: Path) -> torch.Tensor:
    """The dog beside the bicycle, as a student is given it: ``[1, 3, 416, 416]``, 0 to 1."""
    import torch

    with Image.open(shared / "models" / "dog.jpg") as image:
        pixels = np.asarray(image.resize((416, 416), Image.Resampling.BILINEAR))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


def _adopted(file: Path, folders: pytest.TempPathFactory) -> Path:
    out = folders.mktemp("teacher") / file.name
    assert adopt.main([str(file), "--labels", "coco", "--iou", "0.6", "--out", str(out)]) == 0
    return out
