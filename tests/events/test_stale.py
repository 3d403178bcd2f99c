"""Another model: its rows replace those of the one before, and a search tells them apart."""

import dataclasses
from pathlib import Path

import pytest

from app.events.annotator import Annotator, Outcome
from app.events.backfill import backfill
from app.events.notice import Notice
from app.events.progress import Progress
from app.search.index import LabelIndex
from app.search.question import Question
from app.vision.detector import Detector
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.model.load import load
from tests.events.results import Results
from tests.http.client import drawn
from tests.http.scripted import write_model


@pytest.fixture
def newer(annotator: Annotator, tmp_path: Path) -> Annotator:
    """The same, with a model that has another file and finds no bus."""
    model = write_model(tmp_path / "newer.onnx", labels=["cat", "dog", "traffic light", "tree"])
    detector = Detector(load(model), ImageReader(50_000_000, DecodingBudget(200_000_000)))
    return dataclasses.replace(annotator, detector=detector)


def test_stale_rows_are_made_anew_and_others_kept(
    annotator: Annotator, newer: Annotator, results: Results
) -> None:
    bucket = results.cloud.bucket(f"b-{results.table}")
    for name in ("a", "b", "c", "d"):
        results.cloud.client("s3").put_object(Bucket=bucket, Key=name, Body=drawn(20, 20))
    for name in ("a", "b", "c"):
        annotator.annotate(Notice(bucket, name, None, "5"))
    index = LabelIndex(results.table)
    old, new = annotator.detector.model.sha256, newer.detector.model.sha256
    assert old != new

    assert newer.annotate(Notice(bucket, "a", None, "5")) is Outcome.KNOWN
    assert newer.annotate(Notice(bucket, "a", stale=True)) is Outcome.ANNOTATED
    both = {hit.key: hit.model_sha256 for hit in index.search(Question("cat"), 10).hits}
    assert both == {"a": new, "b": old, "c": old}
    for model, keys in ((new, {"a"}), (old[:8], {"b", "c"})):
        hits = index.search(Question("cat", model=model), 10).hits
        assert {hit.key for hit in hits} == keys

    counts = backfill(newer, bucket, "", Progress("s3://b"), 2, stale=True)
    assert counts == {"annotated": 3, "known": 1}
    assert {row["modelSha256"] for row in results.rows()} == {new}
    assert {row["sequencer"] for row in results.rows()} == {"5", ""}
    assert {item["label"] for item in results.index()} == {"cat", "dog", "tree"}
    assert index.search(Question("bus"), 10).hits == []
    assert len(results.index()) == 12
    assert backfill(newer, bucket, "", Progress("s3://b"), 2, stale=True) == {"known": 4}


def test_a_row_is_never_of_two_models(
    annotator: Annotator, newer: Annotator, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older model looked first and writes last: it finds that the newer one has written."""
    bucket = results.cloud.bucket(f"b-{results.table}")
    results.cloud.client("s3").put_object(Bucket=bucket, Key="a", Body=drawn(20, 20))
    replace = type(annotator.table).replace

    def overtaken(*args: object, **kwargs: object) -> None:
        monkeypatch.setattr(type(annotator.table), "replace", replace)
        newer.annotate(Notice(bucket, "a", stale=True))
        replace(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(type(annotator.table), "replace", overtaken)
    assert annotator.annotate(Notice(bucket, "a")) is Outcome.KNOWN
    (row,) = results.rows()
    assert row["modelSha256"] == newer.detector.model.sha256
    assert {item["modelSha256"] for item in results.index()} == {row["modelSha256"]}
