"""Training computes in bfloat16 only where that is faster."""

from pathlib import Path

import pytest
import torch

from models.train import dataset, precision
from models.train.image_cache import ImageStore
from models.train.net import Architecture, Detector
from models.train.schedule import Schedule
from models.train.trainer import Options, Part, Run

pytestmark = pytest.mark.kit

SMALL = Architecture(widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1), neck=8, classes=2)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _not_yet_tried() -> None:
    precision.bfloat16_is_faster.cache_clear()


def test_the_faster_arithmetic_of_this_processor_is_chosen() -> None:
    chosen = precision.bfloat16_is_faster(CPU)
    times = {half: _time(half) for half in (False, True)}
    assert times[chosen] < 2 * times[not chosen]


def _time(bfloat16: bool) -> float:
    return min(precision._seconds(CPU, bfloat16=bfloat16) for _ in range(5))


@pytest.mark.parametrize(("plain", "half", "expected"), [(1.0, 0.5, True), (1.0, 11.0, False)])
def test_the_times_decide_and_are_taken_once(
    monkeypatch: pytest.MonkeyPatch, plain: float, half: float, expected: bool
) -> None:
    taken: list[bool] = []

    def seconds(_device: torch.device, *, bfloat16: bool) -> float:
        taken.append(bfloat16)
        return half if bfloat16 else plain

    monkeypatch.setattr(precision, "_seconds", seconds)
    assert precision.bfloat16_is_faster(CPU) is expected
    tries = len(taken)
    assert precision.bfloat16_is_faster(CPU) is expected
    assert len(taken) == tries


def test_it_is_tried_with_gradients_even_where_none_are_wanted() -> None:
    with torch.no_grad(), precision.autocast(CPU):
        assert not torch.is_grad_enabled()
    assert precision.bfloat16_is_faster.cache_info().currsize == 1


@pytest.mark.parametrize("faster", [False, True])
def test_a_run_computes_in_the_faster_one(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faster: bool
) -> None:
    monkeypatch.setattr(precision, "bfloat16_is_faster", lambda _device: faster)
    data = dataset.load(drawn)
    part = Part(data.part("val"), ImageStore(data.part("val"), tmp_path / "cache", 128))
    detector = Detector(SMALL)
    seen: set[torch.dtype] = set()
    detector.lateral[0].register_forward_hook(lambda _layer, _in, out: seen.add(out.dtype))
    options = Options(Schedule(64, None, 1.0), batch=2, workers=0)
    assert Run(detector, data.labels, part, part, options, tmp_path, CPU).go()
    assert seen == {torch.bfloat16 if faster else torch.float32}
    assert {weight.dtype for weight in detector.parameters()} == {torch.float32}
