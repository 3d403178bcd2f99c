"""Writes the detector as an ONNX file that Spotter serves, and reads it back."""

from __future__ import annotations

import io
import json
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from app.vision.description import METADATA_KEY, Description
from app.vision.families.spotter import FAMILY
from models.common import metadata
from models.common.commands import CommandError, replacing
from models.quantize.half_precision import SUFFIX, halve
from models.train import folded
from models.train.canvas import input_of
from models.train.net import Detector, architecture_of
from models.train.schedule import Place

OPSET = 17
PREFIX = "detector."
PLACE_KEY = "spotter.training"


class ExportError(ValueError):
    """The file was not written by this trainer, or a detector cannot be written."""


class LevelOutputs(nn.Module):
    """The outputs of the family ``spotter``: class logits of each level, then box distances."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        levels = self.detector.pyramid(images)
        heads = self.detector.score, self.detector.box
        return tuple(
            branch(level) for head in heads for branch, level in zip(head, levels, strict=True)
        )


def describe(
    name: str,
    labels: tuple[str, ...],
    side: int,
    licence: str,
    iou: float | None = None,
    agnostic_iou: float | None = None,
) -> Description:
    return Description(
        family=FAMILY.name,
        name=name,
        labels=labels,
        input=input_of(side),
        license=licence,
        iou=iou,
        agnostic_iou=agnostic_iou,
    )


def write(
    detector: Detector,
    description: Description,
    path: Path,
    *,
    half: bool = True,
    place: Place | None = None,
) -> None:
    """Layers are not fused and weights keep their names, so that ``read`` can load them.

    ``half`` stores the convolutions as float16. ``place`` is the progress of the run, at which
    ``--from`` can continue. Raises ExportError if a weight does not fit into float16.
    """
    exact = deepcopy(detector).cpu().float().eval()
    exact.round_kernels(on=False)
    module = LevelOutputs(exact)
    axes = {name: dict(open_axes) for name, open_axes in FAMILY.exported.items()}
    image, *outputs = axes
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(1, 3, *description.input.size),),
            buffer,
            input_names=[image],
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    if half:
        try:
            model = halve(model)
        except CommandError as error:
            raise ExportError(str(error)) from error
    model.producer_name = "spotter"
    onnx.checker.check_model(model, full_check=True)
    with replacing(path) as partial:
        content = metadata.describe(model.SerializeToString(), description)
        if place is not None:
            content = metadata.write(content, {PLACE_KEY: json.dumps(place._asdict())})
        partial.write_bytes(content)


class Trained(NamedTuple):
    detector: Detector
    description: Description
    place: Place | None
    """Progress of the run that wrote the file; None in older files."""
    folded: bool = False
    """Whether its normalisation has no statistics; ``folded.restore`` estimates them."""


def read(path: Path) -> Trained:
    """Loads the detector from a file that ``write`` or ``models.quantize`` made."""
    content = path.read_bytes()
    try:
        properties = metadata.read(content)
    except CommandError as error:
        raise ExportError(f"{path}: {error}") from error
    graph = onnx.load_from_string(content).graph
    weights = {
        initializer.name.removeprefix(PREFIX).removesuffix(SUFFIX): torch.from_numpy(
            numpy_helper.to_array(initializer).astype(np.float32)
        )
        for initializer in graph.initializer
        if initializer.name.startswith(PREFIX)
    }
    if "stem.conv.weight" not in weights:
        weights = folded.weights_of(graph)
    if METADATA_KEY not in properties or "stem.conv.weight" not in weights:
        raise ExportError(
            f"{path}: not a file of this trainer; only such files can be trained further"
        )
    detector = Detector(architecture_of(weights))
    missing = detector.load_state_dict(weights, strict=False)
    gone = [name for name in missing.missing_keys if not name.endswith("num_batches_tracked")]
    if gone or missing.unexpected_keys:
        raise ExportError(f"{path}: weights of another architecture ({', '.join(gone[:3])} ...)")
    place = Place(**json.loads(properties[PLACE_KEY])) if PLACE_KEY in properties else None
    return Trained(
        detector,
        Description.model_validate_json(properties[METADATA_KEY]),
        place,
        folded.lacks_statistics(weights),
    )
