"""Command line of the trainer."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import torch

from models.train import calibration, dataset, export, folded, memory, report
from models.train.arguments import parser
from models.train.augment import Recipe, plain_batches
from models.train.defaults import EPOCHS, FINE_RATE, RATE
from models.train.distillation.form import TeacherError
from models.train.distillation.teacher import Teacher
from models.train.evaluate import served
from models.train.image_cache import ImageStore
from models.train.net import Architecture, Detector, carry_over
from models.train.parallel import Group, GroupError, join
from models.train.samples import Dataset, DatasetError
from models.train.schedule import Place, Schedule
from models.train.trainer import Options, Part, ResumeError, Run


def main(arguments: list[str] | None = None) -> int:
    p = parser()
    args = p.parse_args(arguments)
    if args.imgsz % 32 or args.imgsz < 64:
        p.error("--imgsz has to be a multiple of 32, at least 64")
    if args.restart_at is not None and not (args.resume or args.start):
        p.error("--restart-at needs the run that it goes back in: --resume or --from")
    memory.keep_freed()
    torch.manual_seed(args.seed)
    try:
        data = dataset.load(args.dataset)
        dataset.check_training(data, args.dataset)
        earlier = export.read(args.start) if args.start else None
        detector = _start(earlier, data.labels)
        teacher = Teacher(args.teacher, data.labels) if args.teacher else None
    except (DatasetError, export.ExportError, TeacherError, OSError, KeyError) as error:
        print(f"{p.prog}: {error}", file=sys.stderr)
        return 2
    folder: Path = args.run or args.out.with_suffix(".run")
    if args.resume and not (folder / "last.pt").is_file():
        p.error(f"nothing to resume in {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device(_device(args))
    try:
        group = join(device)
        share = group.share(args.batch)
    except GroupError as error:
        p.error(str(error))
    if group.leads:
        print(data.counts())
    try:
        train, val = _parts(args, data, folder, group)
    except DatasetError as error:
        print(f"{p.prog}: {error}", file=sys.stderr)
        return 2
    place = None if args.new_schedule else _unfinished(earlier, data.labels, args.restart_at)
    fine_tuning = earlier is not None and place is None
    options = _options(args, share, fine_tuning=fine_tuning)
    if earlier is not None and earlier.folded:
        folded.restore(detector, plain_batches(train.samples, train.store, args.imgsz))
    run = Run(detector, data.labels, train, val, options, folder, device, teacher, group)
    if args.resume:
        try:
            run.resume()
        except ResumeError as error:
            print(f"{p.prog}: {error}", file=sys.stderr)
            return 2
        place = run.place.restarted(args.restart_at)
    if place is not None:
        run.go_on_from(place)
        print(f"continuing at epoch {place.epochs:.1f}, {place.progress:.1%} of the schedule")
    name = args.name or f"spotter-n{len(data.labels)}"
    before = earlier.description if earlier else None
    description = export.describe(
        name,
        data.labels,
        args.imgsz,
        args.license,
        before.iou if before and args.iou is None else args.iou,
        before.agnostic_iou if before and args.agnostic_iou is None else args.agnostic_iou,
    )
    ended = run.go(
        on_export=lambda averaged: export.write(averaged, description, args.out, place=run.place)
    )
    group.leave()
    if not ended:
        if group.leads:
            print(f"stopped; continue with --resume --run {folder}")
        return 130
    if not group.leads:
        return 0
    best = run.best_detector()
    if args.calibrate and val.samples:
        print(
            calibration.calibrate(
                best,
                val.samples,
                val.store,
                description.input,
                options=served(description),
                device=run.device,
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


def _parts(
    args: argparse.Namespace, data: Dataset, folder: Path, group: Group
) -> tuple[Part, Part]:
    """Training and validation photos. The first process decodes them, and the others wait."""
    if not group.leads:
        group.wait()
    train, val = (
        Part(samples, ImageStore(samples, args.cache or folder / "cache", args.stored_side))
        for samples in (data.part("train"), data.part("val"))
    )
    if group.leads:
        group.wait()
    return train, val


def _device(args: argparse.Namespace) -> str:
    return args.device or ("cuda" if torch.cuda.is_available() else "cpu")


def _start(before: export.Trained | None, labels: tuple[str, ...]) -> Detector:
    if before is None:
        return Detector(Architecture(classes=len(labels)))
    architecture = before.detector.architecture.model_copy(update={"classes": len(labels)})
    detector = Detector(architecture)
    carry_over(before.detector.state_dict(), detector, before.description.labels, labels)
    return detector


def _unfinished(
    before: export.Trained | None, labels: tuple[str, ...], restart_at: float | None
) -> Place | None:
    """Progress of an unfinished or restarted run with the same labels; otherwise None."""
    if before is None or before.place is None or before.description.labels != labels:
        return None
    place = before.place.restarted(restart_at)
    return None if place.finished else place


def _options(args: argparse.Namespace, batch: int, *, fine_tuning: bool) -> Options:
    epochs = args.epochs if args.epochs or args.hours else EPOCHS
    workers = args.workers
    if workers is None:
        workers = 1 if _device(args) == "cpu" else max(1, (os.cpu_count() or 2) - 1)
    return Options(
        schedule=Schedule(
            args.imgsz, args.hours, epochs, progressive=not fine_tuning, guided=args.guided
        ),
        recipe=Recipe(mosaic=args.mosaic, mixup=args.mixup),
        batch=batch,
        rate=args.rate or (FINE_RATE if fine_tuning else RATE),
        decay=args.decay,
        warm_up=100 if args.start else 300,
        qat=args.qat,
        seed=args.seed,
        workers=workers,
        export_minutes=args.export_minutes,
    )
