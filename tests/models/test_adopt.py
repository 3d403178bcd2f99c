import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.vision.arrays import Array
from app.vision.detections import Options
from app.vision.detector import Detector
from models import adopt
from models.common import checks, metadata
from models.common.labels import COCO
from tests.models import tiny
from tests.server import REPOSITORY
from tests.vision.onnx_files import write


@pytest.fixture
def yolox(tmp_path: Path) -> Path:
    return tiny.write(tiny.yolox_model(classes=3), tmp_path / "tiny.onnx")


@pytest.fixture
def dynamic(tmp_path: Path) -> Path:
    return tiny.write(tiny.conv_model(channels=6, side=None, seed=1), tmp_path / "tiny.onnx")


def run(*arguments: object) -> int:
    return adopt.main([str(argument) for argument in arguments])


def adopted(path: Path, *options: object) -> Detector:
    out = path.with_name("out.onnx")
    assert run(path, *options, "--out", out) == 0
    return checks.detector(out)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("spotter: ")
    assert error.count("\n") == 1
    return error


def test_family_defaults_and_size_from_the_axes(yolox: Path) -> None:
    found = adopted(yolox, "--family", "yolox", "--labels", "a, b,c").model.description
    assert found.labels == ("a", "b", "c")
    assert (found.name, found.license) == ("tiny", "unknown")
    assert found.input.size == (64, 64)
    assert (found.input.fit, found.input.channels, found.input.pad_value) == ("corner", "bgr", 114)
    assert (found.input.mean, found.input.std) == ((0, 0, 0), (1, 1, 1))


def test_options_override_the_family(dynamic: Path) -> None:
    found = adopted(
        dynamic, "--family", "yolov8", "--labels", "a,b", "--size", "64x96", "--fit", "corner",
        "--channels", "bgr", "--mean", "1,2,3", "--std", "58.5", "--pad", "0", "--stride", "64",
        "--resample", "bilinear", "--name", "mine", "--license", "MIT", "--iou", "0.6",
    ).model.description  # fmt: skip
    assert found.model_dump() == {
        "family": "yolov8",
        "name": "mine",
        "iou": 0.6,
        "agnostic_iou": None,
        "labels": ("a", "b"),
        "license": "MIT",
        "shapes": None,
        "output": {
            "boxes": "xyxy", "unit": "shares", "scores": "probability",
            "columns": "box score class", "numbers": None, "keypoints": None, "keypoint_values": 3,
        },
        "input": {
            "size": (64, 96), "stride": 64, "fit": "corner", "shorter_side": None,
            "resample": "bilinear", "pad_value": 0, "channels": "bgr", "mean": (1, 2, 3),
            "std": (58.5, 58.5, 58.5),
        },
    }  # fmt: skip


def test_the_source_stays_and_the_copy_begins_like_it(yolox: Path) -> None:
    before = yolox.read_bytes()
    adopted(yolox, "--family", "yolox", "--labels", "a,b,c")
    assert yolox.read_bytes() == before
    assert yolox.with_name("out.onnx").read_bytes().startswith(before)


def test_writes_to_weights_by_default(yolox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(yolox.parent)
    assert run(yolox, "--family", "yolox", "--labels", "a,b,c") == 0
    assert checks.detector(yolox.parent / "weights" / "tiny-adopted.onnx").labels == ("a", "b", "c")


def test_adopting_again_replaces(yolox: Path) -> None:
    adopted(yolox, "--family", "yolox", "--labels", "a,b,c")
    second = yolox.with_name("second.onnx")
    out = yolox.with_name("out.onnx")
    assert run(out, "--family", "yolox", "--labels", "d,e,f", "--out", second) == 0
    assert checks.detector(second).labels == ("d", "e", "f")
    assert len(second.read_bytes()) <= len(out.read_bytes())


def test_labels_from_a_file(yolox: Path) -> None:
    names = yolox.with_name("names.txt")
    names.write_text("cat\nhot dog\n птица\n\n", "utf-8")
    found = adopted(yolox, "--family", "yolox", "--labels", names)
    assert found.labels == ("cat", "hot dog", "птица")


def test_one_label_needs_no_comma(tmp_path: Path) -> None:
    path = tiny.write(tiny.conv_model(channels=5), tmp_path / "one.onnx")
    assert adopted(path, "--family", "yolov8", "--labels", "hot dog").labels == ("hot dog",)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--family", "yolox", "--labels", "a,b"], "not those of the family yolox with 2 labels"),
        (["--family", "detr", "--labels", "a,b,c"], "not those of the family detr"),
        (["--family", "yolox", "--labels", "a,,c"], "an empty one: number 1"),
        (["--family", "yolox", "--labels", "gone.txt"], "no file of labels gone.txt"),
        (["--family", "yolox", "--labels", "a,b,c", "--size", "32"], "but the axes are"),
        (["--family", "yolox", "--labels", "a,b,c", "--pad", "300"], "--pad 300: "),
        (["--family", "yolox", "--labels", "a,b,c", "--std", "0.4"], "probability"),
    ],
)
def test_refusals(
    yolox: Path, capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    out = yolox.with_name("out.onnx")
    assert reason in refusal(capsys, yolox, *options, "--out", out)
    assert [path.name for path in yolox.parent.iterdir()] == ["tiny.onnx"]


def test_dynamic_axes_need_a_size(dynamic: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--family", "yolov8", "--labels", "a,b"]
    assert "--size" in refusal(capsys, dynamic, *options)


def test_needs_nothing_but_what_serves(yolox: Path) -> None:
    out = yolox.with_name("out.onnx")
    options = [str(yolox), "--family", "yolox", "--labels", "a,b,c", "--out", str(out)]
    absent = "onnx", "tqdm", "pycocotools", "matplotlib", "httpx"
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({absent}));"
        f"from models import adopt; sys.exit(adopt.main({options}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False)
    assert done.returncode == 0
    assert out.exists()


def test_never_over_itself(yolox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--family", "yolox", "--labels", "a,b,c", "--out", yolox]
    assert "another --out" in refusal(capsys, yolox, *options)


def test_files_that_are_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--family", "yolox", "--labels", "coco"]
    assert "No such file" in refusal(capsys, tmp_path / "gone.onnx", *options)
    text = tmp_path / "text.onnx"
    text.write_text("not a model")
    assert "onnxruntime cannot load" in refusal(capsys, text, *options)
    model = tiny.write(tiny.conv_model(), tmp_path / "model.onnx").read_bytes()
    text.write_bytes(model[: len(model) // 2])
    assert "onnxruntime cannot load" in refusal(capsys, text, *options)


def test_wrong_options_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["--mean", "1,2"], ["--std", "0"], ["--size", "12x"], ["--fit", "round"]):
        with pytest.raises(SystemExit) as stop:
            run("x.onnx", "--family", "yolox", "--labels", "coco", *wrong)
        assert stop.value.code == 2
        assert wrong[0] in capsys.readouterr().err


def constant(path: Path, *outputs: Any, names: list[str] | None = None) -> Path:
    """A file of 64 x 64 that gives the same answer to every picture."""
    arrays = [np.array(output, dtype=np.float32) for output in outputs]
    return write(path, arrays, names=names)


ROW = [20.0, 20, 40, 50]


@pytest.mark.parametrize(
    ("outputs", "names", "reason"),
    [
        ([[[[*ROW, 0.9, 0.5]]]], None, "class numbers that are fractions"),
        ([[[[*ROW, 0.9, 7]]]], None, "the class number 7, but there are 3 labels"),
        ([[[[*ROW, 1.5, 1]]]], None, "the probability 1.5"),
        ([[[[0, 0, 64, 64, 0.9, 1]]]], None, "as large as the picture"),
        ([[[[*ROW[:2], np.inf, 50, 0.9, 1]]]], None, "infinite"),
        ([[[[20, 20, 21, 21, 0.9, 1]]]], None, "under two pixels"),
        ([[[[*ROW, 0.1, 1]]]], None, "finds nothing above 0.25"),
        (
            [[[ROW]], [[4]], [[0.9]]],
            ["boxes", "labels", "scores"],
            "the class number 4, but there are 3 labels",
        ),
    ],
)
def test_what_cannot_be_right_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outputs: Any, names: Any, reason: str
) -> None:
    source, out = constant(tmp_path / "c.onnx", *outputs, names=names), tmp_path / "out.onnx"
    error = refusal(capsys, source, "--labels", "a,b,c", "--out", out)
    assert "Nothing was written" in error
    assert reason in error
    assert "--photos FOLDER" in error
    assert not out.exists()


@pytest.mark.parametrize("shape", [(1, 7, 84), (1, 300, 38), (1, 38, 84)])
def test_columns_that_mean_nothing_known_are_no_keypoints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shape: tuple[int, ...]
) -> None:
    """Turned boxes and segmenters that do not say what they are."""
    path = constant(tmp_path / "vague.onnx", np.zeros(shape, np.float32))
    told = refusal(capsys, path, "--labels", "a,b", "--out", tmp_path / "out.onnx")
    assert (
        f"its outputs [{list(shape)}] fit no family with 2 labels: check --labels (yolov8" in told
    )
    told = refusal(
        capsys, path, "--labels", "a,b", "--family", "yolov8_pose", "--out", tmp_path / "out.onnx"
    )
    assert "None" not in told


def test_a_model_that_finds_nothing_is_written_if_its_input_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = constant(tmp_path / "c.onnx", [[[*ROW, 0.1, 1]]]), tmp_path / "out.onnx"
    given = ["--fit", "stretch", "--channels", "bgr", "--std", "255"]
    assert run(source, "--labels", "a,b,c", *given, "--out", out) == 0
    assert "Nothing was found on the photos" in capsys.readouterr().out
    assert checks.detector(out).model.description.input.channels == "bgr"


def test_tells_what_it_took_and_shows_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (128, 64), "white").save(photos / "mine.png")
    source = constant(tmp_path / "c.onnx", [[[20, 30, 40, 45, 0.9, 1]]])
    shown = tmp_path / "shown.jpg"
    options = ["--labels", "a,b,c", "--photos", photos, "--show", shown]
    assert run(source, *options, "--out", tmp_path / "out.onnx") == 0
    printed = capsys.readouterr().out
    assert "family: end2end" in printed
    assert "mine.png: b 0.90 [40, 28, 40, 30]" in printed
    with Image.open(shown) as drawn:
        assert (drawn.format, drawn.size) == ("JPEG", (128, 64))
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "has no photos" in refusal(capsys, source, "--labels", "a,b,c", "--photos", empty)


def test_the_number_of_the_first_class_can_be_given(tmp_path: Path) -> None:
    names = ["boxes", "labels", "scores"]
    source = constant(tmp_path / "c.onnx", [[ROW]], [[1]], [[0.9]], names=names)
    labels = []
    for first in (0, 1):
        found = adopted(source, "--labels", "a,b", "--first-class", first)
        photo = checks.picture()
        labels.append(found.detect(photo, Options()).items[0].label)
        source.with_name("out.onnx").unlink()
    assert labels == ["b", "a"]


def test_what_lies_beside_the_file_is_read(tmp_path: Path) -> None:
    source = constant(tmp_path / "onnx.onnx", [[[*ROW, 0.9, 1]]])
    named = {"model_type": "yolos", "id2label": {"0": "N/A", "1": "cat", "2": "dog"}}
    (tmp_path / "config.json").write_text(json.dumps(named))
    settings = {
        "do_normalize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.25, 0.5],
        "size": {"height": 64, "width": 64},
    }  # fmt: skip
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    found = adopted(source).model.description
    assert found.labels == ("cat", "dog")
    assert found.output is not None
    assert found.output.numbers == (1, 2)
    assert found.input.fit == "stretch"
    assert found.input.mean == (127.5, 127.5, 127.5)
    assert found.input.std == (127.5, 63.75, 127.5)


def test_a_configuration_of_paddle_is_read(tmp_path: Path) -> None:
    source = constant(tmp_path / "p.onnx", [[1, 0.9, *ROW]], names=["out"])
    (tmp_path / "infer_cfg.yml").write_text(
        "Preprocess:\n- interp: 2\n  keep_ratio: false\n  target_size:\n  - 64\n  - 64\n"
        "  type: Resize\n- is_scale: true\n  mean:\n  - 0.485\n  - 0.456\n  - 0.406\n"
        "  std:\n  - 0.229\n  - 0.224\n  - 0.225\n  type: NormalizeImage\n"
        "label_list:\n- cat\n- hot dog\n"
    )
    found = adopted(source).model.description
    assert (found.family, found.labels) == ("detection_rows", ("cat", "hot dog"))
    assert found.input.fit == "stretch"
    assert found.input.std == pytest.approx((58.395, 57.12, 57.375))


@pytest.mark.parametrize("content", ["", "[]", '{"size": "x", "image_mean": 3}', "{not JSON"])
def test_odd_files_beside_it_never_end_in_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    source = constant(tmp_path / "c.onnx", [[[*ROW, 0.9, 1]]])
    (tmp_path / "preprocessor_config.json").write_text(content)
    assert run(source, "--labels", "a,b", "--out", tmp_path / "out.onnx") in (0, 1)
    assert capsys.readouterr().err.count("\n") <= 1


PEOPLE: dict[str, tuple[str, dict[str, list[float]]]] = {
    "yolox_nano": ("yolox", {"bus": [0.911], "person": [0.850, 0.816, 0.678]}),
    "deimv2_atto": ("detr", {"bus": [0.663], "person": [0.810, 0.790, 0.732, 0.593]}),
    "deimv2_femto": ("detr", {"bus": [0.884], "person": [0.864, 0.843, 0.816, 0.425]}),
}


@pytest.mark.parametrize("name", PEOPLE)
def test_real_files_find_what_they_should(shared: Path, tmp_path: Path, name: str) -> None:
    family, expected = PEOPLE[name]
    source, out = shared / "models" / f"{name}.onnx", tmp_path / f"{name}.onnx"
    assert run(source, "--family", family, "--labels", "coco", "--out", out) == 0
    detector = checks.detector(out)
    assert detector.labels == COCO
    photo = (shared / "models" / "bus.jpg").read_bytes()
    found: dict[str, Any] = {}
    for item in detector.detect(photo, Options(confidence=0.4)).items:
        found.setdefault(item.label, []).append(item.probability)
    assert found == {label: pytest.approx(values, abs=0.05) for label, values in expected.items()}


def test_a_real_file_whose_class_axis_is_open(shared: Path, tmp_path: Path) -> None:
    """The teacher: corners in pixels and 80 scores, declared as (N, 3598, ?)."""
    source = shared / "teacher" / "nanodet-plus-m-1.5x_416.onnx"
    out = tmp_path / "teacher.onnx"
    assert run(source, "--labels", "coco", "--pad", "0", "--out", out) == 0
    detector = checks.detector(out)
    described = detector.model.description
    assert (described.family, described.shapes) == ("box_rows", {"rows": (1, 3598, 84)})
    photo = (shared / "models" / "bus.jpg").read_bytes()
    found = detector.detect(photo, Options(confidence=0.6)).items
    assert sorted(item.label for item in found) == ["bus", "person", "person", "person"]


def test_fewer_labels_than_a_real_file_has_classes_are_refused(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.onnx"
    error = refusal(
        capsys, shared / "models" / "deimv2_atto.onnx", "--labels", "a,b,c", "--out", out
    )
    assert "but there are 3 labels" in error
    assert not out.exists()


def test_a_real_detector_of_faces(shared: Path, tmp_path: Path) -> None:
    source, out = shared / "families" / "ultraface_rfb320.onnx", tmp_path / "faces.onnx"
    options = ["--family", "ssd", "--labels", "face", "--iou", "0.3", "--out", out]
    assert run(source, *options) == 0
    detector = checks.detector(out)
    usual = detector.options(0.5, None, 10)
    bus, dog = (
        detector.detect((shared / "models" / f"{name}.jpg").read_bytes(), usual).items
        for name in ("bus", "dog")
    )
    assert [item.probability for item in bus] == pytest.approx([0.99, 0.94], abs=0.01)
    for item, expected in zip(bus, [(111, 409, 153, 466), (267, 417, 303, 484)], strict=True):
        x, y, width, height = item.box
        assert (x, y, x + width, y + height) == pytest.approx(expected, abs=3)
    assert dog == []


def test_a_real_file_of_no_family_stays_refused(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--family", "yolox", "--labels", "coco", "--out", tmp_path / "out.onnx"]
    error = refusal(capsys, shared / "models" / "nanodet_m.onnx", *options)
    assert "not those of the family yolox" in error


def test_ultralytics_keys_stay(shared: Path, tmp_path: Path) -> None:
    source, out = shared / "models" / "yolov5n.onnx", tmp_path / "out.onnx"
    assert run(source, "--family", "yolov5", "--labels", "coco", "--out", out) == 0
    assert metadata.read(out.read_bytes())["stride"] == "32"


LOGITS = np.array([[1, 3, 2]], dtype=np.float32)


def classifier(folder: Path, output: Array, **files: object) -> Path:
    """A classifier of three labels for pictures of 96 x 96, and files beside it."""
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return write(folder / "labels.onnx", [output], inputs={"pixel_values": [1, 3, 96, 96]})


def best(found: Detector) -> tuple[str, float]:
    result = found.detect(checks.picture(), Options(confidence=0.0))
    assert result.items == []
    assert result.classifications is not None
    first = result.classifications[0]
    return first.label, round(first.probability, 4)


def test_a_classifier_is_prepared_as_is_usual(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = adopted(classifier(tmp_path, LOGITS), "--labels", "a,b,c")
    spec = found.model.description.input
    assert (spec.fit, spec.size, spec.shorter_side) == ("crop", (96, 96), 110)
    assert spec.mean == (123.675, 116.28, 103.53)
    assert best(found) == ("b", 0.6652)
    assert "usual for classifiers" in capsys.readouterr().out


def test_scores_that_are_probabilities_stay(tmp_path: Path) -> None:
    assert best(adopted(classifier(tmp_path, LOGITS / 4), "--labels", "a,b,c")) == ("b", 0.75)


def test_scores_may_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = classifier(tmp_path, LOGITS)
    assert best(adopted(path, "--labels", "a,b,c", "--scores", "sigmoid")) == ("b", 0.9526)
    told = refusal(capsys, path, "--labels", "a,b,c", "--scores", "probability")
    assert "gives the probability 3; give --scores softmax" in told


def test_hugging_face_says_how_a_classifier_is_prepared(tmp_path: Path) -> None:
    path = classifier(
        tmp_path,
        LOGITS,
        config={
            "architectures": ["ResNetForImageClassification"],
            "problem_type": "multi_label_classification",
            "id2label": {"0": "x", "1": "y", "2": "z"},
        },
        preprocessor_config={
            "size": {"shortest_edge": 100}, "do_center_crop": True, "resample": 3,
            "crop_size": {"height": 96, "width": 96}, "do_normalize": True,
            "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        },
    )  # fmt: skip
    found = adopted(path)
    spec = found.model.description.input
    assert (spec.fit, spec.shorter_side, spec.resample) == ("crop", 100, "bicubic")
    assert (spec.mean, spec.std) == ((127.5,) * 3, (127.5,) * 3)
    assert best(found) == ("y", 0.9526)


def test_timm_says_how_a_classifier_is_prepared(tmp_path: Path) -> None:
    config = {
        "input_size": [3, 96, 96], "interpolation": "bicubic", "crop_pct": 0.96,
        "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25],
    }  # fmt: skip
    path = classifier(tmp_path, LOGITS, config={"pretrained_cfg": config})
    spec = adopted(path, "--labels", "a,b,c").model.description.input
    assert (spec.fit, spec.shorter_side, spec.resample) == ("crop", 100, "bicubic")
    assert (spec.mean, spec.std) == ((127.5,) * 3, (63.75,) * 3)
