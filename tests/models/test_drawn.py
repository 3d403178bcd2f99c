import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.common import datasets
from models.drawn import SIGNS, main
from tests.vision.pictures import encode


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        gray = Image.new("RGB", (400, 300 + number), (90, 90, 90))
        (folder / f"{number}.png").write_bytes(encode(gray, "PNG"))
    return folder


def test_what_is_boxed_is_drawn_and_nothing_else(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "signs"
    assert main([str(photos), "--out", str(out), "--count", "12"]) == 0
    document = json.loads((out / "annotations.json").read_text())
    assert [entry["name"] for entry in document["categories"]] == list(SIGNS)
    assert {entry["category_id"] for entry in document["annotations"]} == {1, 2, 3}
    for entry in document["images"]:
        with Image.open(out / "images" / entry["file_name"]) as photo:
            assert (photo.width, photo.height) == (entry["width"], entry["height"])
            apart = np.abs(np.asarray(photo, dtype=int) - 90).max(axis=2)
        for box in (a["bbox"] for a in document["annotations"] if a["image_id"] == entry["id"]):
            x, y, width, height = box
            inside = apart[y : y + height, x : x + width]
            assert (inside > 20).mean() > 0.3
            assert (inside[0] > 10).any()  # it reaches its edges
            apart[max(0, y - 3) : y + height + 3, max(0, x - 3) : x + width + 3] = 0
        assert (apart < 25).all()
    loaded = datasets.load(out)
    assert len(loaded.part("val", None).photos) == 3


def test_the_same_seed_draws_the_same(photos: Path, tmp_path: Path) -> None:
    said = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / name
        assert main([str(photos), "--out", str(out), "--count", "8", "--seed", str(seed)]) == 0
        said.append((out / "annotations.json").read_text())
    assert said[0] == said[1] != said[2]


def test_too_few_photos_and_a_folder_that_is_there(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(photos), "--out", str(tmp_path / "x"), "--count", "13"]) == 1
    assert "has 12 photos, fewer than --count 13" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    assert main([str(photos), "--out", str(photos)]) == 1
    assert "already exists" in capsys.readouterr().err
