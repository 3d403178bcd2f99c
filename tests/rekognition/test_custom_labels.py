"""DetectCustomLabels and the project versions that it names, by boto3, the CLI and JavaScript."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.http.client import drawn
from tests.http.scripted import RED
from tests.rekognition.clients import KEY_ID, SECRET, boto, cli, inline, node, post
from tests.rekognition.shapes import faults, output_shape
from tests.server import Server, serve

ACCOUNT = "arn:aws:rekognition:eu-central-1:123456789012"
PROJECT = f"{ACCOUNT}:project/helmets/1600000000000"
VERSION = f"{ACCOUNT}:project/helmets/version/helmets.2024-01-02T03.04.05/1700000000000"
NAME = "helmets.2024-01-02T03.04.05"
OTHER = f"{ACCOUNT}:project/helmets/version/second/1700000000001"
IMAGE = {"Bytes": drawn()}
TARGET = "RekognitionService.DetectCustomLabels"


@pytest.fixture
def server(scripted_model: Path) -> Iterator[Server]:
    """Of its own for each test, since a stop is remembered."""
    with serve(scripted_model) as running:
        yield running


@pytest.fixture(scope="module")
def with_versions(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, project_versions=f"{VERSION}, {OTHER}") as running:
        yield running


def code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    assert type(caught.value).__name__ == response["Error"]["Code"]  # a typed exception
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Message"]
    return str(response["Error"]["Code"])


def described(client: Any, **parameters: Any) -> list[tuple[str, str]]:
    answer = client.describe_project_versions(ProjectArn=PROJECT, **parameters)
    return [
        (one["ProjectVersionArn"], one["Status"]) for one in answer["ProjectVersionDescriptions"]
    ]


def test_the_model_s_own_labels(rekognition: Any) -> None:
    answer = rekognition.detect_custom_labels(ProjectVersionArn=VERSION, Image=IMAGE)
    found = answer["CustomLabels"]
    assert [one["Name"] for one in found] == ["cat", "dog", "bus"]  # above the model's 0.25
    assert found[0]["Confidence"] == pytest.approx(91.23456, abs=1e-3)
    box = found[0]["Geometry"]["BoundingBox"]
    assert box == pytest.approx(
        {"Left": 0.3105, "Top": 0.3896, "Width": 0.3164, "Height": 0.1582}, abs=1e-3
    )


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"MinConfidence": 0}, ["cat", "dog", "bus", "traffic light"]),
        ({"MinConfidence": 50}, ["cat", "dog"]),
        ({"MinConfidence": 100}, []),
        ({"MaxResults": 1}, ["cat"]),
        ({"MaxResults": 0}, []),
        ({"MaxResults": 2, "MinConfidence": 0}, ["cat", "dog"]),
    ],
)
def test_options(rekognition: Any, parameters: dict[str, Any], found: list[str]) -> None:
    answer = rekognition.detect_custom_labels(ProjectVersionArn=VERSION, Image=IMAGE, **parameters)
    assert [one["Name"] for one in answer["CustomLabels"]] == found


def test_the_threshold_is_the_server_s(scripted_model: Path) -> None:
    with serve(scripted_model, confidence="0.8") as running:
        answer = boto(running).detect_custom_labels(ProjectVersionArn=VERSION, Image=IMAGE)
    assert [one["Name"] for one in answer["CustomLabels"]] == ["cat"]


@pytest.mark.parametrize(
    ("operation", "target", "body"),
    [
        ("DetectCustomLabels", TARGET, inline(drawn(), ProjectVersionArn=VERSION)),
        (
            "DescribeProjectVersions",
            "RekognitionService.DescribeProjectVersions",
            {"ProjectArn": PROJECT, "VersionNames": [NAME]},
        ),
        (
            "StartProjectVersion",
            "RekognitionService.StartProjectVersion",
            {"ProjectVersionArn": VERSION, "MinInferenceUnits": 1},
        ),
        (
            "StopProjectVersion",
            "RekognitionService.StopProjectVersion",
            {"ProjectVersionArn": VERSION},
        ),
    ],
)
def test_answers_have_amazon_s_shapes(
    server: Server, operation: str, target: str, body: Any
) -> None:
    answer = post(server, body, target)
    assert answer.status_code == 200, answer.text
    assert answer.json()
    assert not faults(answer.json(), output_shape(operation))


def test_the_arn_stands_in_the_log(scripted: Server) -> None:
    answer = post(scripted, inline(drawn(), ProjectVersionArn=VERSION), TARGET)
    assert scripted.logged(answer.headers["x-amzn-requestid"])["projectVersion"] == VERSION


def test_a_script_that_starts_waits_detects_and_stops(server: Server) -> None:
    client = boto(server)
    started = client.start_project_version(ProjectVersionArn=VERSION, MinInferenceUnits=1)
    assert started["Status"] == "RUNNING"
    waiter = client.get_waiter("project_version_running")
    names = {"ProjectArn": PROJECT, "VersionNames": [NAME]}
    waiter.wait(**names, WaiterConfig={"Delay": 1, "MaxAttempts": 1})
    assert client.detect_custom_labels(ProjectVersionArn=VERSION, Image=IMAGE)["CustomLabels"]
    assert client.stop_project_version(ProjectVersionArn=VERSION)["Status"] == "STOPPED"
    assert described(client, VersionNames=[NAME]) == [(VERSION, "STOPPED")]
    assert described(client) == [(VERSION, "STOPPED")]
    refused = code(client.detect_custom_labels, ProjectVersionArn=VERSION, Image=IMAGE)
    assert refused == "ResourceNotReadyException"
    assert client.detect_custom_labels(ProjectVersionArn=OTHER, Image=IMAGE)["CustomLabels"]
    client.start_project_version(ProjectVersionArn=VERSION, MinInferenceUnits=2)
    assert described(client, VersionNames=[NAME]) == [(VERSION, "RUNNING")]
    assert client.detect_custom_labels(ProjectVersionArn=VERSION, Image=IMAGE)["CustomLabels"]
    assert client.detect_labels(Image=IMAGE)["Labels"]


def test_what_nobody_has_started_is_running(rekognition: Any) -> None:
    assert [status for _, status in described(rekognition)] == ["RUNNING"]
    found = described(rekognition, VersionNames=["never-seen", "second"])
    assert [arn.split("/")[3] for arn, _ in found] == ["never-seen", "second"]
    assert {status for _, status in found} == {"RUNNING"}


def test_pages(with_versions: Server) -> None:
    client = boto(with_versions)
    pages = client.get_paginator("describe_project_versions").paginate(
        ProjectArn=PROJECT, PaginationConfig={"PageSize": 1}
    )
    found = [
        one["ProjectVersionArn"] for page in pages for one in page["ProjectVersionDescriptions"]
    ]
    assert found == [VERSION, OTHER]
    for token in ("x", "99", "-1"):
        refused = code(client.describe_project_versions, ProjectArn=PROJECT, NextToken=token)
        assert refused == "InvalidPaginationTokenException"


def test_only_versions_of_the_setting(with_versions: Server) -> None:
    client = boto(with_versions)
    assert client.detect_custom_labels(ProjectVersionArn=VERSION, Image=IMAGE)["CustomLabels"]
    other = VERSION.replace("helmets/version", "hats/version")
    for call, more in (
        (client.detect_custom_labels, {"Image": IMAGE}),
        (client.start_project_version, {"MinInferenceUnits": 1}),
        (client.stop_project_version, {}),
    ):
        assert code(call, ProjectVersionArn=other, **more) == "ResourceNotFoundException"
    hats = PROJECT.replace("helmets", "hats")
    assert code(client.describe_project_versions, ProjectArn=hats) == "ResourceNotFoundException"
    assert described(client, VersionNames=["second", "third"]) == [(OTHER, "RUNNING")]


@pytest.mark.parametrize(
    "arn", ["x" * 19, "a-model-of-my-own-choice", VERSION[:-14], VERSION + "\n", PROJECT]
)
def test_what_is_no_arn(scripted: Server, arn: str) -> None:
    answer = post(scripted, inline(drawn(), ProjectVersionArn=arn), TARGET)
    assert answer.status_code == 400
    assert answer.json()["Code"] == "InvalidParameterException"
    assert "ProjectVersionArn" in answer.json()["Message"]


def test_wrong_numbers(rekognition: Any) -> None:
    refused = code(
        rekognition.start_project_version,
        ProjectVersionArn=VERSION,
        MinInferenceUnits=2,
        MaxInferenceUnits=1,
    )
    assert refused == "InvalidParameterException"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (b"no image", "InvalidImageFormatException"),
        (drawn()[:60], "InvalidImageFormatException"),
        (drawn() + b"\0" * 5_300_000, "ImageTooLargeException"),
    ],
)
def test_images_that_are_refused(rekognition: Any, image: bytes, expected: str) -> None:
    call = rekognition.detect_custom_labels
    assert code(call, ProjectVersionArn=VERSION, Image={"Bytes": image}) == expected


def test_a_failure_is_tried_again_by_sdks(scripted: Server) -> None:
    answer = post(scripted, inline(drawn(colour=RED), ProjectVersionArn=VERSION), TARGET)
    assert (answer.status_code, answer.json()["Code"]) == (500, "InternalServerError")


def test_signatures_are_asked_for_as_for_detect_labels(scripted_model: Path) -> None:
    with serve(scripted_model, aws_credentials=f"{KEY_ID}:{SECRET}") as running:
        assert boto(running).detect_custom_labels(ProjectVersionArn=VERSION, Image=IMAGE)
        assert boto(running).stop_project_version(ProjectVersionArn=VERSION)
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            boto(running, secret="another").start_project_version(
                ProjectVersionArn=VERSION, MinInferenceUnits=1
            )


def test_the_command_line(server: Server, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(drawn())
    version = ("--project-version-arn", VERSION)

    def printed(operation: str, *arguments: str) -> Any:
        done = cli(server, *arguments, operation=operation)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    labels = printed("detect-custom-labels", *version, "--image-bytes", f"fileb://{photo}")
    assert [one["Name"] for one in labels["CustomLabels"]] == ["cat", "dog", "bus"]
    assert printed("stop-project-version", *version) == {"Status": "STOPPED"}
    found = printed("describe-project-versions", "--project-arn", PROJECT, "--version-names", NAME)
    assert found["ProjectVersionDescriptions"][0]["Status"] == "STOPPED"


def test_javascript(server: Server, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(drawn())
    found = node("project.mjs", server.url, str(photo), VERSION, PROJECT)
    assert found["statuses"] == ["RUNNING", "SUCCESS", "STOPPED", "STOPPED"]
    assert found["names"] == ["cat", "dog", "bus"]
    assert found["refused"] == "ResourceNotReadyException"
