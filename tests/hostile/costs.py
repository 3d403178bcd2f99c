"""``python -m tests.hostile.costs``: the worst cost per format that is known, as a table.

Every kind of amplified file is made in several sizes, and beside them all files that were found
hostile before. An honest photo with as many pixels as the worst file declares stands beside it.
``--write docs/reliability.md`` puts the table where it belongs in that file.
"""

import argparse
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.bombs import BOMBS
from tests.hostile.corpus import attacks
from tests.hostile.hunt import GIVEN_UP, Hunt, Workers, honest_cost
from tests.hostile.kinds import LARGEST, all_kinds
from tests.hostile.rule import Cost, pillow_name

SIZES = (30_000, 300_000, 3_000_000, LARGEST - 10_000)
BEGIN, END = "<!-- costs: begin -->\n", "<!-- costs: end -->\n"
_HEAD = (
    "| format | CPU s (honest) | the file | MB (set aside) | the file |\n"
    "| --- | --- | --- | --- | --- |\n"
)
_SHORTEST_PIXELS = 4096
"""A photo of fewer costs nothing that could be told apart."""


@dataclass(frozen=True)
class File:
    name: str
    data: bytes


@dataclass(frozen=True)
class Measured:
    file: str
    size: int
    drawn: bool
    cost: Cost
    wrong: tuple[str, ...]

    def by(self) -> str:
        size = f"{self.size / 1e6:.1f} MB" if self.size > 100_000 else f"{self.size / 1e3:.1f} KB"
        return f"{self.file}, {size}: {self.cost.outcome}"


def main() -> int:
    options = _options()
    measured: dict[str, list[Measured]] = {}
    hunt = Hunt()
    workers = Workers(hunt)
    try:
        for file in files(options.seeds, options.sizes):
            form = pillow_name(file.data)
            if form is None or (options.forms and form not in options.forms):
                continue
            drawn = len(file.data) % 5 == 0
            cost, wrong = workers.measured(file.data, drawn=drawn)
            cost = cost or Cost("given up", GIVEN_UP, 0, 0, 0)
            one = Measured(file.name, len(file.data), drawn, cost, tuple(wrong))
            measured.setdefault(form, []).append(one)
            if wrong:
                _say(f"above the rule: {form} {one.by()}: {', '.join(wrong)}", sys.stderr)
    finally:
        workers.close()
    text = table(measured)
    _say(text, sys.stdout)
    if options.write:
        _write(options.write, text)
    return 1 if any(one.wrong for all_of in measured.values() for one in all_of) else 0


def files(seeds: int, sizes: tuple[int, ...]) -> Iterator[File]:
    """Of all formats; the same files for the same arguments."""
    for sample in attacks():
        yield File(sample.name, sample.data)
    for name, (_, make) in BOMBS.items():
        yield File(name, make())
    for kind in all_kinds():
        for size in sizes:
            for seed in range(seeds):
                data = kind.file(random.Random(f"{kind.name}/{size}/{seed}"), size)
                yield File(kind.name, data)


def table(measured: dict[str, list[Measured]]) -> str:
    """In Markdown, a line for each format."""
    return _HEAD + "".join(_line(form, of) for form, of in sorted(measured.items()))


def _line(form: str, measured: list[Measured]) -> str:
    slowest = max(measured, key=lambda one: one.cost.seconds)
    largest = max(measured, key=lambda one: one.cost.memory)
    beside = _honest(form, slowest)
    honest = f" ({beside.seconds:.2f})" if beside else ""
    cells = (
        form,
        f"{slowest.cost.seconds:.2f}{honest}",
        slowest.by(),
        f"{largest.cost.memory / 1e6:.0f} ({largest.cost.reserved / 1e6:.0f})",
        largest.by(),
    )
    return f"| {' | '.join(cells)} |\n"


def _honest(form: str, one: Measured) -> Cost | None:
    pixels = one.cost.pixels
    return honest_cost(form, pixels, one.drawn) if pixels >= _SHORTEST_PIXELS else None


def _write(path: Path, text: str) -> None:
    """Raises ValueError if the marks are not in the file."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{path} has no place for the table: {BEGIN.strip()} and {END.strip()}")
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4, help="files of each kind and size")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="bytes")
    parser.add_argument("--forms", nargs="+", help="only these, such as JPEG or HEIF")
    parser.add_argument("--write", type=Path, help="file that has a place for the table")
    return parser.parse_args()


def _say(text: str, stream: object) -> None:
    print(text, file=stream, flush=True)  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit(main())
