"""``python -m models.export``: converts PyTorch weights to an ONNX file for the service."""

import argparse
from pathlib import Path

from app.vision import families
from models import adopt
from models.adoption.options import add_input_options
from models.common import checks, labels, metadata
from models.common.commands import CommandError, output, parser, replacing, run
from models.export import checkpoint, module
from models.export.parity import compare

_SUMMARY = """\
Convert PyTorch weights to an ONNX file that Spotter serves, and check on a photo that it gives
PyTorch's results. Checkpoints of Ultralytics (YOLOv5u, v8, v9, v10, 11, 12, 26) need only the
file; they are exported by the package 'ultralytics', which is under AGPL-3.0, as are its weights.
Any other torch.nn.Module saved whole, or TorchScript, needs --family and --labels."""

_DETAILS = """
examples:
  python -m models.export yolo11n.pt
  python -m models.export mine.torchscript --family yolov8 --labels names.txt --input 640
A PyTorch file may run code when it is loaded: use only files that you trust.
"""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    options = parser("export", _SUMMARY, _DETAILS)
    options.add_argument("weights", type=Path, help="a .pt file; it is only read")
    options.add_argument("--out", type=Path, help="file to write (weights/<weights>.onnx)")
    options.add_argument(
        "--fixed", action="store_true", help="one input size, instead of rectangles up to it"
    )
    options.add_argument("--opset", type=int, help="ONNX operator set (the exporter's choice)")
    options.add_argument("--photo", type=Path, help="photo to check on (default: a drawn one)")
    options.add_argument(
        "--tolerance", type=float, default=1e-3,
        help="largest difference from PyTorch, relative above 1 (%(default)s)",
    )  # fmt: skip
    options.add_argument("--family", choices=families.NAMES, help="for any other PyTorch file")
    options.add_argument("--labels", help=labels.HELP)
    options.add_argument("--name", help="name in responses (default: the file's)")
    options.add_argument(
        "--license", default="unknown", help="licence of the weights (%(default)s)"
    )
    options.add_argument("--iou", type=float, help="NMS threshold if a request gives none (0.7)")
    add_input_options(options)
    return options.parse_args(argv)


def export(arguments: argparse.Namespace) -> None:
    weights: Path = arguments.weights
    out = output(arguments.out, weights, "")
    if (arguments.family is None) != (arguments.labels is None):
        raise CommandError("Give --family and --labels together, or neither.")
    family = families.get(arguments.family) if arguments.family else None
    arguments.size = arguments.size or (family.input.size if family else checkpoint.SIZE)
    photo = arguments.photo.read_bytes() if arguments.photo else checks.picture()
    how = {"dynamic": not arguments.fixed, "opset": arguments.opset}
    with replacing(out) as partial:
        if family is None:
            with weights.open("rb"):
                pass  # otherwise a missing file would be downloaded
            reference = checkpoint.export(weights, partial, arguments.size, **how)
        else:
            description = adopt.description(arguments, None, weights.stem)
            reference = module.export(weights, partial, family, description, **how)
            partial.write_bytes(metadata.describe(partial.read_bytes(), description))
        checks.serves(partial, out)
        apart, boxes = compare(checks.detector(partial, whole=True), photo, reference)
        print(f"largest difference from PyTorch: {apart:.2g}, over {boxes} boxes")
        if not boxes:
            print("warning: the model finds nothing on the photo; give another with --photo")
        if apart > arguments.tolerance:
            raise CommandError(
                f"Nothing is written: {apart:.2g} is more than {arguments.tolerance:g}"
                " (--tolerance)."
            )
    print(f"wrote {out}. Serve it with SPOTTER_MODEL={out}")


def main(argv: list[str] | None = None) -> int:
    return run(export, _arguments(argv))
