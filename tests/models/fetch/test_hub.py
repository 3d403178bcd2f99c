"""From a name on Hugging Face to a server that finds things; a local server stands for the Hub."""

import hashlib
import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import helper

from app.vision.detections import Options
from models.common import checks
from models.common.labels import COCO
from models.fetch import command
from tests.models.fetch.site import File, Site
from tests.server import REPOSITORY, serve
from tests.stand_ins import rewired

PHOTO = REPOSITORY / "app" / "page" / "files" / "samples" / "astronaut.jpg"
PREPROCESSOR = {
    "do_normalize": False,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "rescale_factor": 1 / 255,
    "size": {"height": 320, "width": 320},
}


@pytest.fixture
def hub(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Hub":
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return Hub(site)


class Hub:
    """Repositories as the Hub lists them."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def publish(self, files: dict[str, bytes], *, tree: bool = True) -> None:
        """As ``who/net``."""
        entries: list[dict[str, Any]] = []
        for path, content in files.items():
            self.site.put(f"who/net/resolve/main/{path}", File(content))
            entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content)}
            if path.endswith((".onnx", ".onnx_data")):
                oid = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 134}
            entries.append(entry)
        entries.append({"type": "directory", "path": "onnx", "size": 0})
        if tree:
            self.site.put("api/models/who/net/tree/main", File(json.dumps(entries).encode()))
            return
        siblings = [
            {
                "rfilename": entry["path"],
                "size": entry["size"],
                **({"lfs": {"sha256": entry["lfs"]["oid"]}} if "lfs" in entry else {}),
            }
            for entry in entries
            if entry["type"] == "file"
        ]
        listing = json.dumps({"id": "who/net", "siblings": siblings}).encode()
        self.site.put("api/models/who/net/revision/main", File(listing))


def config(labels: tuple[str, ...] = COCO) -> bytes:
    named = {str(number): label for number, label in enumerate(labels)}
    return json.dumps({"model_type": "d_fine", "id2label": named}).encode()


def raw_outputs(folder: Path) -> onnx.ModelProto:
    """A model of DETR's kind as optimum exports it: every axis is symbolic."""
    model = onnx.load(rewired.write(folder / "raw.onnx", "raw_detr"))
    graph = model.graph
    graph.node.insert(0, helper.make_node("Identity", ["pixel_values"], ["images"]))
    queries = ("logits", "pred_boxes")
    del graph.input[:], graph.output[:]
    axes = ["batch_size", "num_channels", "height", "width"]
    graph.input.append(helper.make_tensor_value_info("pixel_values", 1, axes))
    for name, last in zip(queries, (80, 4), strict=True):
        shape: list[str | int | None] = ["batch_size", "num_queries", last]
        graph.output.append(helper.make_tensor_value_info(name, 1, shape))
    return model


def run(*arguments: object) -> int:
    return command.main([str(argument) for argument in arguments])


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert run(*arguments) == 1
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("tree", [True, False])
def test_one_command_from_a_name_to_a_server_that_finds_things(
    hub: Hub,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    tree: bool,
) -> None:
    content = raw_outputs(tmp_path_factory.mktemp("raw")).SerializeToString()
    files = {
        "config.json": config(),
        "onnx/model.onnx": content,
        "onnx/model_fp16.onnx": b"another one",
        "preprocessor_config.json": json.dumps(PREPROCESSOR).encode(),
        "README.md": b"---\nlicense: apache-2.0\n---",
    }
    hub.publish(files, tree=tree)
    assert run("hf:who/net") == 0
    printed = capsys.readouterr().out
    assert "also available with --precision: fp16" in printed
    assert "SPOTTER_MODEL=weights/net.onnx" in printed
    out = tmp_path / "weights" / "net.onnx"
    found = checks.detector(out).model.description
    assert (found.family, found.labels, found.name) == ("raw_detr", COCO, "net")
    assert (found.input.size, found.input.fit) == ((320, 320), "stretch")
    assert [path.name for path in out.parent.iterdir()] == ["net.onnx"]
    if tree:
        with serve(out) as server:
            answer = server.detect(PHOTO.read_bytes(), confidence=0.5).json()
        assert [item["label"] for item in answer["detections"]] == ["person"]


def test_weights_beside_the_model_come_with_it(
    hub: Hub,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = raw_outputs(tmp_path_factory.mktemp("raw"))
    made = tmp_path / "made"
    made.mkdir()
    onnx.save_model(
        whole, made / "model.onnx", save_as_external_data=True, location="model.onnx_data",
        size_threshold=100,
    )  # fmt: skip
    files = {
        f"onnx/{name}": (made / name).read_bytes() for name in ("model.onnx", "model.onnx_data")
    }
    settings = json.dumps(PREPROCESSOR).encode()
    files |= {"config.json": config(), "preprocessor_config.json": settings}
    hub.publish(files)
    assert run("hf:who/net") == 0
    folder = tmp_path / "weights" / "net"
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx_data", "net.onnx"]
    found = checks.detector(folder / "net.onnx").detect(PHOTO.read_bytes(), Options(confidence=0.5))
    assert [item.label for item in found.items] == ["person"]
    del files["onnx/model.onnx_data"]
    hub.publish(files)
    assert "lacks the weights onnx/model.onnx_data" in refusal(
        capsys, "hf:who/net", "--out", "x/net.onnx"
    )


def test_what_a_repository_lacks_is_said(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert "answers 404: the file does not exist" in refusal(capsys, "hf:who/gone")
    hub.publish({"model.safetensors": b"1", "config.json": b"{}"})
    assert "optimum-cli export onnx --model who/net" in refusal(capsys, "hf:who/net")
    hub.publish({"onnx/model_fp16.onnx": b"1", "onnx/model_int8.onnx": b"2"})
    assert "fp16, int8: choose one with --precision" in refusal(capsys, "hf:who/net")
    hub.publish({"a.onnx": b"1", "b.onnx": b"2"})
    assert "several models" in refusal(capsys, "hf:who/net")


def test_a_file_of_another_checksum_is_refused(
    hub: Hub, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.publish({"model.onnx": b"one"})
    site.put("who/net/resolve/main/model.onnx", File(b"two"))
    assert "is not the expected file" in refusal(capsys, "hf:who/net")
    assert not (tmp_path / "weights" / "net.onnx").exists()
