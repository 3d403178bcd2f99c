"""``python -m models.quantize``: makes a smaller, faster copy of a model and measures both."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from app.vision.detector import Detector
from app.vision.runtime.limits import usable_cores
from models.common import checks, datasets, metadata
from models.common.commands import CommandError, output, parser, replacing, require, run
from models.common.datasets import Dataset, Photo
from models.common.labels import fold_all
from models.common.network import Network
from models.quantize import int8
from models.quantize.calibration import calibrate
from models.quantize.compare import Row, accuracy, milliseconds, table
from models.quantize.half_precision import halve
from models.quantize.prepare import prepare

_SUMMARY = """\
Make a smaller and faster copy of a float32 model. With int8, convolutions use 8-bit numbers: about
2.5 times as fast on a CPU with VNNI, a quarter of the size. With fp16: half the size, same speed.
Both models are measured and compared; if too much accuracy is lost, nothing is written."""

_DETAILS = """
targets of int8:
  x86-vnni  AVX-512 VNNI or AVX-VNNI: servers since 2019, desktops since 2021   u8 x s8
  x86-avx2  older x86: 7-bit weights, since sums of products could overflow     u8 x s7
  arm64     Graviton, Apple, Raspberry Pi                                       s8 x s8

example:
  python -m models.quantize yolo11n.onnx --data photos --eval photos-with-boxes
A dataset is a folder with annotations.json in COCO format and images/. Calibration needs no
boxes; accuracy is measured on --eval, or on photos of --data that calibration does not use. If it
uses all of them, accuracy is measured on the same photos, and the output says so.
"""
_EVALUATION_PHOTOS = 200


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    options = parser("quantize", _SUMMARY, _DETAILS)
    options.add_argument("model", type=Path, help="a float32 ONNX file; it is only read")
    options.add_argument("--data", type=Path, required=True, help="dataset to calibrate on")
    options.add_argument("--eval", type=Path, help="dataset to measure accuracy on")
    options.add_argument("--mode", choices=("int8", "fp16"), default="int8", help="(%(default)s)")
    options.add_argument(
        "--target", choices=get_args(int8.Target), default="x86-vnni", help="(%(default)s)"
    )
    options.add_argument(
        "--photos",
        type=int,
        default=120,
        help="number of photos to calibrate on, evenly spread (%(default)s)",
    )
    options.add_argument(
        "--max-drop", type=float, default=0.005,
        help="largest acceptable loss of mAP50-95 (%(default)s)",
    )  # fmt: skip
    options.add_argument("--out", type=Path, help="file to write (weights/<model>-<mode>.onnx)")
    return options.parse_args(argv)


def quantize(arguments: argparse.Namespace) -> None:
    source: Path = arguments.model
    out = output(arguments.out, source, f"-{arguments.mode}")
    if arguments.photos < 1:
        raise CommandError("--photos must be at least 1.")
    detector = checks.detector(source, usable_cores(), whole=True)
    data = datasets.load(arguments.data)
    seen = data.part(limit=arguments.photos)
    judged = (
        datasets.load(arguments.eval)
        if arguments.eval
        else _unseen(data, seen, detector, arguments.mode)
    )
    kept = metadata.read(source.read_bytes())
    before = accuracy(source, judged)
    with replacing(out) as partial:
        for candidate, what in _candidates(arguments, detector, seen.photos):
            del candidate.metadata_props[:]
            partial.write_bytes(metadata.write(candidate.SerializeToString(), kept))
            checks.serves(partial, out)
            after = accuracy(partial, judged)
            lost = (before.map or 0.0) - (after.map or 0.0)
            print(f"{what}: mAP50-95 {lost:.4f} lower" if before.map else what, flush=True)
            if lost <= arguments.max_drop:
                break
        times, shape = milliseconds([source, partial])
        whole = Row(source.stem, source.stat().st_size, times[0], before)
        small = Row(out.stem, partial.stat().st_size, times[1], after)
        print(f"\n{table(whole, small, shape)}\n")
        if lost > arguments.max_drop:
            raise CommandError(
                f"Nothing is written: mAP50-95 is {lost:.4f} lower, more than --max-drop"
                f" {arguments.max_drop}. More or different photos in --data may help."
            )
    print(f"wrote {out}. Serve it with SPOTTER_MODEL={out}")


def _unseen(data: Dataset, seen: Dataset, detector: Detector, mode: str) -> Dataset:
    """Photos that calibration does not use, or all if it uses all.

    Empty if they have no boxes with the model's labels.
    """
    if fold_all(detector.labels).isdisjoint(fold_all(data.labels)) or not data.boxes:
        print("accuracy is not measured: --data has no boxes of the model's labels (see --eval)")
        return Dataset((), (), ())
    used = {photo.id for photo in seen.photos}
    rest = tuple(photo for photo in data.photos if photo.id not in used)
    if not rest and mode == "int8":
        print(
            "accuracy is measured on the photos of the calibration: it uses all of --data"
            " (see --eval and --photos)"
        )
    return replace(data, photos=rest or data.photos).part(limit=_EVALUATION_PHOTOS)


def _candidates(
    arguments: argparse.Namespace, detector: Detector, photos: Sequence[Photo]
) -> Iterator[tuple[Any, str]]:
    """Yields quantised models with a description, fastest first."""
    if arguments.mode == "fp16":
        yield halve(require("onnx").load(arguments.model)), "weights in half precision"
        return
    model = prepare(arguments.model)
    network = Network(model)
    ranges = calibrate(model, int8.tensors(network), detector, photos)
    for float_depth, kept in enumerate(int8.KEPT_IN_FLOAT):
        if int8.layers(network, float_depth):
            yield int8.quantize(model, ranges, arguments.target, float_depth), f"in float: {kept}"


def main(argv: list[str] | None = None) -> int:
    return run(quantize, _arguments(argv))
