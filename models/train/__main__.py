"""Command line of the trainer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from models.train import dataset, export
from models.train.augment import Recipe
from models.train.loop import Options, Part, Run
from models.train.net import Architecture, Detector, carry_over
from models.train.schedule import Schedule
from models.train.store import ImageStore

LONGEST_SIDE = 640


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m models.train", description="Train a detector that Spotter serves as it is."
    )
    p.add_argument("dataset", type=Path, help="folder with annotations.json and images/ (COCO) or data.yaml (YOLO)")
    p.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    p.add_argument("--from", dest="start", type=Path, help="go on from an ONNX file of this trainer")
    p.add_argument("--resume", action="store_true", help="go on with an interrupted run of the same --run folder")
    p.add_argument("--run", type=Path, help="folder for checkpoints, curves and cache (beside --out)")
    p.add_argument("--cache", type=Path, help="folder for decoded photos (in --run)")
    p.add_argument("--hours", type=float, help="end after this much training time")
    p.add_argument("--epochs", type=float, help="end after this many passes over the photos")
    p.add_argument("--imgsz", type=int, default=320, help="input side, a multiple of 32 (%(default)s)")
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--rate", type=float, help="highest learning rate (0.002; 0.0005 with --from)")
    p.add_argument("--mosaic", type=float, default=Recipe.mosaic, help="share of mosaics (%(default)s)")
    p.add_argument("--mixup", type=float, default=Recipe.mixup, help="share of blends (%(default)s)")
    p.add_argument("--store-side", type=int, default=352, help="long side of decoded photos (%(default)s)")
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--name", help="model name written into the file (spotter-n<classes>)")
    p.add_argument("--license", default="unknown", help="licence written into the file (%(default)s)")
    p.add_argument("--export-minutes", type=float, default=30.0, help="write --out that often on the way")
    return p


def main(arguments: list[str] | None = None) -> int:
    args = parser().parse_args(arguments)
    if not args.hours and not args.epochs:
        args.epochs = 100.0
    torch.manual_seed(args.seed)
    try:
        data = dataset.load(args.dataset)
    except (dataset.DatasetError, OSError, KeyError) as error:
        print(f"cannot read the dataset: {error}", file=sys.stderr)
        return 2
    labels = data.labels
    folder: Path = args.run or args.out.with_suffix(".run")
    folder.mkdir(parents=True, exist_ok=True)
    cache: Path = args.cache or folder / "cache"
    parts = [Part(data.part(s), ImageStore(data.part(s), cache, args.store_side)) for s in ("train", "val")]

    detector = Detector(Architecture(classes=len(labels)))
    if args.start:
        before = export.read(args.start)
        detector = Detector(before.detector.architecture.model_copy(update={"classes": len(labels)}))
        carry_over(before.detector.state_dict(), detector, before.description.labels, labels)
    options = Options(
        schedule=Schedule(args.imgsz, args.hours, args.epochs, progressive=not args.start),
        recipe=Recipe(mosaic=args.mosaic, mixup=args.mixup),
        batch=args.batch,
        rate=args.rate or (5e-4 if args.start else 2e-3),
        warm_up=100 if args.start else 300,
        seed=args.seed,
        workers=args.workers,
        export_minutes=args.export_minutes,
    )
    run = Run(detector, labels, parts[0], parts[1], options, folder, torch.device(args.device))
    if args.resume:
        run.resume()
    description = export.describe(args.name or f"spotter-n{len(labels)}", labels, args.imgsz, args.license)
    run.go(on_export=lambda averaged: export.write(averaged, description, args.out))
    export.write(run.best_detector(), description, args.out)
    print(f"wrote {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
