"""Small models of each task beyond boxes, which find the same in every picture.

Their input is 64 x 64, so a picture of 128 x 128 is seen at half its size.
"""

from pathlib import Path

import numpy as np

from app.vision.arrays import Array
from tests.vision.onnx_files import DETECT, write

TASKS = ("segment", "pose", "obb", "classify")
SIDE = 128
"""Of pictures whose answers are known."""


def write_task(folder: Path, task: str) -> Path:
    """Files as the Ultralytics exporter writes them, for the labels cat and dog."""
    said = {**DETECT, "task": task, "license": "CC0-1.0"}
    outputs: list[Array] = []
    if task == "segment":
        # A dog in the left half of its box: the prototype is above 0 left of input pixel 32.
        prototype = np.repeat([[1.0, -1.0]], 8, axis=1).repeat(16, axis=0)
        outputs = [_row(7, 32, 32, 48, 32, 0, 0.75, 2), prototype[None, None]]
    elif task == "pose":
        said |= {"kpt_shape": "[2, 3]", "kpt_names": "{0: ['nose', 'tail']}"}
        outputs = [_row(12, 32, 32, 16, 16, 0.8, 0, 28, 30, 0.9, 36, 36, 0.25)]
    elif task == "obb":
        outputs = [_row(7, 32, 32, 20, 10, 0, 0.875, np.pi / 2)]
    else:
        outputs = [np.array([[0.25, 0.75]])]
    outputs = [output.astype(np.float32) for output in outputs]
    return write(folder / f"{task}.onnx", outputs, said)


def _row(length: int, *values: float) -> Array:
    """One anchor with these values, and one with none: (1, length, 2)."""
    output = np.zeros((1, length, 2), dtype=np.float32)
    output[0, :, 0] = values
    return output
