"""Reads a dataset in YOLO format: ``data.yaml``, photos, and a label file for each photo."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from app.vision.images import formats
from models.common.splits import VALIDATION, Part
from models.train import yolo_labels
from models.train.samples import Dataset, DatasetError, record

SETTINGS = "data.yaml"
SUFFIXES = formats.suffixes()


def read(folder: Path) -> Dataset:
    """Raises DatasetError."""
    place = folder / SETTINGS
    settings = _settings(place)
    names = _names(place, settings.get("names"))
    classes = {key: i for i, key in enumerate(names)}
    shape = settings.get("kpt_shape")
    keypoints = math.prod(shape) if isinstance(shape, list) and shape else 0
    root = folder / str(settings.get("path") or ".")
    keys: list[tuple[str, Part]] = [("train", "train"), *((key, "val") for key in VALIDATION)]
    samples = []
    for key, part in keys:
        paths = _photos(place, root, settings.get(key))
        labels = {path: _label_file(path) for path in paths}
        if part == "train" and labels and not any(file.is_file() for file in labels.values()):
            raise DatasetError(
                f"{place}: no photo to train on has a label file; that of {paths[0]} would be"
                f" {labels[paths[0]]}"
            )
        samples += [
            record(path, part, yolo_labels.read(file, classes, keypoints), len(names))
            for path, file in labels.items()
        ]
    test = settings.get("test")
    if isinstance(test, str) and (root / test).exists():
        unused = {"test": len(_photos(place, root, test))}
    else:
        unused = {}
    return Dataset(tuple(names.values()), tuple(samples), unused)


def _settings(place: Path) -> dict[str, Any]:
    import yaml

    try:
        settings = yaml.safe_load(place.read_text("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetError(f"{place}: it is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(settings, dict):
        raise DatasetError(f"{place}: it needs the entries train, val and names")
    return settings


def _names(place: Path, names: object) -> dict[int, str]:
    """Labels by their class numbers, in that order."""
    if not names or not isinstance(names, dict | list):
        raise DatasetError(
            f"{place}: it has no names; 'names: [cat, dog]' or 'names: {{0: cat, 1: dog}}' would do"
        )
    found = {}
    for key, name in names.items() if isinstance(names, dict) else enumerate(names):
        if not str(key).isdecimal():
            raise DatasetError(
                f"{place}: the key {key!r} in names is not a class number, 0 or more"
            )
        if not isinstance(name, str) or not name.strip():
            raise DatasetError(
                f"{place}: the name of class {key} is {name!r}, which is not text; put it in quotes"
            )
        found[int(key)] = name
    return dict(sorted(found.items()))


def _photos(place: Path, root: Path, entries: object) -> list[Path]:
    """Photos of folders and of text files that list them."""
    found: list[Path] = []
    for entry in entries if isinstance(entries, list) else [entries] if entries else []:
        source = root / str(entry)
        if source.is_file():
            found += _listed(source, root)
        elif source.is_dir():
            found += sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
        else:
            raise DatasetError(f"{place}: {source} is neither a folder nor a list of photos")
    return found


def _listed(source: Path, root: Path) -> list[Path]:
    found = []
    for number, line in enumerate(source.read_text("utf-8-sig").splitlines(), start=1):
        if line.strip():
            photo = root / line.strip()
            if not photo.is_file():
                raise DatasetError(f"{source}:{number}: there is no photo {photo}")
            found.append(photo)
    return found


def _label_file(photo: Path) -> Path:
    """Its path has ``labels`` in place of the last ``images`` in the photo's path."""
    parts = list(photo.with_suffix(".txt").parts)
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        parts[last] = "labels"
    return Path(*parts)
