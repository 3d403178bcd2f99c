"""The reading of ONNX files by hand, beside what the library reads."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import external_data_helper

from app.vision.graph_surgery.onnx_graph import Graph
from tests.vision import yolov8_graph


@pytest.fixture
def small() -> bytes:
    return bytes(yolov8_graph.detector().SerializeToString())


def test_it_reads_what_the_library_reads(shared: Path) -> None:
    paths = sorted((shared / "models").glob("*.onnx"))
    assert len(paths) > 10
    for path in paths:
        graph, expected = Graph(memoryview(path.read_bytes())), onnx.load(path).graph
        assert graph.complete
        assert [node[:3] for node in graph.nodes] == [
            (node.op_type, list(node.input), list(node.output)) for node in expected.node
        ]
        assert graph.outputs == {
            output.name: [
                axis.dim_value if axis.HasField("dim_value") else None
                for axis in output.type.tensor_type.shape.dim
            ]
            for output in expected.output
        }


def test_producers(small: bytes) -> None:
    graph = Graph(memoryview(small))
    producer = graph.producer("dfl.shares")
    assert producer is not None
    assert (producer.operator, producer.inputs) == ("Softmax", ["dfl.first"])
    assert graph.producer("images") is None
    assert graph.producer("bins") is None


def test_what_is_left_answers_the_same(small: bytes) -> None:
    wanted = ["box.1", "class"]
    cut = Graph(memoryview(small)).until(wanted)
    model = onnx.load_from_string(cut)
    assert {node.op_type for node in model.graph.node} == {"Conv", "Reshape", "Concat"}
    assert {tensor.name for tensor in model.graph.initializer} == {
        "w.box.1", "w.class.0", "w.class.1", "flat.class",
    }  # fmt: skip
    whole = onnx.load_from_string(small)
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    shape = (1, 3, yolov8_graph.HEIGHT, yolov8_graph.WIDTH)
    image = np.random.default_rng(2).random(shape, dtype=np.float32)
    found, expected = (
        onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(
            wanted, {"images": image}
        )
        for data in (cut, whole.SerializeToString())
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nodes_may_stand_in_any_order(small: bytes) -> None:
    model = onnx.load_from_string(small)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(reversed(nodes))
    cut = Graph(memoryview(model.SerializeToString())).until(["sides"])
    kept = onnx.load_from_string(cut).graph.node
    assert [node.op_type for node in kept][:2] == ["Reshape", "Conv"]
    assert not {"Sub", "Add", "Sigmoid"} & {node.op_type for node in kept}


@pytest.mark.parametrize("where", ["initializer", "constant"])
def test_tensors_in_other_files_are_seen(tmp_path: Path, small: bytes, where: str) -> None:
    model = onnx.load_from_string(small)
    if where == "constant":
        bins = next(tensor for tensor in model.graph.initializer if tensor.name == "bins")
        constant = onnx.helper.make_node("Constant", [], ["elsewhere"], value=bins)
        model.graph.node.insert(0, constant)
        tensor = model.graph.node[0].attribute[0].t
    else:
        tensor = model.graph.initializer[0]
    external_data_helper.set_external_data(tensor, "weights.bin")
    tensor.ClearField("raw_data")
    assert not Graph(memoryview(model.SerializeToString())).complete


def test_two_graphs_are_none(small: bytes) -> None:
    with pytest.raises(ValueError, match="2 graphs"):
        Graph(memoryview(small + small))


def test_constants(small: bytes) -> None:
    graph = Graph(memoryview(small))
    bins = graph.constant("bins")
    assert bins is not None
    assert bins.shape == (1, 4, 1, 1)
    assert bins.ravel().tolist() == [0, 1, 2, 3]
    assert graph.constant("flat.box") is None  # no weights
    assert graph.constant("sides") is None  # no constant


def test_attributes_and_users(small: bytes) -> None:
    graph = Graph(memoryview(small))
    joined, convolution = graph.producer("box"), graph.producer("box.1")
    assert joined is not None
    assert convolution is not None
    assert graph.integers(joined) == {"axis": [2]}
    assert graph.integers(convolution) == {"strides": [16, 16]}
    assert [graph.users(name) for name in ("box.1", "images", "sides", "output0")] == [1, 4, 2, 0]


def test_a_file_that_is_none_is_a_value_error(small: bytes) -> None:
    random = np.random.default_rng(3)
    cut_off = [small[:size] for size in random.integers(1, len(small), 300)]
    changed = []
    for _ in range(700):
        mutant = bytearray(small)
        for place in random.integers(0, len(mutant), 3):
            mutant[place] = random.integers(256)
        changed.append(bytes(mutant))
    refused = 0
    for data in [b"", b"no model at all", b"\xff" * 50, *cut_off, *changed]:
        try:
            Graph(memoryview(data)).until(["box.0"])
        except ValueError:
            refused += 1
    assert refused > 200
