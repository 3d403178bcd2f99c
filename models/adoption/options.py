"""Options that describe a model, shared by adopt, fetch and export."""

import argparse
from functools import partial
from pathlib import Path
from typing import get_args

from app.vision import families
from app.vision.preprocess.input_spec import Fit, Resample
from models.common import labels
from models.common.commands import numbers, side_lengths

INPUT_SETTINGS = (
    "fit",
    "shorter_side",
    "resample",
    "pad_value",
    "channels",
    "mean",
    "std",
    "stride",
)


def add_description_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--family", choices=families.NAMES, help="needed only if the outputs fit several"
    )
    options.add_argument("--labels", help=labels.HELP)
    options.add_argument(
        "--first-class", type=int, metavar="N",
        help="the number of the first label, if the outputs give class numbers (0 or 1)",
    )  # fmt: skip
    options.add_argument(
        "--scores", choices=("softmax", "sigmoid", "probability"),
        help="how a classifier's scores become probabilities, if no file says it",
    )  # fmt: skip
    options.add_argument(
        "--photos", type=Path, metavar="FOLDER", help="photos that show the objects, to try it on"
    )
    options.add_argument(
        "--show", type=Path, metavar="FILE", help="draw what was found on the first photo (JPEG)"
    )
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
        " corner, stretched, or cropped to its middle",
    )  # fmt: skip
    group.add_argument(
        "--shorter-side", type=int, metavar="PIXELS",
        help="of the picture before --fit crop cuts the middle out of it",
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
