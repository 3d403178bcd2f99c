"""YOLOv8's graphs cut before their boxes: the same detections as of the whole graph."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from app.vision.detections import Detections, Options
from app.vision.detector import Detector
from app.vision.families.distributions import DistributionDecoder
from app.vision.graph_surgery import split
from app.vision.graph_surgery.sparse_convolution import BoxBranch, Convolution
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.model.load import load
from tests.server import REPOSITORY
from tests.vision import yolov8_graph
from tests.vision.pictures import encode, quarters

OF_LEVELS = {
    ("apart", False): ["box.0", "box.1", "class.0", "class.1"],
    ("together", False): ["both.0", "both.1"],
}
OF_FEATURES = ["stem.0.silu", "stem.1.silu", "class.0", "class.1"]
CUT = {
    "yolov8n": True, "yolov8n-dynamic": True, "yolov8n-fp16": True, "yolov8n-fp16io": True,
    "yolov8n-seg": True, "yolo11n-dynamic": True,
    "yolov8n-nms": False, "yolov8n-int8": False, "yolov5n": False, "yolo26n": False,
    "yolo26n-dynamic": False, "yolox_nano": False, "nanodet_m": False, "deimv2_atto": False,
}  # fmt: skip


@pytest.mark.parametrize("style", ["apart", "together"])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("slicing", ["Slice", "Split"])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9, 1.0])
def test_the_same_candidates(
    tmp_path: Path, style: yolov8_graph.Style, deep: bool, slicing: str, threshold: float
) -> None:
    model = yolov8_graph.detector(style, slicing, deep=deep)
    path = yolov8_graph.write(tmp_path / "small.onnx", model)
    whole, cut = load(path, whole=True), load(path)
    assert whole.outputs == ["output0"]
    assert cut.outputs == OF_LEVELS.get((style, deep), OF_FEATURES)
    assert cut.signature.declared == whole.signature.declared
    assert (cut.sha256, cut.description) == (whole.sha256, whole.description)
    shape = (1, 3, yolov8_graph.HEIGHT, yolov8_graph.WIDTH)
    image = np.random.default_rng(5).random(shape, dtype=np.float32)
    expected = whole.decode(whole.run(image), image, threshold)
    found = cut.decode(cut.run(image), image, threshold)
    assert (len(expected.scores) > 0) == (threshold < 1)
    np.testing.assert_array_equal(found.classes, expected.classes)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-4)
    assert found.boxes.dtype == found.scores.dtype == np.float32


def test_a_box_does_not_depend_on_how_many_others_there_are(shared: Path) -> None:
    """To the last bit: a page that sifts by itself shows what a stricter request is told."""
    path = shared / "models" / "yolov8n-dynamic.onnx"
    image = (shared / "models" / "bus.jpg").read_bytes()
    detector = Detector(load(path), ImageReader(50_000_000, DecodingBudget(200_000_000)))
    every = detector.detect(image, Options(confidence=0.01)).items
    for threshold in (0.05, 0.25, 0.5, 0.6, 0.85, 0.87):
        some = detector.detect(image, Options(confidence=threshold)).items
        assert some == [item for item in every if item.probability > threshold] != []


def boxes_of(path: Path, cut: bool) -> Detections:
    model = load(path)
    assert (model.decoder is not model.family.decode) == cut
    reader = ImageReader(50_000_000, DecodingBudget(200_000_000))
    return Detector(model, reader).detect(encode(quarters(), "JPEG"), Options(confidence=0.3))


def test_constants_that_are_inputs_as_well_are_no_inputs_any_more(tmp_path: Path) -> None:
    """As files of old have them."""
    model = yolov8_graph.detector()
    new = boxes_of(yolov8_graph.write(tmp_path / "new.onnx", model), cut=True)
    for tensor in model.graph.initializer:
        value = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        model.graph.input.append(value)
    old = boxes_of(yolov8_graph.write(tmp_path / "old.onnx", model), cut=True)
    assert [item.label for item in old.items] == [item.label for item in new.items] != []
    for one, other in zip(old.items, new.items, strict=True):
        assert one.box == pytest.approx(other.box, abs=1e-3)


def test_a_level_whose_boxes_are_made_otherwise(tmp_path: Path) -> None:
    """All boxes are made, then: those of the other level as well."""
    model = yolov8_graph.detector(deep=True)
    (last,) = (node for node in model.graph.node if node.output[0] == "box.1")
    last.op_type = "ConvTranspose"
    for tensor in model.graph.initializer:
        if tensor.name == "w.box.1":
            turned = onnx.numpy_helper.to_array(tensor).transpose(1, 0, 2, 3)
            tensor.CopyFrom(onnx.numpy_helper.from_array(turned, tensor.name))
    found = load(yolov8_graph.write(tmp_path / "other.onnx", model))
    assert found.outputs == OF_LEVELS["apart", False]


@pytest.mark.parametrize("providers", [[], ["cpu"], ["cuda"], ["openvino", "cpu"], ["OpenVINO"]])
def test_only_this_processor_makes_few_boxes_sooner_than_all(
    tmp_path: Path, providers: list[str]
) -> None:
    path = yolov8_graph.write(tmp_path / "small.onnx", yolov8_graph.detector(deep=True))
    expected = OF_LEVELS["apart", False] if "cuda" in providers else OF_FEATURES
    assert load(path, providers=providers).outputs == expected


@pytest.mark.parametrize("reason", ["logits", "shape"])
def test_where_in_doubt_the_whole_graph_is_run(
    tmp_path: Path, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = yolov8_graph.detector()
    expected = boxes_of(yolov8_graph.write(tmp_path / "small.onnx", model), cut=True)
    if reason == "shape":  # onnxruntime finds out
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "rows"
    else:
        monkeypatch.setattr(DistributionDecoder, "fits", lambda *_: False)
    found = boxes_of(yolov8_graph.write(tmp_path / "other.onnx", model), cut=False)
    assert [item.label for item in found.items] == [item.label for item in expected.items]
    assert found.items


@pytest.mark.parametrize(
    ("channels", "fits"),
    [
        ([64, 64, 80, 80], True),
        ([None, None, 80, None], True),
        ([144, 144], True),
        ([144], True),
        ([64, 64, 80, 81], False),
        ([63, 63, 80, 80], False),
        ([80], False),
    ],
)
def test_which_logits_fit(channels: list[int | None], fits: bool) -> None:
    shapes: list[list[int | None]] = [[1, size, None, None] for size in channels]
    assert DistributionDecoder().fits(shapes, 80) == fits
    assert not DistributionDecoder().fits([*shapes, [1, 80, None]], 80)


@pytest.mark.parametrize(
    ("channels", "fits"),
    [
        ([6, 6, 80, 80], True),
        ([None, 6, 80, None], True),
        ([7, 6, 80, 80], False),
        ([6, 6, 80, 81], False),
        ([6, 6, 80], False),
    ],
)
def test_which_feature_maps_fit(channels: list[int | None], fits: bool) -> None:
    shapes: list[list[int | None]] = [[1, size, None, None] for size in channels]

    def ending(channels: int) -> BoxBranch:
        weights, bias = np.zeros((6, channels)), np.zeros(channels)
        return BoxBranch([Convolution(weights.astype("f4"), bias.astype("f4"), 1, False)])

    assert DistributionDecoder([ending(64), ending(64)]).fits(shapes, 80) == fits
    assert not DistributionDecoder([ending(64), ending(63)]).fits(shapes, 80)


@pytest.mark.parametrize("tail", ["corners", "backwards", "one class", "wide bins"])
def test_what_decodes_otherwise_is_left_whole(tail: str) -> None:
    assert split.cut(yolov8_graph.detector(tail=tail).SerializeToString()) is None


def test_a_graph_within_a_node_is_left_whole() -> None:
    model = yolov8_graph.detector()
    branch = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["bins"], ["inner"])],
        "branch",
        [],
        [onnx.helper.make_tensor_value_info("inner", onnx.TensorProto.FLOAT, None)],
    )
    node = onnx.helper.make_node("If", ["yes"], ["x"], then_branch=branch, else_branch=branch)
    model.graph.node.append(node)
    assert split.cut(model.SerializeToString()) is None


@pytest.mark.parametrize("data", [b"", b"no model at all", b"\x3a\x00"])
def test_no_model_is_left_to_the_session(data: bytes) -> None:
    assert split.cut(data) is None


def test_which_of_the_shared_models_are_cut(shared: Path) -> None:
    """Before their boxes, all of them."""
    for name, expected in CUT.items():
        cut = split.cut((shared / "models" / f"{name}.onnx").read_bytes())
        assert (cut is not None) == expected, name
        if cut is not None:
            sizes = [[layer.size for layer in branch.layers] for branch in cut.branches]
            assert sizes == [[3, 3, 1]] * 3


def test_the_shipped_model_is_loaded_without_a_look_at_its_graph() -> None:
    program = (
        "import sys; from app.settings import DEFAULT_MODEL;"
        "from app.vision.model.load import load;"
        "assert load(DEFAULT_MODEL).family.shorten is None;"
        "sys.exit('app.vision.graph_surgery.onnx_graph' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False).returncode == 0
    )


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        ("yolov8n", 0.01),
        ("yolov8n-dynamic", 0.01),
        ("yolo11n-dynamic", 0.01),
        ("yolov8n-seg", 0.01),
        ("yolov8n-fp16", 1.0),  # the whole graph has its boxes in half precision
    ],
)
def test_the_same_detections(shared: Path, name: str, apart: float) -> None:
    path = shared / "models" / f"{name}.onnx"
    reader = ImageReader(50_000_000, DecodingBudget(200_000_000))
    whole, cut = (Detector(load(path, whole=flag), reader) for flag in (True, False))
    for photo in ("bus.jpg", "dog.jpg"):
        image = (shared / "models" / photo).read_bytes()
        expected: Detections = whole.detect(image, Options(confidence=0.25))
        found = cut.detect(image, Options(confidence=0.25))
        assert [item.label for item in found.items] == [item.label for item in expected.items]
        assert len(found.items) >= 3
        for one, other in zip(found.items, expected.items, strict=True):
            assert one.probability == pytest.approx(other.probability, abs=0.002 * apart)
            assert one.box == pytest.approx(other.box, abs=apart)


def test_broken_files_are_left_to_the_session() -> None:
    random = np.random.default_rng(31)
    whole = yolov8_graph.detector(deep=True).SerializeToString()
    cut = 0
    for _ in range(800):
        mutant = bytearray(whole)
        for place in random.integers(0, len(mutant), random.integers(1, 8)):
            mutant[place] = random.integers(256)
        cut += split.cut(bytes(mutant)) is not None
    assert 0 < cut < 800
