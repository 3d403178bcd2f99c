"""Feature distillation: the student's feature maps learn to match the teacher's.

The method is that of Romero et al., 2015 (FitNets, arXiv:1412.6550); every channel is normalised
first, as in Cao et al., 2022 (PKD, arXiv:2207.02039), so that only the pattern counts and not its
magnitude.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURE_GAIN = 10.0


class Adapters(nn.ModuleList):
    """A learnt 1x1 convolution per level, from the student's channels to the teacher's."""

    def __init__(self, width: int, channels: Sequence[int]) -> None:
        super().__init__(nn.Conv2d(width, channel, 1, bias=False) for channel in channels)

    def forward(self, levels: Sequence[Tensor], features: Sequence[Tensor]) -> Tensor:
        """Mean squared error of the normalised maps, over all levels; both ``[n, c, h, w]``."""
        losses = [
            functional.mse_loss(_normalised(adapter(level).float()), _normalised(wanted))
            for adapter, level, wanted in zip(self, levels, features, strict=True)
        ]
        return FEATURE_GAIN * torch.stack(losses).mean()


def _normalised(maps: Tensor) -> Tensor:
    """Normalises each channel over the batch to mean 0 and standard deviation 1.

    PyTorch takes three times as long for the gradient if the maps are channels last.
    """
    return functional.batch_norm(maps.contiguous(), None, None, training=True)
