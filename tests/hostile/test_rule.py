"""The fuzzer's own measure: what it counts, and what it calls too much."""

import io
import random
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from app.service.memory_shares import MOST_DECODING_BYTES
from tests.hostile import hunt as module
from tests.hostile.costs import BEGIN, END, SIZES, Measured, _write, table
from tests.hostile.hunt import Died, Hunt, Worker, Workers, honest_cost
from tests.hostile.kinds import all_kinds
from tests.hostile.outline import outline, repeated
from tests.hostile.rule import SLACK, Cost, honest_photo, pillow_name
from tests.server import REPOSITORY
from tests.vision.pictures import encode, quarters

PHOTO = encode(quarters(3000, 2000), "PNG", compress_level=1)


def test_a_worker_counts_cpu_time_and_the_peak_of_each_file_alone() -> None:
    worker = Worker()
    large = worker.cost(PHOTO)
    small = worker.cost(encode(quarters(), "PNG"))
    worker.close()
    assert (large.outcome, large.pixels) == ("decoded", 6_000_000)
    assert large.reserved >= 6_000_000 * 4
    assert 6_000_000 * 4 < large.memory < large.most_memory(len(PHOTO))
    assert large.seconds > 0.005
    assert small.seconds < large.seconds
    assert small.memory < large.memory / 2


def test_a_worker_gives_up_a_file_and_another_takes_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(most_seconds=0.005)
    with pytest.raises(Died, match=r"more than 0\.005 s of CPU"):
        worker.cost(PHOTO)
    worker.close()
    hunt = Hunt()
    workers = Workers(hunt)
    workers._worker.close()
    monkeypatch.setattr(workers, "_worker", Worker(most_seconds=0.005))
    assert workers.judge(PHOTO) == ["more than 0.005 s of CPU"]
    assert workers.judge(PHOTO) == []
    workers.close()
    assert hunt.noise == ""


@pytest.mark.parametrize(
    ("seconds", "megabytes", "reserved", "wrong"),
    [
        (1.9, 60, 20, []),
        (2.5, 60, 20, ["2.5 s of CPU"]),
        (1.9, 90, 20, ["90 MB, 20 set aside"]),
        (0.1, 90, 0, ["90 MB, 0 set aside"]),
        (0.1, 1200, 10_000, ["1200 MB, 10000 set aside"]),  # never more than the budget
    ],
)
def test_what_is_above_the_rule(
    seconds: float, megabytes: int, reserved: int, wrong: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless an honest photo takes as long."""
    cost = Cost("decoded", seconds, megabytes * 10**6, reserved * 10**6, 10**6)
    workers = Workers(Hunt())
    try:
        monkeypatch.setattr(module, "honest_cost", lambda *_: Cost("decoded", 0.1, 0, 0, 1))
        assert workers._above(cost, PHOTO, drawn=False) == wrong
        monkeypatch.setattr(module, "honest_cost", lambda *_: Cost("decoded", 2.0, 0, 0, 1))
        assert workers._above(cost, PHOTO, drawn=False) == [x for x in wrong if "CPU" not in x]
    finally:
        workers.close()


def test_memory_is_that_of_the_pixels_and_a_slack() -> None:
    assert Cost("", 0, 0, 10, 0).most_memory(100) == 10 + SLACK + 200
    assert Cost("", 0, 0, 10**12, 0).most_memory(0) == MOST_DECODING_BYTES + SLACK


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_an_honest_photo_has_the_format_and_the_pixels(form: str) -> None:
    data = honest_photo(form, 200_000)
    assert data is not None
    assert pillow_name(data) == form
    with Image.open(io.BytesIO(data)) as image:
        assert 195_000 < image.width * image.height < 205_000


def test_what_an_honest_photo_costs() -> None:
    cost = honest_cost("JPEG", 1_000_000, drawn=False)
    assert cost is not None
    assert cost.outcome == "decoded"
    assert 0 < cost.seconds < 2


def test_kinds_are_of_their_format_and_the_same_each_time() -> None:
    for kind in all_kinds():
        first, again = (kind.file(random.Random(3), 5000) for _ in range(2))
        assert first == again, kind
        assert pillow_name(first) == kind.form, kind
    forms = {kind.form for kind in all_kinds()}
    assert forms >= {"AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"}


def test_what_is_repeated_within_boxes_leaves_a_whole_file() -> None:
    """The sizes of the boxes around it grow, and offsets of what is behind it move."""
    data = encode(quarters(), "AVIF")
    found = outline(data)
    part = next(part for part in found.parts if data[part[0] + 4 : part[0] + 8] == b"colr")
    more = repeated(data, part, 30)
    assert len(more) == len(data) + 30 * (part[1] - part[0])
    with Image.open(io.BytesIO(more)) as image:
        image.load()
        assert image.size == (96, 64)
    assert any(len(table) == 1 for table in found.tables)


def test_the_offsets_of_strips_are_a_table() -> None:
    data = encode(quarters(96, 64), "TIFF", tiffinfo={278: 8})
    tables = outline(data).tables
    assert [len(table) for table in tables] == [8, 8]


def test_a_table_has_a_line_for_each_format() -> None:
    cheap = Measured("a", 10, False, Cost("decoded", 0.1, 5_000_000, 0, 0), ())
    slow = Measured("b", 2_000_000, False, Cost("InvalidImage", 0.9, 1_000_000, 0, 0), ())
    lines = table({"PNG": [cheap, slow], "GIF": [cheap]}).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| GIF", "| PNG"]
    assert "| 0.90 |" in lines[3]
    assert "b, 2.0 MB: InvalidImage" in lines[3]
    assert "| 5 (0) |" in lines[3]


def test_the_table_is_put_into_its_place(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"before\n{BEGIN}old\n{END}after\n")
    _write(path, "new")
    assert path.read_text() == f"before\n{BEGIN}\nnew\n{END}after\n"
    path.write_text("no marks")
    with pytest.raises(ValueError, match="no place"):
        _write(path, "new")


def test_the_command_prints_a_table() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.hostile.costs", "--forms", "GIF"),
            *("--sizes", "2000", "--seeds", "1"),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[2].startswith("| GIF | ")
    assert max(SIZES) > 19_000_000
