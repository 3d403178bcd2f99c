"""Converts a file from an earlier version of this trainer to the current form.

``python -m models.train.convert FILE --out NEW``. The weights stay unchanged. Files of earlier
versions decode their boxes in the graph (family ``yolov8``); they can still be served and trained
further, but start and run slower.
"""

import argparse
import sys
from pathlib import Path

from app.vision.families.spotter import FAMILY
from models.common import checks
from models.common.commands import CommandError, output, parser, require, run


def convert(arguments: argparse.Namespace) -> None:
    for package in ("torch", "onnx"):
        require(package, "make install-train")
    from models.train import export

    out = output(arguments.out, arguments.file, "-converted")
    try:
        trained = export.read(arguments.file)
        description = trained.description.model_copy(update={"family": FAMILY.name})
        export.write(trained.detector, description, out)
    except export.ExportError as error:
        raise CommandError(str(error)) from error
    checks.serves(out, out)
    print(f"wrote {out}")


def main(argv: list[str] | None = None) -> int:
    options = parser("train.convert", "Convert a file from an earlier version of this trainer.")
    options.add_argument("file", type=Path, help="a file from this trainer; it is only read")
    options.add_argument("--out", type=Path, help="file to write (weights/<file>-converted.onnx)")
    return run(convert, options.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
