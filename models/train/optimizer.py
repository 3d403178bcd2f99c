"""The optimizers: Muon for the kernels, AdamW for everything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, cast, overload

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration: singular values approach 1 within five steps."""
ROUNDS = 5
UPDATE_RMS = 0.2
"""Root mean square of an update at rate 1: about AdamW's, so that both share one rate."""


class Muon(Optimizer):
    """Momentum with orthogonalised direction; each kernel is an ``[out, rest]`` matrix.

    The method is that of Jordan et al., 2024 (https://kellerjordan.github.io/posts/muon/), with
    decay and update size after Liu et al., 2025 (arXiv:2502.16982).
    """

    def __init__(
        self, kernels: Iterable[Tensor], rate: float, decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(kernels, {"lr": rate, "weight_decay": decay, "momentum": momentum})

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        with torch.no_grad():
            for group in self.param_groups:
                alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
                for kernel in group["params"]:
                    if kernel.grad is not None:
                        alike[kernel.shape].append(kernel)
                for kernels in alike.values():
                    self._move(kernels, group)
        return None

    def _move(self, kernels: list[Tensor], group: dict[str, Any]) -> None:
        """Updates kernels of one shape together: on a CPU the number of operations dominates."""
        rate = group["lr"]
        # With channels last, flattening makes no copy; the order of the columns does not matter.
        directions = orthogonal(
            torch.stack(
                [self._ahead(k, group["momentum"]).permute(0, 2, 3, 1).flatten(1) for k in kernels]
            )
        )
        size = UPDATE_RMS * max(directions.shape[1:]) ** 0.5
        out, deep, high, wide = kernels[0].shape
        turned = directions.view(-1, out, high, wide, deep).permute(0, 1, 4, 2, 3)
        for kernel, direction in zip(kernels, turned, strict=True):
            kernel.mul_(1 - rate * group["weight_decay"])
            kernel.add_(direction, alpha=-rate * size)

    def _ahead(self, kernel: Tensor, momentum: float) -> Tensor:
        gradient = cast(Tensor, kernel.grad)
        state = self.state[kernel]
        if not state:
            state["mean"] = torch.zeros_like(kernel)
        mean: Tensor = state["mean"]
        mean.lerp_(gradient, 1 - momentum)
        return torch.lerp(gradient, mean, momentum)


def orthogonal(matrices: Tensor) -> Tensor:
    """The nearest matrices ``[n, rows, columns]`` whose singular values are all about 1.

    The iteration multiplies by polynomials in the Gram matrix; these are first multiplied with each
    other on the shorter side, which is far cheaper for kernels nine times as long as wide.
    """
    a, b, c = NEWTON_SCHULZ
    wide = matrices.shape[1] <= matrices.shape[2]
    x = matrices if wide else matrices.mT
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    gram = x @ x.mT
    eye = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    gathered = eye.expand_as(gram)
    for _ in range(ROUNDS):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c).add_(eye, alpha=a)
        gathered = factor @ gathered
        gram = factor @ gram @ factor
    x = gathered @ x
    return x if wide else x.mT


class Optimizers:
    """Combines both optimizers."""

    def __init__(self, detector: nn.Module, rate: float, decay: float) -> None:
        outputs = {id(p) for name, p in detector.named_parameters() if ".out." in name}
        kernels = [p for p in detector.parameters() if p.ndim == 4 and id(p) not in outputs]
        chosen = {id(p) for p in kernels}
        others = [p for p in detector.parameters() if id(p) not in chosen]
        self.parts: tuple[Optimizer, ...] = (
            Muon(kernels, rate, decay),
            AdamW(others, lr=rate, weight_decay=0.0),
        )

    def parameters(self) -> list[Tensor]:
        return [p for part in self.parts for group in part.param_groups for p in group["params"]]

    @property
    def rate(self) -> float:
        return cast(float, self.parts[0].param_groups[0]["lr"])

    @rate.setter
    def rate(self, rate: float) -> None:
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = rate

    def clear(self) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def step(self) -> None:
        # With denormal numbers Muon's products take 20 times as long. Set at each step, since a new
        # session of ONNX Runtime resets it.
        torch.set_flush_denormal(True)
        for part in self.parts:
            part.step()

    def state_dict(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)
