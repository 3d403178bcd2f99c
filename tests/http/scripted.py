"""An ONNX detector of a few nodes whose answers, pace and failures the test decides.

It "finds" the same boxes in every picture, in pixels of its 64 x 64 input. A white picture takes
it a good while, a dark one no time, a red one makes its session fail, and a blue one makes it ask
for more memory than there is anywhere.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 64
LABELS = ["cat", "dog", "traffic light", "bus"]
BLACK, WHITE, RED, BLUE = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255)

# Centre x, centre y, width, height, class and score; in no order, and the first over two edges.
BOXES = [
    (4.0, 10.0, 20.0, 30.0, 1, 0.7512345),
    (30.0, 30.0, 20.25, 10.125, 0, 0.9123456),
    (31.0, 30.0, 20.0, 10.0, 0, 0.5),  # overlaps the one above: 0.86
    (50.0, 50.0, 40.0, 40.0, 3, 0.31),
    (20.0, 50.0, 6.0, 8.0, 2, 0.2),
]


def write_model(path: Path, white_steps: int = 600, labels: list[str] = LABELS) -> Path:
    """``white_steps`` products of 256 x 256 matrices: some 0.3 seconds for a white picture."""
    graph = helper.make_graph(
        [
            *_brightness(),
            *_fail_where_red(),
            *_dawdle(),
            *_ask_for_memory_where_blue(),
            helper.make_node("Add", ["boxes", "zero"], ["boxes_late"]),
            helper.make_node("Add", ["boxes_late", "nothing"], ["boxes_later"]),
            helper.make_node("Add", ["boxes_later", "not_much"], ["output0"]),
        ],
        "scripted",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info(
                "output0", TensorProto.FLOAT, [1, 4 + len(LABELS), len(BOXES)]
            )
        ],
        [
            numpy_helper.from_array(_output(), "boxes"),
            numpy_helper.from_array(np.eye(256, dtype=np.float32), "identity"),
            numpy_helper.from_array(np.zeros(1, dtype=np.float32), "one_zero"),
            numpy_helper.from_array(np.array([2, 3], dtype=np.int64), "sides"),
            numpy_helper.from_array(np.array(2 * white_steps, dtype=np.float32), "most_steps"),
            numpy_helper.from_array(np.array(0.5, dtype=np.float32), "half"),
            numpy_helper.from_array(np.array(0.9, dtype=np.float32), "most"),
            numpy_helper.from_array(np.array(0, dtype=np.int64), "red"),
            numpy_helper.from_array(np.array(1, dtype=np.int64), "green"),
            numpy_helper.from_array(np.array(2, dtype=np.int64), "blue"),
            numpy_helper.from_array(np.array(2**46, dtype=np.int64), "very_many"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "one"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {"spotter": json.dumps(_description(path.stem, labels))})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def _description(name: str, labels: list[str]) -> dict[str, object]:
    return {
        "family": "yolov8",
        "name": name,
        "labels": labels,
        "input": {"size": [SIDE, SIDE]},
        "license": "CC0-1.0",
    }


def _output() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    output = np.zeros((1, 4 + len(LABELS), len(BOXES)), dtype=np.float32)
    for column, (*box, class_id, score) in enumerate(BOXES):
        output[0, :4, column] = box
        output[0, 4 + int(class_id), column] = score
    return output


def _brightness() -> list[onnx.NodeProto]:
    """The means of red, green and blue, each 0..1."""
    return [
        helper.make_node("ReduceMean", ["images", "sides"], ["channels_2d"], keepdims=0),
        helper.make_node("Squeeze", ["channels_2d"], ["channels"]),
        helper.make_node("Gather", ["channels", "red"], ["redness"]),
        helper.make_node("Gather", ["channels", "green"], ["greenness"]),
    ]


def _fail_where_red() -> list[onnx.NodeProto]:
    """Reads the second of one element where there is much red and no green: no such element."""
    return [
        helper.make_node("Sub", ["redness", "greenness"], ["excess"]),
        helper.make_node("Greater", ["excess", "half"], ["is_red"]),
        helper.make_node("Cast", ["is_red"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["one_zero", "index"], ["zero"]),
    ]


def _ask_for_memory_where_blue() -> list[onnx.NodeProto]:
    """The largest of zeros: one of them, or as many as no machine has room for."""
    return [
        helper.make_node("Gather", ["channels", "blue"], ["blueness"]),
        helper.make_node("Sub", ["blueness", "greenness"], ["blue_excess"]),
        helper.make_node("Greater", ["blue_excess", "most"], ["is_blue"]),
        helper.make_node("Cast", ["is_blue"], ["blue_number"], to=TensorProto.INT64),
        helper.make_node("Mul", ["blue_number", "very_many"], ["many_or_none"]),
        helper.make_node("Add", ["many_or_none", "one"], ["how_many"]),
        helper.make_node("ConstantOfShape", ["how_many"], ["zeros"]),
        helper.make_node("ReduceMax", ["zeros"], ["not_much"], keepdims=0),
    ]


def _dawdle() -> list[onnx.NodeProto]:
    """Multiplies matrices, the more the greener beyond half, and then answers with 0."""
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["before", "identity"], ["after"]),
            helper.make_node("Identity", ["go_on"], ["still"]),
        ],
        "step",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, [256, 256]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, [256, 256]),
        ],
    )
    return [
        helper.make_node("Sub", ["greenness", "half"], ["beyond"]),
        helper.make_node("Relu", ["beyond"], ["effort"]),
        helper.make_node("Mul", ["effort", "most_steps"], ["steps_float"]),
        helper.make_node("Cast", ["steps_float"], ["steps"], to=TensorProto.INT64),
        helper.make_node("Loop", ["steps", "", "identity"], ["product"], body=body),
        helper.make_node("Gather", ["product", "red"], ["row"]),
        helper.make_node("Gather", ["row", "green"], ["nothing"]),  # off the diagonal: 0
    ]
