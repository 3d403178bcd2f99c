import json
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.common import checks, datasets
from models.common.commands import CommandError
from models.evaluate import command, mosaic
from models.evaluate.sources import InProcess, OverHttp, Thresholds
from tests.http.scripted import LABELS, write_model
from tests.models.photos import write_dataset
from tests.server import Server, serve
from tests.stand_ins import spots
from tests.stand_ins.scene import write_annotations

# What the scripted detector finds in every picture of 64 x 64, clipped to it.
TRUTH = [
    {"label": "dog", "bbox": [0, 0, 14, 25]},
    {"label": "cat", "bbox": [19.88, 24.94, 20.25, 10.12]},
    {"label": "bus", "bbox": [30, 30, 34, 34]},
    {"label": "traffic light", "bbox": [17, 46, 6, 8]},
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "scripted.onnx")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "set", LABELS, [TRUTH] * 6)


def run(*arguments: object) -> int:
    return command.main([str(argument) for argument in arguments])


def test_in_process_and_over_http_alike(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    assert run(model, "--data", data, "--json", here) == 0
    with serve(model, api_keys="secret") as server:
        options = ["--api-key", "secret", "--concurrency", 3, "--json", there]
        assert run("--url", server.url, "--data", data, *options) == 0
    results = [json.loads(path.read_text()) for path in (here, there)]
    for result in results:
        assert result["map"] == pytest.approx(1)
        # The traffic light has a probability of 0.2, so it is missed at 0.25.
        assert (result["photos_right"], result["photos_with_objects"]) == (0, 6)
        assert [(entry["label"], entry["objects"]) for entry in result["classes"]] == [
            (label, 6) for label in LABELS
        ]
        assert result["median_ms"]["inference"] > 0
    assert results[0]["sha256"]
    assert results[1]["median_ms"]["request"] > results[1]["median_ms"]["inference"]
    out = capsys.readouterr().out
    assert out.count("scripted: mAP50-95 1.000, mAP50 1.000") == 2
    assert out.count("photos without a mistake at confidence 0.25: 0 of 6 (0.0%)") == 2


def test_pictures_and_parts(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(model, "--data", data, "--split", "val", "--limit", 2, "--out", tmp_path) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["confusion-matrix.png", "precision-recall.png"]
    assert "\nall                 2        8" in capsys.readouterr().out


def test_tiles_here_and_over_http(tmp_path: Path) -> None:
    """Spots that are too small in the whole picture."""
    model = spots.write_model(tmp_path / "spots.onnx")
    labels = frozenset({"spot"})
    for tiles in (False, True):
        thresholds = Thresholds(confidence=0.25, tiles=tiles)
        here = InProcess(checks.detector(model, 1), thresholds).detect(spots.picture(), labels)
        with serve(model) as server, closing(OverHttp(server.url, thresholds)) as source:
            there = source.detect(spots.picture(), labels)
        assert bool(here.found) is tiles
        assert [item.box for item in there.found] == [
            pytest.approx(item.box, abs=0.01) for item in here.found
        ]


def test_the_command_joins_photos_and_looks_at_tiles(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, model = tmp_path / "out.json", spots.write_model(tmp_path / "cat.onnx", "cat")
    assert run(model, "--data", data, "--mosaic", 2, "--tiles", "auto", "--json", out) == 0
    result = json.loads(out.read_text())
    assert (result["photos"], result["tiles"]) == (2, True)
    assert "cat         2        6" in capsys.readouterr().out
    assert run(model, "--data", data, "--mosaic", 0) == 1
    assert "--mosaic must be at least 1" in capsys.readouterr().err


def test_a_mosaic_has_all_photos_with_their_boxes(data: Path, tmp_path: Path) -> None:
    dataset = datasets.load(data)
    joined = mosaic.join(dataset, 2, tmp_path)
    assert [(photo.width, photo.height) for photo in joined.photos] == [(128, 128)] * 2
    assert len(joined.boxes) == len(dataset.boxes)
    first = [box.bounds for box in joined.boxes if box.label == "bus"]
    assert first == [
        (30 + left, 30 + top, 34, 34)
        for left, top in [(0, 0), (64, 0), (0, 64), (64, 64), (0, 0), (64, 0)]
    ]
    with Image.open(joined.photos[1].path) as image:
        grey = np.asarray(image.convert("L"))
    assert grey.shape == (128, 128)
    assert grey[32, 32] < 20  # a photo, which is black
    assert grey[96, 96] > 90  # an empty place


def test_says_what_was_not_counted(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = ["yeti", "dog"]
    data = write_dataset(tmp_path / "set", labels, [[{"label": "dog", "bbox": [0, 0, 14, 25]}]])
    assert run(model, "--data", data) == 0
    out = capsys.readouterr().out
    assert "photos without a mistake at confidence 0.25: 1 of 1 (100.0%)" in out
    assert "not counted: 1 labels of the dataset are not in the model (yeti)" in out
    assert (
        "not counted: 3 labels of the model are not in the dataset (cat, traffic light, bus)" in out
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "either a model file or --url"),
        (["MODEL", "--url", "http://localhost:1"], "either a model file or --url"),
        (["--url", "ftp://localhost"], "is not an address"),
        (["--url", "http://127.0.0.1:9"], "refused"),
        (["gone.onnx"], "gone.onnx cannot be read"),
        (["MODEL", "--split", "gone"], "'gone'"),
        (["MODEL", "--limit", "0"], "--limit"),
    ],
)
def test_refusals(
    model: Path,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    reason: str,
) -> None:
    given = [str(model) if argument == "MODEL" else argument for argument in arguments]
    assert run(*given, "--data", data) == 1
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--confidence", "2"),
        ("--confidence", "nan"),
        ("--iou", "7"),
        ("--max-detections", "0"),
        ("--concurrency", "-1"),
        ("--threads", "-1"),
    ],
)
def test_impossible_numbers_are_refused(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        run("gone.onnx", "--data", "gone", option, value)
    assert stop.value.code == 2
    assert f"argument {option}: not a " in capsys.readouterr().err


def test_places_for_results_are_checked_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    assert run("gone.onnx", "--data", "gone", "--out", file) == 1
    assert f"{file} is a file; give a folder" in capsys.readouterr().err
    assert run("gone.onnx", "--data", "gone", "--json", tmp_path) == 1
    assert f"{tmp_path} is a folder; give a file" in capsys.readouterr().err


class Moody(BaseHTTPRequestHandler):
    """Full at first; a server that closes the connection after every answer."""

    protocol_version = "HTTP/1.1"
    answers: list[tuple[int, str]]

    def do_GET(self) -> None:
        self._answer(
            200, json.dumps({"name": "moody", "labels": ["cat"], "thresholds": {"iou": 0.7}})
        )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(*self.answers.pop(0))

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Server-Timing", "decode;dur=1.50, inference;dur=20")
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body.encode())
        self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def moody() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Moody)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_asks_again_where_a_server_is_full(moody: str) -> None:
    good = json.dumps({"image": {"width": 3, "height": 4}, "detections": []})
    Moody.answers = [(503, "full"), (200, good)]
    with closing(OverHttp(moody, Thresholds())) as source:
        answer = source.detect(b"image", frozenset({"cat"}))
    assert answer.size == (3, 4)
    assert (answer.timings["decode"], answer.timings["inference"]) == (1.5, 20)
    assert Moody.answers == []


def test_repeats_what_a_server_refuses(moody: str) -> None:
    Moody.answers = [(415, "not an image"), (200, "no json")]
    with closing(OverHttp(moody, Thresholds())) as source:
        with pytest.raises(CommandError, match="POST /detect: 415 not an image"):
            source.detect(b"text", frozenset({"cat"}))
        with pytest.raises(CommandError, match="not JSON"):
            source.detect(b"text", frozenset({"cat"}))


def test_on_a_drawn_scene_both_ways(
    scene_model: Path, scene_server: Server, scene_photos: Path, tmp_path: Path
) -> None:
    """The dataset is what the scene was drawn with, and the model knows it."""
    folder = tmp_path / "dataset"
    folder.mkdir()
    (folder / "images").symlink_to(scene_photos)
    write_annotations(folder)
    ways: list[list[object]] = [[scene_model], ["--url", scene_server.url]]
    for number, way in enumerate(ways):
        out = tmp_path / f"{number}.json"
        assert run(*way, "--data", folder, "--json", out) == 0
        assert json.loads(out.read_text())["map"] == pytest.approx(1, abs=0.01)


def test_on_real_photos_both_ways(shared: Path, tmp_path: Path) -> None:
    model = shared / "models" / "yolov8n-dynamic.onnx"
    results: list[float] = []
    with serve(model) as server:
        for way in ([model], ["--url", server.url]):
            out = tmp_path / f"{len(results)}.json"
            options = ["--data", shared / "eval", "--limit", 12, "--json", out]
            assert run(*way, *options) == 0
            results.append(json.loads(out.read_text())["map"])
    assert results[0] == pytest.approx(results[1], abs=1e-3)
    assert results[0] > 0.35
