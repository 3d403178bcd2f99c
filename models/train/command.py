"""Command line of the trainer."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import torch

from app.vision.description import Description
from models.common.commands import CommandError, check_file, check_folder, output
from models.common.labels import fold_all
from models.train import calibration, checkpoint, dataset, export, folded, memory, report
from models.train.arguments import parser
from models.train.augment import Recipe, plain_batches
from models.train.distillation.form import TeacherError
from models.train.distillation.teacher import Teacher
from models.train.evaluate import served
from models.train.image_cache import ImageStore
from models.train.net import Architecture, Detector, carry_over
from models.train.parallel import Group, GroupError, check_kind, join
from models.train.samples import Dataset, DatasetError
from models.train.schedule import Place, Schedule
from models.train.settings import Settings, settle
from models.train.trainer import Options, Part, ResumeError, Run

ERRORS = (CommandError, DatasetError, export.ExportError, TeacherError, ResumeError, OSError)


def main(arguments: list[str] | None = None) -> int:
    p = parser()
    args = p.parse_args(arguments)
    if args.restart_at is not None and not (args.resume or args.start):
        p.error("--restart-at needs the run that it goes back in: --resume or --from")
    folder: Path = args.run or args.out.with_suffix(".run")
    if args.resume and not (folder / "last.pt").is_file():
        p.error(f"nothing to resume in {folder}")
    memory.keep_freed()
    torch.manual_seed(args.seed)
    try:
        return _train(args, folder)
    except GroupError as error:
        p.error(str(error))
    except ERRORS as error:
        print(f"{p.prog}: {error}", file=sys.stderr)
        return 2


def _train(args: argparse.Namespace, folder: Path) -> int:
    """Returns the exit code. Raises one of ``ERRORS``, or GroupError."""
    _check_outputs(args, folder)
    device = _device(args.device)
    data = dataset.load(args.dataset)
    dataset.check_training(data, args.dataset)
    begun = checkpoint.begun(folder / "last.pt") if args.resume else None
    earlier = export.read(args.start) if args.start else None
    detector = Detector(begun.architecture) if begun else _start(earlier, data.labels)
    teacher = Teacher(args.teacher, data.labels) if args.teacher else None
    place = None if args.new_schedule else _unfinished(earlier, data.labels, args.restart_at)
    settings = settle(
        args,
        begun.settings if begun else {},
        len(data.labels),
        earlier.description if earlier else None,
        fine_tuning=earlier is not None and place is None,
    )
    folder.mkdir(parents=True, exist_ok=True)
    group = join(device)
    options = _options(args, settings, group.share(settings.batch), device)
    if group.leads:
        print(data.counts())
    cache = args.cache or folder / "cache"
    train, val = _parts(data, cache, settings.stored_side, group)
    if group.leads:
        _warn_of_turned(train, val)
    if earlier is not None and earlier.folded and not begun:
        folded.restore(detector, plain_batches(train.samples, train.store, settings.imgsz))
    kept = settings.model_dump()
    run = Run(detector, data.labels, train, val, options, folder, device, teacher, group, kept)
    if begun:
        run.resume()
        place = run.place.restarted(args.restart_at)
    if place is not None:
        run.go_on_from(place)
        print(f"continuing at epoch {place.epochs:.1f}, {place.progress:.1%} of the schedule")
        if place.finished and not run.ended:
            print(
                "its schedule has ended, so the learning rate stays at its lowest;"
                " with --restart-at 0.5 it would rise again"
            )
    description = export.describe(
        settings.name,
        data.labels,
        settings.imgsz,
        settings.license,
        settings.iou,
        settings.agnostic_iou,
    )
    ended = run.go(
        on_export=lambda averaged: export.write(averaged, description, args.out, place=run.place)
    )
    group.leave()
    if group.leads and ended:
        _finish(run, description, args.out, calibrated=settings.calibrate)
    elif group.leads:
        print(f"stopped; continue with --resume --run {folder}")
    return 0 if ended else 130


def _check_outputs(args: argparse.Namespace, folder: Path) -> None:
    """Raises CommandError if an output cannot be written or is an input."""
    check_file(args.out)
    for source in (args.start, args.teacher):
        if source is not None:
            output(args.out, source, "")
    check_folder(folder)
    if args.cache is not None:
        check_folder(args.cache)


def _device(name: str | None) -> torch.device:
    """Raises CommandError if there is no such device here, or GroupError if it cannot be shared."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    check_kind(name.partition(":")[0])
    try:
        return torch.zeros(1, device=name).device
    except Exception as error:  # PyTorch raises several classes for unknown and absent devices
        raise CommandError(f"--device {name} is not a device of this machine; cpu is") from error


def _parts(data: Dataset, cache: Path, stored_side: int, group: Group) -> tuple[Part, Part]:
    """Training and validation photos. The first process decodes them, and the others wait."""
    if not group.leads:
        group.wait()
    train, val = (
        Part(samples, ImageStore(samples, cache, stored_side))
        for samples in (data.part("train"), data.part("val"))
    )
    if group.leads:
        group.wait()
    return train, val


def _warn_of_turned(*parts: Part) -> None:
    turned = [
        sample.path
        for part in parts
        for sample, shape in zip(part.samples, part.store.shapes, strict=True)
        if sample.is_turned(*shape)
    ]
    if turned:
        print(
            f"warning: EXIF turns {len(turned)} photos, such as {turned[0]}, and the dataset says"
            " their width and height before the turn, so their boxes are in wrong places. Correct"
            " both to those of the upright photos, or remove these photos"
        )


def _start(before: export.Trained | None, labels: tuple[str, ...]) -> Detector:
    if before is None:
        return Detector(Architecture(classes=len(labels)))
    architecture = before.detector.architecture.model_copy(update={"classes": len(labels)})
    detector = Detector(architecture)
    known = before.description.labels
    shared = carry_over(before.detector.state_dict(), detector, known, labels)
    if shared < len(labels):
        print(f"--from knows {shared} of the {len(labels)} labels; the others start anew")
    return detector


def _unfinished(
    before: export.Trained | None, labels: tuple[str, ...], restart_at: float | None
) -> Place | None:
    """Progress of an unfinished or restarted run with the same labels; otherwise None."""
    if before is None or before.place is None:
        return None
    if fold_all(before.description.labels) != fold_all(labels):
        return None
    place = before.place.restarted(restart_at)
    return None if place.finished else place


def _options(
    args: argparse.Namespace, settings: Settings, batch: int, device: torch.device
) -> Options:
    workers = args.workers
    if workers is None:
        workers = 1 if device.type == "cpu" else max(1, (os.cpu_count() or 2) - 1)
    return Options(
        schedule=Schedule(
            settings.imgsz,
            settings.hours,
            settings.epochs,
            progressive=settings.progressive,
            guided=settings.guided,
        ),
        recipe=Recipe(mosaic=settings.mosaic, mixup=settings.mixup),
        batch=batch,
        rate=settings.rate,
        decay=settings.decay,
        warm_up=settings.warm_up,
        qat=settings.qat,
        seed=args.seed,
        workers=workers,
        export_minutes=args.export_minutes,
    )


def _finish(run: Run, description: Description, out: Path, *, calibrated: bool) -> None:
    """Writes the best weights, curves and a contact sheet."""
    best, val, folder = run.best_detector(), run.val_part, run.folder
    can_calibrate = any(sample.has_objects for sample in val.samples)
    if calibrated and can_calibrate:
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
    elif calibrated:
        print("scores are not calibrated, since no validation photo shows an object")
    export.write(best, description, out, place=run.place)
    report.curves(run.history, folder / "results.png")
    if val.samples:
        report.contact_sheet(
            best,
            val.samples,
            val.store,
            run.labels,
            run.schedule.side,
            folder / "photos.jpg",
            device=run.device,
        )
    else:
        print("photos.jpg is not drawn, since no photo is for validation")
    print(f"wrote {out}; curves and photos are in {folder}")
