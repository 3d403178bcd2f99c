"""Reads users' CSV tables, which are in UTF-8 and have column names in the first line."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.errors import StartError


def read_rows(path: Path, columns: Sequence[str], wanted: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the number and the cells of each line that is not empty.

    Raises StartError if a line has other columns or an empty first cell; ``wanted`` describes what
    it has to be. Raises OSError or UnicodeDecodeError if the file cannot be read.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        if next(rows, None) != columns:
            raise StartError(f"{path}: the first line has to be {','.join(columns)}.")
        for row in rows:
            if not any(row):
                continue
            cells = [cell.strip() for cell in row]
            if len(cells) != len(columns) or not cells[0]:
                raise wrong_line(path, rows.line_num, wanted)
            yield rows.line_num, cells


def wrong_line(path: Path, line: int, wanted: str) -> StartError:
    return StartError(f"{path}, line {line}: has to be {wanted}.")


def split_cell(cell: str) -> tuple[str, ...]:
    """The parts of a cell, which semicolons separate."""
    return tuple(part.strip() for part in cell.split(";") if part.strip())
