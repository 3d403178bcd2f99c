"""The committed results are data, and benchmarks/README.md shows nothing that is not in them."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest

from tests.server import REPOSITORY

RESULTS = sorted((REPOSITORY / "benchmarks" / "results").glob("*.csv"))
FIGURE = re.compile(r"\d+\.\d+( to \d+\.\d+)?")
README = (REPOSITORY / "benchmarks" / "README.md").read_text()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_every_row_says_when_where_and_how_it_was_measured(path: Path) -> None:
    found = rows(path)
    assert found
    for row in found:
        date.fromisoformat(row["date"])
        assert row["machine"]
        assert row["command"]
        assert None not in row


def test_figures_in_the_readme_are_in_the_data() -> None:
    known = [set(row.values()) for path in RESULTS for row in rows(path)]
    tables = [line.strip("|") for line in README.splitlines() if line.startswith("|")]
    checked = 0
    for line in tables:
        cells = [cell.strip() for cell in line.split("|")]
        figures = {cell for cell in cells if FIGURE.fullmatch(cell)}
        # A line about a photo has a figure of each server; all others are one row of the data.
        of_one_row = not {"810 x 1080", "12 MP"} & set(cells)
        for group in [figures] if of_one_row else [{figure} for figure in figures]:
            assert any(group <= row for row in known), line
        checked += len(figures)
    assert checked > 70
