"""Classifiers: one score per label for the whole picture, (1, classes).

Ultralytics' classifiers output probabilities. Those of Hugging Face, timm and torchvision output
logits, which are converted by softmax, or by sigmoid if a picture may have several labels.
"""

import numpy as np

from app.vision.arrays import Floats
from app.vision.detections import Candidates
from app.vision.families.base import BATCH, Declared, Decode, Family, Outputs, allows, leaves
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec

_IMAGENET_MEAN, _IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    """The first output, if it is (1, classes); features may follow."""
    name, shape = next(iter(declared.items()))
    is_list = len(shape) == 2 and allows(shape[0], 1)
    return [name] if is_list and leaves(shape[1], 0, classes) else None


def ways(declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
    return [OutputSpec(scores="softmax"), OutputSpec(scores="sigmoid"), OutputSpec()]


def with_spec(spec: OutputSpec) -> Decode:
    def decode(
        outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
    ) -> Candidates:
        scores = _probabilities(outputs[0].reshape(-1).astype(np.float32, copy=False), spec)
        found = np.flatnonzero(scores > threshold)
        return Candidates(np.zeros((len(found), 4), dtype=np.float32), scores[found], found)

    return decode


def _probabilities(scores: Floats, spec: OutputSpec) -> Floats:
    found = scores
    if spec.scores == "softmax":
        weights = np.exp(scores - scores.max())
        found = weights / weights.sum()
    elif spec.scores == "sigmoid":
        with np.errstate(over="ignore"):  # 1 / infinity is 0, as intended
            found = (1 / (1 + np.exp(-scores))).astype(np.float32)
    return found


FAMILY = Family(
    name="whole_picture",
    task="classify",
    models="Classifiers: Ultralytics, Hugging Face, timm, torchvision",
    layout="[1, classes]",
    input=InputSpec(size=(224, 224), fit="crop"),
    usual_inputs=(
        InputSpec(
            size=(224, 224), fit="crop", shorter_side=256, mean=_IMAGENET_MEAN, std=_IMAGENET_STD
        ),
    ),
    needs_nms=False,
    bind=bind,
    decode=with_spec(OutputSpec()),
    exported={"images": BATCH, "output0": BATCH},
    ways=ways,
    with_spec=with_spec,
    tasks=frozenset({"classify"}),
)
