"""What stops the start: one clear line, an exit code, and no traceback."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import StartError
from app.settings import load_settings
from tests.server import (
    REPOSITORY,
    START_LIMIT,
    Server,
    environment,
    serve,
    start_failure,
)

BAD_SETTINGS = [
    ("confidence", "1.5"),
    ("confidence", "much"),
    ("confidence", "nan"),
    ("iou", "-1"),
    ("max_detections", "0"),
    ("max_detections", "1001"),
    ("threads", "-1"),
    ("concurrency", "two"),
    ("queue", "1.5"),
    ("max_body_bytes", "20MB"),
    ("max_pixels", "0"),
    ("allowed_hosts", "spotter.example:8000"),
    ("allowed_hosts", "https://spotter.example"),
    ("allowed_hosts", "a,b.example."),
    ("root_path", "prod"),
    ("log_level", "loud"),
]


def with_uvicorn(model: Path | None, **settings: str) -> tuple[int, str]:
    return start_failure(model, uvicorn, **settings)


def uvicorn(port: int) -> list[str]:
    return ["-m", "uvicorn", "app.main:app", "--port", str(port)]


def said(output: str, *words: str) -> str:
    """The one line that speaks of all these words."""
    (line,) = (line for line in output.splitlines() if all(word in line for word in words))
    return line


@pytest.mark.parametrize(("name", "value"), BAD_SETTINGS)
def test_a_bad_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SPOTTER_{name.upper()}", value)
    with pytest.raises(StartError, match=f"SPOTTER_{name.upper()}='{value}'") as error:
        load_settings()
    assert "\n" not in str(error.value)


def test_bad_settings_are_all_told_in_one_line(scripted_model: Path) -> None:
    code, output = start_failure(scripted_model, iou="2", queue="none", api_keys="secret-key")
    assert code != 0
    assert output.startswith("spotter: ")
    assert said(output, "SPOTTER_IOU='2'", "SPOTTER_QUEUE='none'")
    assert len(output.splitlines()) == 1
    assert "secret-key" not in output


def test_a_bad_setting_under_uvicorn(scripted_model: Path) -> None:
    code, output = with_uvicorn(scripted_model, iou="2")
    assert code != 0
    assert said(output, "SPOTTER_IOU", "2")
    assert "Traceback" not in output


def bad_models(folder: Path, good: Path) -> dict[str, tuple[Path, str]]:
    """File, and a word that the line has to have."""
    text = folder / "text.onnx"
    text.write_text("no model")
    cut = folder / "cut.onnx"
    cut.write_bytes(good.read_bytes()[:500])
    empty = folder / "empty.onnx"
    empty.write_bytes(b"")
    return {
        "missing": (folder / "missing.onnx", "No such file"),
        "folder": (folder, "directory"),
        "text": (text, "onnxruntime"),
        "cut": (cut, "onnxruntime"),
        "empty": (empty, "empty.onnx"),
    }


@pytest.mark.parametrize("kind", ["missing", "folder", "text", "cut", "empty"])
def test_a_bad_model(tmp_path: Path, scripted_model: Path, kind: str) -> None:
    model, word = bad_models(tmp_path, scripted_model)[kind]
    code, output = start_failure(model)
    assert code != 0
    assert said(output, str(model), word)
    assert "Traceback" not in output
    assert len(output.splitlines()) == 2  # uvicorn adds that it exits


def test_a_bad_model_under_uvicorn(tmp_path: Path) -> None:
    code, output = with_uvicorn(tmp_path / "missing.onnx")
    assert code != 0
    assert said(output, "missing.onnx", "No such file")
    assert "Traceback" not in output


@pytest.mark.parametrize("name", ["yolox_nano", "nanodet_m"])
def test_a_model_that_does_not_say_what_it_is_under_uvicorn(shared: Path, name: str) -> None:
    code, output = with_uvicorn(shared / "models" / f"{name}.onnx")
    assert code != 0
    assert said(output, f"{name}.onnx", "family")
    assert "Traceback" not in output


@pytest.mark.parametrize("port", ["x", "65536"])
def test_a_bad_port(scripted_model: Path, port: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app"],
        cwd=REPOSITORY,
        env={**environment(scripted_model, 1, {}), "PORT": port},
        capture_output=True,
        text=True,
        timeout=START_LIMIT,
        check=False,
    )
    assert done.returncode != 0
    assert said(done.stderr, "PORT")
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken(scripted_model: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "app"],
            cwd=REPOSITORY,
            env=environment(scripted_model, port, {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START_LIMIT,
            check=False,
        )
    assert done.returncode != 0
    assert said(done.stdout, "address already in use")
    assert "http://" not in done.stdout
    assert "Traceback" not in done.stdout


def test_the_address_is_told(scripted: Server) -> None:
    assert f"http://localhost:{scripted.port}/" in scripted.output()


def test_empty_lists_are_none(scripted_model: Path) -> None:
    """As compose files pass on what is not set."""
    with serve(scripted_model, api_keys="", cors_origins="", root_path="") as server:
        assert server.client.get("/model").status_code == 200
