"""``python -m models.label``: labels a folder of photos with strong models."""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.errors import SpotterError
from app.vision.runtime.limits import usable_cores
from models.common import labels
from models.common.commands import CommandError, parser, replacing, require, run
from models.common.option_types import share_below_1, whole
from models.label import photos as sources
from models.label import teachers
from models.label.journal import Journal
from models.label.photos import Photos
from models.label.teachers import Labelled, Teachers

CONFIDENCE = 0.05

_SUMMARY = """\
Label a folder of photos with one or several strong models, as training data for a small one. Each
photo and its mirror image are processed; their boxes are fused into one set with scores.
These are soft labels for 'python -m models.train'."""

_DETAILS = """
examples:
  python -m models.label photos --teacher weights/strong.onnx --out labelled
  python -m models.label dataset --teacher a.onnx --teacher b.onnx --out both
If the folder is a dataset, its labels and boxes are kept, those of the teachers are added, and
its validation photos stay as people labelled them. An interrupted run resumes when the
same command is given again. Photos are copied.
"""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    options = parser("label", _SUMMARY, _DETAILS)
    options.add_argument("photos", type=Path, help="folder of photos, or a dataset")
    options.add_argument(
        "--teacher",
        type=Path,
        action="append",
        required=True,
        dest="teachers",
        help="a model that Spotter serves; repeat the option for more",
    )
    options.add_argument("--out", type=Path, required=True, help="the dataset to make")
    options.add_argument("--labels", help=f"only these; {labels.HELP}")
    options.add_argument(
        "--confidence",
        type=share_below_1,
        default=CONFIDENCE,
        help="keep boxes with a score above this (%(default)s)",
    )
    options.add_argument(
        "--no-flip", dest="flip", action="store_false", help="do not use mirror images"
    )
    options.add_argument("--threads", type=whole, help="threads per teacher (all cores)")
    return options.parse_args(argv)


def label(arguments: argparse.Namespace) -> None:
    require("tqdm")
    out: Path = arguments.out
    if out.exists() and out.samefile(arguments.photos):
        raise CommandError(f"{out} would be overwritten; give another --out.")
    photos = sources.find(arguments.photos, out)
    detectors = teachers.load(arguments.teachers, arguments.threads or usable_cores())
    names = _names(arguments.labels, photos.labels, teachers.labels_of(detectors))
    asked = Teachers(detectors, names, flip=arguments.flip, confidence=arguments.confidence)
    if out.is_dir() and any(out.iterdir()) and not (out / "labels.jsonl").is_file():
        raise CommandError(f"{out} already exists; give another --out.")
    settings = {
        "teachers": [teacher.sha256 for teacher in asked.all],
        "labels": list(names),
        "flip": arguments.flip,
        "confidence": arguments.confidence,
    }
    journal = Journal(out, arguments.photos, settings)
    try:
        found = _look(photos, asked, journal, out)
    finally:
        journal.close()
    document = _document(photos, names, found)
    with replacing(out / "annotations.json") as partial:
        partial.write_text(json.dumps(document), "utf-8")
    _warn_of_sizes(photos, found)
    _tell(document, out, found, asked.unknown)


def _names(
    asked: str | None, dataset: Sequence[str] | None, known: Sequence[str]
) -> tuple[str, ...]:
    """The labels to use. Raises CommandError for unsuitable ones."""
    if asked is None:
        return tuple(dataset or known)
    if dataset is not None:
        raise CommandError("A dataset has its own labels; --labels is for plain folders.")
    spelling = {labels.fold(label): label for label in known}
    chosen = labels.parse(asked)
    for name in chosen:
        if labels.fold(name) not in spelling:
            raise CommandError(f"No teacher knows the label '{name}'.")
    return tuple(dict.fromkeys(spelling[labels.fold(name)] for name in chosen))


def _look(
    photos: Photos, asked: Teachers, journal: Journal, out: Path
) -> dict[str, Labelled | None]:
    """Labels the photos that are not in the journal; None stands for one that cannot be read.

    Photos that are held back are only read, and get no boxes.
    """
    from tqdm import tqdm

    held_back: dict[str, Labelled | None] = {}
    for name in tqdm(photos.names, desc="label", unit="photo", disable=None):
        copy = out / "images" / name
        if not copy.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            with replacing(copy) as partial:
                shutil.copyfile(photos.root / name, partial)
        held = name in photos.held_back
        if not held and name in journal.done:
            continue
        try:
            seen = (asked.unlabelled if held else asked.look)(copy.read_bytes())
        except SpotterError as error:
            seen = None
            tqdm.write(f"left out: {name}: {error}")
        if held:
            held_back[name] = seen
        else:
            journal.add(name, seen)
    return {**journal.done, **held_back}


def _document(
    photos: Photos, names: Sequence[str], done: Mapping[str, Labelled | None]
) -> dict[str, Any]:
    """The dataset in COCO format; a teacher's box is an annotation with a ``score``.

    It has no photos that cannot be read, and no annotations of them. Sides are those of the upright
    photos; of photos of another size than the dataset says, boxes are scaled to what it says.
    """
    document = dict(photos.document) or _empty(photos, names, done)
    ids = [category["id"] for category in document["categories"]]
    images = [
        _upright(image, found)
        for image in document["images"]
        if (found := done[image["file_name"]]) is not None
    ]
    listed = {image["id"] for image in images}
    annotations = [
        entry for entry in document.get("annotations", []) if entry["image_id"] in listed
    ]
    number = max(
        (entry["id"] for entry in annotations if isinstance(entry.get("id"), int)), default=0
    )
    for image in images:
        found = done[image["file_name"]]
        assert found is not None
        scale = image["width"] / found.width, image["height"] / found.height
        for index, box, score in zip(*(part.tolist() for part in found.boxes), strict=True):
            x, y, right, bottom = (value * scale[i % 2] for i, value in enumerate(box))
            number += 1
            annotations.append(
                {
                    "id": number,
                    "image_id": image["id"],
                    "category_id": ids[index],
                    "bbox": [round(v, 2) for v in (x, y, right - x, bottom - y)],
                    "area": round((right - x) * (bottom - y), 2),
                    "iscrowd": 0,
                    "score": round(score, 4),
                }
            )
    return {**document, "images": images, "annotations": annotations}


def _upright(image: dict[str, Any], found: Labelled) -> dict[str, Any]:
    """The entry of an image; its sides change places if they are those before EXIF turns it."""
    if (image["height"], image["width"]) != found[:2]:
        return image
    return {**image, "width": found.width, "height": found.height}


def _warn_of_sizes(photos: Photos, done: Mapping[str, Labelled | None]) -> None:
    turned = other = 0
    for image in photos.document.get("images", ()):
        found = done[image["file_name"]]
        if found is None or (image["width"], image["height"]) == found[:2]:
            continue
        if (image["height"], image["width"]) == found[:2]:
            turned += 1
        else:
            other += 1
    if turned:
        print(
            f"warning: EXIF turns {turned} photos, and the dataset says their width and height"
            " before the turn; the new one says those after it. Boxes that people drew are not"
            " changed: check that they fit the upright photos"
        )
    if other:
        print(
            f"warning: {other} photos have a different width or height than the dataset says;"
            " boxes are scaled to what it says"
        )


def _empty(
    photos: Photos, names: Sequence[str], done: Mapping[str, Labelled | None]
) -> dict[str, Any]:
    readable = [(name, found) for name in photos.names if (found := done.get(name)) is not None]
    return {
        "images": [
            {"id": number, "file_name": name, "width": found.width, "height": found.height}
            for number, (name, found) in enumerate(readable, start=1)
        ],
        "categories": [{"id": index + 1, "name": label} for index, label in enumerate(names)],
    }


def _tell(
    document: Mapping[str, Any],
    out: Path,
    done: Mapping[str, Labelled | None],
    unknown: Sequence[str],
) -> None:
    given = [entry for entry in document["annotations"] if "score" in entry]
    sure = Counter(entry["category_id"] for entry in given if entry["score"] >= labels.SURE)
    left_out = sum(found is None for found in done.values())
    skipped = f"; {left_out} could not be read" if left_out else ""
    print(
        f"wrote {out}: {len(document['images'])} photos, {len(given)} boxes,"
        f" {sum(sure.values())} of them with a score of {labels.SURE} or more{skipped}"
    )
    for category in document["categories"]:
        if sure[category["id"]]:
            print(f"  {category['name']}: {sure[category['id']]}")
    if unknown:
        print(f"no teacher knows: {', '.join(unknown)}")


def main(argv: list[str] | None = None) -> int:
    return run(label, _arguments(argv))
