"""``python -m models.evaluate``: measures a model or a server on photos with known boxes."""

import argparse
import json
import os
import platform
from contextlib import closing
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.vision.runtime.limits import usable_cores
from models.common import checks, datasets
from models.common.commands import CommandError, check_file, check_folder, parser, replacing, run
from models.common.option_types import count, share, whole
from models.evaluate import coco, mosaic, plots
from models.evaluate.measure import Report, few, measure
from models.evaluate.sources import InProcess, OverHttp, Thresholds

_SUMMARY = """\
Measure COCO's mean average precision (pycocotools) of a file with the code of the
service, or of a running server over HTTP. Labels are matched by name; only labels that both the
model and the dataset have are counted."""

_DETAILS = """
examples:
  python -m models.evaluate models/default.onnx --data photos
  python -m models.evaluate --url http://localhost:8000 --data photos --out results
A dataset is a folder with annotations.json in COCO format and images/.
"""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    defaults = Thresholds()
    options = parser("evaluate", _SUMMARY, _DETAILS)
    options.add_argument("model", type=Path, nargs="?", help="an ONNX file")
    options.add_argument(
        "--url",
        help="address of a running server, such as http://localhost:8000, instead of a file",
    )
    options.add_argument("--data", type=Path, required=True, help="the dataset's folder")
    options.add_argument("--split", help="use only photos with this 'split'")
    options.add_argument("--limit", type=int, help="use only this many photos, evenly spread")
    options.add_argument(
        "--confidence", type=share, default=defaults.confidence, help="threshold (%(default)s)"
    )
    options.add_argument("--iou", type=share, help="NMS threshold (the model's own, else 0.7)")
    options.add_argument(
        "--max-detections",
        type=count,
        default=defaults.max_detections,
        help="maximum per photo (%(default)s)",
    )
    options.add_argument(
        "--tiles", choices=("none", "auto"), default="none", help="as /detect has it (%(default)s)"
    )
    options.add_argument(
        "--mosaic",
        type=int,
        metavar="N",
        help="join N x N photos in one picture each, to see what tiles do for small things",
    )
    options.add_argument(
        "--concurrency", type=count, help="photos at a time (1; over HTTP the number of cores)"
    )
    options.add_argument("--threads", type=whole, help="threads per inference (all cores)")
    options.add_argument(
        "--api-key", default=os.environ.get("SPOTTER_API_KEY"), help="($SPOTTER_API_KEY)"
    )
    options.add_argument("--json", type=Path, help="file for the results as JSON")
    options.add_argument(
        "--out", type=Path, help="folder for precision-recall.png and confusion-matrix.png"
    )
    return options.parse_args(argv)


def evaluate(arguments: argparse.Namespace) -> None:
    if (arguments.model is None) == (arguments.url is None):
        raise CommandError("Give either a model file or --url.")
    if arguments.limit is not None and arguments.limit < 1:
        raise CommandError("--limit must be at least 1.")
    if arguments.mosaic is not None and arguments.mosaic < 1:
        raise CommandError("--mosaic must be at least 1.")
    if arguments.json is not None:
        check_file(arguments.json)
    if arguments.out is not None:
        check_folder(arguments.out)
    dataset = datasets.load(arguments.data).part(arguments.split, arguments.limit)
    if arguments.mosaic is None:
        _evaluate(arguments, dataset)
        return
    with TemporaryDirectory() as folder:
        _evaluate(arguments, mosaic.join(dataset, arguments.mosaic, Path(folder)))


def _evaluate(arguments: argparse.Namespace, dataset: datasets.Dataset) -> None:
    thresholds = Thresholds(
        arguments.confidence, arguments.iou, arguments.max_detections, arguments.tiles == "auto"
    )
    facts: dict[str, Any] = {}
    if arguments.url is not None:
        with closing(OverHttp(arguments.url, thresholds, arguments.api_key)) as server:
            report = measure(server, dataset, arguments.concurrency or usable_cores())
    else:
        detector = checks.detector(arguments.model, arguments.threads or usable_cores())
        facts["sha256"] = detector.model.sha256
        report = measure(InProcess(detector, thresholds), dataset, arguments.concurrency or 1)
    _print(report, len(dataset.photos))
    if arguments.json:
        content = {**facts, **_as_json(report, len(dataset.photos))}
        with replacing(arguments.json) as partial:
            partial.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        print(f"wrote {arguments.json}")
    if arguments.out:
        table = plots.confusion(dataset.photos, dataset.boxes, report.found, report.shared)
        curves, matrix = (
            arguments.out / f"{n}.png" for n in ("precision-recall", "confusion-matrix")
        )
        plots.draw_precision_recall(report.scores, report.model, curves)
        plots.draw_confusion(table, report.shared, report.model, matrix)
        print(f"wrote {curves} and {matrix}")


def _print(report: Report, photos: int) -> None:
    scores = report.scores
    width = max(len("label"), *(len(entry.label) for entry in scores.classes))
    print(f"{'label':{width}}  photos  objects  mAP50-95  mAP50  recall")
    for entry in scores.classes:
        if not entry.objects:
            continue
        print(
            f"{entry.label:{width}}  {entry.photos:6}  {entry.objects:7}"
            f"  {_number(entry.ap):>8}  {_number(entry.ap50):>5}  {_number(entry.recall):>6}"
        )
    objects = sum(entry.objects for entry in scores.classes)
    print(
        f"{'all':{width}}  {photos:6}  {objects:7}"
        f"  {_number(scores.map):>8}  {_number(scores.map50):>5}  {_number(scores.recall):>6}"
    )
    print(
        f"\n{report.model}: mAP50-95 {_number(scores.map)}, mAP50 {_number(scores.map50)},"
        f" mAP75 {_number(scores.map75)}; small {_number(scores.small)},"
        f" medium {_number(scores.medium)}, large {_number(scores.large)}"
    )
    print(f"photos without a mistake {_without_mistake(report)}")
    for names, where in (
        (report.not_in_model, "labels of the dataset are not in the model"),
        (report.not_in_dataset, "labels of the model are not in the dataset"),
    ):
        if names:
            print(f"not counted: {len(names)} {where} ({few(names, 5)})")
    if report.other_size:
        print(
            f"warning: {report.other_size} photos have a different width or height than the dataset"
            " says; their boxes are wrong"
        )
    stages = ", ".join(f"{stage} {ms:.1f}" for stage, ms in report.timings.items())
    print(f"median milliseconds: {stages}")


def _without_mistake(report: Report) -> str:
    confidence = max(coco.CONFIDENCE, report.thresholds.confidence)
    right, photos = report.scores.photos_right, report.scores.photos_with_objects
    share = f" ({right / photos:.1%})" if photos else ""
    return f"at confidence {confidence}: {right} of {photos}{share}"


def _as_json(report: Report, photos: int) -> dict[str, Any]:
    scores = report.scores
    return {
        "model": report.model,
        "photos": photos,
        **asdict(report.thresholds),
        **{
            key: getattr(scores, key)
            for key in (
                "map",
                "map50",
                "map75",
                "small",
                "medium",
                "large",
                "recall",
                "photos_with_objects",
                "photos_right",
            )
        },
        "classes": [asdict(entry) for entry in scores.classes],
        "not_in_model": report.not_in_model,
        "not_in_dataset": report.not_in_dataset,
        "median_ms": report.timings,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "onnxruntime", "pillow", "pycocotools")},
        },
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def main(argv: list[str] | None = None) -> int:
    return run(evaluate, _arguments(argv))
