"""Rows and their index items: written and deleted together, and searched, against moto."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import pytest

from app.cloud.dynamodb import Outdated
from app.errors import InvalidParameter
from app.events import search as command
from app.events.table import Table
from app.search import index as module
from app.search.index import LabelIndex
from app.search.items import MOST_LABELS, index_items, labels_for_index
from app.search.keys import SHARDS, above, before, folded, position, shard_of
from app.search.question import Question
from tests.events.results import Results
from tests.events.rows import add, indexed, made_row
from tests.events.throttle import Throttle, throttled


@pytest.fixture
def table(results: Results) -> Table:
    return Table(results.table)


@pytest.fixture
def index(results: Results) -> LabelIndex:
    return LabelIndex(results.table)


def keys(index: LabelIndex, question: Question, limit: int = 100) -> list[str]:
    return [hit.key for hit in index.search(question, limit).hits]


def test_the_surest_comes_first_over_all_shards_and_pages(table: Table, index: LabelIndex) -> None:
    surest_first = [f"{number}.jpg" for number in range(30)]
    for number, key in reversed(list(enumerate(surest_first))):
        add(table, key, {"dog": 0.99 - number / 100, "cat": 0.3})
    assert keys(index, Question("dog")) == surest_first
    found: list[str] = []
    cursor = None
    while True:
        page = index.search(Question("dog"), 7, cursor)
        found += [hit.key for hit in page.hits]
        cursor = page.cursor
        if cursor is None:
            break
        assert len(page.hits) == 7
    assert found == surest_first


def test_equal_probabilities_are_all_found_once(table: Table, index: LabelIndex) -> None:
    for number in range(20):
        add(table, f"{number}", {"dog": 0.5})
    found: list[str] = []
    cursor = None
    for _ in range(7):
        page = index.search(Question("dog"), 3, cursor)
        found += [hit.key for hit in page.hits]
        cursor = page.cursor
    assert cursor is None
    assert sorted(found) == sorted(f"{number}" for number in range(20))


def test_labels_may_be_wanted_unwanted_and_sure(table: Table, index: LabelIndex) -> None:
    add(table, "both", {"dog": 0.9, "Bicycle": 0.6})
    add(table, "people", {"dog": 0.8, "bicycle": 0.7, "person": 0.9})
    add(table, "unsure", {"dog": 0.7, "bicycle": 0.4, "person": 0.3})
    add(table, "dog", {"dog": 0.5})
    assert keys(index, Question("DOG ")) == ["both", "people", "unsure", "dog"]
    assert keys(index, Question("dog", also=("bicycle",))) == ["both", "people", "unsure"]
    assert keys(index, Question("dog", also=("bicycle",), without=("Person",))) == ["both"]
    assert keys(index, Question("dog", also=("bicycle",), above=0.5)) == ["both", "people"]
    assert keys(index, Question("dog", without=("person",), above=0.3)) == ["both", "unsure", "dog"]
    assert keys(index, Question("dog", above=0.5)) == ["both", "people", "unsure"]
    assert keys(index, Question("dog", above=0.499999)) == ["both", "people", "unsure", "dog"]
    assert keys(index, Question("dog", above=1)) == []
    assert keys(index, Question("zebra")) == []


def test_a_hit_tells_of_photo_text_and_model(table: Table, index: LabelIndex) -> None:
    add(table, "a", {"Dog": 0.9})
    add(table, "b", {"dog": 0.8}, version="v1", modelSha256="cd" * 32, model="other")
    first, second = (hit.public for hit in index.search(Question("dog"), 10).hits)
    assert first == {
        "bucket": "photos",
        "key": "a",
        "label": "Dog",
        "probability": 0.9,
        "altText": "About a.",
        "model": "scripted",
        "modelSha256": "ab" * 32,
        "detectedAt": "2026-01-01T00:00:00.000Z",
    }
    assert (second["version"], second["model"]) == ("v1", "other")
    for asked in ("other", "cdcdcdcd", "CD" * 32):
        assert keys(index, Question("dog", model=asked)) == ["b"]
    assert keys(index, Question("dog", model="cdcdcd")) == []


def test_what_has_expired_is_not_found_before_dynamodb_deletes_it(
    table: Table, index: LabelIndex
) -> None:
    add(table, "gone", {"dog": 0.9}, expiresAt=1)
    add(table, "here", {"dog": 0.8}, expiresAt=9_999_999_999)
    assert keys(index, Question("dog")) == ["here"]


def test_a_replaced_row_takes_its_items_along(table: Table, results: Results) -> None:
    old = add(table, "a", {"dog": 0.9, "cat": 0.8, "bus": 0.7})
    new = made_row("a", {"dog": 0.9, "cat": 0.6, "tree": 0.5})
    table.replace(old, new, searchable=True)
    assert indexed(results.index()) == {("a", "dog", 0.9), ("a", "cat", 0.6), ("a", "tree", 0.5)}
    assert results.index()[0]["labels"] == new["indexed"]
    table.hide(new)
    assert results.index() == []
    (row,) = results.rows()
    assert "indexed" not in row
    table.show(row)
    assert len(results.index()) == 3
    (row,) = results.rows()
    table.remove(row)
    assert results.items() == []


def test_who_read_an_older_row_can_write_nothing(table: Table, results: Results) -> None:
    old = add(table, "a", {"dog": 0.9})
    outdated = dict(old)
    table.hide(old)
    table.show(old)
    before = results.items()
    writes: list[Callable[[], object]] = [
        lambda: table.replace(outdated, made_row("a", {"cat": 0.9}), searchable=True),
        lambda: table.replace(None, made_row("a", {"cat": 0.9}), searchable=True),
        lambda: table.remove(dict(outdated)),
        lambda: table.hide(dict(outdated)),
        lambda: table.show(dict(outdated)),
    ]
    for write in writes:
        with pytest.raises(Outdated):
            write()
    assert results.items() == before


@pytest.mark.parametrize("count", [0, 1, MOST_LABELS, 300])
def test_rows_of_any_number_of_labels_fit_into_a_transaction(
    count: int, table: Table, results: Results
) -> None:
    labels = {f"label {number}": 0.9 - number / 1000 for number in range(count)}
    old = add(table, "a", labels)
    assert len(results.index()) == min(count, MOST_LABELS)
    others = {f"other {number}": 0.9 - number / 1000 for number in range(count)}
    table.replace(old, made_row("a", others), searchable=True)
    assert {item["label"] for item in results.index()} == set(list(others)[:MOST_LABELS])


@pytest.mark.parametrize(
    "labels",
    [
        {"x" * 5000: 0.9, "x" * 5000 + "y": 0.8},
        {"Dog": 0.9, "dog": 0.8, "DOG ": 0.7},
        {"#label#00#dog": 0.9, "": 0.8, "\u00e4\u00df \u2603": 0.7},
        {"\ufb01sh": 0.9, "fish": 0.8},
    ],
)
def test_labels_of_any_kind(
    labels: dict[str, float], table: Table, index: LabelIndex, results: Results
) -> None:
    row = add(table, "a", labels)
    assert len(results.index()) == len({folded(label) for label in labels})
    for label in labels:
        assert keys(index, Question(label)) == ["a"]
    table.remove(row)
    assert results.items() == []


def test_rows_of_earlier_versions_are_replaced_and_removed(table: Table, results: Results) -> None:
    for replaces in (True, False):
        old = made_row("a", {"dog": 0.9})
        del old["revision"]
        results.put(old)
        if replaces:
            table.replace(old, made_row("a", {"cat": 0.9}), searchable=True)
            assert indexed(results.index()) == {("a", "cat", 0.9)}
            table.remove(results.rows()[0])
        else:
            table.remove(old)
        assert results.items() == []


def test_hot_labels_spread_evenly() -> None:
    counts = Counter(shard_of(f"photos#in/{number:06}.jpg", "etag") for number in range(16_000))
    assert len(counts) == SHARDS
    assert max(counts.values()) < 1.15 * 1000  # 4.7 standard deviations
    assert min(counts.values()) > 0.85 * 1000


def test_positions_sort_by_probability() -> None:
    made = [position(Decimal(text), "b#k", "v") for text in ("1", "0.912346", "0.5", "0")]
    assert made == sorted(made, reverse=True)
    assert (
        above(0.5)
        > position(Decimal("0.5"), "b#k", "v")
        > before(position(Decimal("0.5"), "b#k", "v"))
    )
    assert above(0.4999996) < position(Decimal("0.5"), "b#k", "v")


def test_all_items_of_the_largest_row_are_within_dynamodbs_limits() -> None:
    labels = {f"{number:03}" + "\u2603" * 200: 0.9 for number in range(300)}
    row = made_row("k" * 1024, labels, altText="\u2603" * 100_000)
    items = index_items(row, labels_for_index(row))
    sizes = [len(str(item).encode()) for item in items]
    assert max(sizes) < 400_000
    assert sum(sizes) + 400_000 < 4_000_000
    assert max(len(item["version"].encode()) for item in items) <= 1024
    assert max(len(item["object"].encode()) for item in items) <= 2048


def test_a_search_reads_little_of_a_large_table(table: Table, index: LabelIndex) -> None:
    for number in range(120):
        add(table, f"{number}", {"person": 0.3 + number / 1000})
    page = index.search(Question("person"), 20)
    assert [hit.key for hit in page.hits] == [f"{119 - number}" for number in range(20)]
    assert page.items_read <= 80


def test_a_search_that_finds_little_ends_with_a_cursor(
    table: Table, index: LabelIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_ITEMS_READ", 20)
    for number in range(60):
        add(table, f"{number}", {"person": 0.3 + number / 1000})
    add(table, "wanted", {"person": 0.25, "dog": 0.9})
    pages, cursor = 0, None
    while True:
        page = index.search(Question("person", also=("dog",)), 5, cursor)
        assert page.items_read < 60
        pages, cursor = pages + 1, page.cursor
        if cursor is None or page.hits:
            break
    assert pages > 1
    assert [hit.key for hit in page.hits] == ["wanted"]


@pytest.mark.parametrize("cursor", ["", "x", "0.5", "0.500000#" + "g" * 32, "2.000000#" + "0" * 32])
def test_a_cursor_of_ones_own_making_is_refused(index: LabelIndex, cursor: str) -> None:
    with pytest.raises(InvalidParameter, match="cursor"):
        index.search(Question("dog"), 10, cursor)


def cancelled(*codes: str) -> bytes:
    reasons = ",".join(f'{{"Code": "{code}"}}' for code in codes)
    return (
        '{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",'
        f' "Message": "cancelled", "CancellationReasons": [{reasons}]}}'
    ).encode()


@pytest.mark.parametrize(
    "code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
)
def test_a_transaction_that_is_cancelled_is_tried_again(
    code: str, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle = Throttle(lambda number: number < 2, answer=cancelled("None", code))
    with throttled(results.cloud, throttle) as cloud:
        monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
        add(Table(results.table), "a", {"dog": 0.9, "cat": 0.8})
    assert throttle.refused == 2
    assert len(results.items()) == 3


def test_a_transaction_that_stays_cancelled_leaves_nothing(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle = Throttle(lambda _: True, answer=cancelled("None", "ThrottlingError"))
    monkeypatch.setattr("app.cloud.dynamodb._FIRST_PAUSE_SECONDS", 0.001)
    with throttled(results.cloud, throttle) as cloud:
        monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
        with pytest.raises(Exception, match="cancelled"):
            add(Table(results.table), "a", {"dog": 0.9})
    assert results.items() == []


def run(results: Results, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("SPOTTER_TABLE", results.table)
    return command.main(list(arguments))


def test_the_command_prints_lines_or_json(
    table: Table,
    results: Results,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    add(table, "a b", {"dog": 0.9, "bicycle": 0.8})
    add(table, "c", {"dog": 0.95, "bicycle": 0.7, "person": 0.6})
    words = ["dog", "--and", "bicycle", "--not", "person", "--above", "0.5", "--limit", "20"]
    assert run(results, *words, monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == "0.9000  s3://photos/a b  About a b.\n"
    assert run(results, *words, "--json", monkeypatch=monkeypatch) == 0
    assert '"altText": "About a b."' in capsys.readouterr().out
    assert run(results, "dog", "--limit", "1", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == "0.9500  s3://photos/c  About c.\n"


def test_the_command_says_what_is_wrong_in_a_line(
    results: Results, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SPOTTER_TABLE", raising=False)
    assert command.main(["dog"]) == 2
    assert "SPOTTER_TABLE" in capsys.readouterr().err
    monkeypatch.setenv("SPOTTER_TABLE", "no-such-table")
    assert command.main(["dog"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    for wrong in (["--above", "2"], ["--limit", "0"], ["--above", "nan"]):
        with pytest.raises(SystemExit):
            command.main(["dog", *wrong])


def test_what_a_whole_picture_is_counts_as_a_label(table: Table, index: LabelIndex) -> None:
    beach = {"label": "beach", "probability": Decimal("0.95")}
    row = made_row("a", {"dog": 0.9, "beach": 0.4}, classifications=[beach])
    table.replace(None, row, searchable=True)
    assert [hit.probability for hit in index.search(Question("beach"), 5).hits] == [0.95]
    assert keys(index, Question("dog", also=("beach",), above=0.5)) == ["a"]
