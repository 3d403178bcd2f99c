"""A detector that finds white spots, unless they are too small in its input.

Its input is 64 x 64. It looks at cells of 4 x 4 pixels: the score of a cell is its mean brightness,
and its box is twice as large. A spot that fills no quarter of a cell is below the usual threshold.
"""

import io
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

INPUT_SIDE = 64
SPOT_SIDE = 16
SIZE = 640, 480
SPOTS = [(30, 40), (175, 90), (200, 90), (400, 300), (610, 20), (317, 460), (90, 222)]
"""Centres; as a whole the picture is seen at a tenth of its size, where no spot is found."""
_CELL = 4


def picture(encoding: str = "PNG") -> bytes:
    image = Image.new("RGB", SIZE)
    for x, y in SPOTS:
        half = SPOT_SIDE // 2
        image.paste((255, 255, 255), (x - half, y - half, x + half, y + half))
    out = io.BytesIO()
    image.save(out, encoding)
    return out.getvalue()


def write_model(path: Path, label: str = "spot") -> Path:
    cells = INPUT_SIDE // _CELL
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["images", "channels"], ["grey"], keepdims=1),
            helper.make_node(
                "AveragePool",
                ["grey"],
                ["brightness"],
                kernel_shape=[_CELL] * 2,
                strides=[_CELL] * 2,
            ),
            helper.make_node("Reshape", ["brightness", "row"], ["scores"]),
            helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1),
        ],
        "spots",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, *[INPUT_SIDE] * 2])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 5, cells * cells])],
        [
            numpy_helper.from_array(np.array([1], np.int64), "channels"),
            numpy_helper.from_array(np.array([1, 1, cells * cells], np.int64), "row"),
            numpy_helper.from_array(_boxes(cells), "boxes"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    description = {
        "family": "yolov8",
        "name": path.stem,
        "labels": [label],
        "input": {"size": [INPUT_SIDE, INPUT_SIDE], "pad_value": 0},
        "iou": 0.1,
        "license": "CC0-1.0",
    }
    helper.set_model_props(model, {"spotter": json.dumps(description)})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def _boxes(cells: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """(1, 4, cells * cells): centre x, centre y, width and height in input pixels."""
    y, x = np.mgrid[:cells, :cells].reshape(2, -1)
    sides = np.full_like(x, 2 * _CELL)
    rows = np.stack([x * _CELL + _CELL / 2, y * _CELL + _CELL / 2, sides, sides])
    return rows[None].astype(np.float32)
