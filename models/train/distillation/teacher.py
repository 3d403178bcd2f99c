"""Runs a teacher on the pictures that the student is given.

It is a file that the service could serve, so its input and its labels are known. The graph is cut
at the scores and boxes of every anchor, before NMS, and gives the maps of its neck as well.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.errors import StartError
from app.vision.preprocess.input_spec import InputSpec
from app.vision.runtime.session import one_line
from models.common import checks
from models.common.labels import fold
from models.train.distillation import nanodet_plus, yolox
from models.train.distillation.form import Form, TeacherError
from models.train.net import STRIDES, Raw
from models.train.threads import places, roam

_FORMS = (yolox.find, nanodet_plus.find)
TOGETHER = 4
"""Pictures of one inference. With 32, each takes a sixth longer (NanoDet-Plus, Intel Xeon)."""
_TRIAL = (2, 3, 128, 192)
"""Shape of the first pictures, on which the levels have different sizes."""


class Soft(NamedTuple):
    """What the student learns, beside the labels."""

    scores: Tensor
    """Probability of every class of the student's at every anchor ``[batch, anchors, classes]``."""
    boxes: Tensor
    """Left, top, right, bottom in input pixels ``[batch, anchors, 4]``."""
    features: tuple[Tensor, ...] = ()
    """The maps of its neck at strides 8, 16, 32 ``[batch, channels, height, width]``."""


class Teacher:
    """``labels`` are the student's; the teacher has to know all of them. Raises TeacherError."""

    def __init__(self, file: Path, labels: tuple[str, ...], threads: int | None = None) -> None:
        known, self._input = _served(file)
        unknown = [label for label in labels if fold(label) not in known]
        if unknown:
            raise TeacherError(
                f"{file}: a teacher has to know all labels; it has no {unknown[0]!r}"
            )
        self._columns = [known.index(fold(label)) for label in labels]
        model = onnx.load(file)
        self._form = _form(file, model, len(known))
        self._name = model.graph.input[0].name
        self._session = _session(_cut(model, self._form), threads or torch.get_num_threads())
        self._thread = ThreadPoolExecutor(1, initializer=roam)
        maps = self._maps(file)
        self._outputs = [*self._form.outputs, *maps]
        self.channels = tuple(maps.values())
        """Channels of the maps of its neck."""

    def __call__(self, images: Tensor, raw: Raw) -> Soft:
        """``images`` are the student's input: RGB from 0 to 1 ``[batch, 3, height, width]``."""
        return self.ask(images)(raw)

    def ask(self, images: Tensor) -> Callable[[Raw], Soft]:
        """Runs the teacher in a separate thread; the returned function waits for the result.

        The student can run on another core meanwhile.
        """
        pixels = self._tensor(images)
        asked = self._thread.submit(self._run, pixels)

        def answer(raw: Raw) -> Soft:
            said = [torch.from_numpy(part).to(raw.scores.device) for part in asked.result()]
            heads = len(self._form.outputs)
            scores, boxes = self._form.answer(said[:heads], raw)
            return Soft(scores[..., self._columns], boxes, tuple(said[heads:]))

        return answer

    def _run(self, pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        parts = [
            self._session.run(self._outputs, {self._name: pixels[start : start + TOGETHER]})
            for start in range(0, len(pixels), TOGETHER)
        ]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _tensor(self, images: Tensor) -> NDArray[np.float32]:
        spec = self._input
        ordered = images.flip(1) if spec.channels == "bgr" else images
        mean, std = (
            torch.tensor(each, device=images.device).view(3, 1, 1) for each in (spec.mean, spec.std)
        )
        values: NDArray[np.float32] = ((ordered * 255 - mean) / std).contiguous().cpu().numpy()
        return values

    def _maps(self, file: Path) -> dict[str, int]:
        """Names and channels of the maps at the student's strides, finest first.

        The pictures that this is tried on have another size than most files are exported for.
        """
        maps = self._form.maps
        pixels = self._tensor(torch.zeros(_TRIAL))
        try:
            tried = self._session.run(list(maps), {self._name: pixels})
        except Exception as error:  # onnxruntime's exception classes have no common public base
            raise TeacherError(
                f"{file}: a teacher has to take pictures of any size and number, so its axes have"
                f" to be dynamic: {one_line(error)}"
            ) from error
        found = {
            values.shape[2:]: (name, values.shape[1])
            for name, values in zip(maps, tried, strict=True)
        }
        sizes = [(_TRIAL[2] // stride, _TRIAL[3] // stride) for stride in STRIDES]
        if not all(size in found for size in sizes):
            raise TeacherError(f"{file}: it has no maps at strides 8, 16 and 32")
        return dict(found[size] for size in sizes)


def _served(file: Path) -> tuple[list[str], InputSpec]:
    """Labels, folded, and input, as the service would read them."""
    try:
        description = checks.detector(file).model.description
    except StartError as error:
        raise TeacherError(f"a teacher has to be a model that Spotter serves. {error}") from error
    return [fold(label) for label in description.labels], description.input


def _form(file: Path, model: onnx.ModelProto, classes: int) -> Form:
    if len(model.graph.input) == 1:
        for find in _FORMS:
            form = find(model, classes)
            if form is not None:
                return form
    raise TeacherError(f"{file}: not a YOLOX or NanoDet-Plus file; only these can be teachers")


def _cut(model: onnx.ModelProto, form: Form) -> bytes:
    """The graph up to the form's outputs and maps, for pictures of any size and number."""
    graph = model.graph
    for axis, name in ((0, "batch"), (2, "height"), (3, "width")):
        graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    del graph.output[:], graph.value_info[:]  # their shapes are those of one size
    names = [*form.outputs, *form.maps]
    graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    wanted, kept = set(names), []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    content: bytes = model.SerializeToString()
    return content


def _session(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if cores := places(threads):
        options.add_session_config_entry("session.intra_op_thread_affinities", cores)
    # Its threads spin during a request; between two requests PyTorch uses the cores.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
