"""SPOTTER_RATE_LIMIT on a real socket: who is counted, how it is told, and before what."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.http.client import Wire, drawn, multipart, post, problem
from tests.rekognition.clients import KEY_ID, SECRET, boto
from tests.server import Server, serve

IMAGE = drawn()
FORM = {"Content-Type": "multipart/form-data; boundary=spotter-test-boundary"}
TARGET = {
    "X-Amz-Target": "RekognitionService.DetectLabels",
    "Content-Type": "application/x-amz-json-1.1",
}


@pytest.fixture
def keyed(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, rate_limit="2/h", api_keys="one,two") as server:
        yield server


@pytest.fixture
def open_to_all(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, rate_limit="2/h") as server:
        yield server


def used_up(answer: httpx.Response) -> None:
    assert 1700 <= int(answer.headers["retry-after"]) <= 1800
    assert answer.headers["ratelimit-policy"] == '"default";q=2;w=3600'
    assert answer.headers["ratelimit"] == f'"default";r=0;t={answer.headers["retry-after"]}'


def test_each_key_has_its_own_and_is_told(keyed: Server) -> None:
    one, two = {"X-API-Key": "one"}, {"Authorization": "Bearer two"}
    first = post(keyed, IMAGE, headers=one)
    assert first.status_code == 200
    assert first.headers["ratelimit"].startswith('"default";r=1;t=')
    assert keyed.client.get("/model", headers=one).status_code == 200
    refused = post(keyed, IMAGE, headers=one)
    assert "2 requests an hour" in problem(refused, 429, "TooManyRequests")
    used_up(refused)
    assert post(keyed, IMAGE, headers=two).status_code == 200


def test_who_has_no_key_costs_nobody_anything(keyed: Server) -> None:
    for _ in range(5):
        problem(post(keyed, IMAGE, headers={"X-API-Key": "three"}), 401, "AccessDenied")
    assert post(keyed, IMAGE, headers={"X-API-Key": "one"}).status_code == 200


def test_without_keys_it_is_the_address_and_health_is_free(open_to_all: Server) -> None:
    for _ in range(2):
        assert post(open_to_all, IMAGE).status_code == 200
    used_up(post(open_to_all, IMAGE))
    for _ in range(5):
        assert open_to_all.client.get("/healthz").status_code == 200
        assert open_to_all.client.get("/metrics").status_code == 200


def test_the_body_is_not_waited_for(open_to_all: Server) -> None:
    for _ in range(2):
        post(open_to_all, IMAGE)
    headers = {"Content-Length": "10000000"}
    for path, more in (("/detect", {}), ("/v1/vision/detection", FORM), ("/", TARGET)):
        for expect in ({}, {"Expect": "100-continue"}):
            with Wire(open_to_all) as wire:
                answer = wire.head("POST", path, {**headers, **more, **expect}).response()
            assert answer.status_code == 429
            used_up(answer)


def test_the_other_routes_say_it_in_their_own_words(open_to_all: Server) -> None:
    for _ in range(2):
        assert post(open_to_all, IMAGE).status_code == 200
    form = multipart(("image", IMAGE))
    answer = open_to_all.client.post("/v1/vision/detection", content=form, headers=FORM)
    assert answer.status_code == 429
    assert answer.json()["success"] is False
    used_up(answer)
    answer = open_to_all.client.post("/", content=json.dumps({"Image": {}}), headers=TARGET)
    assert answer.status_code == 429
    assert answer.json()["__type"].endswith("ProvisionedThroughputExceededException")
    used_up(answer)


def test_boto3_knows_the_error_and_comes_back_by_itself(scripted_model: Path) -> None:
    with serve(scripted_model, rate_limit="20/m") as server:
        hasty, patient = boto(server, retries=1), boto(server, retries=8)

        def ask_often() -> None:
            for _ in range(1000):
                hasty.detect_labels(Image={"Bytes": IMAGE})

        with pytest.raises(hasty.exceptions.ProvisionedThroughputExceededException):
            ask_often()
        # On a slow machine the limit may allow the first ones.
        answers = (patient.detect_labels(Image={"Bytes": IMAGE}) for _ in range(20))
        answer = next(one for one in answers if one["ResponseMetadata"]["RetryAttempts"])
    assert answer["Labels"]


def test_a_signer_is_counted_once_the_signature_is_proven(scripted_model: Path) -> None:
    """Nobody uses up what belongs to a key id that he only knows the name of."""
    credentials = f"{KEY_ID}:{SECRET},AKIDOTHER:other"
    with serve(scripted_model, rate_limit="2/h", aws_credentials=credentials) as server:
        forger = boto(server, secret="made up")
        for _ in range(5):
            with pytest.raises(forger.exceptions.ClientError, match="InvalidSignature"):
                forger.detect_labels(Image={"Bytes": IMAGE})
        client = boto(server)
        for _ in range(2):
            assert client.detect_labels(Image={"Bytes": IMAGE})["Labels"]
        with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
            client.detect_labels(Image={"Bytes": IMAGE})
        other = boto(server, "AKIDOTHER", "other")
        assert other.detect_labels(Image={"Bytes": IMAGE})["Labels"]


PROXIED = (
    ("192.0.2.1", 200),
    ("192.0.2.1", 429),
    ("192.0.2.2", 200),
    ("2001:db8::1", 200),
    ("2001:db8::ffff:2", 429),  # of the same network
    ("2001:db8:0:1::1", 200),
    ("::ffff:192.0.2.2", 429),  # the one above, as IPv6 has it
    ("192.0.2.3:4711, 127.0.0.1", 200),
    ("[2001:db8:0:2::1]:4711", 200),
    ("no-address", 200),
    ("no-address", 429),
)


def with_uvicorn(port: int) -> list[str]:
    return ["-m", "uvicorn", "app.main:app", "--port", str(port)]


def told(server: Server) -> list[str]:
    """Lines of the log about a proxy."""
    return [line["message"] for line in server.log() if "FORWARDED_ALLOW_IPS" in line["message"]]


def test_behind_a_proxy_it_is_the_client_that_counts(
    scripted_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.100,127.0.0.1")
    with serve(scripted_model, rate_limit="1/h") as server:
        for address, status in PROXIED:
            answer = post(server, IMAGE, headers={"X-Forwarded-For": address})
            assert answer.status_code == status, address
        assert told(server) == []


def test_uvicorn_s_own_command_believes_this_machine(scripted_model: Path) -> None:
    with serve(scripted_model, with_uvicorn, rate_limit="1/h") as server:
        for address, status in PROXIED:
            answer = post(server, IMAGE, headers={"X-Forwarded-For": address})
            assert answer.status_code == status, address
        assert told(server) == []


@pytest.mark.parametrize("believed", [None, "", "192.0.2.100"])
def test_nobody_else_is_believed_and_the_log_says_so_once(
    scripted_model: Path, monkeypatch: pytest.MonkeyPatch, believed: str | None
) -> None:
    if believed is None:
        monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    else:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", believed)
    with serve(scripted_model, rate_limit="1/h") as server:
        codes = [
            post(server, IMAGE, headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code
            for n in (1, 2, 3)
        ]
        (line,) = told(server)
    assert codes == [200, 429, 429]
    assert "127.0.0.1" in line


@pytest.mark.parametrize("settings", [{}, {"rate_limit": "5/h", "api_keys": "one"}])
def test_the_log_says_nothing_of_proxies_if_addresses_do_not_count(
    scripted_model: Path, settings: dict[str, str]
) -> None:
    headers = {"X-Forwarded-For": "192.0.2.1", "X-API-Key": "one"}
    with serve(scripted_model, **settings) as server:
        assert post(server, IMAGE, headers=headers).status_code == 200
        assert told(server) == []


def test_nor_if_there_is_no_proxy(open_to_all: Server) -> None:
    assert post(open_to_all, IMAGE).status_code == 200
    assert told(open_to_all) == []


def test_pages_of_other_origins_may_read_it(scripted_model: Path) -> None:
    with serve(scripted_model, rate_limit="1/h", cors_origins="https://shop.example") as server:
        for status in (200, 429):
            answer = post(server, IMAGE, headers={"Origin": "https://shop.example"})
            assert answer.status_code == status
            exposed = answer.headers["access-control-expose-headers"]
            assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed.split(", "))


def test_a_key_in_the_form_is_counted_like_one_in_a_header(keyed: Server) -> None:
    form = multipart(("image", IMAGE), ("api_key", b"one"))
    codes = [
        keyed.client.post("/v1/vision/detection", content=form, headers=FORM).status_code
        for _ in range(3)
    ]
    assert codes == [200, 200, 429]
    assert post(keyed, IMAGE, headers={"X-API-Key": "one"}).status_code == 429
