"""Images by their name in S3, which moto plays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws.moto import Cloud, run_cloud
from tests.http.client import drawn
from tests.rekognition.clients import boto, cli, names
from tests.server import Server, serve

ALLOWED = "spotter-pictures"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with run_cloud() as running:
        running.bucket(ALLOWED, versioned=True)
        running.bucket("others-pictures")
        yield running


@pytest.fixture(scope="module")
def server(cloud: Cloud, scripted_model: Path) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in cloud.environment.items():
            environment.setenv(name, value)
        with serve(scripted_model, s3_buckets=ALLOWED) as running:
            yield running


def stored(cloud: Cloud, image: bytes, name: str = "in/photo.png", bucket: str = ALLOWED) -> Any:
    return cloud.client("s3").put_object(Bucket=bucket, Key=name, Body=image)


def test_an_object_is_read(cloud: Cloud, server: Server) -> None:
    stored(cloud, drawn(), "in/ä photo+1.png")
    answer = boto(server).detect_labels(
        Image={"S3Object": {"Bucket": ALLOWED, "Name": "in/ä photo+1.png"}}
    )
    assert "Cat" in names(answer)


def test_a_version_is_read(cloud: Cloud, server: Server) -> None:
    first = stored(cloud, drawn())["VersionId"]
    stored(cloud, b"no image")
    client = boto(server)
    thing = {"Bucket": ALLOWED, "Name": "in/photo.png"}
    assert names(client.detect_labels(Image={"S3Object": {**thing, "Version": first}}))
    with pytest.raises(client.exceptions.InvalidImageFormatException):
        client.detect_labels(Image={"S3Object": thing})


def test_objects_may_be_larger_than_what_is_sent(cloud: Cloud, server: Server) -> None:
    stored(cloud, drawn() + b"\0" * 8_000_000, "large")
    assert names(
        boto(server).detect_labels(Image={"S3Object": {"Bucket": ALLOWED, "Name": "large"}})
    )
    stored(cloud, b"\0" * 25_000_000, "larger")
    client = boto(server)
    with pytest.raises(client.exceptions.ImageTooLargeException):
        client.detect_labels(Image={"S3Object": {"Bucket": ALLOWED, "Name": "larger"}})


@pytest.mark.parametrize(
    ("bucket", "name", "told"),
    [
        ("others-pictures", "photo.png", "SPOTTER_S3_BUCKETS"),
        (ALLOWED, "missing.png", "no object"),
        ("no-such-bucket", "photo.png", "SPOTTER_S3_BUCKETS"),
    ],
)
def test_what_may_not_or_cannot_be_read(
    cloud: Cloud, server: Server, bucket: str, name: str, told: str
) -> None:
    stored(cloud, drawn(), "photo.png", "others-pictures")
    client = boto(server)
    with pytest.raises(client.exceptions.InvalidS3ObjectException, match=told):
        client.detect_labels(Image={"S3Object": {"Bucket": bucket, "Name": name}})


def test_no_bucket_is_allowed_unless_it_is_named(rekognition: Any) -> None:
    with pytest.raises(rekognition.exceptions.InvalidS3ObjectException):
        rekognition.detect_labels(Image={"S3Object": {"Bucket": ALLOWED, "Name": "photo.png"}})


def test_the_command_line_names_objects(cloud: Cloud, server: Server) -> None:
    stored(cloud, drawn(), "photo.png")
    done = cli(server, "--image", f"S3Object={{Bucket={ALLOWED},Name=photo.png}}")
    assert done.returncode == 0, done.stderr
    assert '"Name": "Cat"' in done.stdout
