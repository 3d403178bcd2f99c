"""The recipe for moderation: its rule takes the event that Spotter emits, and its function acts."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from app.events.annotator import Annotator
from app.events.notice import Notice
from deploy.moderation import handler as moderation
from tests.aws.conftest import aws_environment, cloud, results, scripted_model
from tests.aws.moto import REGION, Cloud
from tests.aws.tools import require
from tests.events.conftest import annotator, detector
from tests.events.results import Results
from tests.http.client import drawn
from tests.server import REPOSITORY

__all__ = ["annotator", "aws_environment", "cloud", "detector", "results", "scripted_model"]

TEMPLATE = REPOSITORY / "deploy/moderation/template.yml"
PHOTO = drawn(128, 96, encoding="JPEG")
"""The scripted model finds a cat, a dog and a bus (0.31) in it."""


def program(name: str) -> Path:
    return Path(sys.executable).with_name(name)


@pytest.fixture(scope="session")
def packaged(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as ``aws cloudformation package`` leaves it."""
    out = tmp_path_factory.mktemp("moderation") / "moderation.yml"
    bucket = cloud.bucket("packages")
    command: list[str | Path] = [
        "cloudformation",
        "package",
        "--template-file",
        TEMPLATE,
        "--s3-bucket",
        bucket,
    ]
    done = subprocess.run(
        [require("aws"), *command, "--output-template-file", out],
        env={**os.environ, **cloud.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_cfn_lint_finds_nothing(packaged: Path) -> None:
    done = subprocess.run(
        [program("cfn-lint"), packaged], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def deploy(results: Results, packaged: Path, bucket: str, **parameters: str) -> str:
    """The name of the rule in a new stack, which sends what it takes to ``results.caught``."""
    given = {"Bus": results.bus, "Images": bucket, **parameters}
    stack = f"s{uuid.uuid4().hex[:8]}"
    results.cloud.client("cloudformation").create_stack(
        StackName=stack,
        TemplateBody=packaged.read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
    )
    events = results.cloud.client("events")
    rules = events.list_rules(EventBusName=results.bus)["Rules"]
    (rule,) = (one["Name"] for one in rules if one["Name"] != results.bus)
    on_bus = {"Rule": rule, "EventBusName": results.bus}
    (target,) = events.list_targets_by_rule(**on_bus)["Targets"]
    assert ":lambda:" in target["Arn"]
    # Functions do not run here: the queue takes the place of the one that the rule would start.
    events.remove_targets(**on_bus, Ids=[target["Id"]])
    events.remove_targets(Rule=results.bus, EventBusName=results.bus, Ids=["q"])
    events.delete_rule(Name=results.bus, EventBusName=results.bus, Force=True)
    queue = f"arn:aws:sqs:{REGION}:123456789012:{results.table}"
    events.put_targets(**on_bus, Targets=[{"Id": "caught", "Arn": queue}])
    return str(rule)


@pytest.fixture
def bucket(results: Results) -> str:
    return results.cloud.bucket(f"b-{results.table}")


def annotate(annotator: Annotator, results: Results, bucket: str, key: str = "a b.jpg") -> Any:
    """What came of it in the queue: the one event, or None."""
    stored = results.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=PHOTO)
    annotator.annotate(Notice(bucket, key, stored.get("VersionId"), "0" * 32))
    caught = results.announced()
    assert len(caught) <= 1
    return caught[0] if caught else None


@pytest.mark.parametrize(
    ("labels", "taken"), [("bus", True), ("knife,dog", True), ("knife,do", False), ("Bus", False)]
)
def test_the_rule_takes_events_that_have_one_of_its_labels(
    annotator: Annotator, results: Results, packaged: Path, bucket: str, labels: str, taken: bool
) -> None:
    deploy(results, packaged, bucket, Labels=labels)
    event = annotate(annotator, results, bucket)
    assert (event is not None) is taken
    if taken:
        assert event["detail"]["key"] == "a b.jpg"


def test_the_rule_takes_events_of_its_bucket_only(
    annotator: Annotator, results: Results, packaged: Path, bucket: str
) -> None:
    deploy(results, packaged, "another", Labels="bus")
    assert annotate(annotator, results, bucket) is None


@pytest.fixture
def acting(aws_environment: Cloud, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    moderation.s3.cache_clear()
    monkeypatch.setenv("LABELS", "cat,bus")
    monkeypatch.setenv("MIN_PROBABILITY", "0.5")
    return monkeypatch


def emitted(annotator: Annotator, results: Results, bucket: str) -> Any:
    event = annotate(annotator, results, bucket)
    assert event
    return event


def tags(results: Results, bucket: str, key: str, **version: str) -> dict[str, str]:
    place = {"Bucket": bucket, "Key": key, **version}
    found = results.cloud.client("s3").get_object_tagging(**place)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


def keys(results: Results, bucket: str) -> list[str]:
    found = results.cloud.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return [one["Key"] for one in found]


def test_an_object_is_tagged_beside_its_other_tags(
    annotator: Annotator, results: Results, bucket: str, acting: pytest.MonkeyPatch
) -> None:
    event = emitted(annotator, results, bucket)
    results.cloud.client("s3").put_object_tagging(
        Bucket=bucket,
        Key="a b.jpg",
        Tagging={"TagSet": [{"Key": "owner", "Value": "ann"}, {"Key": "moderation", "Value": "-"}]},
    )
    outcome = moderation.handler(event, None)
    assert outcome == {"object": f"{bucket}#a b.jpg", "labels": ["cat"], "outcome": "tagged"}
    assert tags(results, bucket, "a b.jpg") == {"owner": "ann", "moderation": "cat"}
    acting.setenv("MIN_PROBABILITY", "0.3")
    assert moderation.handler(event, None)["labels"] == ["cat", "bus"]
    assert tags(results, bucket, "a b.jpg")["moderation"] == "cat / bus"


def test_unsure_labels_change_nothing(
    annotator: Annotator, results: Results, bucket: str, acting: pytest.MonkeyPatch
) -> None:
    acting.setenv("MIN_PROBABILITY", "0.95")
    assert moderation.handler(emitted(annotator, results, bucket), None)["outcome"] == "kept"
    assert tags(results, bucket, "a b.jpg") == {}


@pytest.mark.parametrize("versioned", [False, True])
def test_an_object_is_moved(
    annotator: Annotator, results: Results, acting: pytest.MonkeyPatch, versioned: bool
) -> None:
    s3 = results.cloud.client("s3")
    bucket = results.cloud.bucket(f"v-{results.table}-{versioned}".lower(), versioned=versioned)
    quarantine = results.cloud.bucket(f"q-{results.table}-{versioned}".lower())
    acting.setenv("QUARANTINE", quarantine)
    event = emitted(annotator, results, bucket)
    assert moderation.handler(event, None)["outcome"] == "moved"
    assert keys(results, bucket) == []
    versions = s3.list_object_versions(Bucket=bucket)
    assert not versions.get("Versions")  # nobody can read it as an older version
    assert not versions.get("DeleteMarkers")
    assert keys(results, quarantine) == [f"{bucket}/a b.jpg"]
    assert s3.get_object(Bucket=quarantine, Key=f"{bucket}/a b.jpg")["Body"].read() == PHOTO
    assert tags(results, quarantine, f"{bucket}/a b.jpg") == {"moderation": "cat"}
    # Events come at least once.
    assert moderation.handler(event, None)["outcome"] == "changed"
    assert keys(results, quarantine) == [f"{bucket}/a b.jpg"]


@pytest.mark.parametrize("moves", [False, True])
def test_an_object_that_was_replaced_since_is_left_alone(
    annotator: Annotator, results: Results, bucket: str, acting: pytest.MonkeyPatch, moves: bool
) -> None:
    quarantine = results.cloud.bucket(f"r-{results.table}-{moves}".lower())
    acting.setenv("QUARANTINE", quarantine if moves else "")
    event = emitted(annotator, results, bucket)
    results.cloud.client("s3").put_object(Bucket=bucket, Key="a b.jpg", Body=b"another")
    assert moderation.handler(event, None)["outcome"] == "changed"
    assert keys(results, bucket) == ["a b.jpg"]
    assert tags(results, bucket, "a b.jpg") == {}
    assert keys(results, quarantine) == []


def test_other_failures_are_raised_so_that_they_are_tried_again(
    annotator: Annotator, results: Results, bucket: str, acting: pytest.MonkeyPatch
) -> None:
    acting.setenv("QUARANTINE", "there-is-no-such-bucket")
    event = emitted(annotator, results, bucket)
    with pytest.raises(Exception, match="NoSuchBucket"):
        moderation.handler(event, None)
    assert keys(results, bucket) == ["a b.jpg"]


def test_labels_of_whole_pictures_and_of_large_events_count() -> None:
    whole = {
        "labels": ["nsfw", "normal"],
        "classifications": [
            {"label": "nsfw", "probability": 0.9},
            {"label": "normal", "probability": 0.1},
        ],
        "detections": [],
    }
    assert moderation.found_labels(whole, ["nsfw"], 0.5) == ["nsfw"]
    assert moderation.found_labels(whole, ["normal"], 0.5) == []
    large = {"labels": ["gun", "person"], "detections": None, "truncated": True}
    assert moderation.found_labels(large, ["gun", "knife"], 0.5) == ["gun"]


def test_a_tag_takes_only_what_s3_allows(
    results: Results, bucket: str, acting: pytest.MonkeyPatch
) -> None:
    results.cloud.client("s3").put_object(Bucket=bucket, Key="k", Body=b"")
    place = {"Bucket": bucket, "Key": "k"}
    moderation._tag(place, ["porn, hentai & more", "x" * 300])
    value = tags(results, bucket, "k")["moderation"]
    assert value.startswith("porn_ hentai _ more / x")
    assert len(value) == 256


def test_the_template_and_the_function_name_the_same_settings() -> None:
    text = TEMPLATE.read_text()
    for name in ("LABELS", "MIN_PROBABILITY", "QUARANTINE"):
        assert f"{name}:" in text
        assert json.dumps(name) in Path(moderation.__file__).read_text()
