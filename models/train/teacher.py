"""Soft labels from a stronger detector whose licence permits it (Hinton et al., 2015, 1503.02531).

A YOLOX file sees every training picture too. Its anchors are ours, stride by stride and row by
row, so that what it says of each can be compared one to one.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional

from models.common.labels import COCO
from models.train.boxes import complete_iou
from models.train.loss import BOX_GAIN, SCORE_GAIN
from models.train.net import LONGEST, Raw
from models.train.threads import places

SURE = 0.1
"""Least score of an anchor whose box is learnt from."""


class TeacherError(ValueError):
    """The file cannot teach these labels."""


class Soft(NamedTuple):
    scores: Tensor
    """Probability of every class at every anchor ``[batch, anchors, classes]``."""
    boxes: Tensor
    """Left, top, right, bottom in input pixels ``[batch, anchors, 4]``."""


class Teacher:
    """``labels`` are the pupil's; each has to be one of COCO's 80."""

    def __init__(self, file: Path, labels: tuple[str, ...], threads: int | None = None) -> None:
        unknown = sorted(set(labels) - set(COCO))
        if unknown:
            raise TeacherError(f"{file}: a teacher of COCO's labels knows no {unknown[0]!r}")
        self._columns = [5 + COCO.index(label) for label in labels]
        options = onnxruntime.SessionOptions()
        threads = threads or torch.get_num_threads()
        options.intra_op_num_threads = threads
        if cores := places(threads):
            options.add_session_config_entry("session.intra_op_thread_affinities", cores)
        # Its threads spin while it is asked; between two questions PyTorch has the cores.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._session = onnxruntime.InferenceSession(
            _any_size(file).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def __call__(self, images: Tensor, raw: Raw) -> Soft:
        """``images`` as the pupil gets them: RGB from 0 to 1 ``[batch, 3, height, width]``."""
        pixels = images.flip(1).mul(255).contiguous().cpu().numpy()
        rows: NDArray[np.float32] = self._session.run(None, {self._input: pixels})[0]
        said = torch.from_numpy(rows).to(images.device)
        strides = raw.strides
        # YOLOX counts from the corner of a cell, the pupil's points lie in its middle.
        centre = said[..., :2] * strides + raw.points - strides / 2
        half = said[..., 2:4].clamp(max=LONGEST).exp() * strides / 2
        scores = said[..., 4:5] * said[..., self._columns]
        return Soft(scores, torch.cat((centre - half, centre + half), -1))


def distillation_loss(raw: Raw, soft: Soft) -> Tensor:
    """Cross-entropy to the teacher's scores and CIoU to its boxes, weighted by its surest score."""
    sure = soft.scores.amax(-1)
    norm = sure.sum().clamp(min=1.0)
    score = functional.binary_cross_entropy_with_logits(raw.scores, soft.scores, reduction="sum")
    image, anchor = (sure > SURE).nonzero(as_tuple=True)
    overlap = complete_iou(raw.boxes()[image, anchor], soft.boxes[image, anchor])
    box = ((1 - overlap) * sure[image, anchor]).sum()
    return (SCORE_GAIN * score + BOX_GAIN * box) / norm


def _any_size(file: Path) -> onnx.ModelProto:
    """The model with batch, height and width left open; official exports fix all three."""
    content = file.read_bytes()
    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # of protobuf, by version
        raise TeacherError(f"{file}: not a YOLOX file; it cannot be read") from error
    if len(model.graph.input) != 1 or len(model.graph.output) != 1:
        raise TeacherError(f"{file}: not a YOLOX file; only these can teach")
    shape = model.graph.input[0].type.tensor_type.shape.dim
    if len(shape) != 4:
        raise TeacherError(f"{file}: not a YOLOX file; only these can teach")
    for axis, name in ((0, "batch"), (2, "height"), (3, "width")):
        shape[axis].dim_param = name
    for axis in model.graph.output[0].type.tensor_type.shape.dim[:2]:
        axis.Clear()
    targets = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    del model.graph.value_info[:]
    fixed = {i.name: i for i in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] in targets:
            fixed[node.output[0]] = node.attribute[0].t
    if not targets:
        raise TeacherError(f"{file}: not a YOLOX file; only these can teach")
    for name in targets:
        rows = 5 + len(COCO)
        if name not in fixed or list(numpy_helper.to_array(fixed[name]))[:2] != [1, rows]:
            raise TeacherError(f"{file}: not a YOLOX file of COCO's 80 classes")
        fixed[name].CopyFrom(numpy_helper.from_array(np.array([0, rows, -1]), fixed[name].name))
    return model
