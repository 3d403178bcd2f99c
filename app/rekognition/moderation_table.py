"""The user's table that maps a model's labels to moderation labels and content types.

Its columns are ``name,labels,parent,level``. ``labels`` are the model's names for the entry,
separated by semicolons. ``level`` is 1 to 3; a label of level 2 or 3 has a parent of the level
above. A row without a level names a content type, such as Illustrated.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.errors import StartError
from app.rekognition.csv_table import read_rows, split_cell, wrong_line

_COLUMNS = ["name", "labels", "parent", "level"]
_WANTED = "a name, the model's labels, a parent or none, and a level of 1 to 3 or none"
_LEVELS = {"": None, "1": 1, "2": 2, "3": 3}


@dataclass(frozen=True)
class Row:
    name: str
    labels: tuple[str, ...] = ()
    parent: str = ""
    level: int | None = 1
    """None for a content type."""


class ModerationTable:
    def __init__(self, rows: Iterable[Row]) -> None:
        """Raises StartError for a duplicate name or a parent of a wrong level."""
        self._by_name: dict[str, Row] = {}
        self._by_label: dict[str, Row] = {}
        for row in rows:
            if row.name in self._by_name:
                raise StartError(f"SPOTTER_MODERATION: {row.name!r} has two rows.")
            self._by_name[row.name] = row
            self._by_label.update((label.casefold(), row) for label in row.labels)
        for row in self._by_name.values():
            self._check_parent(row)

    @classmethod
    def load(cls, path: Path) -> "ModerationTable":
        """Raises StartError if the file cannot be used."""
        try:
            return cls(list(_read(path)))
        except (OSError, UnicodeDecodeError) as error:
            raise StartError(f"SPOTTER_MODERATION={path}: cannot be read.") from error

    def of_label(self, label: str) -> Row | None:
        """The row of a model's label; None if the label is not in the table, and so harmless."""
        return self._by_label.get(label.casefold())

    def with_parents(self, row: Row) -> Iterator[Row]:
        """``row``, its parent, and its parent's parent."""
        yield row
        if row.parent:
            yield from self.with_parents(self._by_name[row.parent])

    def _check_parent(self, row: Row) -> None:
        parent = self._by_name.get(row.parent)
        if not row.parent:
            fits = row.level in (None, 1)
        else:
            fits = bool(row.level and parent and parent.level == row.level - 1)
        if not fits:
            raise StartError(
                f"SPOTTER_MODERATION: {row.name!r} of level {row.level or 'none'} has the parent"
                f" {row.parent!r}. Level 1 must have no parent; levels 2 and 3 need a parent of the"
                " level above with its own row."
            )


def _read(path: Path) -> Iterator[Row]:
    for line, (name, labels, parent, level) in read_rows(path, _COLUMNS, _WANTED):
        if level not in _LEVELS:
            raise wrong_line(path, line, _WANTED)
        yield Row(name, split_cell(labels), parent, _LEVELS[level])
