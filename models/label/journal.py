"""Records labelled photos, one per line, so that a run can resume after an interruption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

import numpy as np

from models.common.boxes import Boxes
from models.common.commands import CommandError
from models.label.teachers import Labelled

NAME = "labels.jsonl"


class Journal:
    """The file ``labels.jsonl`` in the new dataset; its first line holds source and settings."""

    def __init__(self, folder: Path, source: Path, settings: dict[str, Any]) -> None:
        """``source`` is the folder of the photos."""
        self._path = folder / NAME
        self.done: dict[str, Labelled | None] = {}
        """By photo name; None for a photo that could not be read."""
        if self._path.is_file():
            self._read(str(source.resolve()), settings)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            first = {"source": str(source.resolve()), "settings": settings}
            self._path.write_text(json.dumps(first) + "\n", "utf-8")
        self._file: IO[str] = self._path.open("a", encoding="utf-8")

    def _read(self, source: str, settings: dict[str, Any]) -> None:
        """Raises CommandError if earlier photos are of another folder or had other settings."""
        text = self._path.read_text("utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # the last line was truncated when the run was interrupted
            self._path.write_text(whole, "utf-8")
        try:
            first, *entries = [json.loads(line) for line in whole.splitlines()]
            same = first["settings"] == settings
            earlier = first.get("source", source)  # versions up to 0.1.5 do not write it
            self.done = {entry["photo"]: _labelled(entry) for entry in entries}
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(f"{self._path} cannot be read; give another --out.") from error
        if earlier != source:
            raise CommandError(
                f"{self._path} was written from another folder, {earlier}; give another --out."
            )
        if not same:
            raise CommandError(
                f"{self._path} was written with other teachers or options; give another --out."
            )

    def add(self, name: str, found: Labelled | None) -> None:
        entry: dict[str, Any] = {"photo": name}
        if found is not None:
            classes, boxes, scores = found.boxes
            rows = zip(classes.tolist(), boxes.tolist(), scores.tolist(), strict=True)
            entry |= {
                "width": found.width,
                "height": found.height,
                "boxes": [
                    [label, *(round(v, 2) for v in box), round(score, 4)]
                    for label, box, score in rows
                ],
            }
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()
        self.done[name] = _labelled(entry)  # rounded, as a later run reads it

    def close(self) -> None:
        self._file.close()


def _labelled(entry: dict[str, Any]) -> Labelled | None:
    if "boxes" not in entry:
        return None
    table = np.array(entry["boxes"], np.float32).reshape(-1, 6)
    boxes = Boxes(table[:, 0].astype(np.intp), table[:, 1:5], table[:, 5])
    return Labelled(int(entry["width"]), int(entry["height"]), boxes)
