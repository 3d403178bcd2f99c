"""Distillation from a stronger detector in the loop (Hinton et al., 2015, arXiv:1503.02531).

A YOLOX file processes every training picture as well. Its anchors are the same as the student's,
stride by stride and row by row, so that their outputs and the maps of its neck can be compared one
to one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
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
from models.train.threads import places, roam

SURE = 0.1
"""Minimum score of an anchor whose box is learnt."""


class TeacherError(ValueError):
    """The file cannot be a teacher for these labels."""


class Soft(NamedTuple):
    scores: Tensor
    """Probability of every class at every anchor ``[batch, anchors, classes]``."""
    boxes: Tensor
    """Left, top, right, bottom in input pixels ``[batch, anchors, 4]``."""
    features: tuple[Tensor, ...] = ()
    """The maps of its neck at strides 8, 16, 32 ``[batch, channels, height, width]``."""


class Teacher:
    """``labels`` are the student's; all must be among COCO's 80."""

    def __init__(self, file: Path, labels: tuple[str, ...], threads: int | None = None) -> None:
        unknown = sorted(set(labels) - set(COCO))
        if unknown:
            raise TeacherError(f"{file}: a teacher with COCO's labels has no {unknown[0]!r}")
        self._columns = [5 + COCO.index(label) for label in labels]
        options = onnxruntime.SessionOptions()
        threads = threads or torch.get_num_threads()
        options.intra_op_num_threads = threads
        if cores := places(threads):
            options.add_session_config_entry("session.intra_op_thread_affinities", cores)
        # Its threads spin during a request; between two requests PyTorch uses the cores.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        model = _any_size(file)
        maps = neck_maps(model.graph)
        self.channels = tuple(width for _, width in maps)
        """Channels of the maps of its neck."""
        answer = model.graph.output[0].name
        for name, _ in maps:
            model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
        self._outputs = [answer, *(name for name, _ in maps)]
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._thread = ThreadPoolExecutor(1, initializer=roam)

    def __call__(self, images: Tensor, raw: Raw) -> Soft:
        """``images`` are the student's input: RGB from 0 to 1 ``[batch, 3, height, width]``."""
        return self.ask(images)(raw)

    def ask(self, images: Tensor) -> Callable[[Raw], Soft]:
        """Runs the teacher in a separate thread; the returned function waits for the result.

        The student can run on another core meanwhile.
        """
        pixels = images.flip(1).mul(255).contiguous().cpu().numpy()
        asked = self._thread.submit(self._session.run, self._outputs, {self._input: pixels})

        def answer(raw: Raw) -> Soft:
            return self._compare(asked.result(), raw)

        return answer

    def _compare(self, answers: list[NDArray[np.float32]], raw: Raw) -> Soft:
        said, *features = (torch.from_numpy(part).to(raw.scores.device) for part in answers)
        strides = raw.strides
        # YOLOX counts from the corner of a cell; the student's points are at its centre.
        centre = said[..., :2] * strides + raw.points - strides / 2
        half = said[..., 2:4].clamp(max=LONGEST).exp() * strides / 2
        scores = said[..., 4:5] * said[..., self._columns]
        boxes = torch.cat((centre - half, centre + half), -1)
        return Soft(scores, boxes, tuple(features))


def distillation_loss(raw: Raw, soft: Soft) -> Tensor:
    """Cross-entropy to the teacher's scores and CIoU to its boxes, weighted by its best score."""
    sure = soft.scores.amax(-1)
    norm = sure.sum().clamp(min=1.0)
    score = functional.binary_cross_entropy_with_logits(raw.scores, soft.scores, reduction="sum")
    image, anchor = (sure > SURE).nonzero(as_tuple=True)
    overlap = complete_iou(raw.boxes()[image, anchor], soft.boxes[image, anchor])
    box = ((1 - overlap) * sure[image, anchor]).sum()
    return (SCORE_GAIN * score + BOX_GAIN * box) / norm


def neck_maps(graph: onnx.GraphProto) -> list[tuple[str, int]]:
    """Names and channels of the input maps of the heads, level by level.

    A head is one convolution followed by two branches, which end in the three parts of the level's
    ``Concat``: box, objectness, classes. Raises TeacherError for any other graph.
    """
    makers = {name: node for node in graph.node for name in node.output}
    weights = {each.name: each for each in graph.initializer}
    users = Counter(node.input[0] for node in graph.node if node.op_type == "Conv")
    found = []
    for node in graph.node:
        if node.op_type != "Concat" or len(node.input) != 3:
            continue
        ends = [makers[name] for name in node.input if name in makers]
        if [end.op_type for end in ends] != ["Conv", "Sigmoid", "Sigmoid"]:
            continue
        stem = _convolution(makers, ends[2].input[0])
        while stem is not None and users[stem.input[0]] < 2:
            stem = _convolution(makers, stem.input[0])
        stem = stem and _convolution(makers, stem.input[0])
        if stem is None or stem.input[1] not in weights:
            raise TeacherError("the heads of this YOLOX graph have an unknown structure")
        found.append((stem.input[0], int(weights[stem.input[1]].dims[1])))
    return found


def _convolution(makers: Mapping[str, onnx.NodeProto], tensor: str) -> onnx.NodeProto | None:
    """The convolution that produces ``tensor``, directly or through its activation."""
    node = makers.get(tensor)
    while node is not None and node.op_type in ("Mul", "Sigmoid"):
        node = makers.get(node.input[0])
    return node if node is not None and node.op_type == "Conv" else None


def _any_size(file: Path) -> onnx.ModelProto:
    """The model with dynamic batch, height and width; official exports fix all three."""
    content = file.read_bytes()
    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # the class depends on the version of protobuf
        raise TeacherError(f"{file}: not a YOLOX file; it cannot be read") from error
    if len(model.graph.input) != 1 or len(model.graph.output) != 1:
        raise TeacherError(f"{file}: not a YOLOX file; only these can be teachers")
    shape = model.graph.input[0].type.tensor_type.shape.dim
    if len(shape) != 4:
        raise TeacherError(f"{file}: not a YOLOX file; only these can be teachers")
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
        raise TeacherError(f"{file}: not a YOLOX file; only these can be teachers")
    for name in targets:
        rows = 5 + len(COCO)
        if name not in fixed or list(numpy_helper.to_array(fixed[name]))[:2] != [1, rows]:
            raise TeacherError(f"{file}: not a YOLOX file of COCO's 80 classes")
        fixed[name].CopyFrom(numpy_helper.from_array(np.array([0, rows, -1]), fixed[name].name))
    return model
