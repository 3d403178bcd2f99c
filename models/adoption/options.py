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
        "--family", choices=families.NAMES, help="required only if the outputs fit several families"
    )
    options.add_argument("--labels", help=labels.HELP)
    options.add_argument(
        "--first-class", type=int, metavar="N",
        help="number of the first label, if the outputs contain class numbers (0 or 1)",
    )  # fmt: skip
    options.add_argument(
        "--scores", choices=("softmax", "sigmoid", "probability"),
        help="how a classifier's scores become probabilities, if no file specifies it",
    )  # fmt: skip
    options.add_argument(
        "--photos", type=Path, metavar="FOLDER", help="photos that show its objects, to test it on"
    )
    options.add_argument(
        "--show", type=Path, metavar="FILE", help="write the first photo with its detections (JPEG)"
    )
    options.add_argument("--name", help="name in responses (default: the file's)")
    options.add_argument(
        "--license", default="unknown", help="licence of the weights (%(default)s)"
    )
    options.add_argument("--iou", type=float, help="NMS threshold if a request gives none (0.7)")
    add_input_options(options)


def add_input_options(options: argparse.ArgumentParser) -> None:
    group = options.add_argument_group("input (defaults: the family's)")
    group.add_argument(
        "--size",
        "--input",
        type=side_lengths,
        help="side or HEIGHTxWIDTH; the largest if axes are dynamic (640, 384x640)",
    )
    group.add_argument(
        "--fit", choices=get_args(Fit), help="how a picture is fitted: padded around or in a"
        " corner, stretched, or cropped to its middle; area: padded around, and if axes are dynamic"
        " with as many pixels as a square picture",
    )  # fmt: skip
    group.add_argument(
        "--shorter-side", type=int, metavar="PIXELS",
        help="length of the shorter side before --fit crop cuts out the middle",
    )  # fmt: skip
    group.add_argument("--channels", choices=("rgb", "bgr"), help="their order")
    triple = partial(numbers, count=3)
    group.add_argument(
        "--mean", type=triple, metavar="A,B,C",
        help="subtracted from pixels 0..255 (ImageNet: 123.675,116.28,103.53)",
    )  # fmt: skip
    group.add_argument(
        "--std", type=_divisors, metavar="A,B,C",
        help="divisor after that (ImageNet: 58.395,57.12,57.375; 255 for 0..1)",
    )  # fmt: skip
    group.add_argument("--pad", dest="pad_value", type=int, help="pixel value of the padding")
    group.add_argument("--stride", type=int, help="dynamic sides are multiples of this (32)")
    group.add_argument("--resample", choices=get_args(Resample), help="resampling method")


def _divisors(text: str) -> tuple[float, ...]:
    values = numbers(text, 3)
    if not all(value > 0 for value in values):
        raise argparse.ArgumentTypeError(f"above 0: {text!r}")
    return values
