import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from app.vision.description import METADATA_KEY, Description
from models.common import checks, metadata
from models.train import convert, export
from models.train.net import STRIDES, Architecture, Detector, Raw, carry_over
from models.train.schedule import Place
from tests.models import tiny

pytestmark = pytest.mark.kit

SMALL = Architecture(widths=(8, 8, 16, 16, 16), depths=(1, 2, 1, 1), neck=8, classes=3)
LABELS = ("cat", "dog", "hen")


@pytest.fixture
def detector() -> Detector:
    """Untrained, but with statistics that no layer has at the start."""
    torch.manual_seed(0)
    made = Detector(SMALL).eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return made


@pytest.fixture
def written(detector: Detector, tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    export.write(detector, export.describe("small", LABELS, 64, "Apache-2.0"), path)
    return path


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (2, 3, 96, 32), (1, 3, 32, 160)])
def test_the_file_agrees_with_the_detector(
    detector: Detector, tmp_path: Path, shape: tuple[int, int, int, int]
) -> None:
    path = tmp_path / "exact.onnx"
    export.write(detector, export.describe("small", LABELS, 64, "x"), path, half=False)
    session = onnxruntime.InferenceSession(path)
    images = np.random.default_rng(0).random(shape, np.float32)
    names = [f"{kind}.{stride}" for kind in ("scores", "distances") for stride in STRIDES]
    assert [node.name for node in session.get_outputs()] == names
    answers = session.run(names, {"images": images})
    for answer, stride, channels in zip(answers, STRIDES * 2, [3] * 3 + [4] * 3, strict=True):
        assert answer.shape == (shape[0], channels, shape[2] // stride, shape[3] // stride)
    with torch.no_grad():
        raw = detector(torch.from_numpy(images))
    flat = [answer.reshape(*answer.shape[:2], -1).transpose(0, 2, 1) for answer in answers]
    assert np.allclose(np.concatenate(flat[:3], 1), raw.scores, rtol=1e-3, atol=1e-3)
    assert np.allclose(np.concatenate(flat[3:], 1), raw.distances, rtol=1e-3, atol=1e-3)


class Decoded(nn.Module):
    """The graph of earlier versions: centre, width and height in pixels, then the scores."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> Tensor:
        raw: Raw = self.detector(images)
        boxes = raw.boxes()
        low, high = boxes[..., :2], boxes[..., 2:]
        rows = torch.cat(((low + high) / 2, high - low, raw.scores.sigmoid()), -1)
        return rows.transpose(1, 2)


@pytest.fixture
def earlier(detector: Detector, tmp_path: Path) -> Path:
    """As an earlier version wrote it, in the family yolov8."""
    path = tmp_path / "earlier.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Decoded(detector),
            (torch.zeros(1, 3, 64, 64),),
            path,
            input_names=["images"],
            output_names=["output0"],
            dynamic_axes={"images": {2: "height", 3: "width"}, "output0": {2: "anchors"}},
            opset_version=17,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            dynamo=False,
        )
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4 + len(LABELS)
    now = export.describe("small", LABELS, 64, "Apache-2.0")
    path.write_bytes(
        metadata.describe(model.SerializeToString(), now.model_copy(update={"family": "yolov8"}))
    )
    return path


def test_a_file_of_an_earlier_version_is_served_trained_on_and_converted(
    detector: Detector, earlier: Path, tmp_path: Path
) -> None:
    own = detector.state_dict()
    for name, value in export.read(earlier).detector.state_dict().items():
        assert torch.equal(value.float(), own[name].float()), name
    out = tmp_path / "converted.onnx"
    assert convert.main([str(earlier), "--out", str(out)]) == 0
    before, after = checks.detector(earlier).model, checks.detector(out).model
    assert (before.family.name, after.family.name) == ("yolov8", "spotter")
    image = np.random.default_rng(3).random((1, 3, 64, 96), np.float32)
    expected, found = (model.decode(model.run(image), image, 0) for model in (before, after))
    assert len(found.scores) == len(expected.scores) == 126
    # The converted file stores its weights as float16.
    assert np.allclose(found.scores, expected.scores, atol=1e-3)
    assert np.allclose(found.boxes, expected.boxes, rtol=0.02, atol=0.5)


def test_what_is_no_file_of_the_trainer_is_not_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tiny.write(tiny.conv_model(), tmp_path / "other.onnx")
    assert convert.main([str(other), "--out", str(tmp_path / "out.onnx")]) == 1
    assert "not a file of this trainer" in capsys.readouterr().err


def test_the_file_describes_itself(written: Path) -> None:
    model = onnx.load(written)
    (entry,) = model.metadata_props
    assert entry.key == METADATA_KEY
    description = Description.model_validate_json(entry.value)
    assert description.labels == LABELS
    assert description.family == "spotter"
    assert description.input.size == (64, 64)
    assert [each.version for each in model.opset_import if each.domain == ""] == [17]


def test_weights_come_back_by_name(detector: Detector, written: Path) -> None:
    back = export.read(written)
    assert back.detector.architecture == SMALL
    assert back.description.labels == LABELS
    own = detector.state_dict()
    for name, value in back.detector.state_dict().items():
        assert torch.allclose(value.float(), own[name].float(), rtol=1e-3, atol=1e-6), name


def test_the_place_in_the_schedule_comes_back(detector: Detector, tmp_path: Path) -> None:
    place = Place(seconds=120.5, epochs=3.25, progress=0.4)
    path = tmp_path / "model.onnx"
    export.write(detector, export.describe("small", LABELS, 64, "x"), path, place=place)
    assert export.read(path).place == place
    assert export.read(path).description.labels == LABELS


def test_older_files_know_no_place(written: Path) -> None:
    assert export.read(written).place is None


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    node = onnx.helper.make_node("Identity", ["a"], ["b"])
    ports = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "ab"]
    graph = onnx.helper.make_graph([node], "g", ports[:1], ports[1:])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "other.onnx")
    with pytest.raises(export.ExportError, match="not a file of this trainer"):
        export.read(tmp_path / "other.onnx")


def test_a_truncated_file_is_refused(written: Path) -> None:
    written.write_bytes(written.read_bytes()[:-100])
    with pytest.raises(export.ExportError, match="truncated or corrupt"):
        export.read(written)


def test_weights_that_do_not_fit_into_half_precision_are_refused(
    detector: Detector, tmp_path: Path
) -> None:
    nn.init.constant_(detector.down4.smooth.conv.weight, 1e5)
    path = tmp_path / "model.onnx"
    with pytest.raises(export.ExportError, match=r"down4\.smooth\.conv\.weight do not fit"):
        export.write(detector, export.describe("small", LABELS, 64, "x"), path)
    assert not list(tmp_path.iterdir())


def test_labels_that_both_know_keep_their_scores(detector: Detector) -> None:
    other = Detector(SMALL.model_copy(update={"classes": 2}))
    fresh = other.state_dict()["score.0.out.weight"][1].clone()
    assert carry_over(detector.state_dict(), other, LABELS, (" Hen", "newt")) == 1
    taken = other.state_dict()
    assert torch.equal(
        taken["score.0.out.weight"][0], detector.state_dict()["score.0.out.weight"][2]
    )
    assert torch.equal(taken["score.0.out.weight"][1], fresh)
    assert torch.equal(taken["stem.conv.weight"], detector.state_dict()["stem.conv.weight"])
    assert torch.equal(taken["box.2.out.weight"], detector.state_dict()["box.2.out.weight"])
