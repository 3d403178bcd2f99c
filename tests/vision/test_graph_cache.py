"""Optimised graphs that are kept: the same answers, and never a reason not to start."""

import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from app.vision.model.load import Model, load
from app.vision.runtime import graph_cache
from tests.vision.onnx_files import description


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "spotter"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return _convolution(tmp_path / "small.onnx", 0)


def _convolution(path: Path, seed: int) -> Path:
    """A detector that computes something, so that there is something to optimise."""
    weights = np.random.default_rng(seed).normal(size=(6, 3, 8, 8)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["images", "w"], ["c"], strides=[8, 8]),
            helper.make_node("Sigmoid", ["c"], ["s"]),
            helper.make_node("Reshape", ["s", "to"], ["output0"]),
        ],
        "convolution",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 6, 64])],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.array([1, 6, 64], dtype=np.int64), "to"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, description())
    onnx.save(model, path)
    return path


def answers(model: Model) -> bytes:
    image = np.random.default_rng(1).random((1, 3, 64, 64), dtype=np.float32)
    return bytes(model.run(image)[0].tobytes())


def kept(cache: Path) -> list[Path]:
    return sorted(cache.iterdir())


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that sessions are made of, from now on."""
    paths: list[str] = []
    session = onnxruntime.InferenceSession

    def create(path: str, *args: object, **kwargs: object) -> object:
        paths.append(path)
        return session(path, *args, **kwargs)

    monkeypatch.setattr(onnxruntime, "InferenceSession", create)
    return paths


def test_the_second_start_opens_what_the_first_has_kept(
    path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plain, first = load(path), load(path, cache_dir=cache)
    (file,) = kept(cache)
    paths = opened(monkeypatch)
    second = load(path, cache_dir=cache)
    assert paths == [str(file)]
    assert kept(cache) == [file]
    assert answers(plain) == answers(first) == answers(second)
    assert second.description == plain.description
    assert (second.sha256, second.signature) == (plain.sha256, plain.signature)
    assert warnings(caplog) == []


def test_each_model_has_a_graph_of_its_own(path: Path, cache: Path, tmp_path: Path) -> None:
    other = _convolution(tmp_path / "other.onnx", 2)
    load(path, cache_dir=cache)
    load(other, cache_dir=cache)
    assert len(kept(cache)) == 2
    assert answers(load(other, cache_dir=cache)) == answers(load(other))


@pytest.mark.parametrize("what", ["onnxruntime", "processor"])
def test_another_runtime_or_processor_makes_its_own(
    path: Path, cache: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(path, cache_dir=cache)
    if what == "processor":
        monkeypatch.setattr(graph_cache, "_processor", lambda: "another")
    else:
        monkeypatch.setattr(onnxruntime, "__version__", "0.0")
    load(path, cache_dir=cache)
    assert len(kept(cache)) == 2


@pytest.mark.parametrize("damage", ["cut off", "one bit", "empty", "folder", "another model's"])
def test_a_graph_that_is_not_what_was_written_is_made_again(
    path: Path, cache: Path, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load(path, cache_dir=cache)
    (file,) = kept(cache)
    whole = file.read_bytes()
    if damage == "folder":
        file.unlink()
        file.mkdir()
    elif damage == "another model's":
        other = _convolution(tmp_path / "other.onnx", 2)
        load(other, cache_dir=cache)
        (foreign,) = set(kept(cache)) - {file}
        foreign.replace(file)
    else:
        flipped = whole[:-300] + bytes([whole[-300] ^ 1]) + whole[-299:]
        file.write_bytes({"cut off": whole[:-9], "one bit": flipped, "empty": b""}[damage])
    model = load(path, cache_dir=cache)
    (line, *more) = warnings(caplog)
    assert f"{file.name} is not what was written" in line
    assert answers(model) == answers(load(path))
    if damage == "folder":  # in the way, and not ours to remove
        assert len(more) == 1
    else:
        assert more == []
        assert file.read_bytes() == whole


def test_a_graph_that_onnxruntime_does_not_take_is_made_again(
    path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load(path, cache_dir=cache)
    (file,) = kept(cache)
    key = file.name.partition("-")[0]
    named = graph_cache.GraphCache(cache, load(path).sha256)._name(b"no graph")
    file.unlink()
    (cache / named).write_bytes(b"no graph")
    assert named.startswith(key)
    assert answers(load(path, cache_dir=cache)) == answers(load(path))
    (line,) = warnings(caplog)
    assert "is made again" in line
    assert kept(cache) == [file]


def test_a_folder_that_cannot_be_written_is_a_warning(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    assert answers(load(path, cache_dir=in_the_way / "cache")) == answers(load(path))
    (line,) = warnings(caplog)
    assert line.startswith(f"no optimised graph is kept in {in_the_way / 'cache'}: ")


@contextmanager
def no_room() -> Iterator[None]:
    """No file may become larger than a few bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_a_warning(
    path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with no_room():
        model = load(path, cache_dir=cache)
    assert answers(model) == answers(load(path))
    assert [line.startswith("no optimised graph is kept") for line in warnings(caplog)] == [True]
    assert kept(cache) == []


def test_a_model_in_several_files_is_not_kept(
    path: Path, cache: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its hash says nothing of its weights."""
    model = onnx.load(path)
    apart = tmp_path / "apart.onnx"
    onnx.save(model, apart, save_as_external_data=True, location="weights")
    assert answers(load(apart, cache_dir=cache)) == answers(load(path))
    assert not cache.exists()
    assert warnings(caplog) == []


def test_the_folder_is_the_users_alone(path: Path, cache: Path) -> None:
    load(path, cache_dir=cache)
    assert cache.stat().st_mode & 0o077 == 0
