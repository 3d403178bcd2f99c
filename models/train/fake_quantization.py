"""Quantisation-aware training: the kernels are rounded as an int8 file stores them.

The layers compute with the rounded kernels, and the gradients go to the exact ones (Jacob et al.,
2018, arXiv:1712.05877). So they learn to make up for the rounding, which is coarsest in the form
that suits every processor: 7 bits.

Before a file is quantised, each normalisation is folded into its convolution, which multiplies
each channel of the kernel by one number. Each channel has its own scale, so that changes nothing.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

STEPS = 64
"""Values on either side of 0, as with ``models.quantize --target x86-avx2``."""
_SMALLEST = 1e-12
"""Of a scale: a kernel may be all zeros."""


class RoundableConv2d(nn.Conv2d):
    """A convolution whose kernel is rounded if ``rounds`` is set."""

    rounds = False

    def forward(self, x: Tensor) -> Tensor:
        kernel = rounded(self.weight) if self.rounds else self.weight
        return functional.conv2d(x, kernel, self.bias, self.stride, self.padding)


def rounded(kernel: Tensor) -> Tensor:
    """``kernel`` ``[out, in, height, width]`` in multiples of a scale per output channel.

    The gradient is that of ``kernel`` itself (straight through).
    """
    exact = kernel.detach()
    scale = exact.abs().amax((1, 2, 3), keepdim=True).clamp(min=_SMALLEST) / STEPS
    return kernel + ((exact / scale).round() * scale - exact)
