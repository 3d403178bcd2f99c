from pathlib import Path

import numpy as np
import pytest
import torch

from models.train import dataset
from models.train.augment import Order, Pictures, Recipe, clip_objects, recolour
from models.train.image_cache import ImageStore
from models.train.samples import Sample

pytestmark = pytest.mark.kit


@pytest.fixture(scope="module")
def pictures(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    samples = dataset.load(drawn).part("train")
    return Pictures(samples, ImageStore(samples, tmp_path_factory.mktemp("cache"), 128))


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_boxes_stay_on_their_objects(pictures: Pictures, mosaic: float) -> None:
    order = Order(tuple(range(16)), (96, 128), 3, Recipe(mosaic=mosaic, mixup=0.0))
    images, targets = pictures[order]
    assert images.shape == (16, 3, 96, 128)
    looked_at = 0
    for i, kind, box, ignored, _ in zip(*targets, strict=True):
        x0, y0, x1, y1 = box.tolist()
        if ignored or min(x1 - x0, y1 - y0) < 8:
            continue
        red, _, blue = images[i, :, int((y0 + y1) / 2), int((x0 + x1) / 2)].tolist()
        assert (red > 150) if kind == 0 else (blue > 150)
        looked_at += 1
    assert looked_at > 10


def test_the_same_order_gives_the_same_batch(pictures: Pictures) -> None:
    order = Order((0, 1, 2), (96, 96), 5, Recipe(mixup=0.5))
    first, second = pictures[order], pictures[order]
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.targets.boxes, second.targets.boxes)


def test_what_is_left_of_a_box_mostly_cut_off_is_ignored() -> None:
    boxes = np.array([[0, 0, 10, 10], [-9, 0, 1, 10], [30, 30, 40, 40], [5, 5, 7, 7]], np.float32)
    sample = Sample(
        Path(), "train", np.arange(4), boxes, np.zeros(4, bool), np.eye(4, dtype=np.float32)
    )
    kept = clip_objects(sample, boxes, (0, 0, 20, 20))
    assert kept.classes.tolist() == [0, 1, 3]
    assert kept.ignored.tolist() == [False, True, True]


def test_colour_changes_differ_by_picture_and_stay_in_range() -> None:
    images = torch.full((4, 3, 8, 8), 200, dtype=torch.uint8)
    coloured = recolour(images, torch.Generator().manual_seed(0))
    assert coloured.min() >= 0
    assert coloured.max() <= 1
    assert len({round(float(each.mean()), 4) for each in coloured}) == 4
    same = recolour(images, torch.Generator().manual_seed(0), strength=0.0)
    assert torch.allclose(same, torch.full_like(same, 200 / 255), atol=1e-5)
