"""Where a session computes, and that nothing about it happens silently."""

import json
import logging
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from app.errors import StartError
from app.vision.model.load import load
from app.vision.runtime.session import Execution, Precision, available, short, with_options
from tests.vision.onnx_files import description, write, yolov8_output
from tests.vision.test_model import TENSOR

ABSENT = next(
    short(name)
    for name in onnxruntime.get_all_providers()
    if name not in onnxruntime.get_available_providers()
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "small.onnx", [yolov8_output()], description())


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_the_processor_computes_unless_told_otherwise(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load(path).providers == ("cpu",)
    assert load(path, providers=["CPU"]).providers == ("cpu",)
    assert warnings(caplog) == []


@pytest.mark.parametrize("wish", [ABSENT, ABSENT.upper(), f"{ABSENT}ExecutionProvider", "nonsense"])
def test_a_provider_that_is_not_there_is_one_warning(
    path: Path, wish: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = load(path, providers=[wish, "cpu"])
    assert model.providers == ("cpu",)
    assert model.run(TENSOR)[0].shape == (1, 6, 3)
    (line,) = warnings(caplog)
    name = wish.lower().removesuffix("executionprovider")
    assert line.startswith(f"provider not used: {name} (not in this onnxruntime, which has ")
    assert line.endswith("Running on cpu.")


class Refusing:
    """onnxruntime.InferenceSession, where another provider's libraries do not load."""

    def __init__(self, session: Any, *, silent: bool) -> None:
        self.session = session
        self.silent = silent

    def __call__(self, path: str, options: Any, *, providers: list[Any], **rest: Any) -> Any:
        if providers != ["CPUExecutionProvider"]:
            if not self.silent:
                raise RuntimeError("libgpu.so: cannot open\nshared object file")
            providers = ["CPUExecutionProvider"]
        return self.session(path, options, providers=providers, **rest)


@pytest.mark.parametrize("silent", [False, True])
def test_a_provider_that_makes_no_session_is_one_warning(
    path: Path, silent: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    refusing = Refusing(onnxruntime.InferenceSession, silent=silent)
    monkeypatch.setattr(onnxruntime, "InferenceSession", refusing)
    model = load(path, providers=["cuda"])
    assert model.providers == ("cpu",)
    assert model.run(TENSOR)[0].shape == (1, 6, 3)
    (line,) = warnings(caplog)
    assert line.startswith("provider not used: cuda (")
    assert ("left it out" if silent else "libgpu.so: cannot open shared") in line


def test_a_file_that_is_no_model_is_still_refused_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", Refusing(onnxruntime.InferenceSession, silent=False)
    )
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(StartError, match="it is no ONNX file"):
        load(broken, providers=["azure"])


def test_another_provider_that_is_there_comes_first(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    others = [n for n in onnxruntime.get_available_providers() if n != "CPUExecutionProvider"]
    for name in others:  # every wheel has one at least, if only for Azure's remote models
        model = load(path, providers=[short(name)])
        assert model.providers == (short(name), "cpu")
        assert model.run(TENSOR)[0].shape == (1, 6, 3)
    assert others
    assert warnings(caplog) == []


def test_each_provider_is_wished_for_once() -> None:
    assert available(["cpu", "CPUExecutionProvider"]) == (["CPUExecutionProvider"], {})


@pytest.mark.parametrize(("precision", "hint"), [("float32", "f32"), ("bfloat16", "bf16")])
def test_openvino_is_given_its_threads_and_its_precision(precision: Precision, hint: str) -> None:
    names = ["OpenVINOExecutionProvider", "CPUExecutionProvider"]
    first, other = with_options(names, Execution(3, ["openvino"], precision))
    assert isinstance(first, tuple)
    name, options = first
    assert [name, other] == names
    assert (options["num_of_threads"], options["num_streams"]) == ("3", "1")
    assert json.loads(options["load_config"]) == {"CPU": {"INFERENCE_PRECISION_HINT": hint}}
