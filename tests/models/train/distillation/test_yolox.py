"""YOLOX teaches what the service reads in its output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from app.vision.families import yolox
from models.common.labels import COCO
from models.train.distillation.teacher import Teacher
from models.train.distillation.yolox import neck_maps
from tests.models.train.distillation.untrained import answer

pytestmark = pytest.mark.kit


def test_it_is_read_as_the_service_reads_it(yolox_file: Path, photo: torch.Tensor) -> None:
    soft = Teacher(yolox_file, COCO, threads=1)(photo, answer(photo, len(COCO)))
    session = onnxruntime.InferenceSession(yolox_file, providers=["CPUExecutionProvider"])
    pixels = np.ascontiguousarray(photo.numpy()[:, ::-1] * 255)
    outputs = session.run(None, {session.get_inputs()[0].name: pixels})
    threshold = 0.05
    served = yolox.decode(outputs, len(COCO), threshold, (416, 416))
    best = soft.scores[0].max(-1)
    kept = best.values > threshold
    assert int(kept.sum()) == len(served.scores) > 20
    assert np.allclose(best.values[kept].numpy(), served.scores, atol=1e-4)
    assert best.indices[kept].tolist() == served.classes.tolist()
    assert np.allclose(soft.boxes[0, kept].numpy(), served.boxes, atol=0.05)
    assert COCO.index("dog") in served.classes


def test_its_neck_is_found(yolox_file: Path) -> None:
    assert neck_maps(onnx.load(yolox_file)) == ("input.471", "input.531", "input.591")
    assert Teacher(yolox_file, COCO, threads=1).channels == (64, 128, 256)
