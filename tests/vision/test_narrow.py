"""Few images have all cores, many one each; told by the threads of the sessions that are made."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import numpy as np
import onnxruntime
import pytest

from app.service import load_detector
from app.settings import Settings
from app.vision.budget import DecodingBudget
from app.vision.detector import Detector, Options
from app.vision.image import ImageReader
from app.vision.model import Model, load
from tests.vision.onnx_files import description, write, yolov8_output
from tests.vision.test_detector import WHITE
from tests.vision.test_model import TENSOR


class Spy:
    """onnxruntime.InferenceSession that keeps the threads of each session, and of each run."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.ran: list[int] = []
        self.session = onnxruntime.InferenceSession

    def __call__(self, path: str, options: Any, **rest: Any) -> "_Spied":
        self.made.append(options.intra_op_num_threads)
        return _Spied(self.session(path, options, **rest), options.intra_op_num_threads, self.ran)


class _Spied:
    def __init__(self, session: Any, threads: int, ran: list[int]) -> None:
        self.session, self.threads, self.ran = session, threads, ran

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def run(self, names: list[str], feed: dict[str, Any]) -> Any:
        self.ran.append(self.threads)
        return self.session.run(names, feed)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    spy = Spy()
    monkeypatch.setattr(onnxruntime, "InferenceSession", spy)
    return spy


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "small.onnx", [yolov8_output()], description())


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def warm(model: Model, at_work: int) -> None:
    assert model.narrow
    wait_for(lambda: model.narrow is not None and model.narrow.when(at_work) is not None)


def test_until_there_is_a_crowd_there_is_one_session(path: Path, spy: Spy) -> None:
    model = load(path, 4, narrow=True)
    for at_work in (1, 2):
        model.run(TENSOR, at_work)
    assert (spy.made, spy.ran) == ([4], [4, 4])


def test_a_crowd_runs_on_one_thread_each_and_finds_the_same(path: Path, spy: Spy) -> None:
    model = load(path, 4, narrow=True)
    alone = model.run(TENSOR, 1)
    model.run(TENSOR, 3)  # does not wait for the second session
    warm(model, 3)
    spy.ran.clear()
    together = model.run(TENSOR, 3)
    assert (spy.made, spy.ran) == ([4, 1], [1])
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(alone, together, strict=True))
    model.run(TENSOR, 2)
    assert spy.ran == [1, 4]


def test_many_at_once_ask_for_one_second_session(path: Path, spy: Spy) -> None:
    model = load(path, 2, narrow=True)
    threads = [Thread(target=model.run, args=(TENSOR, 2)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    warm(model, 2)
    assert spy.made == [2, 1]


def test_a_file_that_was_replaced_is_not_served(
    path: Path, spy: Spy, caplog: pytest.LogCaptureFixture
) -> None:
    model = load(path, 2, narrow=True)
    write(path, [yolov8_output()], description(name="another"))
    model.run(TENSOR, 2)
    wait_for(lambda: any("one thread a run" in r.getMessage() for r in caplog.records))
    (record,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert "is not the one that was loaded any more" in record.getMessage()
    model.run(TENSOR, 2)
    assert (spy.made, spy.ran) == ([2], [2, 2])


def test_who_sets_the_threads_and_who_has_one_core_has_one_session(path: Path) -> None:
    assert load_detector(Settings(model=path, threads=3)).model.narrow is None
    assert load(path, 1, narrow=True).narrow is None
    assert load(path, 2).narrow is None


def test_the_detector_counts_those_that_are_worked_on(path: Path, spy: Spy) -> None:
    class Meeting(ImageReader):
        """Decodes two images side by side, one after the other otherwise."""

        together = Barrier(1)

        def read(self, *arguments: Any) -> Any:
            self.together.wait(10)
            return super().read(*arguments)

    model = load(path, 2, narrow=True)
    reader = Meeting(50_000_000, DecodingBudget(200_000_000))
    detector = Detector(model, reader)
    warm(model, 2)
    detector.detect(WHITE, Options())
    assert spy.ran == [2]
    reader.together = Barrier(2)
    pair = [Thread(target=detector.detect, args=(WHITE, Options())) for _ in range(2)]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join()
    assert 1 in spy.ran[1:]
    reader.together = Barrier(1)
    detector.detect(WHITE, Options())
    assert spy.ran[-1] == 2
