"""The photos to label: a plain folder, or a dataset whose labels are kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.vision.images import formats
from models.common import datasets
from models.common.commands import CommandError
from models.common.splits import part_of

SUFFIXES = formats.suffixes()


@dataclass(frozen=True)
class Photos:
    root: Path
    """Folder that ``names`` are relative to."""
    names: tuple[str, ...]
    held_back: frozenset[str] = frozenset()
    """Photos that teachers must not label: people labelled them, and they are not trained on."""
    labels: tuple[str, ...] | None = None
    """Labels of the dataset; None for a plain folder."""
    document: dict[str, Any] = field(default_factory=dict)
    """The dataset's ``annotations.json``; empty for a plain folder."""


def find(folder: Path, out: Path) -> Photos:
    """Raises CommandError if ``folder`` has no photos."""
    if (folder / "annotations.json").is_file():
        return _dataset(folder)
    if not folder.is_dir():
        raise CommandError(f"{folder} is not a folder of photos.")
    outside = out.resolve()
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and outside not in path.resolve().parents
    )
    if not names:
        raise CommandError(f"{folder} has no photos ({', '.join(sorted(SUFFIXES))}).")
    return Photos(folder, tuple(names))


def _dataset(folder: Path) -> Photos:
    data = datasets.load(folder)  # reports problems of the dataset in one line
    document = json.loads((folder / "annotations.json").read_text("utf-8"))
    names = tuple(str(entry["file_name"]) for entry in document["images"])
    outside = [name for name in names if Path(name).is_absolute() or ".." in Path(name).parts]
    if outside:
        raise CommandError(f"The photo {outside[0]} is not inside the dataset's images/.")
    held_back = frozenset(
        str(entry["file_name"])
        for entry in document["images"]
        if part_of(entry.get("split")) != "train"
    )
    return Photos(folder / "images", names, held_back, data.labels, document)
