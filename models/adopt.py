"""Write labels, family and input into an ONNX file, so that Spotter can serve it."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import get_args

import onnxruntime
from pydantic import ValidationError

from app.vision import families
from app.vision.description import Description
from app.vision.preprocess.input_spec import Fit, InputSpec, Resample
from models.common import checks, labels, metadata
from models.common.commands import (
    CommandError,
    numbers,
    output,
    parser,
    replacing,
    run,
    side_lengths,
)

_SUMMARY = """\
Adopt a detector that does not say what it is (YOLOX, RT-DETR, D-FINE, DEIM ...): write its labels,
family and input into the metadata of a copy, which Spotter then serves. The weights stay as they
are, byte for byte."""

_EXAMPLE = """
example:
  python -m models.adopt yolox_nano.onnx --family yolox --labels coco --license Apache-2.0
  SPOTTER_MODEL=weights/yolox_nano-adopted.onnx make run
"""
_OPTIONS = ("fit", "resample", "pad_value", "channels", "mean", "std", "stride")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    options = parser("adopt", _SUMMARY, _details())
    options.add_argument("file", type=Path, help="the ONNX file; it is only read")
    options.add_argument("--out", type=Path, help="the file to write (weights/<file>-adopted.onnx)")
    add_description_options(options, required=True)
    return options.parse_args(argv)


def _details() -> str:
    rows = []
    for family in families.every():
        spec = family.input
        pad = "" if spec.fit == "stretch" else f", pad {spec.pad_value}"
        rows.append(f"  {family.name}: {family.layout}\n    {family.models}")
        rows.append(f"    {spec.fit}, {spec.channels}, {_scale(spec)}{pad}")
    head = "families, their outputs, models, and input unless options say otherwise:"
    return "\n".join([head, *rows, _EXAMPLE])


def _scale(spec: InputSpec) -> str:
    means, divisors = (
        ", ".join(f"{value:g}" for value in (values if len(set(values)) > 1 else values[:1]))
        for values in (spec.mean, spec.std)
    )
    plain = {("0", "255"): "0..1", ("0", "1"): "0..255"}
    return plain.get((means, divisors), f"(pixel - {means}) / {divisors}")


def add_description_options(options: argparse.ArgumentParser, *, required: bool) -> None:
    options.add_argument("--family", required=required, choices=families.NAMES)
    options.add_argument("--labels", required=required, help=labels.HELP)
    options.add_argument("--name", help="the name in answers (that of the file)")
    options.add_argument("--license", default="unknown", help="of the weights (%(default)s)")
    options.add_argument("--iou", type=float, help="of NMS, if a request does not say (0.7)")
    add_input_options(options)


def add_input_options(options: argparse.ArgumentParser) -> None:
    group = options.add_argument_group("input (defaults: those of the family)")
    group.add_argument(
        "--size",
        "--input",
        type=side_lengths,
        help="side or HEIGHTxWIDTH, for a file with dynamic axes: the largest (640, 384x640)",
    )
    group.add_argument(
        "--fit", choices=get_args(Fit), help="how a picture is laid in: padded around or in a"
        " corner, or stretched",
    )  # fmt: skip
    group.add_argument("--channels", choices=("rgb", "bgr"), help="their order")
    triple = partial(numbers, count=3)
    group.add_argument(
        "--mean", type=triple, metavar="A,B,C",
        help="taken off pixels 0..255 (ImageNet: 123.675,116.28,103.53)",
    )  # fmt: skip
    group.add_argument(
        "--std", type=_divisors, metavar="A,B,C",
        help="then divided by (ImageNet: 58.395,57.12,57.375; 255 for 0..1)",
    )  # fmt: skip
    group.add_argument("--pad", dest="pad_value", type=int, help="pixel value of the padding")
    group.add_argument("--stride", type=int, help="dynamic sides are multiples of it (32)")
    group.add_argument("--resample", choices=get_args(Resample), help="how it is scaled down")


def _divisors(text: str) -> tuple[float, ...]:
    values = numbers(text, 3)
    if not all(value > 0 for value in values):
        raise argparse.ArgumentTypeError(f"above 0: {text!r}")
    return values


def description(
    arguments: argparse.Namespace, axes: tuple[int, int] | None, name: str
) -> Description:
    """The description that the options make; ``axes`` are the file's height and width if static.

    Raises CommandError if the options contradict each other or the file.
    """
    usual = families.get(arguments.family).input
    size = arguments.size or axes
    if size is None:
        raise CommandError(
            "The file's axes are dynamic: say the largest input with --size, such as --size"
            f" {usual.size[0]}."
        )
    given = {key: getattr(arguments, key) for key in _OPTIONS}
    settings = {key: value for key, value in given.items() if value is not None}
    try:
        return Description(
            family=arguments.family,
            name=arguments.name or name,
            labels=labels.parse(arguments.labels),
            input=InputSpec.model_validate({**usual.model_dump(), **settings, "size": size}),
            license=arguments.license,
            iou=arguments.iou,
        )
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).removesuffix("_value")
        raise CommandError(f"--{option} {first['input']}: {first['msg']}.") from error


def write(arguments: argparse.Namespace, source: Path, out: Path, name: str) -> Description:
    """Write a copy of ``source`` to ``out`` with the description, if the service can run it.

    Raises CommandError if the options do not fit the file.
    """
    model = source.read_bytes()
    found = description(arguments, _static_axes(source), name)
    with replacing(out) as partial_file:
        partial_file.write_bytes(metadata.describe(model, found))
        checks.serves(partial_file, out)
    return found


def _static_axes(path: Path) -> tuple[int, int] | None:
    """Height and width of the image input; None if they are dynamic."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own classes have no common public base
        reason = " ".join(str(error).split())[:200]
        raise CommandError(f"onnxruntime cannot load {path} ({reason}).") from error
    for node in session.get_inputs():
        if len(node.shape) == 4 and all(isinstance(axis, int) for axis in node.shape[2:]):
            return node.shape[2], node.shape[3]
    return None


def adopt(arguments: argparse.Namespace) -> None:
    source: Path = arguments.file
    out = output(arguments.out, source, "-adopted")
    found = write(arguments, source, out, source.stem)
    height, width = found.input.size
    print(
        f"wrote {out}: {found.family}, {len(found.labels)} labels, input {width} x {height}."
        f" Serve it with SPOTTER_MODEL={out}"
    )


def main(argv: list[str] | None = None) -> int:
    return run(adopt, _arguments(argv))


if __name__ == "__main__":
    sys.exit(main())
