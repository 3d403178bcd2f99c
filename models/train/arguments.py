"""The options of ``python -m models.train``. This module does not import PyTorch."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.common.option_types import (
    count,
    not_negative,
    positive,
    share,
    share_below_1,
    whole,
)
from models.train import defaults


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m models.train",
        description="Train or fine-tune a detector; write an ONNX file that Spotter serves. With"
        " 'torchrun --nproc-per-node 2 -m -- models.train ...' two processes share every batch.",
    )
    p.add_argument(
        "dataset",
        type=Path,
        help="folder with annotations.json and images/ (COCO format) or data.yaml (YOLO format)",
    )
    p.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    p.add_argument(
        "--from",
        dest="start",
        type=Path,
        help="start from an ONNX file that this command wrote, or its int8 form; if its run was not"
        " finished and the labels are the same, continue at its position in the schedule",
    )
    p.add_argument(
        "--new-schedule", action="store_true", help="with --from, always start a new schedule"
    )
    p.add_argument(
        "--restart-at",
        type=share_below_1,
        metavar="SHARE",
        help="with --from or --resume, if the run has finished: go back to this share of the"
        " schedule, such as 0.55, and train on until --epochs; the learning rate rises again",
    )
    p.add_argument(
        "--teacher",
        type=Path,
        help="YOLOX or NanoDet-Plus file with at least these labels; its scores, boxes and features"
        " are also learnt",
    )
    p.add_argument(
        "--guided",
        type=not_negative,
        metavar="SHARE",
        help="share of the run in which the teacher is used; its weight falls from 1 to 0 over that"
        f" share, which may be more than 1 ({defaults.GUIDED})",
    )
    p.add_argument(
        "--resume",
        action="store_true",
        help="continue the run in the --run folder, with its settings unless others are given",
    )
    p.add_argument("--run", type=Path, help="folder for checkpoints and curves (next to --out)")
    p.add_argument("--cache", type=Path, help="folder for decoded photos (inside --run)")
    p.add_argument("--hours", type=positive, help="stop after this much training time")
    p.add_argument(
        "--epochs", type=positive, help=f"stop after this many passes ({defaults.EPOCHS:.0f})"
    )
    p.add_argument("--imgsz", type=_side, help=f"input side ({defaults.SIDE})")
    p.add_argument("--batch", type=count, help=f"pictures per step ({defaults.BATCH})")
    p.add_argument(
        "--rate",
        type=positive,
        help=f"highest learning rate ({defaults.RATE}; with --from {defaults.FINE_RATE})",
    )
    p.add_argument("--decay", type=not_negative, help=f"of weights ({defaults.DECAY})")
    p.add_argument("--mosaic", type=share, help=f"share ({defaults.MOSAIC})")
    p.add_argument("--mixup", type=share, help=f"share ({defaults.MIXUP})")
    p.add_argument(
        "--qat",
        action=argparse.BooleanOptionalAction,
        help="quantisation-aware training: compute with kernels as 'models.quantize --target"
        " x86-avx2' rounds them, so that the int8 file loses less; the last passes of a run are"
        " enough",
    )
    p.add_argument(
        "--stored-side", type=count, help=f"long side of cached photos ({defaults.STORED_SIDE})"
    )
    p.add_argument("--workers", type=whole, help="processes that prepare pictures")
    p.add_argument("--device", help="cuda or cpu (cuda if available)")
    p.add_argument("--seed", type=whole, default=0)
    p.add_argument("--name", help="model name written into the file (spotter-n<classes>)")
    p.add_argument("--license", help=f"licence written into the file ({defaults.LICENSE})")
    p.add_argument(
        "--iou", type=share, help="NMS threshold written into the file (that of --from, else 0.7)"
    )
    p.add_argument(
        "--agnostic-iou",
        type=share,
        help="written into the file: of two boxes of different labels that overlap by more, such as"
        " 0.8, the less probable one's score is lowered (as --from says, else not)",
    )
    p.add_argument(
        "--calibrate",
        action=argparse.BooleanOptionalAction,
        help="at the end, shift each label's scores so that 0.25 is its best threshold on the"
        " validation photos",
    )
    p.add_argument(
        "--export-minutes",
        type=positive,
        default=30.0,
        help="minutes between writes of --out (%(default)s)",
    )
    return p


def _side(text: str) -> int:
    side = count(text)
    if side % 32 or side < 64:
        raise argparse.ArgumentTypeError(f"not a multiple of 32, at least 64: {text!r}")
    return side
