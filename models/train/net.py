"""The detector: residual backbone, two-way feature pyramid, a light decoupled head per level.

It uses plain 3x3 convolutions with ReLU throughout: on a CPU core they reach a far larger share of
the peak performance than depthwise ones, and ONNX Runtime folds both the normalisation and the ReLU
into them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional

from models.common.labels import fold
from models.train.fake_quantization import RoundableConv2d

STRIDES = (8, 16, 32)
PRIOR = 0.01
"""Score of every class at every anchor before training (Lin et al., 2017, arXiv:1708.02002)."""
EPS = 1e-3
"""Added to every variance in normalisation."""
LONGEST = 6.0
"""Maximum logarithm of a side's distance, in strides."""


class Architecture(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    widths: tuple[int, int, int, int, int] = (16, 32, 64, 128, 224)
    """Channels at strides 2, 4, 8, 16, 32."""
    depths: tuple[int, int, int, int] = (1, 1, 3, 2)
    """Residual blocks at strides 4, 8, 16, 32."""
    neck: int = 64
    classes: int


class Raw(NamedTuple):
    """The head's output for every anchor, before decoding."""

    scores: Tensor
    """Logits ``[batch, anchors, classes]``."""
    distances: Tensor
    """Logarithms of the left, top, right, bottom distances in strides ``[batch, anchors, 4]``."""
    points: Tensor
    """Anchor centres in input pixels ``[anchors, 2]``."""
    strides: Tensor
    """``[anchors, 1]``"""

    def boxes(self) -> Tensor:
        """Left, top, right, bottom in input pixels ``[batch, anchors, 4]``."""
        reach = self.distances.clamp(max=LONGEST).exp() * self.strides
        return torch.cat((self.points - reach[..., :2], self.points + reach[..., 2:]), -1)


class Conv(nn.Sequential):
    def __init__(
        self, before: int, after: int, kernel: int = 3, stride: int = 1, relu: bool = True
    ) -> None:
        super().__init__()
        self.conv = RoundableConv2d(before, after, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(after, eps=EPS, momentum=0.03)
        if relu:
            self.relu = nn.ReLU(inplace=True)


class Residual(nn.Module):
    """Basic block of ResNet (He et al., 2016, arXiv:1512.03385)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = Conv(width, width)
        self.second = Conv(width, width, relu=False)
        nn.init.zeros_(self.second.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))


class Context(nn.Module):
    """Adds pooled views of increasing size to the map (after He et al., 2014, arXiv:1406.4729)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.reduce = Conv(width, half, 1)
        self.expand = Conv(4 * half, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        views = [self.reduce(x)]
        for _ in range(3):
            views.append(functional.max_pool2d(views[-1], 5, 1, 2))
        return cast(Tensor, self.expand(torch.cat(views, 1)))


class Fuse(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.merge = Conv(2 * width, width, 1)
        self.smooth = Conv(width, width)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return cast(Tensor, self.smooth(self.merge(torch.cat((a, b), 1))))


class Branch(nn.Sequential):
    def __init__(self, width: int, outputs: int, bias: float) -> None:
        super().__init__()
        self.conv = Conv(width, width)
        self.out = nn.Conv2d(width, outputs, 1)
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.constant_(cast(Tensor, self.out.bias), bias)


class Detector(nn.Module):
    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        widths, neck = architecture.widths, architecture.neck
        self.stem = Conv(3, widths[0], stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(Conv(before, after, stride=2), *(Residual(after) for _ in range(depth)))
            for before, after, depth in zip(widths, widths[1:], architecture.depths, strict=False)
        )
        self.context = Context(widths[-1])
        self.lateral = nn.ModuleList(Conv(width, neck, 1) for width in widths[2:])
        self.down4, self.down3 = Fuse(neck), Fuse(neck)
        self.shrink3, self.shrink4 = Conv(neck, neck, stride=2), Conv(neck, neck, stride=2)
        self.up4, self.up5 = Fuse(neck), Fuse(neck)
        prior = -math.log((1 - PRIOR) / PRIOR)
        self.box = nn.ModuleList(Branch(neck, 4, bias=1.0) for _ in STRIDES)
        self.score = nn.ModuleList(Branch(neck, architecture.classes, bias=prior) for _ in STRIDES)

    def round_kernels(self, *, on: bool) -> None:
        """Whether to compute with the kernels as ``models.quantize`` rounds them.

        Like there, the first convolution and the last ones stay exact.
        """
        for module in self.modules():
            if isinstance(module, RoundableConv2d):
                module.rounds = on and module is not self.stem.conv

    def pyramid(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.stages[0](self.stem(images))
        c3 = self.stages[1](x)
        c4 = self.stages[2](c3)
        c5 = self.context(self.stages[3](c4))
        l3, l4, l5 = (lateral(c) for lateral, c in zip(self.lateral, (c3, c4, c5), strict=True))
        d4 = self.down4(functional.interpolate(l5, scale_factor=2.0), l4)
        p3 = self.down3(functional.interpolate(d4, scale_factor=2.0), l3)
        p4 = self.up4(self.shrink3(p3), d4)
        p5 = self.up5(self.shrink4(p4), l5)
        return p3, p4, p5

    def forward(self, images: Tensor) -> Raw:
        """``images`` are ``[batch, 3, height, width]``, RGB from 0 to 1, sides multiples of 32."""
        return self.head(self.pyramid(images))

    def head(self, levels: Sequence[Tensor]) -> Raw:
        """``levels`` are the outputs of ``pyramid``."""
        scores, distances, points, strides = [], [], [], []
        for level, stride, box, score in zip(levels, STRIDES, self.box, self.score, strict=True):
            scores.append(score(level).flatten(2))
            distances.append(box(level).flatten(2))
            ones = torch.ones_like(level[0, 0], dtype=torch.float32)
            x = ones.cumsum(1) - 0.5
            y = ones.cumsum(0) - 0.5
            points.append(torch.stack((x.flatten(), y.flatten()), 1) * stride)
            strides.append(ones.flatten()[:, None] * stride)
        return Raw(
            torch.cat(scores, 2).transpose(1, 2).float(),
            torch.cat(distances, 2).transpose(1, 2).float(),
            torch.cat(points),
            torch.cat(strides),
        )


def architecture_of(weights: Mapping[str, Tensor]) -> Architecture:
    """Derives the architecture from the names and shapes of its weights."""

    def width(name: str) -> int:
        return int(weights[f"{name}.weight"].shape[0])

    widths = [width("stem.conv"), *(width(f"stages.{i}.0.conv") for i in range(4))]
    depths = [
        len({n.split(".")[2] for n in weights if n.startswith(f"stages.{i}.")}) - 1
        for i in range(4)
    ]
    return Architecture.model_validate(
        {
            "widths": widths,
            "depths": depths,
            "neck": width("lateral.0.conv"),
            "classes": width("score.0.out"),
        }
    )


def carry_over(
    weights: Mapping[str, Tensor], detector: Detector, before: Sequence[str], after: Sequence[str]
) -> int:
    """Copies weights from a detector with other classes; shared labels keep their score weights.

    Returns the number of labels that are shared.
    """
    own = {name: value.clone() for name, value in detector.state_dict().items()}
    known = {fold(label): index for index, label in enumerate(before)}
    shared = [
        (index, known[fold(label)]) for index, label in enumerate(after) if fold(label) in known
    ]
    for name, value in weights.items():
        if name not in own:
            continue
        if not name.startswith("score.") or ".out." not in name:
            own[name] = value
        else:
            for new, old in shared:
                own[name][new] = value[old]
    detector.load_state_dict(own)
    return len(shared)
