"""Each error as botocore's typed exception, and as JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.http.client import Wire, drawn
from tests.http.scripted import RED, WHITE
from tests.rekognition.clients import boto, inline, names, post
from tests.server import Server, serve

LIMIT = 5 * 1024 * 1024
GOOD = drawn()
TARGET = {"X-Amz-Target": "RekognitionService.DetectLabels"}


def padded(size: int) -> bytes:
    return GOOD + b"\0" * (size - len(GOOD))


def refusal(server: Server, body: Any, **headers: str) -> tuple[str, str]:
    """Code and message, after a look at all that every error has."""
    answer = post(server, body, **headers)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert answer.headers["x-amzn-requestid"] == answer.headers["x-request-id"]
    told = answer.json()
    assert told["__type"] == told["Code"]
    return told["Code"], told["Message"]


@pytest.mark.parametrize("image", [b"no image", b"\xff\xd8\xff", GOOD[:60]])
def test_invalid_image_format(rekognition: Any, image: bytes) -> None:
    with pytest.raises(rekognition.exceptions.InvalidImageFormatException) as caught:
        rekognition.detect_labels(Image={"Bytes": image})
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["ResponseMetadata"]["RequestId"]
    assert response["Error"]["Message"]


def test_five_mebibytes_and_no_more(rekognition: Any) -> None:
    assert rekognition.detect_labels(Image={"Bytes": padded(LIMIT)})["Labels"]
    for size in (LIMIT + 1, LIMIT + 4, 20_000_000, 40_000_000):
        with pytest.raises(rekognition.exceptions.ImageTooLargeException):
            rekognition.detect_labels(Image={"Bytes": padded(size)})


def test_too_many_pixels(scripted_model: Path) -> None:
    with serve(scripted_model, max_pixels="1000") as server:
        client = boto(server)
        with pytest.raises(client.exceptions.ImageTooLargeException, match="64 x 64"):
            client.detect_labels(Image={"Bytes": GOOD})


@pytest.mark.parametrize(
    "parameters",
    [
        {"Image": {}},
        {"Image": {"Bytes": GOOD, "S3Object": {"Bucket": "abc", "Name": "x"}}},
        {"MaxLabels": -1},
        {"MinConfidence": -0.1},
        {"MinConfidence": 100.1},
        {"Features": ["GENERAL_LABELS", "FACES"]},
        {"Features": ["GENERAL_LABELS"] * 3},
        {"Settings": {"ImageProperties": {"MaxDominantColors": 21}}},
        {"Settings": {"ImageProperties": {"MaxDominantColors": -1}}},
        {"Settings": {"GeneralLabels": {"LabelInclusionFilters": ["x" * 51]}}},
        {"Settings": {"GeneralLabels": {"LabelExclusionFilters": ["<b>"]}}},
        {"Settings": {"GeneralLabels": {"LabelCategoryInclusionFilters": ["x"] * 101}}},
        {"Image": {"S3Object": {"Bucket": "ab", "Name": "x"}}},
        {"Image": {"S3Object": {"Bucket": "a/b", "Name": "x"}}},
        {"Image": {"S3Object": {"Bucket": "abc"}}},
    ],
    ids=str,
)
def test_invalid_parameters(scripted: Server, parameters: dict[str, Any]) -> None:
    """botocore would find some of them itself: it is told not to look."""
    client = boto(scripted, parameter_validation=False)
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.detect_labels(**{"Image": {"Bytes": GOOD}, **parameters})


def test_a_request_that_cannot_be_read(scripted: Server) -> None:
    for body in (b"", b"{", b"[]", b"\xff", {}, {"Image": 1}, inline(GOOD, MaxLabels="many")):
        code, message = refusal(scripted, body)
        assert code in ("SerializationException", "InvalidParameterException")
        assert message
    assert refusal(scripted, b"{")[0] == "SerializationException"
    assert refusal(scripted, inline(GOOD, MaxLabels="2"))[0] == "SerializationException"
    assert refusal(scripted, {})[0] == "InvalidParameterException"
    not_base64 = {"Image": {"Bytes": "a picture"}}
    assert refusal(scripted, not_base64)[0] == "SerializationException"
    assert refusal(scripted, {"Image": {"Bytes": ""}})[0] == "InvalidParameterException"
    code, _ = refusal(scripted, json.dumps(inline(GOOD)).encode()[:-1] + b', "MinConfidence": NaN}')
    assert code == "InvalidParameterException"


@pytest.mark.parametrize("form", ["wrapped", "data URL"])
def test_base64_as_people_paste_it(scripted: Server, form: str) -> None:
    """More than AWS takes."""
    request = inline(GOOD)
    text = request["Image"]["Bytes"]
    lines = "\r\n".join(text[i : i + 76] for i in range(0, len(text), 76))
    request["Image"]["Bytes"] = lines if form == "wrapped" else f"data:image/png;base64,{text}"
    assert post(scripted, request).json() == post(scripted, inline(GOOD)).json()


def test_what_the_service_does_not_know_is_ignored(scripted: Server) -> None:
    answer = post(scripted, inline(GOOD, Novelty=1, MaxLabels=None, Settings=None))
    assert answer.status_code == 200
    assert "Cat" in names(answer.json())


def test_other_operations_are_named(rekognition: Any) -> None:
    with pytest.raises(ClientError, match="UnknownOperationException") as caught:
        rekognition.detect_faces(Image={"Bytes": GOOD})
    message = caught.value.response["Error"]["Message"]
    assert "RekognitionService.DetectFaces" in message
    assert "RekognitionService.DetectLabels" in message


def test_without_a_target_there_is_only_the_page(scripted: Server) -> None:
    answer = scripted.client.post("/", content=GOOD)
    assert answer.status_code == 405
    assert answer.json()["code"] == "MethodNotAllowed"
    assert "POST images to /detect" in answer.json()["detail"]
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_the_request_id_is_the_clients(scripted: Server) -> None:
    answer = post(scripted, inline(GOOD), **{"X-Request-Id": "mine-1"})
    assert answer.headers["x-amzn-requestid"] == "mine-1"
    assert scripted.logged("mine-1")["detections"] == 2


def test_a_failure_of_the_server(scripted: Server) -> None:
    client = boto(scripted)
    with pytest.raises(client.exceptions.InternalServerError) as caught:
        client.detect_labels(Image={"Bytes": drawn(colour=RED)})
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "Traceback" not in response["Error"]["Message"]
    assert response["ResponseMetadata"]["RequestId"] in response["Error"]["Message"]
    assert client.detect_labels(Image={"Bytes": GOOD})["Labels"]  # it is well again


@pytest.fixture(scope="module")
def narrow(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, concurrency="1", queue="0", threads="1") as server:
        yield server


def test_overloaded_is_throttling(narrow: Server) -> None:
    body = json.dumps(inline(drawn(colour=WHITE))).encode()
    client = boto(narrow)
    for _ in range(20):
        with Wire(narrow) as busy:
            head = {**TARGET, "Content-Length": str(len(body))}
            busy.head("POST", "/", head).send(body)
            try:
                client.detect_labels(Image={"Bytes": GOOD})
            except client.exceptions.ThrottlingException as error:
                metadata = error.response["ResponseMetadata"]
                assert metadata["HTTPStatusCode"] == 500
                assert int(metadata["HTTPHeaders"]["retry-after"]) >= 1
                assert busy.response().status_code == 200
                return
            busy.response()
    pytest.fail("It was never too busy.")


def test_the_sdk_tries_again_by_itself(narrow: Server) -> None:
    body = json.dumps(inline(drawn(colour=WHITE))).encode()
    with Wire(narrow) as busy:
        busy.head("POST", "/", {**TARGET, "Content-Length": str(len(body))}).send(body)
        patient = boto(narrow, retries=8)
        assert patient.detect_labels(Image={"Bytes": GOOD})["Labels"]
        assert busy.response().status_code == 200
