from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.train import dataset
from models.train.image_cache import ImageStore
from models.train.net import Architecture, Detector
from models.train.optimizer import UPDATE_RMS, Muon, Optimizers, orthogonal
from models.train.schedule import Schedule
from models.train.trainer import Options, Part, Run
from tests.models import tiny

pytestmark = pytest.mark.kit

SMALL = Architecture(widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1), neck=8, classes=2)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def turned(matrix: Tensor) -> Tensor:
    return orthogonal(matrix[None])[0]


@pytest.mark.parametrize("shape", [(16, 144), (144, 16), (24, 24), (1, 9)])
def test_orthogonal_brings_singular_values_near_one(shape: tuple[int, int]) -> None:
    matrix = normal(*shape)
    assert turned(matrix).shape == shape
    values = torch.linalg.svdvals(turned(matrix))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_orthogonal_keeps_the_singular_directions() -> None:
    matrix = normal(6, 20)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    inside = left.T @ turned(matrix) @ right.T
    assert torch.allclose(inside, inside.diag().diag(), atol=1e-4)


def test_orthogonal_does_not_mind_the_order_of_columns() -> None:
    matrix = normal(8, 27)
    order = torch.randperm(27, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(turned(matrix[:, order]), turned(matrix)[:, order], atol=1e-4)


def test_orthogonal_of_nothing_is_nothing() -> None:
    assert torch.equal(turned(torch.zeros(4, 9)), torch.zeros(4, 9))


def test_each_of_several_is_turned_as_if_alone() -> None:
    several = normal(3, 4, 9)
    each = torch.stack([turned(matrix) for matrix in several])
    assert torch.allclose(orthogonal(several), each, atol=1e-5)


def test_kernels_of_one_shape_move_as_if_alone() -> None:
    def moved(seeds: list[int]) -> list[Tensor]:
        kernels = [nn.Parameter(torch.zeros(8, 4, 3, 3)) for _ in seeds]
        muon = Muon(kernels, rate=0.1, decay=0.1)
        for turn in range(2):
            for kernel, seed in zip(kernels, seeds, strict=True):
                kernel.grad = normal(8, 4, 3, 3, seed=10 * turn + seed)
            muon.step()
        return [kernel.detach() for kernel in kernels]

    for together, alone in zip(moved([1, 2, 3]), (moved([n])[0] for n in (1, 2, 3)), strict=True):
        assert torch.allclose(together, alone, atol=1e-6)


def test_least_squares_are_solved() -> None:
    """A kernel is found again from what it makes of pictures."""
    pictures, wanted = normal(16, 3, 12, 12), normal(8, 3, 3, 3, seed=1)
    answers = functional.conv2d(pictures, wanted)
    kernel = nn.Parameter(torch.zeros_like(wanted))
    muon = Muon([kernel], rate=0.2, decay=0.0)
    steps = 200
    for step in range(steps):
        muon.param_groups[0]["lr"] = 0.2 * (1 - step / steps)
        muon.zero_grad()
        torch.autograd.backward(functional.mse_loss(functional.conv2d(pictures, kernel), answers))
        muon.step()
    assert (kernel - wanted).abs().max() < 0.02


def test_a_step_has_the_size_of_the_rate_whatever_the_gradients() -> None:
    for scale in (1e-3, 1e3):
        kernel = nn.Parameter(torch.zeros(16, 4, 3, 3))
        kernel.grad = scale * normal(16, 4, 3, 3)
        Muon([kernel], rate=0.5, decay=0.0).step()
        size = kernel.detach().square().mean().sqrt().item()
        assert size == pytest.approx(0.5 * UPDATE_RMS, rel=0.2)


def test_the_order_in_memory_changes_nothing() -> None:
    start, gradient = normal(8, 4, 3, 3), normal(8, 4, 3, 3, seed=1)
    kernels = []
    for layout in (torch.contiguous_format, torch.channels_last):
        kernel = nn.Parameter(start.clone(memory_format=layout))
        kernel.grad = gradient.clone(memory_format=layout)
        muon = Muon([kernel], rate=0.1, decay=0.1)
        muon.step()
        muon.step()
        assert kernel.is_contiguous(memory_format=layout)
        kernels.append(kernel.detach())
    assert torch.allclose(kernels[0], kernels[1], atol=1e-5)
    assert not torch.allclose(kernels[0], start, atol=1e-3)


def test_kernels_decay_and_those_without_a_gradient_stay() -> None:
    decayed, left = nn.Parameter(torch.ones(2, 2, 1, 1)), nn.Parameter(torch.ones(2, 2, 1, 1))
    decayed.grad = torch.zeros_like(decayed)
    Muon([decayed, left], rate=0.1, decay=0.5).step()
    assert torch.allclose(decayed, torch.full_like(decayed, 0.95))
    assert torch.equal(left, torch.ones_like(left))


def test_each_weight_is_moved_by_one_of_both() -> None:
    detector = Detector(SMALL)
    both = Optimizers(detector, rate=0.1, decay=0.0)
    muon, adam = (
        [p for group in part.param_groups for p in group["params"]] for part in both.parts
    )
    assert {id(p) for p in muon}.isdisjoint(id(p) for p in adam)
    assert len(muon) + len(adam) == len(list(detector.parameters()))
    assert all(p.ndim == 4 for p in muon)
    outputs = {id(p) for name, p in detector.named_parameters() if ".out." in name}
    assert outputs <= {id(p) for p in adam}


def test_both_share_one_rate_and_are_cleared_together() -> None:
    detector = Detector(SMALL)
    both = Optimizers(detector, rate=0.1, decay=0.0)
    both.rate = 0.025
    assert both.rate == 0.025
    assert {group["lr"] for part in both.parts for group in part.param_groups} == {0.025}
    before = [p.detach().clone() for p in detector.parameters()]
    push(detector, seed=0)
    both.step()
    moved = [not torch.equal(a, b) for a, b in zip(before, detector.parameters(), strict=True)]
    assert all(moved)
    both.clear()
    assert all(p.grad is None for p in detector.parameters())


def push(detector: Detector, seed: int) -> None:
    """Gradients that are the same for the same seed."""
    for index, parameter in enumerate(detector.parameters()):
        parameter.grad = normal(*parameter.shape, seed=1000 * seed + index)


def test_a_resumed_run_moves_exactly_as_the_first_would_have(drawn: Path, tmp_path: Path) -> None:
    data = dataset.load(drawn)
    part = Part(data.part("val"), ImageStore(data.part("val"), tmp_path / "cache", 128))
    options = Options(Schedule(96, None, 1.0))

    def run() -> Run:
        detector, device = Detector(SMALL), torch.device("cpu")
        return Run(detector, data.labels, part, part, options, tmp_path, device)

    def move(moved: Run, seeds: range) -> list[Tensor]:
        for seed in seeds:
            push(moved.detector, seed)
            moved.optimizers.step()
        return [parameter.detach().clone() for parameter in moved.detector.parameters()]

    first = run()
    move(first, range(3))
    first.save()
    second = run()
    second.resume()
    for a, b in zip(move(first, range(3, 6)), move(second, range(3, 6)), strict=True):
        assert torch.equal(a, b)


def test_denormal_numbers_are_flushed_even_after_a_session_was_made() -> None:
    """They would make the products of tiny momenta 20 times as slow."""
    detector = Detector(SMALL)
    optimizers = Optimizers(detector, 0.01, 0.0)
    push(detector, 1)
    torch.set_flush_denormal(False)  # other tests may have set it
    denormal = torch.full((1000,), 1e-39)
    assert (denormal * 0.5).any()
    optimizers.step()
    model = tiny.conv_model().SerializeToString()
    onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    optimizers.step()
    assert not (denormal * 0.5).any()
