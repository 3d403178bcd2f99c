"""How the weights move: Muon for the kernels, AdamW for everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast, overload

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration: singular values come near 1 within five steps."""
ROUNDS = 5
UPDATE_RMS = 0.2
"""Root mean square of an update at rate 1: about AdamW's, so that both share one rate."""


class Muon(Optimizer):
    """Momentum whose direction is made orthogonal, each kernel seen as an ``[out, rest]`` matrix.

    Jordan et al., 2024 (https://kellerjordan.github.io/posts/muon/); decay and size of the update
    after Liu et al., 2025 (arXiv:2502.16982).
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
                for kernel in group["params"]:
                    if kernel.grad is not None:
                        self._move(kernel, kernel.grad, group)
        return None

    def _move(self, kernel: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        rate, momentum = group["lr"], group["momentum"]
        state = self.state[kernel]
        if not state:
            state["mean"] = torch.zeros_like(kernel)
        mean: Tensor = state["mean"]
        mean.lerp_(gradient, 1 - momentum)
        ahead = torch.lerp(gradient, mean, momentum)
        # Channels last, this is no copy; the order of the columns is of no matter.
        direction = orthogonal(ahead.permute(0, 2, 3, 1).flatten(1))
        size = UPDATE_RMS * max(direction.shape) ** 0.5
        kernel.mul_(1 - rate * group["weight_decay"])
        out, deep, high, wide = kernel.shape
        turned = direction.view(out, high, wide, deep).permute(0, 3, 1, 2)
        kernel.add_(turned, alpha=-rate * size)


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix ``[rows, columns]`` with all singular values about 1.

    The iteration multiplies by polynomials in the matrix's own Gram matrix; they are gathered on
    the shorter side first, which is far cheaper for kernels nine times as long as wide.
    """
    a, b, c = NEWTON_SCHULZ
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / (x.norm() + 1e-7)
    gram = x @ x.T
    eye = torch.eye(len(x), dtype=x.dtype, device=x.device)
    gathered = eye
    for _ in range(ROUNDS):
        factor = torch.addmm(gram, gram, gram, beta=b, alpha=c).add_(eye, alpha=a)
        gathered = factor @ gathered
        gram = factor @ gram @ factor
    x = gathered @ x
    return x if wide else x.T


class Optimizers:
    """Both of them, as one."""

    def __init__(self, detector: nn.Module, rate: float, decay: float) -> None:
        outputs = {id(p) for name, p in detector.named_parameters() if ".out." in name}
        kernels = [p for p in detector.parameters() if p.ndim == 4 and id(p) not in outputs]
        chosen = {id(p) for p in kernels}
        others = [p for p in detector.parameters() if id(p) not in chosen]
        self.parts: tuple[Optimizer, ...] = (
            Muon(kernels, rate, decay),
            AdamW(others, lr=rate, weight_decay=0.0),
        )

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
        for part in self.parts:
            part.step()

    def state_dict(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)
