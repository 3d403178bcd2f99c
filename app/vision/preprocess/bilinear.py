"""Bilinear scaling over the four nearest pixels, straight into float planes.

Samples lie at pixel centres and the border is repeated, as in OpenCV's INTER_LINEAR. Pillow's
``Image.transform`` takes twice as long, and its result would still have to be copied into the
tensor.
"""

from functools import lru_cache

import numpy as np

from app.vision.arrays import Array, Floats, Ints

_BLOCK_ROWS = 32
"""Rows per step, few enough to fit into a core's cache."""
_STEPS = np.uint16(256)


def bilinear(pixels: Array, out: Array, gain: Floats, bias: Floats) -> None:
    """Scales ``pixels`` (h, w, 3) to ``out`` (3, height, width), in the order of its planes.

    Plane c of ``out`` becomes ``value * gain[c] + bias[c]``.
    """
    height, width = out.shape[1:]
    rows = pixels.reshape(pixels.shape[0], -1)
    upper, lower, down = _taps(pixels.shape[0], height)
    left, right, along = _interleaved_taps(pixels.shape[1], width)
    # Weights between rows are whole 256ths: times a byte they fill 16 bits, so that a vector holds
    # twice as many as of floats. The error is half a step of a byte, as OpenCV's rounding has it.
    to_lower = np.rint(down * _STEPS).astype(np.uint16)[:, None]
    to_upper = _STEPS - to_lower
    gains = np.repeat(gain, width) / np.float32(_STEPS)
    to_right = along * gains
    to_left = gains - to_right
    biases = np.repeat(bias, width) if bias.any() else None
    for top in range(0, height, _BLOCK_ROWS):
        block = slice(top, top + _BLOCK_ROWS)
        near = rows[upper[block]].astype(np.uint16)
        near *= to_upper[block]
        far = rows[lower[block]].astype(np.uint16)
        far *= to_lower[block]
        near += far
        # No index lies outside: "clip" only skips the check.
        start = near.take(left, axis=1, mode="clip") * to_left
        start += near.take(right, axis=1, mode="clip") * to_right
        if biases is not None:
            start += biases
        out[:, block] = start.reshape(-1, 3, width).transpose(1, 0, 2)


@lru_cache(maxsize=256)
def _taps(size: int, target: int) -> tuple[Ints, Ints, Floats]:
    """For each of ``target`` samples: the pixels before and after it, and the latter's weight."""
    centre = (np.arange(target) + 0.5) * (size / target) - 0.5
    before = np.floor(centre)
    return (
        before.clip(0, size - 1).astype(np.intp),
        (before + 1).clip(0, size - 1).astype(np.intp),
        (centre - before).astype(np.float32),
    )


@lru_cache(maxsize=256)
def _interleaved_taps(size: int, target: int) -> tuple[Ints, Ints, Floats]:
    """``_taps`` for a row of interleaved RGB, one plane's samples after the other's."""
    before, after, way = _taps(size, target)
    planes = np.arange(3)[:, None]
    return (
        (before * 3 + planes).ravel(),
        (after * 3 + planes).ravel(),
        np.tile(way, 3),
    )
