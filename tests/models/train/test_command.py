"""The command itself, on drawn photos."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from models.train import checkpoint, dataset, export
from models.train.command import main
from models.train.export import read
from models.train.net import Architecture, Detector
from models.train.schedule import Place
from tests.models.train.conftest import draw_dataset

pytestmark = pytest.mark.kit

SMALL = Architecture(widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1), neck=8, classes=2)
COMMON = ["--imgsz", "96", "--stored-side", "128", "--batch", "8", "--workers", "0"]


@pytest.fixture(scope="module")
def trained(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "model.onnx"
    # So few steps end within the warm-up.
    options = ["--epochs", "12", "--mosaic", "0", "--rate", "0.03"]
    assert main([str(drawn), "--out", str(out), *options, *COMMON]) == 0
    return out


def history(out: Path) -> list[dict[str, float]]:
    entries: list[dict[str, float]] = json.loads(
        (out.with_suffix(".run") / "history.json").read_text("utf-8")
    )
    return entries


def test_a_run_learns_and_leaves_its_curves_and_photos(trained: Path) -> None:
    entries = history(trained)
    assert entries[-1]["box"] < entries[0]["box"]
    assert entries[-1]["score"] < entries[0]["score"]
    assert entries[-1]["map50"] > 0.1
    folder = trained.with_suffix(".run")
    for name in ("results.png", "photos.jpg"):
        with Image.open(folder / name) as image:
            assert min(image.size) > 100
    session = onnxruntime.InferenceSession(trained)
    images = np.zeros((1, 3, 96, 128), np.float32)
    (scores,) = session.run(["scores.8"], {"images": images})
    assert scores.shape == (1, 2, 96 // 8, 128 // 8)


def test_resume_goes_on_where_the_run_was(
    trained: Path, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(drawn), "--run", str(trained.with_suffix(".run")), *COMMON]
    before = history(trained)
    out = tmp_path / "longer.onnx"
    assert main([*arguments, "--out", str(out), "--epochs", "13", "--resume"]) == 0
    after = history(trained)
    assert after[: len(before)] == before
    assert after[-1]["epoch"] >= 13 > before[-1]["epoch"]
    assert out.is_file()
    printed = capsys.readouterr().out
    assert printed.startswith("photos: 35 to train on, 5 to validate on\n")
    assert "the learning rate stays at its lowest; with --restart-at" in printed


def test_a_finished_run_can_be_restarted_within_its_schedule(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model.onnx"
    first = [str(drawn), "--out", str(out), *COMMON]
    assert main([*first, "--epochs", "1"]) == 0
    longer = [*first, "--epochs", "2", "--restart-at", "0.5"]
    assert main([*longer, "--resume"]) == 0
    assert "50.0% of the schedule" in capsys.readouterr().out
    other = ["--out", str(tmp_path / "other.onnx"), "--epochs", "3"]
    assert main([*longer, "--from", str(out), *other]) == 0
    assert "50.0% of the schedule" in capsys.readouterr().out
    for wrong in ("1", "-0.1", "half"):
        with pytest.raises(SystemExit):
            main([*first, "--resume", "--restart-at", wrong])
        assert "--restart-at" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*first, "--restart-at", "0.5"])
    assert "--resume or --from" in capsys.readouterr().err
    for wrong in ("-1", "nan", "all"):
        with pytest.raises(SystemExit):
            main([*first, "--guided", wrong])
        assert "0 or more" in capsys.readouterr().err


def test_the_file_says_how_boxes_are_suppressed_and_passes_it_on(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first.onnx", tmp_path / "second.onnx"
    arguments = [str(drawn), *COMMON, "--epochs", "0.5"]
    chosen = ["--iou", "0.6", "--agnostic-iou", "0.8"]
    assert main([*arguments, "--out", str(first), *chosen]) == 0
    again = [*arguments, "--from", str(first), "--new-schedule", "--agnostic-iou", "0"]
    assert main([*again, "--out", str(second)]) == 0
    found = [read(path).description for path in (first, second)]
    assert [(each.iou, each.agnostic_iou) for each in found] == [(0.6, 0.8), (0.6, 0)]
    with pytest.raises(SystemExit):
        main([*arguments, "--out", str(first), "--iou", "70"])
    assert "not a number from 0 to 1" in capsys.readouterr().err


def test_resume_tells_which_runs_it_cannot_continue(
    trained: Path, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained.with_suffix(".run"), tmp_path / "run")
    resumed = ["--resume", "--run", str(run), "--out", str(tmp_path / "model.onnx"), *COMMON]
    checkpoint = torch.load(run / "last.pt", weights_only=True)
    torch.save({**checkpoint, "adapters": {"0.weight": torch.zeros(1)}}, run / "last.pt")
    assert main([str(drawn), *resumed]) == 2
    assert "was trained with --teacher; do the same" in capsys.readouterr().err
    torch.save({**checkpoint, "labels": ["cat"]}, run / "last.pt")
    assert main([str(drawn), *resumed]) == 2
    assert "has other labels; use --from instead" in capsys.readouterr().err


def test_resume_has_the_settings_of_the_run(drawn: Path, tmp_path: Path) -> None:
    """Its network, too, is that of the file that the run was begun from."""
    data = dataset.load(drawn)
    first, out = tmp_path / "first.onnx", tmp_path / "out.onnx"
    described = export.describe("first", data.labels, 96, "x", 0.6, 0.8)
    export.write(Detector(SMALL), described, first)
    arguments = [str(drawn), "--out", str(out)]
    begun = ["--from", str(first), "--name", "mine", "--license", "MIT", "--rate", "0.003"]
    assert main([*arguments, *begun, "--epochs", "0.2", *COMMON]) == 0
    assert main([*arguments, "--resume", "--epochs", "0.5", "--workers", "0"]) == 0
    description = read(out).description
    assert (description.name, description.license) == ("mine", "MIT")
    assert (description.iou, description.agnostic_iou) == (0.6, 0.8)
    kept = begun_settings(out)
    assert (kept["rate"], kept["progressive"], kept["warm_up"]) == (0.003, False, 100)
    assert (kept["imgsz"], kept["batch"], kept["epochs"]) == (96, 8, 0.5)
    assert main([*arguments, "--resume", "--name", "other", "--workers", "0"]) == 0
    assert read(out).description.name == "other"


def begun_settings(out: Path) -> dict[str, Any]:
    return checkpoint.begun(out.with_suffix(".run") / "last.pt").settings


def test_resume_needs_a_run(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([str(drawn), "--out", str(tmp_path / "model.onnx"), "--resume"])


def test_from_an_unfinished_file_goes_on_at_its_place(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = dataset.load(drawn)
    detector = Detector(SMALL)
    part = tmp_path / "part.onnx"
    place = Place(60.0, 4.0, 0.5)
    description = export.describe("part", data.labels, 96, "x")
    export.write(detector, description, part, place=place)
    out = tmp_path / "whole.onnx"
    other = draw_dataset(tmp_path / "set", labels=(" Square", "DISC"))
    arguments = [str(other), "--from", str(part), "--epochs", "6", *COMMON]
    assert main([*arguments, "--out", str(out)]) == 0
    assert "continuing at epoch 4.0, 50.0% of the schedule" in capsys.readouterr().out
    written = read(out).place
    assert written is not None
    assert written.progress == 1
    assert 6 <= written.epochs < 6.5

    anew = tmp_path / "anew.onnx"
    one = ["--epochs", "0.2", "--new-schedule", "--out", str(anew)]
    assert main([*arguments, *one]) == 0
    begun = read(anew).place
    assert begun is not None
    assert begun.epochs < 1


def test_fine_tuning_on_other_labels(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = draw_dataset(tmp_path / "set", labels=("box", "disc"), photos=16)
    out = tmp_path / "tuned.onnx"
    arguments = [str(other), "--out", str(out), "--from", str(trained), "--epochs", "1", *COMMON]
    assert main(arguments) == 0
    assert "--from knows 1 of the 2 labels" in capsys.readouterr().out
    assert read(out).description.labels == ("box", "disc")
    close = read(out).detector.state_dict()["stem.conv.weight"]
    assert torch.allclose(close, read(trained).detector.state_dict()["stem.conv.weight"], atol=0.02)


def test_a_missing_dataset_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--out", str(tmp_path / "model.onnx")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--batch", value) for value in ("0", "-1", "many")),
        *(("--epochs", value) for value in ("0", "-1", "nan")),
        *(("--rate", value) for value in ("0", "-0.1")),
        ("--hours", "0"),
        ("--decay", "-1"),
        ("--mosaic", "2"),
        ("--imgsz", "100"),
        ("--imgsz", "0"),
        ("--workers", "-1"),
        ("--seed", "-1"),
        ("--export-minutes", "0"),
    ],
)
def test_impossible_numbers_are_refused(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path), "--out", str(tmp_path / "model.onnx"), option, value])
    assert stop.value.code == 2
    assert f"argument {option}: not a " in capsys.readouterr().err


def test_outputs_and_device_are_checked_before_training(
    trained: Path, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusal(*arguments: object) -> str:
        assert main([str(argument) for argument in (drawn, *arguments, *COMMON)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        return error

    file = tmp_path / "file"
    file.touch()
    out = tmp_path / "model.onnx"
    assert f"{tmp_path} is a folder" in refusal("--out", tmp_path)
    assert f"{file} is a file" in refusal("--out", file / "model.onnx")
    assert f"{file} is a file" in refusal("--out", out, "--run", file)
    assert f"{file} is a file" in refusal("--out", out, "--cache", file)
    assert "would be overwritten" in refusal("--out", trained, "--from", trained)
    assert "would be overwritten" in refusal("--out", trained, "--teacher", trained)
    assert "--device abacus is not a device" in refusal("--out", out, "--device", "abacus")
    assert list(tmp_path.iterdir()) == [file]


def changed(source: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A dataset with the photos of ``source`` and changed annotations."""
    document = json.loads((source / "annotations.json").read_text("utf-8"))
    change(document)
    folder.mkdir()
    (folder / "images").symlink_to(source / "images")
    (folder / "annotations.json").write_text(json.dumps(document), "utf-8")
    return folder


def test_a_single_photo_is_trained_on(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def one(document: dict[str, Any]) -> None:
        document["images"] = document["images"][:1]
        document["annotations"] = [a for a in document["annotations"] if a["image_id"] == 0]

    data, out = changed(drawn, tmp_path / "one", one), tmp_path / "model.onnx"
    assert main([str(data), "--out", str(out), "--epochs", "9", "--calibrate", *COMMON]) == 0
    printed = capsys.readouterr().out
    assert "photos: 1 to train on, 0 to validate on" in printed
    assert "scores are not calibrated, since no validation photo shows an object" in printed
    assert "photos.jpg is not drawn, since no photo is for validation" in printed
    assert out.is_file()


def test_sides_before_a_turn_are_warned_of(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((drawn / "annotations.json").read_text("utf-8"))
    data = tmp_path / "turned"
    (data / "images").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    for image in document["images"][:3]:
        image.update(width=120, height=90)
        named = data / "images" / image["file_name"]
        Image.new("RGB", (120, 90)).save(named, exif=None if image["id"] == 1 else exif)
    document["images"] = document["images"][:3]
    kind = document["categories"][0]["id"]
    document["annotations"] = [
        {"id": n, "image_id": n, "category_id": kind, "bbox": [1, 2, 30, 40]} for n in range(3)
    ]
    (data / "annotations.json").write_text(json.dumps(document), "utf-8")
    out = tmp_path / "model.onnx"
    assert main([str(data), "--out", str(out), "--epochs", "1", *COMMON]) == 0
    assert "warning: EXIF turns 2 photos, such as" in capsys.readouterr().out


def test_a_dataset_that_cannot_be_trained_on_is_one_line(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def all_val(document: dict[str, Any]) -> None:
        for image in document["images"]:
            image["split"] = "val"

    def no_photo(document: dict[str, Any]) -> None:
        document["images"][3]["file_name"] = "../annotations.json"

    def bare(document: dict[str, Any]) -> None:
        document["annotations"] = []

    cases: list[tuple[Callable[[dict[str, Any]], None], str]] = [
        (all_val, "no photo is for training"),
        (no_photo, "annotations.json: it is not an image"),
        (bare, "none of the 35 photos to train on has a box"),
    ]
    for change, reason in cases:
        data = changed(drawn, tmp_path / change.__name__, change)
        assert main([str(data), "--out", str(tmp_path / "model.onnx"), *COMMON]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert reason in lines[-1]
        assert not any("Traceback" in line for line in lines)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_terminated_run_can_be_resumed(drawn: Path, tmp_path: Path, workers: str) -> None:
    """The signal goes to all of its processes, as Ctrl+C and a service manager send it."""
    out = tmp_path / "model.onnx"
    command = [sys.executable, "-m", "models.train", str(drawn), "--out", str(out), *COMMON]
    process = subprocess.Popen(
        [*command, "--epochs", "5000", "--workers", workers],
        stderr=subprocess.PIPE,
        env=dict(os.environ),
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    # Ends with an empty line if the run ends too soon.
    while (line := process.stderr.readline()) and "epoch" not in line:
        pass
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=300)
    assert process.returncode == 130
    run = torch.load(out.with_suffix(".run") / "last.pt", weights_only=True)
    assert run["step"] > 0
    assert not out.exists()
