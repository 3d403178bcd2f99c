"""Constants read by hand, beside what the library reads."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from app.vision.graph_surgery import onnx_tensor


def read(tensor: TensorProto) -> Any:
    return onnx_tensor.read(memoryview(tensor.SerializeToString()))


@pytest.mark.parametrize("kind", ["float32", "float16", "uint8", "int8", "int32"])
@pytest.mark.parametrize("shape", [(2, 3, 1), (6,), (1,), ()])
def test_bytes_of_all_kinds(kind: str, shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape))
    value = (np.arange(size) * 37 - (0 if kind == "uint8" else 90)).astype(kind).reshape(shape)
    found = read(numpy_helper.from_array(value, "x"))
    assert (found.dtype, found.shape) == (value.dtype, shape)
    np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (TensorProto.FLOAT, [0.5, -2.0, 3.25]),
        (TensorProto.INT8, [-128, 127, 0]),
        (TensorProto.UINT8, [0, 255, 7]),
        (TensorProto.INT32, [-(2**31), 2**31 - 1, 1]),
    ],
)
def test_numbers_field_by_field(kind: int, values: list[float]) -> None:
    assert read(helper.make_tensor("x", kind, [3], values)).tolist() == values
    assert read(helper.make_tensor("x", kind, [], values[:1])).tolist() == values[0]


def test_what_is_left_to_the_library() -> None:
    assert read(helper.make_tensor("x", TensorProto.INT64, [1], [3])) is None
    assert read(helper.make_tensor("x", TensorProto.FLOAT16, [2], [1.0, 2.0])) is None
    assert read(TensorProto()) is None
    too_few = helper.make_tensor("x", TensorProto.FLOAT, [2], [1.0, 2.0])
    too_few.dims[0] = 2**40
    assert read(too_few) is None


def test_a_number_of_too_many_bits() -> None:
    """Is cut to 64, as the library does."""
    tensor = helper.make_tensor("x", TensorProto.INT8, [], [1]).SerializeToString()
    number = b"\xff" * 9 + b"\x7f"
    with_it = tensor.replace(b"\x2a\x01\x01", b"\x2a\x0a" + number)
    assert len(with_it) > len(tensor)
    found = onnx_tensor.read(memoryview(with_it))
    assert found is not None
    assert found.tolist() == -1
