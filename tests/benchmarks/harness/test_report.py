"""Ratios, order and merging of rows."""

from dataclasses import replace

from benchmarks.harness.report import BARE, BOUND, Row, in_order, medians, merge, ratios, table

ROW = Row(
    run="today", server="plain", cpu_limit="2 cores", photo="1 MP", concurrency=8,
    p50_ms=100.0, p95_ms=120.0, per_second=10.0, cpu_ms=90.0, rss_mb=200.0, cold_s=1.0,
)  # fmt: skip
SPOTTER = replace(ROW, server="spotter fp32", p50_ms=50.0, per_second=15.0)


def test_ratios_are_to_the_plain_server_and_to_the_bound() -> None:
    bare = replace(ROW, server=BARE, concurrency=1, p50_ms=40.0, per_second=25.0, cold_s=None)
    bound = replace(bare, server=BOUND, concurrency=2, per_second=30.0)
    rows = [ROW, SPOTTER, bare, bound]
    assert ratios(SPOTTER, rows) == (0.5, 1.5, None, 0.5)
    assert ratios(replace(SPOTTER, concurrency=1), rows) == (None, None, 1.25, 0.5)
    assert ratios(SPOTTER, [ROW, SPOTTER, bare]) == (0.5, 1.5, None, 0.6)
    assert ratios(ROW, rows) == (None,) * 4
    assert ratios(bare, rows) == (None,) * 4
    int8 = replace(SPOTTER, server="spotter int8")
    assert ratios(int8, rows) == (0.5, 1.5, None, None)
    assert ratios(int8, [*rows, replace(bare, server=f"{BARE}, int8")])[3] == 0.6


def test_another_run_is_nothing_to_compare_with() -> None:
    assert ratios(SPOTTER, [replace(ROW, run="yesterday")]) == (None,) * 4
    assert ratios(SPOTTER, [replace(ROW, cpu_limit="1 core")]) == (None,) * 4


def test_the_table_has_a_line_for_each_row_in_order() -> None:
    cpu_limits = ["1024 MB", "512 MB", "2 cores", "1 core"]
    rows = [replace(ROW, cpu_limit=cpu_limit) for cpu_limit in cpu_limits]
    rows += [replace(ROW, photo=photo) for photo in ("12 MP", "0.3 MP")]
    lines = table(rows).splitlines()[2:]
    shown = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in lines]
    assert shown == [
        ("1 core", "1 MP"),
        ("2 cores", "0.3 MP"),
        ("2 cores", "1 MP"),
        ("2 cores", "12 MP"),
        ("512 MB", "1 MP"),
        ("1024 MB", "1 MP"),
    ]
    assert [row.server for row in in_order([SPOTTER, ROW])] == ["spotter fp32", "plain"]


def test_of_several_turns_the_medians_count() -> None:
    turns = [replace(ROW, p50_ms=ms, errors=1) for ms in (90.0, 500.0, 100.0)]
    bare = replace(ROW, server=BARE, cold_s=None)
    assert medians([turns[0], bare, *turns[1:]]) == [replace(ROW, p50_ms=100.0, errors=3), bare]


def test_what_is_measured_again_replaces_what_it_was() -> None:
    newer = replace(ROW, run="tomorrow", p50_ms=1.0)
    assert merge([ROW, SPOTTER], [newer]) == [SPOTTER, newer]
