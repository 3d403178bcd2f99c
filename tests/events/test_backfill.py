"""``python -m app.events.backfill`` as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import StartError
from app.events import backfill as module
from app.events.annotator import Annotator, Outcome
from app.events.backfill import backfill
from app.events.enqueue import FAILED
from app.events.notice import Notice
from app.events.progress import Progress
from tests.events.results import Results
from tests.http.client import drawn
from tests.server import REPOSITORY, environment

KEYS = [f"in/{number:03}.jpg" for number in range(70)]


@pytest.fixture
def bucket(results: Results) -> str:
    bucket = results.cloud.bucket(f"b-{results.table}")
    s3 = results.cloud.client("s3")
    photo = drawn(20, 20, encoding="JPEG")
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=photo)
    s3.put_object(Bucket=bucket, Key="in/", Body=b"")
    s3.put_object(Bucket=bucket, Key="out/other.jpg", Body=photo)
    return bucket


def test_the_command_annotates_what_there_is_and_goes_on_from_where_it_was(
    results: Results, bucket: str, scripted_model: Path, tmp_path: Path
) -> None:
    progress = tmp_path / "progress.json"
    settings = {**environment(scripted_model, 1, {"table": results.table})}
    settings |= results.cloud.environment

    def run() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "app.events.backfill",
                f"s3://{bucket}/in",
                "--resume",
                progress,
            ],
            cwd=REPOSITORY,
            env=settings,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    done = run()
    assert (done.returncode, done.stdout) == (0, "70 annotated\n"), done.stderr
    assert sorted(row["key"] for row in results.rows()) == KEYS
    kept = json.loads(progress.read_text())
    assert kept == {"source": f"s3://{bucket}/in", "after": KEYS[-1], "failed": []}
    kept["after"] = KEYS[-4]
    progress.write_text(json.dumps(kept))
    assert run().stdout == "3 known\n"
    assert run().stdout == "nothing to do\n"


def test_what_failed_is_tried_again_first_and_an_interruption_loses_nothing(
    annotator: Annotator,
    results: Results,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    annotate = Annotator.annotate
    tried: list[str] = []

    def troubled(self: Annotator, notice: Notice) -> Outcome:
        tried.append(notice.key)
        if notice.key == KEYS[40]:
            raise KeyboardInterrupt
        if notice.key == KEYS[3]:
            raise OSError("no network")
        return annotate(self, notice)

    file = tmp_path / "progress.json"
    monkeypatch.setattr(module, "_BATCH", 16)
    monkeypatch.setattr(Annotator, "annotate", troubled)
    with pytest.raises(KeyboardInterrupt):
        backfill(annotator, bucket, "in", Progress.load("s3://b/in", file), 2)
    kept = Progress.load("s3://b/in", file)
    assert (kept.after, kept.failed) == (KEYS[31], [KEYS[3]])
    monkeypatch.setattr(Annotator, "annotate", annotate)
    counts = backfill(annotator, bucket, "in", kept, 2)
    assert counts[FAILED] == 0
    assert sorted(row["key"] for row in results.rows()) == KEYS
    assert Progress.load("s3://b/in", file).failed == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bucket/prefix"], "has to be s3://bucket"),
        (["s3://bucket"], "SPOTTER_TABLE"),
        (["s3://bucket", "--resume", "README.md"], "README.md is not the progress of a backfill"),
    ],
)
def test_what_cannot_begin_says_why_in_a_line(
    arguments: list[str],
    words: str,
    scripted_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SPOTTER_MODEL", str(scripted_model))
    monkeypatch.chdir(REPOSITORY)
    assert module.main(arguments) == 2
    assert words in capsys.readouterr().err


def test_the_progress_of_another_backfill_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    Progress("s3://one", file=file).save()
    with pytest.raises(StartError, match="of s3://one, not of s3://two"):
        Progress.load("s3://two", file)
