"""One threshold for all labels."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from app.vision.detections import Candidates
from models import calibrate as command
from models.common import checks
from models.train import dataset, export
from models.train.calibration import (
    SERVED,
    best_thresholds,
    calibrate,
    curves,
    f1,
    macro_f1,
    shift,
)
from models.train.canvas import input_of
from models.train.evaluate import OPTIONS, served
from models.train.image_cache import ImageStore
from models.train.net import Architecture, Detector
from models.train.samples import Sample

pytestmark = pytest.mark.kit

SMALL = Architecture(widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1), neck=8, classes=2)
LEFT, RIGHT = [0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]


def photo(*rows: tuple[int, list[float], bool]) -> Sample:
    classes = np.array([row[0] for row in rows], np.int64)
    boxes = np.array([row[1] for row in rows], np.float32).reshape(-1, 4)
    ignored = np.array([row[2] for row in rows], bool)
    return Sample(Path(), "val", classes, boxes, ignored, np.eye(2, dtype=np.float32)[classes])


def found(*rows: tuple[int, list[float], float]) -> Candidates:
    return Candidates(
        np.array([row[1] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[2] for row in rows], np.float32),
        np.array([row[0] for row in rows], np.intp),
    )


def measured(
    scores: tuple[float, float], noise: float = 0.03
) -> tuple[dict[int, Candidates], list[Sample]]:
    """Right boxes of two labels with these scores on 40 photos, and a wrong one of each below."""
    samples = [photo((0, LEFT, False), (1, RIGHT, False))] * 40
    each = found(
        (0, LEFT, scores[0]),
        (1, RIGHT, scores[1]),
        (0, RIGHT, scores[0] * noise),
        (1, LEFT, scores[1] * noise),
    )
    return dict.fromkeys(range(40), each), samples


def test_each_label_has_the_threshold_that_tells_right_from_wrong() -> None:
    plain = curves(*measured((0.9, 0.1)), 2)
    high, low = best_thresholds(plain)
    assert 0.03 <= high < 0.9
    assert low < 0.1
    assert macro_f1(plain) == pytest.approx(0.5)  # one label is found wholly, one not at all


def test_an_object_is_right_once() -> None:
    twice = {0: found((0, LEFT, 0.9), (0, [0.0, 0.0, 0.4, 0.38], 0.8))}
    counted = curves(twice, [photo((0, LEFT, False))], 2)
    assert counted.right[0, 0] == 1
    assert counted.found[0, 0] == 2
    assert f1(counted)[0, 0] == pytest.approx(2 / 3)


def test_what_fits_an_ignored_box_does_not_count() -> None:
    counted = curves({0: found((0, LEFT, 0.9))}, [photo((0, LEFT, True))], 2)
    assert counted.found.sum() == 0
    assert counted.objects.tolist() == [0, 0]


def test_a_label_without_objects_follows_the_others() -> None:
    seen, samples = measured((0.6, 0.6))
    only = [photo((0, LEFT, False))] * len(samples)
    both = best_thresholds(curves(seen, only, 2))
    assert 0.01 < both[1] < 0.6


def test_the_shift_moves_the_threshold_to_the_served_one() -> None:
    torch.manual_seed(0)
    detector = Detector(SMALL).eval()
    images = torch.rand(1, 3, 64, 64)
    before = detector(images).scores
    shift(detector, np.array([0.1, 0.6]))
    after = detector(images).scores
    for label, threshold in enumerate((0.1, 0.6)):
        at = torch.tensor(threshold).logit()
        moved = (at + after[..., label] - before[..., label]).sigmoid()
        assert torch.allclose(moved, torch.full_like(moved, SERVED), atol=1e-4)


@pytest.fixture(scope="module")
def timid(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of the drawn photos that is right, and much too unsure of discs."""
    from models.train.command import main

    out = tmp_path_factory.mktemp("timid") / "model.onnx"
    options = ["--epochs", "40", "--mosaic", "0", "--rate", "0.03", "--imgsz", "96"]
    small = ["--stored-side", "128", "--batch", "8", "--workers", "0"]
    assert main([str(drawn), "--out", str(out), *options, *small]) == 0
    trained = export.read(out)
    shift(trained.detector, np.array([0.25, 0.97]))
    export.write(trained.detector, trained.description, out, half=False)
    return out


def test_a_timid_label_is_found_again(timid: Path, drawn: Path, tmp_path: Path) -> None:
    data = dataset.load(drawn)
    samples = data.part("val")
    store = ImageStore(samples, tmp_path, 96)
    gain = calibrate(
        export.read(timid).detector, samples, store, input_of(96), device=torch.device("cpu")
    )
    assert gain.after > gain.before + 0.1


def test_the_command(
    timid: Path, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "calibrated.onnx"
    assert command.main([str(timid), "--data", str(drawn), "--out", str(out)]) == 0
    assert "macro F1 at confidence 0.25: 0." in capsys.readouterr().out
    before, after = (export.read(path).detector.state_dict() for path in (timid, out))
    changed = {
        name
        for name in before
        if not torch.allclose(before[name].float(), after[name].float(), atol=1e-3)
    }
    assert changed == {f"score.{level}.out.bias" for level in range(3)}


def test_labels_compete_from_then_on(timid: Path, drawn: Path, tmp_path: Path) -> None:
    out, again = tmp_path / "calibrated.onnx", tmp_path / "again.onnx"
    arguments = ["--data", str(drawn), "--agnostic-iou", "0.8"]
    assert command.main([str(timid), *arguments, "--out", str(out)]) == 0
    assert export.read(timid).description.agnostic_iou is None
    assert checks.detector(out).options(0.25, None, 10).agnostic_iou == 0.8
    assert command.main([str(out), *arguments[:2], "--out", str(again)]) == 0
    assert export.read(again).description.agnostic_iou == 0.8


def test_scores_are_calibrated_for_the_boxes_in_service(
    timid: Path, drawn: Path, tmp_path: Path
) -> None:
    samples = dataset.load(drawn).part("val")
    store = ImageStore(samples, tmp_path, 96)
    description = export.describe("x", ("square", "disc"), 96, "x", 0.5, 0.0)
    options = served(description)
    assert (options.iou, options.agnostic_iou) == (0.5, 0.0)
    alone = OPTIONS._replace(max_detections=1)  # of two objects
    gains = [
        calibrate(
            export.read(timid).detector,
            samples,
            store,
            input_of(96),
            options=each,
            device=torch.device("cpu"),
        )
        for each in (OPTIONS, alone)
    ]
    assert gains[0].after > gains[1].after + 0.1


@pytest.mark.parametrize("overlap", ["1.5", "-1", "nan", "much"])
def test_an_impossible_overlap_is_refused(
    overlap: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        command.main(["x.onnx", "--data", str(tmp_path), "--agnostic-iou", overlap])
    assert end.value.code == 2
    assert "not a number from 0 to 1" in capsys.readouterr().err


def test_other_labels_are_refused(
    timid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.models.train.conftest import draw_dataset

    other = draw_dataset(tmp_path / "set", labels=("box", "disc"), photos=16)
    out = tmp_path / "calibrated.onnx"
    assert command.main([str(timid), "--data", str(other), "--out", str(out)]) == 1
    error = capsys.readouterr().err
    assert "different labels; only in the dataset: box; only in the model: square" in error
    assert not out.exists()


def test_labels_in_another_order_and_case_are_the_same(
    timid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.models.train.conftest import draw_dataset

    printed = []
    for name, labels in (("same", ("square", "disc")), ("other", (" Disc", "SQUARE"))):
        data = draw_dataset(tmp_path / name, labels=("square", "disc"))
        path = data / "annotations.json"
        document = json.loads(path.read_text("utf-8"))
        ids = [10, 11] if name == "same" else [11, 10]
        document["categories"] = [
            {"id": number, "name": label} for number, label in zip(ids, labels, strict=True)
        ]
        path.write_text(json.dumps(document), "utf-8")
        out = tmp_path / f"{name}.onnx"
        assert command.main([str(timid), "--data", str(data), "--out", str(out)]) == 0
        printed.append(capsys.readouterr().out.splitlines()[0])
        assert export.read(out).description.labels == ("square", "disc")
    assert printed[0] == printed[1]


def test_a_dataset_without_objects_to_calibrate_on_is_refused(
    timid: Path, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((drawn / "annotations.json").read_text("utf-8"))
    (tmp_path / "images").symlink_to(drawn / "images")
    (tmp_path / "annotations.json").write_text(json.dumps({**document, "annotations": []}), "utf-8")
    arguments = [str(timid), "--data", str(tmp_path), "--out", str(tmp_path / "out.onnx")]
    assert command.main(arguments) == 1
    assert "has no validation photo that shows an object" in capsys.readouterr().err
