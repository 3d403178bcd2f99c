"""Measurements as a table and a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    server: str
    place: str
    """Cores, or a Lambda size."""
    photo: str
    concurrency: int
    p50_ms: float
    p95_ms: float
    per_second: float
    cpu_ms: float
    """CPU milliseconds an image."""
    rss_mb: float
    cold_s: float
    """Process start to first answer."""
    errors: int


_HEADINGS = (
    "place", "photo", "at once", "server", "p50 ms", "p95 ms", "images/s", "CPU ms", "RSS MB",
    "cold s", "errors", "p50 vs plain", "images/s vs plain",
)  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Markdown; ratios are to the server ``plain`` in the same place, photo and concurrency."""
    base = {(r.place, r.photo, r.concurrency): r for r in rows if r.server == "plain"}
    lines = [_line(_HEADINGS), _line(["---"] * len(_HEADINGS))]
    for row in rows:
        plain = base.get((row.place, row.photo, row.concurrency))
        ratios = (
            ("", "")
            if plain is None
            else (f"{row.p50_ms / plain.p50_ms:.2f}", f"{row.per_second / plain.per_second:.2f}")
        )
        cells = (
            row.place, row.photo, str(row.concurrency), row.server, f"{row.p50_ms:.1f}",
            f"{row.p95_ms:.1f}", f"{row.per_second:.1f}", f"{row.cpu_ms:.1f}",
            f"{row.rss_mb:.0f}", f"{row.cold_s:.2f}", str(row.errors), *ratios,
        )  # fmt: skip
        lines.append(_line(cells))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def picture(rows: Sequence[Row], path: Path) -> None:
    """Images a second of every server, one group of bars a place and concurrency."""
    from matplotlib.figure import Figure

    groups = sorted({(r.place, r.photo, r.concurrency) for r in rows})
    servers = list(dict.fromkeys(r.server for r in rows))
    figure = Figure(figsize=(max(7.0, 1.2 * len(groups) + 3), 4.5), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(servers)
    for offset, server in enumerate(servers):
        found = {
            (r.place, r.photo, r.concurrency): r.per_second for r in rows if r.server == server
        }
        places = [i + offset * width for i in range(len(groups))]
        axes.bar(places, [found.get(g, 0.0) for g in groups], width, label=server)
    axes.set_xticks(
        [i + 0.4 - width / 2 for i in range(len(groups))],
        [f"{place}\n{photo}, {at_once} at once" for place, photo, at_once in groups],
        fontsize=8,
    )
    axes.set_ylabel("images per second")
    axes.legend()
    figure.savefig(path, dpi=110)
