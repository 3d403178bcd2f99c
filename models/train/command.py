"""Command line of the trainer."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import torch

from models.train import calibration, dataset, export, memory, report
from models.train.augment import Recipe
from models.train.image_cache import ImageStore
from models.train.net import Architecture, Detector, carry_over
from models.train.schedule import GUIDED, Place, Schedule
from models.train.teacher import Teacher, TeacherError
from models.train.trainer import Options, Part, Run

RATE, FINE_RATE = 0.02, 0.005
EPOCHS = 100.0


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m models.train",
        description="Train or fine-tune a detector; write an ONNX file that Spotter serves.",
    )
    p.add_argument(
        "dataset",
        type=Path,
        help="folder with annotations.json and images/ (COCO form) or data.yaml (YOLO form)",
    )
    p.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    p.add_argument(
        "--from",
        dest="start",
        type=Path,
        help="start from an ONNX file that this command wrote; if its run was not at its end and"
        " the labels are the same, go on at its place in the schedule",
    )
    p.add_argument(
        "--new-schedule", action="store_true", help="with --from, begin at the start in any case"
    )
    p.add_argument(
        "--teacher",
        type=Path,
        help="YOLOX file of COCO's 80 classes whose scores, boxes and features are learnt too, in"
        f" the first {GUIDED:.0%} of the run",
    )
    p.add_argument("--resume", action="store_true", help="go on with the run in the --run folder")
    p.add_argument("--run", type=Path, help="folder for checkpoints and curves (beside --out)")
    p.add_argument("--cache", type=Path, help="folder for decoded photos (inside --run)")
    p.add_argument("--hours", type=float, help="end after this much training time")
    p.add_argument("--epochs", type=float, help=f"end after so many passes ({EPOCHS:.0f})")
    p.add_argument("--imgsz", type=int, default=320, help="input side (%(default)s)")
    p.add_argument("--batch", type=int, default=32, help="pictures a step (%(default)s)")
    p.add_argument(
        "--rate", type=float, help=f"highest learning rate ({RATE}; with --from {FINE_RATE})"
    )
    p.add_argument("--decay", type=float, default=Options.decay, help="of weights (%(default)s)")
    p.add_argument("--mosaic", type=float, default=Recipe.mosaic, help="share (%(default)s)")
    p.add_argument("--mixup", type=float, default=Recipe.mixup, help="share (%(default)s)")
    p.add_argument(
        "--stored-side", type=int, default=352, help="long side of decoded photos (%(default)s)"
    )
    p.add_argument("--workers", type=int, help="processes that prepare pictures")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--name", help="model name written into the file (spotter-n<classes>)")
    p.add_argument("--license", default="unknown", help="licence written into the file")
    p.add_argument("--iou", type=float, help="of NMS, written into the file (0.7)")
    p.add_argument(
        "--calibrate",
        action="store_true",
        help="at the end, shift each label's scores so that 0.25 is its best threshold on the"
        " validation photos",
    )
    p.add_argument(
        "--export-minutes", type=float, default=30.0, help="write --out on the way (%(default)s)"
    )
    return p


def main(arguments: list[str] | None = None) -> int:
    p = parser()
    args = p.parse_args(arguments)
    if args.imgsz % 32 or args.imgsz < 64:
        p.error("--imgsz has to be a multiple of 32, at least 64")
    memory.keep_freed()
    torch.manual_seed(args.seed)
    try:
        data = dataset.load(args.dataset)
        earlier = export.read(args.start) if args.start else None
        detector = _start(earlier, data.labels)
        teacher = Teacher(args.teacher, data.labels) if args.teacher else None
    except (dataset.DatasetError, export.ExportError, TeacherError, OSError, KeyError) as error:
        print(f"{p.prog}: {error}", file=sys.stderr)
        return 2
    folder: Path = args.run or args.out.with_suffix(".run")
    if args.resume and not (folder / "last.pt").is_file():
        p.error(f"nothing to resume in {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    train, val = (
        Part(samples, ImageStore(samples, args.cache or folder / "cache", args.stored_side))
        for samples in (data.part("train"), data.part("val"))
    )
    device = torch.device(args.device)
    place = None if args.new_schedule else _unfinished(earlier, data.labels)
    fine_tuning = earlier is not None and place is None
    options = _options(args, fine_tuning=fine_tuning)
    run = Run(detector, data.labels, train, val, options, folder, device, teacher)
    if args.resume:
        run.resume()
    elif place is not None:
        run.go_on_from(place)
        print(f"going on at epoch {place.epochs:.1f}, {place.progress:.1%} of the schedule")
    name = args.name or f"spotter-n{len(data.labels)}"
    description = export.describe(name, data.labels, args.imgsz, args.license, args.iou)
    ended = run.go(
        on_export=lambda averaged: export.write(averaged, description, args.out, place=run.place)
    )
    if not ended:
        print(f"stopped; go on with --resume --run {folder}")
        return 130
    best = run.best_detector()
    if args.calibrate and val.samples:
        print(
            calibration.calibrate(
                best, val.samples, val.store, args.imgsz, overlap=args.iou, device=run.device
            )
        )
    export.write(best, description, args.out, place=run.place)
    report.curves(run.history, folder / "results.png")
    report.contact_sheet(
        best,
        val.samples,
        val.store,
        data.labels,
        args.imgsz,
        folder / "photos.jpg",
        device=run.device,
    )
    print(f"wrote {args.out}; curves and photos are in {folder}")
    return 0


def _start(before: export.Trained | None, labels: tuple[str, ...]) -> Detector:
    if before is None:
        return Detector(Architecture(classes=len(labels)))
    architecture = before.detector.architecture.model_copy(update={"classes": len(labels)})
    detector = Detector(architecture)
    carry_over(before.detector.state_dict(), detector, before.description.labels, labels)
    return detector


def _unfinished(before: export.Trained | None, labels: tuple[str, ...]) -> Place | None:
    """How far the run of the same labels had come, if it was not at its end."""
    if before is None or before.place is None or before.description.labels != labels:
        return None
    return before.place if before.place.progress < 1 else None


def _options(args: argparse.Namespace, *, fine_tuning: bool) -> Options:
    epochs = args.epochs if args.epochs or args.hours else EPOCHS
    workers = args.workers
    if workers is None:
        workers = 1 if args.device == "cpu" else max(1, (os.cpu_count() or 2) - 1)
    return Options(
        schedule=Schedule(args.imgsz, args.hours, epochs, progressive=not fine_tuning),
        recipe=Recipe(mosaic=args.mosaic, mixup=args.mixup),
        batch=args.batch,
        rate=args.rate or (FINE_RATE if fine_tuning else RATE),
        decay=args.decay,
        warm_up=100 if args.start else 300,
        seed=args.seed,
        workers=workers,
        export_minutes=args.export_minutes,
    )
