"""The teacher is read as the service reads it, and followed."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from app.vision.families import yolox
from models.common.labels import COCO
from models.train.boxes import iou
from models.train.feature_distillation import Adapters
from models.train.net import Architecture, Detector, Raw
from models.train.teacher import SURE, Soft, Teacher, TeacherError, distillation_loss, neck_maps
from tests.models import tiny

pytestmark = pytest.mark.kit

LABELS = ("dog", "person", "car")


@pytest.fixture(scope="module")
def file(shared: Path) -> Path:
    return shared / "models" / "yolox_nano.onnx"


@pytest.fixture(scope="module")
def teacher(file: Path) -> Teacher:
    return Teacher(file, LABELS, threads=1)


@pytest.fixture(scope="module")
def photo(shared: Path) -> torch.Tensor:
    with Image.open(shared / "models" / "dog.jpg") as image:
        pixels = np.asarray(image.resize((416, 416), Image.Resampling.BILINEAR))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


def answer(images: torch.Tensor, classes: int = len(LABELS)) -> Raw:
    """Of a pupil that has learnt nothing yet."""
    torch.manual_seed(0)
    widths = (8, 8, 8, 8, 8)
    pupil = Detector(Architecture(widths=widths, depths=(1, 1, 1, 1), neck=8, classes=classes))
    raw: Raw = pupil.eval()(images)
    return raw


def test_it_is_read_as_the_service_reads_it(file: Path, photo: torch.Tensor) -> None:
    soft = Teacher(file, COCO, threads=1)(photo, answer(photo, len(COCO)))
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    pixels = np.ascontiguousarray(photo.numpy()[:, ::-1] * 255)
    outputs = session.run(None, {session.get_inputs()[0].name: pixels})
    threshold = 0.05
    served = yolox.decode(outputs, len(COCO), threshold, (416, 416))
    best = soft.scores[0].max(-1)
    kept = best.values > threshold
    assert int(kept.sum()) == len(served.scores) > 20
    assert np.allclose(best.values[kept].numpy(), served.scores, atol=1e-4)
    assert best.indices[kept].tolist() == served.classes.tolist()
    assert np.allclose(soft.boxes[0, kept].numpy(), served.boxes, atol=0.05)
    assert COCO.index("dog") in served.classes


def test_it_sees_the_dog_where_it_is(teacher: Teacher, photo: torch.Tensor) -> None:
    soft = teacher(photo, answer(photo))
    surest = int(soft.scores[0, :, LABELS.index("dog")].argmax())
    assert soft.scores[0, surest, LABELS.index("dog")] > 0.5
    found = soft.boxes[0, surest] * torch.tensor([768 / 416, 576 / 416]).repeat(2)
    assert iou(found, torch.tensor([130.0, 218.0, 309.0, 540.0])) > 0.7


@pytest.mark.parametrize("sides", [(96, 160), (224, 64), (416, 416)])
def test_pictures_of_any_size_and_number(teacher: Teacher, sides: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *sides)
    raw = answer(images)
    soft = teacher(images, raw)
    assert soft.scores.shape == raw.scores.shape
    assert soft.boxes.shape == (2, len(raw.points), 4)
    alone = teacher(images[1:], raw)
    assert torch.allclose(alone.scores[0], soft.scores[1], atol=1e-5)


def test_only_what_a_pupil_learns_is_told(file: Path, photo: torch.Tensor) -> None:
    everything = Teacher(file, COCO, threads=1)(photo, answer(photo)).scores
    some = Teacher(file, LABELS, threads=1)(photo, answer(photo)).scores
    assert torch.equal(some, everything[..., [COCO.index(label) for label in LABELS]])


def test_its_neck_is_found(file: Path, teacher: Teacher, photo: torch.Tensor) -> None:
    maps = neck_maps(onnx.load(file).graph)
    assert maps == [("input.471", 64), ("input.531", 128), ("input.591", 256)]
    soft = teacher(photo, answer(photo))
    assert [tuple(each.shape) for each in soft.features] == [
        (1, 64, 52, 52),
        (1, 128, 26, 26),
        (1, 256, 13, 13),
    ]


def test_a_pupil_learns_the_features(teacher: Teacher, photo: torch.Tensor) -> None:
    torch.manual_seed(0)
    widths = (8, 8, 8, 8, 8)
    pupil = Detector(Architecture(widths=widths, depths=(1, 1, 1, 1), neck=8, classes=3))
    adapters = Adapters(8, teacher.channels)
    features = teacher(photo, answer(photo)).features
    optimizer = torch.optim.Adam([*pupil.parameters(), *adapters.parameters()], lr=0.01)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = adapters(pupil.pyramid(photo), features)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_features_of_any_scale_ask_the_same(teacher: Teacher, photo: torch.Tensor) -> None:
    adapters = Adapters(8, [4])
    level, wanted = torch.randn(2, 8, 6, 6), torch.randn(2, 4, 6, 6)
    loss = adapters([level], [wanted])
    assert torch.allclose(loss, adapters([3 * level], [5 * wanted + 2]), rtol=1e-3)


def test_labels_that_it_does_not_know(file: Path) -> None:
    with pytest.raises(TeacherError, match="has no 'unicorn'"):
        Teacher(file, ("dog", "unicorn"))


@pytest.mark.parametrize(
    "name", ["yolov8n", "yolov8n-dynamic", "yolov5n", "yolo26n", "deimv2_atto", "nanodet_m"]
)
def test_models_of_other_families_do_not_teach(shared: Path, name: str) -> None:
    with pytest.raises(TeacherError, match="not a YOLOX file") as caught:
        Teacher(shared / "models" / f"{name}.onnx", LABELS)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_model_or_a_cut_one(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    for content in (b"not a model", file.read_bytes()[:-1000], b""):
        other.write_bytes(content)
        with pytest.raises(TeacherError, match="not a YOLOX file") as caught:
            Teacher(other, LABELS)
        assert "\n" not in str(caught.value)
    tiny.write(tiny.conv_model(), other)
    with pytest.raises(TeacherError, match="not a YOLOX file"):
        Teacher(other, LABELS)


def followed(images: torch.Tensor, surer: float = 0.0) -> Raw:
    """An answer that can be changed."""
    raw = answer(images)
    return raw._replace(
        scores=(raw.scores.detach() + surer).requires_grad_(),
        distances=raw.distances.detach().requires_grad_(),
    )


def test_nothing_is_to_be_learnt_where_both_agree(photo: torch.Tensor) -> None:
    raw = followed(photo, surer=4.0)  # else no box would be sure enough to count
    with torch.no_grad():
        soft = Soft(raw.scores.sigmoid(), raw.boxes())
    assert (soft.scores > SURE).any()
    torch.autograd.backward(distillation_loss(raw, soft))
    for answered in (raw.scores, raw.distances):
        assert answered.grad is not None
        assert answered.grad.abs().max() < 1e-6


def test_following_it_brings_the_loss_down(teacher: Teacher, photo: torch.Tensor) -> None:
    raw = followed(photo)
    soft = teacher(photo, raw)
    optimizer = torch.optim.Adam([raw.scores, raw.distances], lr=0.1)
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        loss = distillation_loss(raw, soft)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    # What is left is the teacher's own doubt, which no answer takes away.
    doubt = distillation_loss(raw._replace(scores=soft.scores.logit(1e-6)), soft).item()
    assert losses[-1] - doubt < 0.2 * (losses[0] - doubt)
    sure = soft.scores[0].amax(-1) > 0.3
    assert torch.allclose(raw.scores[0, sure].sigmoid(), soft.scores[0, sure], atol=0.1)
    assert torch.allclose(raw.boxes()[0, sure], soft.boxes[0, sure], atol=12)
