"""The arithmetic of the network: bfloat16 where it is faster than float32.

Processors without instructions for bfloat16 imitate it, and take up to eleven times as long as for
float32 (measured on an AMD EPYC with AVX2).
"""

from __future__ import annotations

import time
from functools import cache

import torch

ROUNDS = 3


def autocast(device: torch.device) -> torch.autocast:
    """A context in which the layers compute in the faster of the two."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_is_faster(device))


@cache
def bfloat16_is_faster(device: torch.device) -> bool:
    """On a CPU both are tried once on one layer; a GPU is asked."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    _seconds(device, bfloat16=False)  # the first run allocates memory and starts the threads
    plain, half = (
        min(_seconds(device, bfloat16=each) for _ in range(ROUNDS)) for each in (False, True)
    )
    return half < plain


def _seconds(device: torch.device, *, bfloat16: bool) -> float:
    """Time of one layer of the size of the network's, forwards and backwards."""
    layer = torch.nn.Conv2d(64, 64, 3, padding=1, device=device)
    images = torch.zeros(8, 64, 32, 32, device=device)
    before = time.perf_counter()
    with torch.enable_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        layer(images).sum().backward()
    return time.perf_counter() - before
