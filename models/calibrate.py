"""Shifts scores so that one confidence is best for all labels of a model from ``models.train``."""

import argparse
import sys
import tempfile
from pathlib import Path

from models.common.commands import CommandError, output, parser, require, run
from models.common.option_types import share

_SUMMARY = """\
Shift the scores of each label of a file that 'python -m models.train' wrote, so that the service's
default confidence of 0.25 is the best threshold for all labels, that is, has the highest F1 on the
dataset's validation photos. The average precision of a label does not change by it. Do this before
models.quantize."""

_DETAILS = """
example:
  python -m models.calibrate weights/mine.onnx --data photos --out weights/mine-calibrated.onnx
"""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    options = parser("calibrate", _SUMMARY, _DETAILS)
    options.add_argument("model", type=Path, help="an ONNX file; it is only read")
    options.add_argument("--data", type=Path, required=True, help="the dataset's folder")
    options.add_argument(
        "--agnostic-iou",
        type=share,
        help="of two boxes of different labels that overlap by more, such as 0.8, the less probable"
        " one's score is lowered (as the file says)",
    )
    options.add_argument("--out", type=Path, help="file to write (weights/<model>-calibrated.onnx)")
    return options.parse_args(argv)


def calibrate(arguments: argparse.Namespace) -> None:
    torch = require("torch", "make install-train")
    require("onnx", "make install-train")
    from models.train import dataset, export
    from models.train.calibration import calibrate as shifted
    from models.train.evaluate import served
    from models.train.image_cache import ImageStore
    from models.train.samples import DatasetError

    out = output(arguments.out, arguments.model, "-calibrated")
    try:
        trained = export.read(arguments.model)
        data = dataset.load(arguments.data).in_order_of(trained.description.labels)
    except (export.ExportError, DatasetError) as error:
        raise CommandError(str(error)) from error
    samples = data.part("val")
    if not any(sample.has_objects for sample in samples):
        raise CommandError(f"{arguments.data} has no validation photo that shows an object.")
    description = trained.description
    if arguments.agnostic_iou is not None:
        description = description.model_copy(update={"agnostic_iou": arguments.agnostic_iou})
    with tempfile.TemporaryDirectory() as folder:
        try:
            store = ImageStore(samples, Path(folder), 2 * max(description.input.size))
        except DatasetError as error:
            raise CommandError(str(error)) from error
        gain = shifted(
            trained.detector,
            samples,
            store,
            description.input,
            options=served(description),
            device=torch.device("cpu"),
        )
    print(gain)
    export.write(trained.detector, description, out, place=trained.place)
    print(f"wrote {out}")
    if trained.folded:
        print("Its weights are float again: make it int8 with models.quantize.")


def main(argv: list[str] | None = None) -> int:
    return run(calibrate, _arguments(argv))


if __name__ == "__main__":
    sys.exit(main())
