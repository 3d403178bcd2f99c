"""The command, from an address to a file that serves."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.common import checks
from models.fetch import catalogue, command
from tests.models import tiny
from tests.models.fetch.site import File, Site
from tests.server import REPOSITORY, serve
from tests.stand_ins import rewired


@pytest.fixture
def model(tmp_path: Path) -> bytes:
    return tiny.write(tiny.yolox_model(classes=80), tmp_path / "made.onnx").read_bytes()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default folder for models."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here" / "weights"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def run(*arguments: object) -> int:
    return command.main([str(argument) for argument in arguments])


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert run(*arguments) == 1
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("spotter: ")
    return error[-1]


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def publish(
    site: Site, monkeypatch: pytest.MonkeyPatch, content: bytes, file: File | None = None
) -> None:
    """As the release ``yolox_nano``."""
    url = site.put("yolox_nano.onnx", file or File(content))
    release = catalogue.RELEASES["yolox_nano"]
    changed = replace(release, url=url, sha256=digest(content), size=len(content))
    monkeypatch.setitem(catalogue.RELEASES, "yolox_nano", changed)


def test_a_name_is_all_it_takes(
    site: Site, model: bytes, weights: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    publish(site, monkeypatch, model, File(model, cuts=[2000]))
    assert run("yolox_nano") == 0
    found = checks.detector(weights / "yolox_nano.onnx").model.description
    assert (found.family, found.name, found.license) == ("yolox", "yolox_nano", "Apache-2.0")
    assert len(found.labels) == 80
    assert left(weights) == ["yolox_nano.onnx"]
    printed = capsys.readouterr().out
    assert f"sha256 {digest(model)}, as expected" in printed
    assert "SPOTTER_MODEL=weights/yolox_nano.onnx" in printed


def test_what_is_there_already_is_not_fetched_again(
    site: Site, model: bytes, weights: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    publish(site, monkeypatch, model)
    assert run("yolox_nano") == run("yolox_nano") == 0
    assert "already exists" in capsys.readouterr().out
    assert len(site.asked) == 1


def test_another_file_is_never_written_over(
    site: Site, model: bytes, weights: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    publish(site, monkeypatch, model)
    weights.mkdir()
    mine = tiny.write(tiny.conv_model(), weights / "yolox_nano.onnx").read_bytes()
    assert "is a different file; remove it" in refusal(capsys, "yolox_nano")
    assert (weights / "yolox_nano.onnx").read_bytes() == mine
    assert site.asked == []


def test_a_wrong_checksum_leaves_nothing(
    site: Site, model: bytes, weights: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    publish(site, monkeypatch, model)
    site.put("yolox_nano.onnx", File(changed := model[:-1] + b"\0"))
    error = refusal(capsys, "yolox_nano")
    assert f"its sha256 is {digest(changed)}, not {digest(model)}" in error
    assert left(weights) == []


def test_a_release_is_never_larger_than_it_is_known_to_be(
    site: Site, model: bytes, weights: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    publish(site, monkeypatch, model, File(model + b"more"))
    assert f"larger than {len(model):,} bytes" in refusal(capsys, "yolox_nano")
    assert left(weights) == []


def test_parts_of_two_versions_are_found_out_and_fetched_anew(
    site: Site, model: bytes, weights: Path
) -> None:
    """If the server sends no ETag, only the checksum shows another version."""
    weights.mkdir()
    part = weights / f".n.{digest(model)[:16]}.part"
    part.write_bytes(b"\0" * 1000)
    url = site.put("n.onnx", File(model, etag=None))
    options = ["--sha256", digest(model), "--family", "yolox", "--labels", "coco"]
    assert run(url, *options) == 0
    assert site.ranges == ["bytes=1000-", None]
    assert left(weights) == ["n.onnx"]


def test_an_address_needs_a_checksum(
    site: Site, model: bytes, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = site.put("n.onnx", File(model))
    assert "give --sha256 HEX" in refusal(capsys, url)
    assert "give --sha256 HEX" in refusal(capsys, "hf:a/b/n.onnx")
    assert "is known; leave out" in refusal(capsys, "yolox_s", "--sha256", "0" * 64)
    assert site.asked == []
    with pytest.raises(SystemExit) as stop:
        run(url, "--sha256", "abc")
    assert stop.value.code == 2
    assert "64 hexadecimal digits" in capsys.readouterr().err


def test_a_model_that_does_not_say_what_it_is(
    site: Site, model: bytes, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is asked for once, and the download is not lost."""
    command: list[Any] = [site.put("net/n.onnx", File(model)), "--sha256", digest(model).upper()]
    assert "--labels" in refusal(capsys, *command, "--family", "yolox")
    error = refusal(capsys, *command)
    assert "weights/n.onnx cannot be served: it does not say its labels" in error
    assert "the download is not repeated" in error
    assert "of the family yolox with 1 labels" in refusal(
        capsys, *command, "--family", "yolox", "--labels", "a"
    )
    assert run(*command, "--family", "yolox", "--labels", "coco", "--license", "MIT") == 0
    assert checks.detector(weights / "n.onnx").model.description.license == "MIT"
    assert len(site.asked) == 1
    assert left(weights) == ["n.onnx"]


def test_a_model_that_says_what_it_is_stays_as_it_is(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here from Hugging Face, or what stands for it."""
    content = (REPOSITORY / "models" / "default.onnx").read_bytes()
    site.put("who/net/resolve/v2/onnx/n.onnx", File(content))
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    monkeypatch.setenv("HF_TOKEN", "secret")
    out = tmp_path / "deep" / "n.onnx"
    options = ["--sha256", f"sha256:{digest(content)}", "--out", out]
    assert run("hf:who/net@v2/onnx/n.onnx", *options) == 0
    assert out.read_bytes() == content
    assert site.asked[0].headers["authorization"] == "Bearer secret"
    assert run("hf:who/net@v2/onnx/n.onnx", *options) == 0
    assert len(site.asked) == 1


def test_what_is_no_model(site: Site, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = b"<html>Please log in</html>"
    url = site.put("n.onnx", File(content))
    error = refusal(capsys, url, "--sha256", digest(content))
    assert "it is a web page, not a model" in error
    assert left(weights) == []


def test_a_folder_that_cannot_be_written(
    site: Site, model: bytes, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights.write_text("not a folder")
    url = site.put("n.onnx", File(model))
    assert "weights: File exists" in refusal(capsys, url, "--sha256", digest(model))


def test_says_what_to_install(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name=name)

    monkeypatch.setattr("models.common.commands.import_module", missing)
    assert "'make install-fetch' installs it" in refusal(capsys, "yolox_nano")


def test_help_lists_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run("--help")
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in catalogue.RELEASES)


def test_what_was_fetched_serves(site: Site, tmp_path: Path) -> None:
    """A real model over a bad line, by the command itself; then a real server, and a photo."""
    content = rewired.write(tmp_path / "raw.onnx", "yolox").read_bytes()
    url = site.put("yolox_nano.onnx", File(content, cuts=[1_000_000]))
    out = tmp_path / "yolox_nano.onnx"
    command = [sys.executable, "-m", "models.fetch", url, "--sha256", digest(content)]
    done = subprocess.run(
        [*command, "--family", "yolox", "--labels", "coco", "--out", str(out)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert site.ranges == [None, "bytes=1000000-"]
    with serve(out) as server:
        photo = REPOSITORY / "app" / "page" / "files" / "samples" / "astronaut.jpg"
        answer = server.detect(photo.read_bytes(), confidence=0.5).json()
    assert [item["label"] for item in answer["detections"]] == ["person"]
    assert answer["model"] == "yolox_nano"
