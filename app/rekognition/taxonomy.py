"""A table of the labels' names, parents, aliases and categories.

``labels.csv`` is in this folder; a user's table with the same columns adds to it or overrides it.
``labels`` are the model's names for the entry; semicolons separate the items of lists.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.errors import StartError
from app.rekognition.csv_table import read_rows, split_cell

_SHIPPED = Path(__file__).parent / "labels.csv"
_COLUMNS = ["name", "labels", "parents", "aliases", "categories"]


@dataclass(frozen=True)
class Entry:
    name: str
    parents: tuple[str, ...] = ()
    """The direct parents; ``Taxonomy.ancestors`` returns all ancestors."""
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class Taxonomy:
    def __init__(self, rows: Iterable[tuple[Entry, tuple[str, ...]]]) -> None:
        """Later rows override earlier ones. Raises StartError if a label is its own ancestor."""
        self._by_name: dict[str, Entry] = {}
        self._by_label: dict[str, str] = {}
        for entry, labels in rows:
            self._by_name[entry.name] = entry
            self._by_label.update((label.casefold(), entry.name) for label in labels)
        self._ancestors = {name: self._climb(name) for name in self._by_name}

    @classmethod
    def load(cls, extension: Path | None = None) -> "Taxonomy":
        """Raises StartError if ``extension`` cannot be used."""
        rows = list(_read(_SHIPPED))
        if extension is not None:
            try:
                rows += _read(extension)
            except (OSError, UnicodeDecodeError) as error:
                raise StartError(f"SPOTTER_TAXONOMY={extension}: cannot be read.") from error
        return cls(rows)

    def of_label(self, label: str) -> Entry:
        """The entry of a label; one that is not in the table becomes its own name in title case."""
        name = self._by_label.get(label.casefold())
        if name is None:
            name = label.title() if label.islower() else label
        return self.entry(name)

    def entry(self, name: str) -> Entry:
        return self._by_name.get(name) or Entry(name)

    def ancestors(self, name: str) -> tuple[str, ...]:
        """All ancestors in alphabetical order."""
        return self._ancestors.get(name, ())

    def _climb(self, name: str) -> tuple[str, ...]:
        found: set[str] = set()
        above = list(self.entry(name).parents)
        while above:
            parent = above.pop()
            if parent == name:
                raise StartError(f"SPOTTER_TAXONOMY: {name!r} is an ancestor of itself.")
            if parent not in found:
                found.add(parent)
                above += self.entry(parent).parents
        return tuple(sorted(found))


def _read(path: Path) -> Iterator[tuple[Entry, tuple[str, ...]]]:
    for _, (name, *cells) in read_rows(path, _COLUMNS, "a name and four more columns"):
        labels, *rest = map(split_cell, cells)
        yield Entry(name, *rest), labels
