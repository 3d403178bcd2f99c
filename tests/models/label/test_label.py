"""Photos labelled by the shipped model, which knows people, cats and dogs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

import models
from app.vision.description import Description
from models import adopt
from models.common import checks, datasets, metadata
from models.label import command, teachers
from models.label import photos as sources
from models.label.teachers import Teachers
from tests.models import tiny
from tests.models.photos import write_dataset
from tests.server import REPOSITORY

SHIPPED = Path(models.__file__).parent / "default.onnx"
SAMPLES = REPOSITORY / "app" / "page" / "files" / "samples"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    shutil.copyfile(SAMPLES / "cat.jpg", folder / "cat.jpg")
    shutil.copyfile(SAMPLES / "astronaut.jpg", folder / "deep" / "astronaut.JPG")
    (folder / "notes.txt").write_text("no photo")
    return folder


@pytest.fixture
def streets(shared: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "streets"
    (folder / "deep").mkdir(parents=True)
    shutil.copyfile(shared / "models" / "dog.jpg", folder / "dog.jpg")
    shutil.copyfile(shared / "models" / "bus.jpg", folder / "deep" / "bus.JPG")
    (folder / "notes.txt").write_text("no photo")
    return folder


@pytest.fixture(scope="module")
def yolox(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("yolox") / "yolox.onnx"
    file = shared / "models" / "yolox_nano.onnx"
    options = ["--family", "yolox", "--labels", "coco", "--out", str(made)]
    assert adopt.main([str(file), *options]) == 0
    return made


def run(*arguments: object) -> int:
    return command.main([str(argument) for argument in arguments])


def document(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "annotations.json").read_text("utf-8"))
    return read


def names(read: dict[str, Any], file: str, least: float = 0.3) -> set[str]:
    labels = {category["id"]: category["name"] for category in read["categories"]}
    (image,) = [image["id"] for image in read["images"] if image["file_name"] == file]
    return {
        labels[entry["category_id"]]
        for entry in read["annotations"]
        if entry["image_id"] == image and entry["score"] >= least
    }


def test_the_page_s_photos_become_a_dataset(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "labelled"
    assert run(photos, "--teacher", SHIPPED, "--out", out) == 0
    read = document(out)
    assert [image["file_name"] for image in read["images"]] == ["cat.jpg", "deep/astronaut.JPG"]
    assert (read["images"][0]["width"], read["images"][0]["height"]) == (451, 300)
    assert names(read, "cat.jpg") == {"cat"}
    assert names(read, "deep/astronaut.JPG") == {"person"}
    sure = [box for box in datasets.load(out).boxes if not box.ignored]
    assert 0 < len(sure) < len(read["annotations"])


def test_streets_become_a_dataset(streets: Path, yolox: Path, tmp_path: Path) -> None:
    out = tmp_path / "labelled"
    assert run(streets, "--teacher", yolox, "--out", out) == 0
    read = document(out)
    assert [image["file_name"] for image in read["images"]] == ["deep/bus.JPG", "dog.jpg"]
    assert (read["images"][1]["width"], read["images"][1]["height"]) == (768, 576)
    assert {"dog", "bicycle"} <= names(read, "dog.jpg")
    assert {"bus", "person"} <= names(read, "deep/bus.JPG")
    assert min(entry["score"] for entry in read["annotations"]) > 0.05
    dog = max(
        (
            entry
            for entry in read["annotations"]
            if read["categories"][16]["id"] == entry["category_id"]
        ),
        key=lambda entry: entry["score"],
    )
    assert dog["bbox"] == pytest.approx([130, 218, 179, 322], abs=30)
    # What is unsure counts neither way when a model is measured by it.
    sure = [box for box in datasets.load(out).boxes if not box.ignored]
    assert 0 < len(sure) < len(read["annotations"])


def test_the_mirror_image_is_mirrored_back(photos: Path, tmp_path: Path) -> None:
    detector = checks.detector(SHIPPED)
    both = Teachers([detector], detector.labels, flip=True, confidence=0.05)
    plain = (photos / "cat.jpg").read_bytes()
    with Image.open(photos / "cat.jpg") as image:
        ImageOps.mirror(image).save(tmp_path / "mirrored.png")
    here, there = both.look(plain), both.look((tmp_path / "mirrored.png").read_bytes())
    best, other = here.boxes.boxes[0], there.boxes.boxes[0]
    assert here.boxes.classes[0] == there.boxes.classes[0]
    assert np.allclose(best[[0, 2]], here.width - other[[2, 0]], atol=12)


def test_several_teachers_are_fused(streets: Path, yolox: Path) -> None:
    detectors = teachers.load([yolox, SHIPPED], 1)
    labels = teachers.labels_of(detectors)
    assert len(labels) == 80
    asked = Teachers(detectors, labels, flip=False, confidence=0.05)
    alone = Teachers(detectors[:1], labels, flip=False, confidence=0.05)
    photo = (streets / "dog.jpg").read_bytes()
    together, single = asked.look(photo).boxes, alone.look(photo).boxes
    dog, truck = labels.index("dog"), labels.index("truck")

    def best(boxes: Any, label: int) -> float:
        return float(boxes.scores[boxes.classes == label].max(initial=0))

    # The shipped model knows no trucks: of these the other one is believed alone.
    assert best(together, truck) == pytest.approx(best(single, truck), abs=1e-6)
    assert best(together, truck) > 0.1
    assert best(together, dog) < best(single, dog)
    assert best(together, dog) > 0.3


def test_a_broken_run_goes_on(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "labelled"
    looked: list[int] = []
    real = Teachers.look

    def look(self: Teachers, photo: bytes) -> Any:
        looked.append(len(photo))
        if len(looked) == 2:
            raise KeyboardInterrupt
        return real(self, photo)

    monkeypatch.setattr(Teachers, "look", look)
    assert run(photos, "--teacher", SHIPPED, "--out", out) == 130
    assert not (out / "annotations.json").exists()
    with (out / "labels.jsonl").open("a") as file:
        file.write('{"photo": "cat.j')  # as a power cut leaves it
    assert run(photos, "--teacher", SHIPPED, "--out", out) == 0
    assert len(looked) == 3
    assert len(document(out)["images"]) == 2
    whole = tmp_path / "whole"
    assert run(photos, "--teacher", SHIPPED, "--out", whole) == 0
    assert document(whole) == document(out)


def test_other_options_do_not_mix(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "labelled"
    assert run(photos, "--teacher", SHIPPED, "--out", out, "--no-flip") == 0
    capsys.readouterr()
    assert run(photos, "--teacher", SHIPPED, "--out", out) == 1
    assert "other teachers or options" in capsys.readouterr().err


def test_other_folders_do_not_mix(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, other = tmp_path / "labelled", tmp_path / "other"
    assert run(photos, "--teacher", SHIPPED, "--out", out) == 0
    shutil.copytree(photos, other)
    (other / "deep" / "astronaut.JPG").replace(other / "cat.jpg")
    capsys.readouterr()
    assert run(other, "--teacher", SHIPPED, "--out", out) == 1
    error = capsys.readouterr().err
    assert f"was written from another folder, {photos.resolve()}; give another --out." in error
    assert error.count("\n") == 1
    assert names(document(out), "cat.jpg") == {"cat"}


def test_the_same_folder_goes_on_however_its_path_is_given(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "labelled"
    assert run(photos, "--teacher", SHIPPED, "--out", out) == 0
    monkeypatch.setattr(Teachers, "look", lambda *_: pytest.fail("labelled again"))
    monkeypatch.chdir(tmp_path)
    assert run("photos", "--teacher", SHIPPED, "--out", "labelled") == 0
    assert run("labelled/../photos", "--teacher", SHIPPED, "--out", out) == 0


def test_a_run_of_a_version_that_did_not_write_the_folder_goes_on(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "labelled"
    assert run(photos, "--teacher", SHIPPED, "--out", out) == 0
    first, *rest = (out / "labels.jsonl").read_text().splitlines(keepends=True)
    settings = {"settings": json.loads(first)["settings"]}
    (out / "labels.jsonl").write_text("".join([json.dumps(settings) + "\n", *rest]))
    monkeypatch.setattr(Teachers, "look", lambda *_: pytest.fail("labelled again"))
    assert run(photos, "--teacher", SHIPPED, "--out", out) == 0


def test_photos_that_cannot_be_read_are_left_out(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    out = tmp_path / "labelled"
    assert run(photos, "--teacher", SHIPPED, "--out", out) == 0
    assert "1 could not be read" in capsys.readouterr().out
    assert len(document(out)["images"]) == 2


def pets(folder: Path) -> Path:
    """A dataset of four photos, each with a person's box; two of them cannot be read."""
    boxes = [[{"label": "cat", "bbox": [1, 2, 30, 40]}]] * 4
    source = write_dataset(folder, ["cat"], boxes)
    for name in ("0.png", "1.png"):
        (source / "images" / name).write_bytes(b"\x89PNG no photo")
    return source


def test_photos_of_a_dataset_that_cannot_be_read_are_not_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a photo to label nor one for validation, at first as well as in a second run."""
    source, out = pets(tmp_path / "set"), tmp_path / "labelled"
    for _ in range(2):
        assert run(source, "--teacher", SHIPPED, "--out", out) == 0
        assert "2 photos" in (printed := capsys.readouterr().out)
        assert "2 could not be read" in printed
        read = document(out)
        assert [image["file_name"] for image in read["images"]] == ["2.png", "3.png"]
        assert {entry["image_id"] for entry in read["annotations"]} == {2, 3}


def test_only_some_labels(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "labelled"
    only = ("--labels", "Person,cat", "--confidence", "0.2")
    assert run(photos, "--teacher", SHIPPED, *only, "--out", out) == 0
    read = document(out)
    assert min(entry["score"] for entry in read["annotations"]) > 0.2
    assert [category["name"] for category in read["categories"]] == ["person", "cat"]
    assert len(read["images"]) == 2


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--labels", "unicorn"], "No teacher knows the label 'unicorn'"),
        (["--teacher", "x.onnx"], "x"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    extra: list[str],
    message: str,
) -> None:
    assert run(photos, "--teacher", SHIPPED, "--out", tmp_path / "out", *extra) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_already_is_not_written_into(photos: Path, tmp_path: Path) -> None:
    assert run(photos, "--teacher", SHIPPED, "--out", photos) == 1
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_text("x")
    assert run(photos, "--teacher", SHIPPED, "--out", other) == 1
    assert [each.name for each in other.iterdir()] == ["mine"]


def test_a_dataset_keeps_what_people_labelled(tmp_path: Path) -> None:
    source = tmp_path / "set"
    (source / "images").mkdir(parents=True)
    for name in ("cat.jpg", "astronaut.jpg"):
        shutil.copyfile(SAMPLES / name, source / "images" / name)
    mine = {"id": 7, "image_id": 1, "category_id": 4, "bbox": [400, 10, 40, 30], "note": "mine"}
    content = {
        "images": [
            {"id": 1, "file_name": "cat.jpg", "width": 451, "height": 300},
            {"id": 2, "file_name": "astronaut.jpg", "width": 512, "height": 512, "split": "val"},
        ],
        "categories": [{"id": 4, "name": "Cat"}, {"id": 9, "name": "gnu"}],
        "annotations": [mine],
    }
    (source / "annotations.json").write_text(json.dumps(content), "utf-8")
    out = tmp_path / "labelled"
    assert run(source, "--teacher", SHIPPED, "--out", out) == 0
    read = document(out)
    assert read["categories"] == content["categories"]
    assert read["annotations"][0] == mine
    given = read["annotations"][1:]
    assert given
    assert {entry["image_id"] for entry in given} == {1}
    assert {entry["category_id"] for entry in given} == {4}
    assert len({entry["id"] for entry in read["annotations"]}) == len(read["annotations"])
    # A model is measured by what people labelled.
    assert len(datasets.load(out).boxes) == 1


def test_photos_that_exif_turns_have_their_upright_sides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "set", tmp_path / "labelled"
    (source / "images").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(SAMPLES / "cat.jpg") as cat:
        cat.save(source / "images" / "upright.png")
        cat.resize((902, 600)).save(source / "images" / "larger.png")
        stored = cat.transpose(Image.Transpose.ROTATE_90)
    for name in ("turned.png", "val.png"):
        stored.save(source / "images" / name, exif=exif)
    sizes = {"upright": (451, 300), "larger": (451, 300), "turned": (300, 451), "val": (300, 451)}
    images = [
        {
            "id": n,
            "file_name": f"{name}.png",
            "width": width,
            "height": height,
            "split": "val" if name == "val" else "train",
        }
        for n, (name, (width, height)) in enumerate(sizes.items())
    ]
    content = {"images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": []}
    (source / "annotations.json").write_text(json.dumps(content), "utf-8")
    assert run(source, "--teacher", SHIPPED, "--out", out) == 0
    printed = capsys.readouterr().out
    assert "warning: EXIF turns 2 photos" in printed
    assert "warning: 1 photos have a different width or height" in printed
    read = document(out)
    assert {(image["width"], image["height"]) for image in read["images"]} == {(451, 300)}
    best = {entry["image_id"]: entry["bbox"] for entry in reversed(read["annotations"])}
    assert best.keys() == {0, 1, 2}
    assert best[1] == pytest.approx(best[0], abs=12)
    assert best[2] == pytest.approx(best[0], abs=1)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_folders_without_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = ("--teacher", SHIPPED, "--out", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    assert "has no photos" in refusal(capsys, tmp_path / "empty", *rest)
    assert "is not a folder" in refusal(capsys, tmp_path / "nothing", *rest)


def test_photos_inside_the_new_dataset_are_not_taken_twice(photos: Path) -> None:
    out = photos / "labelled"
    for _ in range(2):
        assert run(photos, "--teacher", SHIPPED, "--out", out) == 0
        assert len(document(out)["images"]) == 2


def test_a_dataset_has_its_own_labels_and_photos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_dataset(tmp_path / "set", ["dog"], [[{"label": "dog", "bbox": [1, 2, 30, 40]}]])
    rest = ("--teacher", SHIPPED, "--out", tmp_path / "out")
    assert "has its own labels" in refusal(capsys, source, *rest, "--labels", "dog")
    read = document(source)
    read["images"][0]["file_name"] = "../images/0.png"
    (source / "annotations.json").write_text(json.dumps(read), "utf-8")
    assert "is not inside" in refusal(capsys, source, *rest)


def test_a_journal_that_is_none(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for content in ("", "no json\n", '{"photo": 1}\n', "[]\n"):
        (out / "labels.jsonl").write_text(content)
        assert "cannot be read" in refusal(capsys, photos, "--teacher", SHIPPED, "--out", out)


@pytest.mark.parametrize("value", ["1", "-0.1", "nan", "abc"])
def test_a_confidence_is_a_share(
    photos: Path, tmp_path: Path, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(photos, "--teacher", SHIPPED, "--out", tmp_path / "out", "--confidence", value)
    assert "not a number from 0 to below 1" in capsys.readouterr().err


def test_labels_are_known_by_any_spelling() -> None:
    assert command._names(" CAT,dog", None, ("dog", "Cat ")) == ("Cat ", "dog")


def test_teachers_label_only_photos_to_train_on(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "set", ["cat"], [[]] * 5)
    path = data / "annotations.json"
    document = json.loads(path.read_text())
    for image, split in zip(
        document["images"], ("train", "val", "valid", "test", None), strict=True
    ):
        image["split"] = split
    path.write_text(json.dumps(document))
    assert sources.find(data, tmp_path / "out").held_back == {"1.png", "2.png", "3.png"}


def test_it_is_a_command(photos: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "models.label", str(photos), "--teacher", str(SHIPPED)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "2 photos" in done.stdout


def test_a_teacher_of_none_of_the_labels(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.onnx"
    tiny.write(tiny.conv_model(), other)
    description = Description.model_validate(
        {"family": "yolov8", "name": "other", "labels": ["x", "y"], "input": {"size": [64, 64]}}
    )
    other.write_bytes(metadata.describe(other.read_bytes(), description))
    both = ["--teacher", SHIPPED, "--teacher", other]
    assert run(photos, *both, "--labels", "dog", "--out", tmp_path / "out") == 1
    assert "'other' knows none of the labels" in capsys.readouterr().err
