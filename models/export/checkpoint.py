"""Exports a checkpoint of the Ultralytics package with the package itself (AGPL-3.0)."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.vision.arrays import Array
from models.common import metadata
from models.common.commands import CommandError, require
from models.export.parity import Reference

SIZE = (640, 640)
"""Height and width that the package's models are trained with."""
SETUP = "make install-export"


def export(
    weights: Path, out: Path, size: tuple[int, int], *, dynamic: bool, opset: int | None
) -> Reference:
    """Writes ``out`` with the package's own metadata. Returns the checkpoint's own forward pass."""
    # Its own installer would change the environment during the export.
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    torch, package = require("torch", SETUP), require("ultralytics", SETUP)
    require("onnxslim", SETUP)
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(weights, Path(folder) / "weights.pt"))
        try:
            written = package.YOLO(copy).export(
                format="onnx", imgsz=list(size), dynamic=dynamic, simplify=True, opset=opset,
                nms=False,  # models with their own one-to-one head use that instead
            )  # fmt: skip
            module = package.YOLO(copy).model.float()
            if hasattr(module, "end2end"):
                exported = metadata.read(Path(written).read_bytes())
                module.end2end = exported.get("end2end") == "True"
            module.fuse().eval()
        except Exception as error:  # the package may raise anything for other files
            reason = " ".join(str(error).split())[:200]
            raise CommandError(
                f"ultralytics cannot export {weights} ({reason}). For other PyTorch files give"
                " --family and --labels."
            ) from error
        shutil.copy(written, out)

    def reference(inputs: Sequence[Array]) -> list[Array]:
        with torch.no_grad():
            answer: Any = module(torch.from_numpy(inputs[0]))
        first = answer[0] if isinstance(answer, tuple | list) else answer
        return [first.numpy()]

    return reference
