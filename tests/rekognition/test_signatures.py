"""SigV4: ignored until credentials are set, and then held against every part of a request."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from app.errors import StartError
from app.rekognition.errors import AwsError
from app.rekognition.signature import Verifier
from app.settings import load_settings
from tests.http.client import Wire, drawn
from tests.rekognition.clients import KEY_ID, REGION, SECRET, boto, inline, names, post
from tests.server import Server, serve, start_failure

BODY = httpx.Request("POST", "http://x", json=inline(drawn())).content
CREDENTIALS = f"AKIDOTHER:other, {KEY_ID}:{SECRET}"


@pytest.fixture(scope="module")
def guarded(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, aws_credentials=CREDENTIALS, api_keys="a-key") as server:
        yield server


def signed(
    url: str,
    key_id: str = KEY_ID,
    secret: str = SECRET,
    *,
    service: str = "rekognition",
    age: timedelta = timedelta(0),
    query: str = "",
    headers: dict[str, str] | None = None,
) -> dict[str, str]:
    """Headers as botocore makes them for ``BODY``."""
    given = {"X-Amz-Target": "RekognitionService.DetectLabels", **(headers or {})}
    request = AWSRequest("POST", f"{url}/{query}", data=BODY, headers=given)
    when = datetime.now(UTC) - age
    request.context["timestamp"] = when.strftime("%Y%m%dT%H%M%SZ")
    signer = SigV4Auth(Credentials(key_id, secret), service, REGION)
    # What add_auth does, but for the clock.
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    signer._inject_signature_to_request(request, signature)
    return dict(request.headers.items())


def send(
    server: Server, headers: dict[str, str], body: bytes = BODY, query: str = ""
) -> httpx.Response:
    return server.client.post(f"/{query}", content=body, headers=headers)


def code(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    told: str = answer.json()["__type"]
    return told


def test_boto3_signs_as_it_should(guarded: Server) -> None:
    assert "Cat" in names(boto(guarded).detect_labels(Image={"Bytes": drawn()}))
    other = boto(guarded, "AKIDOTHER", "other")
    assert "Cat" in names(other.detect_labels(Image={"Bytes": drawn()}))


@pytest.mark.parametrize(
    ("key_id", "secret", "error"),
    [
        (KEY_ID, "wrong", "InvalidSignatureException"),
        (KEY_ID, "other", "InvalidSignatureException"),
        ("AKIDUNKNOWN", SECRET, "UnrecognizedClientException"),
    ],
)
def test_boto3_with_wrong_credentials(
    guarded: Server, key_id: str, secret: str, error: str
) -> None:
    with pytest.raises(ClientError, match=error) as caught:
        boto(guarded, key_id, secret).detect_labels(Image={"Bytes": drawn()})
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert secret not in guarded.output()


@pytest.mark.parametrize("minutes", [-4, 0, 4])
def test_a_clock_may_be_a_little_wrong(guarded: Server, minutes: int) -> None:
    assert send(guarded, signed(guarded.url, age=timedelta(minutes=minutes))).status_code == 200


@pytest.mark.parametrize(
    ("minutes", "told"), [(6, "Signature expired"), (-6, "not yet current"), (3000, "expired")]
)
def test_an_old_signature_is_none(guarded: Server, minutes: int, told: str) -> None:
    answer = send(guarded, signed(guarded.url, age=timedelta(minutes=minutes)))
    assert code(answer) == "InvalidSignatureException"
    assert told in answer.json()["Message"]


def test_a_signature_for_another_service_is_none(guarded: Server) -> None:
    answer = send(guarded, signed(guarded.url, service="s3"))
    assert code(answer) == "InvalidSignatureException"
    assert "rekognition" in answer.json()["Message"]


def test_whoever_does_not_sign_is_told_to(guarded: Server) -> None:
    assert code(post(guarded, BODY)) == "MissingAuthenticationTokenException"
    key = {"Authorization": "Bearer a-key"}
    assert code(post(guarded, BODY, **key)) == "MissingAuthenticationTokenException"
    assert guarded.client.post("/detect", content=drawn(), headers=key).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=" + "0" * 64,
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20260101/r/rekognition/aws4_request,"
        " SignedHeaders=host;x-amz-date, Signature=zz",
    ],
)
def test_half_a_signature(guarded: Server, authorization: str) -> None:
    answer = post(guarded, BODY, Authorization=authorization)
    assert code(answer) == "IncompleteSignatureException"


def test_nothing_that_is_signed_may_change(guarded: Server) -> None:
    good = signed(guarded.url, query="?a=1&b=%20x", headers={"X-Note": "so   much"})
    assert send(guarded, good, query="?b=%20x&a=1").status_code == 200
    changed = [
        send(guarded, good, query="?a=2&b=%20x"),
        send(guarded, good),
        send(guarded, {**good, "X-Note": "less"}, query="?a=1&b=%20x"),
        send(guarded, good, BODY.replace(b"{", b"{ "), query="?a=1&b=%20x"),
        send(guarded, {**good, "Host": "elsewhere"}, query="?a=1&b=%20x"),
    ]
    assert {code(answer) for answer in changed} == {"InvalidSignatureException"}


def test_what_has_to_be_signed(guarded: Server) -> None:
    """A target that is not signed could be put there by anybody."""
    headers = signed(guarded.url)
    for name in ("host;", "x-amz-date;", ";x-amz-target"):
        short = {**headers, "Authorization": headers["Authorization"].replace(name, "")}
        assert code(send(guarded, short)) == "IncompleteSignatureException"


def test_the_body_is_not_waited_for(guarded: Server) -> None:
    head = {"Content-Length": "1000000", "Expect": "100-continue"}
    for headers, error in [
        ({"X-Amz-Target": "RekognitionService.DetectLabels"}, "MissingAuthenticationToken"),
        (signed(guarded.url, "AKIDUNKNOWN"), "UnrecognizedClient"),
        (signed(guarded.url, age=timedelta(hours=1)), "InvalidSignature"),
    ]:
        with Wire(guarded) as wire:
            assert error in code(wire.head("POST", "/", {**head, **headers}).response())


@pytest.mark.parametrize("path", ["", "/prod"])
def test_behind_a_path_that_the_client_signs(scripted_model: Path, path: str) -> None:
    with serve(scripted_model, aws_credentials=CREDENTIALS, root_path="/prod") as server:
        client = boto(server, path=path)
        assert "Cat" in names(client.detect_labels(Image={"Bytes": drawn()}))


def test_without_credentials_any_signature_will_do(scripted: Server) -> None:
    old = signed(scripted.url, "AKIDUNKNOWN", "wrong", age=timedelta(days=1))
    assert send(scripted, old).status_code == 200
    assert post(scripted, BODY).status_code == 200


def test_with_api_keys_and_no_credentials_nobody_comes_in(scripted_model: Path) -> None:
    with serve(scripted_model, api_keys="a-key") as server:
        client = boto(server)
        with pytest.raises(client.exceptions.AccessDeniedException, match="AWS_CREDENTIALS"):
            client.detect_labels(Image={"Bytes": drawn()})
        head = {"Content-Length": "1000000", "X-Amz-Target": "RekognitionService.DetectLabels"}
        with Wire(server) as wire:
            assert code(wire.head("POST", "/", head).response()) == "AccessDeniedException"


@pytest.mark.parametrize("value", ["no-id", ":secret", "AKID:", "AKID:x y", "A:b,lone"])
def test_credentials_that_cannot_be_used_are_not_shown(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTTER_AWS_CREDENTIALS", value)
    with pytest.raises(StartError) as caught:
        load_settings()
    told = str(caught.value)
    assert told.startswith("SPOTTER_AWS_CREDENTIALS: ")
    assert "ID:SECRET" in told
    assert value not in told


def test_wrong_credentials_stop_the_start() -> None:
    exit_code, told = start_failure(aws_credentials="a-secret-that-has-no-id")
    assert exit_code != 0
    assert "SPOTTER_AWS_CREDENTIALS" in told
    assert "a-secret" not in told
    assert "Traceback" not in told


def test_examples_of_headers_that_no_sdk_sends() -> None:
    verifier = Verifier({"id": "secret"})
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    scope = "20260131/eu/rekognition/aws4_request"

    def told(credential: str, **headers: str) -> str:
        fields = f"Credential={credential},SignedHeaders=host;x-amz-date,Signature={'a' * 64}"
        given: dict[str, Any] = {"authorization": f"AWS4-HMAC-SHA256 {fields}", **headers}
        with pytest.raises(AwsError) as caught:
            verifier.examine(given, now)
        return caught.value.code

    assert told(f"id/{scope}") == "InvalidSignatureException"  # no date at all
    assert told(f"id/{scope}", **{"x-amz-date": "20260131"}) == "IncompleteSignatureException"
    assert told(f"ID/{scope}") == "UnrecognizedClientException"
    assert told(f"id/{scope[:-1]}") == "InvalidSignatureException"
    assert told(f"id/x/{scope}") == "IncompleteSignatureException"
