"""Reads the label files of a dataset in YOLO format: one object per line, all numbers 0 to 1.

After its class, an object has the centre, the width and the height of its box, or the points of a
polygon around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from models.train.samples import DatasetError, Row

TOLERANCE = 0.01
"""A number may be outside 0 to 1 by this much, since exporters round."""
BOX = 4
POLYGON = 6
"""Smallest number of coordinates."""


def read(place: Path, classes: Mapping[int, int], keypoints: int = 0) -> list[Row]:
    """The objects in a file; none if there is no such file.

    ``classes`` gives the position of each class number. A line may have ``keypoints`` more numbers
    after its box. Raises DatasetError.
    """
    if not place.is_file():
        return []
    try:
        lines = place.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{place}: it is not a text file of labels") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                rows.append(_row(line.split(), classes, keypoints))
            except ValueError as error:
                raise DatasetError(f"{place}:{number}: {error}") from error
    return rows


def _row(words: Sequence[str], classes: Mapping[int, int], keypoints: int) -> Row:
    """Raises ValueError, which says what is wrong with the line."""
    label = classes.get(_class(words[0]))
    if label is None:
        known = ", ".join(str(key) for key in list(classes)[:5])
        more = ", ..." if len(classes) > 5 else ""
        raise ValueError(f"class {words[0]} is not in names ({known}{more})")
    return Row(label, *_bounds([float(word) for word in words[1:]], keypoints))


def _class(word: str) -> int:
    """The class number; -1, which no class has, for a word that is none."""
    try:
        number = float(word)
    except ValueError:
        return -1
    return int(number) if number.is_integer() else -1


def _bounds(values: Sequence[float], keypoints: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom. Raises ValueError."""
    if keypoints and len(values) == BOX + keypoints:
        values = values[:BOX]
    if len(values) != BOX and (len(values) < POLYGON or len(values) % 2):
        raise ValueError(
            f"{len(values)} numbers follow the class; a box has 4 (centre x, centre y, width,"
            " height), and a polygon 6 or more (x, y of each point)"
        )
    wrong = [value for value in values if not -TOLERANCE <= value <= 1 + TOLERANCE]
    if wrong:
        raise ValueError(
            f"{wrong[0]:g} is not from 0 to 1; coordinates have to be normalised, that is, divided"
            " by the width or height of the photo"
        )
    if len(values) == BOX:
        x, y, width, height = values
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])
