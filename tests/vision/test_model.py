"""Which ONNX files are served, and one clear line for each that is not."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from app.errors import StartError
from app.vision.arrays import Array
from app.vision.model.load import load
from tests.vision.onnx_files import DETECT, description, write, yolov8_output

TENSOR = np.zeros((1, 3, 64, 64), dtype=np.float32)
DETR_OUTPUTS: list[Array] = [
    np.array([[1, 0]], dtype=np.int64),
    np.array([[[1, 2, 3, 4], [5, 6, 7, 8]]], dtype=np.float32),
    np.array([[0.9, 0.1]], dtype=np.float32),
]
DETR_INPUTS = {"images": [1, 3, 64, 64], "orig_target_sizes": [1, 2]}


def refusal(path: Path) -> str:
    with pytest.raises(StartError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"The model {path} ")
    assert "\n" not in message
    assert len(message) < 700
    return message


def test_a_described_file_is_served(tmp_path: Path) -> None:
    path = write(tmp_path / "small.onnx", [yolov8_output()], description(license="CC0-1.0"))
    model = load(path)
    assert model.description.labels == ("cat", "dog")
    assert model.description.license == "CC0-1.0"
    assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not model.signature.dynamic
    assert [output.shape for output in model.run(TENSOR)] == [(1, 6, 3)]
    assert len(model.decode(model.run(TENSOR), TENSOR, 0.1).scores) == 0


def test_an_ultralytics_file_is_named_after_itself(tmp_path: Path) -> None:
    model = load(write(tmp_path / "mine-v2.onnx", [yolov8_output()], DETECT))
    assert model.description.name == "mine-v2"
    assert model.description.family == "yolov8"


def test_dynamic_axes_and_half_precision_are_seen(tmp_path: Path) -> None:
    path = write(
        tmp_path / "dynamic.onnx",
        [yolov8_output()],
        description(),
        inputs={"x": ["batch", 3, "height", "width"]},
        declared=[["batch", 6, "anchors"]],
        kind=TensorProto.FLOAT16,
    )
    signature = load(path).signature
    assert signature.dynamic
    assert signature.dtype == np.float16
    assert list(signature.shape) == [None, 3, None, None]


def test_a_detr_is_told_the_size_of_its_input_and_its_outputs_are_put_in_order(
    tmp_path: Path,
) -> None:
    path = write(
        tmp_path / "detr.onnx",
        [DETR_OUTPUTS[2], DETR_OUTPUTS[0], DETR_OUTPUTS[1]],
        description(family="detr"),
        inputs=DETR_INPUTS,
        names=["scores", "labels", "boxes"],
    )
    model = load(path)
    found = model.decode(model.run(TENSOR), TENSOR, 0.5)
    assert found.boxes.tolist() == [[1, 2, 3, 4]]
    assert found.classes.tolist() == [1]


def _whole(path: Path) -> bytes:
    return write(path, [yolov8_output()], description()).read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"not an ONNX file at all" * 20,
        lambda data: data[: len(data) // 2],
        lambda data: data[:-5],
    ],
    ids=["empty", "text", "half", "cut off"],
)
def test_files_that_are_no_onnx(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(damage(_whole(path)))
    assert "onnxruntime cannot load it" in refusal(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "missing.onnx")
    assert "cannot be read: Is a directory" in refusal(tmp_path)


def test_an_opset_that_this_runtime_does_not_know(tmp_path: Path) -> None:
    path = write(tmp_path / "new.onnx", [yolov8_output()], description(), opset=999)
    assert "opset" in refusal(path)


IMAGE = [1, 3, 64, 64]


@pytest.mark.parametrize(
    ("inputs", "kind", "reason"),
    [
        ({"a": IMAGE, "b": IMAGE}, TensorProto.FLOAT, "has the inputs ['a', 'b']"),
        ({}, TensorProto.FLOAT, "has the inputs []"),
        ({"orig_target_sizes": [1, 2]}, TensorProto.FLOAT, "one image is expected"),
        ({"x": [1, 1, 64, 64]}, TensorProto.FLOAT, "[1, 1, 64, 64] where float"),
        ({"x": [1, 64, 64, 1]}, TensorProto.FLOAT, "[1, 64, 64, 1] where float"),
        ({"x": [2, 3, 64, 64]}, TensorProto.FLOAT, "[2, 3, 64, 64] where float"),
        ({"x": [2, 3, 64, 64]}, TensorProto.FLOAT, "export it with a batch of 1"),
        ({"x": [64, 64]}, TensorProto.FLOAT, "[64, 64] where float"),
        ({"x": IMAGE}, TensorProto.INT32, "tensor(int32)"),
        ({"x": IMAGE}, TensorProto.UINT8, "tensor(uint8)"),
        ({"x": [1, 3, "height", 64]}, TensorProto.FLOAT, "one of its input's sides is dynamic"),
        ({"x": [1, 3, 64, "width"]}, TensorProto.FLOAT, "one of its input's sides is dynamic"),
    ],
)
def test_inputs_that_are_no_image(
    tmp_path: Path, inputs: dict[str, list[int | str]], kind: int, reason: str
) -> None:
    path = write(tmp_path / "odd.onnx", [yolov8_output()], description(), inputs=inputs, kind=kind)
    assert reason in refusal(path)


@pytest.mark.parametrize(
    ("axes", "kind", "shape"),
    [
        ([1, 64, 64, 3], TensorProto.FLOAT, (1, 64, 64, 3)),
        ([3, 64, 64], TensorProto.FLOAT, (3, 64, 64)),
        ([64, 64, 3], TensorProto.UINT8, (64, 64, 3)),
        (["batch", "channels", 64, 64], TensorProto.FLOAT, (1, 3, 64, 64)),
        (IMAGE, TensorProto.UINT8, (1, 3, 64, 64)),
    ],
)
def test_an_image_is_given_as_the_file_takes_it(
    tmp_path: Path, axes: list[int | str], kind: int, shape: tuple[int, ...]
) -> None:
    content = description(input={"size": [64, 64], "std": [1, 1, 1]})
    path = write(tmp_path / "odd.onnx", [yolov8_output()], content, inputs={"x": axes}, kind=kind)
    model = load(path)
    planes: Array = np.stack([np.full((64, 64), value) for value in (1.4, 2, 300)])[None]
    given = model.feed(planes.astype(np.float32))["x"]
    assert given.shape == shape
    assert given.flags.c_contiguous
    assert model.run(planes.astype(np.float32))[0].shape == (1, 6, 3)
    if kind == TensorProto.UINT8:
        assert sorted(np.unique(given)) == [1, 2, 255]


def test_bytes_of_an_ultralytics_file_are_not_divided(tmp_path: Path) -> None:
    path = write(tmp_path / "bytes.onnx", [yolov8_output()], DETECT, kind=TensorProto.UINT8)
    assert load(path).description.input.std == (1, 1, 1)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"spotter": "{not JSON"}, "'spotter' is not valid"),
        ({"spotter": "[]"}, "'spotter' is not valid"),
        (description(family="nanodet"), "not valid at 'family'"),
        (description(labels=[]), "not valid at 'labels'"),
        (description(name=""), "not valid at 'name'"),
        (description(extra=1), "not valid at 'extra'"),
        (description(input={"size": [64]}), "not valid at 'input.size"),
        (description(input={"size": [64, 0]}), "not valid at 'input.size.1'"),
        (description(input={"size": [64, 64], "std": [1, 0, 1]}), "not valid at 'input.std.1'"),
        (description(labels=["a", "b", "c"]), "family yolov8 with 3 labels"),
        (description(input={"size": [64, 96]}), "input size (64, 96), but its axes are (64, 64)"),
        (description(family="yolov5"), "family yolov5 with 2 labels, [1, anchors, 5 + classes]"),
        (description(family="detr"), "family detr"),
        ({}, "python -m models.adopt FILE --labels LABELS"),
        ({"names": "{0: 'cat'}"}, "models.adopt"),
        ({**DETECT, "task": "depth"}, "a model for the task 'depth'"),
        ({**DETECT, "names": "{0: 'cat'}"}, "with 1 classes fit none"),
        ({**DETECT, "stride": "many"}, "stride"),
        ({**DETECT, "stride": "0"}, "stride"),
    ],
)
def test_metadata_that_does_not_fit(tmp_path: Path, metadata: dict[str, str], reason: str) -> None:
    assert reason in refusal(write(tmp_path / "odd.onnx", [yolov8_output()], metadata))


def test_outputs_of_no_known_family_are_named(tmp_path: Path) -> None:
    several: list[Array] = [np.zeros((1, 10, 80), dtype=np.float32)] * 6
    message = refusal(write(tmp_path / "nanodet.onnx", several))
    assert "no family served here" in message
    assert "yolov8 [1, 4 + classes, anchors]" in message


def test_a_detr_without_metadata_is_told_how_to_be_adopted(tmp_path: Path) -> None:
    names = ["labels", "boxes", "scores"]
    path = write(tmp_path / "detr.onnx", DETR_OUTPUTS, inputs=DETR_INPUTS, names=names)
    message = refusal(path)
    assert "models.adopt" in message
    assert "families: detr" in message


def test_the_second_input_belongs_to_the_detr_family_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "odd.onnx", [yolov8_output()], description(), inputs=DETR_INPUTS)
    assert "belongs to the family detr" in refusal(path)


def test_a_file_without_outputs(tmp_path: Path) -> None:
    outputs: list[Any] = []
    message = refusal(write(tmp_path / "mute.onnx", outputs, description()))
    assert "no outputs" in message or "onnxruntime cannot load it" in message
