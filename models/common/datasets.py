"""Reads a dataset: a folder with ``annotations.json`` in COCO format and ``images/``."""

import json
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.common.commands import CommandError
from models.common.labels import SURE


@dataclass(frozen=True)
class Photo:
    id: int
    path: Path
    width: int
    height: int
    split: str | None

    def read(self) -> bytes:
        return self.path.read_bytes()


@dataclass(frozen=True)
class Box:
    photo: int
    label: str
    bounds: tuple[float, float, float, float]
    """x, y, width, height in pixels."""
    area: float
    crowd: bool
    """A group of objects: detections inside it count neither as correct nor as wrong."""
    ignored: bool
    """Whether the object is not counted: crowds, VOC's ``difficult``, unsure boxes of a model."""


@dataclass(frozen=True)
class Dataset:
    labels: tuple[str, ...]
    photos: tuple[Photo, ...]
    boxes: tuple[Box, ...]

    def part(self, split: str | None = None, limit: int | None = None) -> "Dataset":
        """The photos of one ``split``, or ``limit`` evenly spread ones.

        Raises CommandError if there are none.
        """
        photos = [photo for photo in self.photos if split in (None, photo.split)]
        if not photos:
            splits = sorted({photo.split for photo in self.photos if photo.split})
            raise CommandError(
                f"No photo has the split '{split}'; the dataset has: {', '.join(splits) or 'none'}."
            )
        if limit is not None and limit < len(photos):
            photos = [photos[index * len(photos) // limit] for index in range(limit)]
        kept = {photo.id for photo in photos}
        boxes = tuple(box for box in self.boxes if box.photo in kept)
        return replace(self, photos=tuple(photos), boxes=boxes)


def load(folder: Path) -> Dataset:
    """Raises CommandError, with what is missing, if ``folder`` is not a dataset.

    Annotations of images that are not listed are ignored, with a warning on stderr.
    """
    path = folder / "annotations.json"
    if not path.is_file():
        raise CommandError(
            f"{folder} is not a dataset: it needs annotations.json in COCO format, and images/."
        )
    try:
        document = json.loads(path.read_text("utf-8"))
        labels = {entry["id"]: str(entry["name"]) for entry in document["categories"]}
        photos = tuple(_photo(folder, entry) for entry in document["images"])
        counts = Counter(photo.id for photo in photos)
        annotations = document.get("annotations", [])
        listed = [entry for entry in annotations if entry["image_id"] in counts]
        boxes = tuple(_box(entry, labels) for entry in _truth(listed))
    except (ValueError, TypeError, AttributeError) as error:
        raise CommandError(f"{path} is not in COCO format: {error}.") from error
    except KeyError as error:
        raise CommandError(f"{path} is not in COCO format: an entry has no {error}.") from error
    if not photos:
        raise CommandError(f"{path} lists no images.")
    twice = [number for number, count in counts.items() if count > 1]
    if twice:
        raise CommandError(
            f"{path}: {counts[twice[0]]} images have the id {twice[0]!r}, so that it is not clear"
            " whose its annotations are. Give each image an id of its own, also as the image_id of"
            " its annotations."
        )
    missing = [photo.path for photo in photos if not photo.path.is_file()]
    if missing:
        raise CommandError(f"{len(missing)} images are missing, the first of them {missing[0]}.")
    if len(listed) < len(annotations):
        print(
            f"warning: {len(annotations) - len(listed)} annotations of {path} are ignored: their"
            " image_id is the id of no image that it lists",
            file=sys.stderr,
        )
    return Dataset(tuple(labels.values()), photos, boxes)


def _photo(folder: Path, entry: dict[str, Any]) -> Photo:
    return Photo(
        entry["id"],
        folder / "images" / entry["file_name"],
        int(entry["width"]),
        int(entry["height"]),
        entry.get("split"),
    )


def _truth(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Annotations for evaluation; boxes with a score are a model's, and used only if all are."""
    people = [entry for entry in entries if "score" not in entry]
    return people or entries


def _box(entry: dict[str, Any], labels: dict[int, str]) -> Box:
    x, y, width, height = (float(value) for value in entry["bbox"])
    crowd = bool(entry.get("iscrowd"))
    return Box(
        entry["image_id"],
        labels[entry["category_id"]],
        (x, y, width, height),
        float(entry.get("area", width * height)),
        crowd,
        crowd or bool(entry.get("difficult")) or entry.get("score", 1.0) < SURE,
    )
