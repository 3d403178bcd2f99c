"""Measurements as rows, as a Markdown table and as a bar chart."""

import json
import re
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.harness.servers import FP32, INT8, PLAIN

BARE = "session.run"
BOUND = "loops of session.run"
_INT8 = ", int8"


def of_int8(name: str) -> str:
    return name + _INT8


@dataclass(frozen=True, kw_only=True)
class Row:
    run: str = ""
    """When it was measured; ratios compare rows of one run only."""
    server: str = ""
    cpu_limit: str
    """Cores, such as "2 cores", or a Lambda size, such as "1024 MB"."""
    photo: str = ""
    concurrency: int
    p50_ms: float
    p95_ms: float
    per_second: float
    cpu_ms: float
    """CPU milliseconds per image."""
    rss_mb: float
    """Peak resident memory during the measurement."""
    cold_s: float | None = None
    """Seconds from process start to first answer; None for the bare session."""
    errors: int = 0
    other_cores: float = 0.0
    """Cores that other processes used meanwhile."""

    @property
    def setting(self) -> tuple[str, str, str]:
        return self.run, self.cpu_limit, self.photo

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.server, self.cpu_limit, self.photo, self.concurrency


_HEADINGS = (
    "CPU", "photo", "at once", "server", "p50 ms", "p95 ms", "images/s", "CPU ms", "RSS MB",
    "cold s", "errors", "other cores", "p50 / plain", "images/s / plain", "p50 / session.run",
    "images/s / bound",
)  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """A Markdown table with the columns of ``ratios`` at the end."""
    lines = [_line(_HEADINGS), _line(["---"] * len(_HEADINGS))]
    for row in in_order(rows):
        cells = (
            row.cpu_limit, row.photo, str(row.concurrency), row.server, f"{row.p50_ms:.1f}",
            f"{row.p95_ms:.1f}", f"{row.per_second:.1f}", f"{row.cpu_ms:.1f}",
            f"{row.rss_mb:.0f}", "" if row.cold_s is None else f"{row.cold_s:.2f}",
            str(row.errors), f"{row.other_cores:.2f}", *map(_ratio, ratios(row, rows)),
        )  # fmt: skip
        lines.append(_line(cells))
    return "\n".join(lines)


def ratios(row: Row, rows: Sequence[Row]) -> tuple[float | None, ...]:
    """Ratios of a row to others of its run; None if there is no such row.

    These are p50 and images per second relative to the plain server at the same concurrency, p50
    relative to one ``session.run`` on all cores, and images per second relative to the bound, which
    is one bare loop for each core.
    """
    same = [other for other in rows if other.setting == row.setting]
    floor = {FP32: (BARE, BOUND), INT8: (of_int8(BARE), of_int8(BOUND))}.get(row.server)
    plain = bare = bound = None
    for other in same:
        if row.server != PLAIN == other.server and other.concurrency == row.concurrency:
            plain = other
        elif floor and other.server == floor[0]:
            bare = other
        elif floor and other.server == floor[1]:
            bound = other
    bound = bound or bare  # on one core they are the same
    return (
        row.p50_ms / plain.p50_ms if plain else None,
        row.per_second / plain.per_second if plain else None,
        row.p50_ms / bare.p50_ms if bare and row.concurrency == 1 else None,
        row.per_second / bound.per_second if bound else None,
    )


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Sorts by CPU limit, photo and concurrency; servers stay in the order of measurement."""
    return sorted(
        rows, key=lambda r: (cpu_limit_order(r.cpu_limit), photo_order(r.photo), r.concurrency)
    )


def cpu_limit_order(cpu_limit: str) -> tuple[bool, float]:
    return "MB" in cpu_limit, _number(cpu_limit)


def photo_order(photo: str) -> tuple[bool, float]:
    return "MP" in photo, _number(photo)


def _number(text: str) -> float:
    found = re.match(r"[\d.]+", text)
    return float(found[0]) if found else 0.0


def merge(older: Sequence[Row], newer: Sequence[Row]) -> list[Row]:
    """All rows; a newer one replaces the older one of the same key."""
    again = {row.key for row in newer}
    return [row for row in older if row.key not in again] + list(newer)


def medians(turns: Sequence[Row]) -> list[Row]:
    """Combines the rows of each key, since the machine's speed varies.

    Memory is the maximum, errors are added up, and everything else is the median.
    """
    alike: dict[tuple[str, str, str, int], list[Row]] = {}
    for row in turns:
        alike.setdefault(row.key, []).append(row)
    return [_median(rows) for rows in alike.values()]


def _median(rows: Sequence[Row]) -> Row:
    measured = ("p50_ms", "p95_ms", "per_second", "cpu_ms", "cold_s", "other_cores")
    values = {
        name: statistics.median(getattr(row, name) for row in rows)
        for name in measured
        if all(getattr(row, name) is not None for row in rows)
    }
    most = max(row.rss_mb for row in rows)
    return replace(rows[0], **values, rss_mb=most, errors=sum(row.errors for row in rows))


def read(path: Path) -> list[Row]:
    return [Row(**row) for row in json.loads(path.read_text())["rows"]]


def save(folder: Path, machine: str, rows: Sequence[Row]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=1)
    (folder / "benchmark.json").write_text(text)


def write(folder: Path, machine: str, rows: Sequence[Row]) -> None:
    """Writes benchmark.json, benchmark.md and benchmark.png."""
    save(folder, machine, rows)
    (folder / "benchmark.md").write_text(f"{machine}\n\n{table(rows)}\n")
    picture(rows, folder / "benchmark.png")


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def picture(rows: Sequence[Row], path: Path) -> None:
    """Draws images per second in a panel for each CPU limit, with the bound as a dashed line."""
    from matplotlib.figure import Figure

    served = [row for row in in_order(rows) if row.cold_s is not None]
    if not served:
        return
    cpu_limits = list(dict.fromkeys(row.cpu_limit for row in served))
    servers = list(dict.fromkeys(row.server for row in served))
    groups = list(dict.fromkeys((row.photo, row.concurrency) for row in served))
    groups.sort(key=lambda group: (photo_order(group[0]), group[1]))
    wide = max(6.0, 0.35 * len(groups) * (len(servers) + 1))
    figure = Figure(figsize=(wide, 3.2 * len(cpu_limits) + 0.6), layout="constrained")
    width = 0.84 / len(servers)
    for axes, cpu_limit in zip(
        figure.subplots(len(cpu_limits), squeeze=False)[:, 0], cpu_limits, strict=True
    ):
        found = {(r.server, r.photo, r.concurrency): r for r in served if r.cpu_limit == cpu_limit}
        for offset, server in enumerate(servers):
            heights = [found[server, *g].per_second if (server, *g) in found else 0 for g in groups]
            at = [i + (offset + 0.5) * width - 0.42 for i in range(len(groups))]
            axes.bar(at, heights, width, label=server, color=f"C{offset}")
        bounds: dict[str, float] = {}
        for row in (r for r in rows if r.cpu_limit == cpu_limit and r.server in (BARE, BOUND)):
            bounds[row.photo] = max(row.per_second, bounds.get(row.photo, 0.0))
        for i, (photo, _) in enumerate(groups):
            if photo in bounds:
                label = "bound of float32" if i == 0 else None
                axes.hlines(bounds[photo], i - 0.45, i + 0.45, "black", "dashed", label=label)
        labels = [f"{photo}\n{at_once} at once" for photo, at_once in groups]
        axes.set_xticks(range(len(groups)), labels, fontsize=8)
        axes.set_ylabel("images per second")
        axes.set_title(cpu_limit, loc="left")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=4)
    figure.savefig(path, dpi=110)
