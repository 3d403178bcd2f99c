"""The OpenAPI document against the real server: whatever it allows, the answers are as it says."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis

from tests.http.client import base64_of, drawn, post
from tests.http.scripted import RED
from tests.server import LIMIT, Server, serve

DOCUMENTED = {200, 401, 408, 413, 415, 421, 422, 429, 500, 503}


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    with serve(api_keys="key") as server:
        yield server


@pytest.fixture(scope="module")
def document(locked: Server) -> Any:
    return schemathesis.openapi.from_url(f"{locked.url}/openapi.json")


def test_whatever_may_be_sent(locked: Server, tmp_path: Path) -> None:
    """Examples at all bounds, right and wrong, then made-up ones; each answer by every check.

    But for one: that a string is no image, or a label not the model's, no schema can say.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{locked.url}/openapi.json"),
            *("--header", "X-API-Key: key", "--phases", "coverage,fuzzing", "--no-color"),
            *("--max-examples", "40", "--generation-deterministic"),
            # By itself it fails if the machine is too busy to make the examples, or to answer.
            *("--suppress-health-check", "too_slow", "--request-timeout", str(LIMIT)),
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    paths = locked.client.get("/openapi.json").json()["paths"]
    operations = sum(len(methods) for methods in paths.values())
    assert f"{operations} selected / {operations} total" in done.stdout
    assert len(locked.log()) > 100
    assert "error" not in {line["level"] for line in locked.log()}
    assert "Traceback" not in locked.output()


ANSWERS: dict[str, dict[str, Any]] = {
    "JSON": {"content": drawn(80, 60)},
    "JSON with a sentence": {"content": drawn(80, 60), "params": {"alt_text": "true"}},
    "everything found": {"content": drawn(9, 60), "params": {"confidence": "0", "iou": "1"}},
    "JPEG": {"content": drawn(80, 60), "headers": {"Accept": "image/jpeg"}},
    "PNG": {"content": drawn(80, 60), "headers": {"Accept": "image/png"}},
    "from JSON": {"json": {"image": base64_of(drawn(80, 60))}},
    "from a form": {"files": {"file": drawn(80, 60)}},
    "no image": {"content": b"text"},
    "cut": {"content": drawn(80, 60)[:60]},
    "option": {"content": drawn(80, 60), "params": {"iou": "2"}},
    "broken inside": {"content": drawn(colour=RED)},
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_real_answers(scripted: Server, document: Any, kind: str) -> None:
    answer = scripted.client.post("/detect", **ANSWERS[kind])
    answer.request.read()
    document["/detect"]["POST"].validate_response(answer)
    assert str(answer.status_code) in document["/detect"]["POST"].definition.raw["responses"]
    assert post(scripted, drawn()).status_code == 200  # others ask this server for its health


def test_real_answers_to_get(scripted: Server, document: Any) -> None:
    assert post(scripted, drawn()).status_code == 200
    for path in ("/healthz", "/model"):
        document[path]["GET"].validate_response(scripted.client.get(path))


def test_every_error_of_a_path_is_documented(locked: Server) -> None:
    paths = locked.client.get("/openapi.json").json()["paths"]
    detect = paths["/detect"]["post"]["responses"]
    assert {int(status) for status in detect} == DOCUMENTED
    for status, response in detect.items():
        media = set(response["content"])
        assert media == (
            {"application/json", "image/jpeg", "image/png"}
            if status == "200"
            else {"application/problem+json"}
        )
    assert {"200", "421", "503"} == set(paths["/healthz"]["get"]["responses"])
    assert {"200", "401", "421", "429", "503"} == set(paths["/model"]["get"]["responses"])


def test_the_body_is_a_form_or_the_raw_image(locked: Server) -> None:
    """Generators would choose JSON for an upload if it stood there."""
    operation = locked.client.get("/openapi.json").json()["paths"]["/detect"]["post"]
    assert list(operation["requestBody"]["content"]) == [
        "multipart/form-data",
        "application/octet-stream",
    ]


def test_a_key_is_optional_where_none_is_set(locked: Server, scripted: Server) -> None:
    required, optional = (
        server.client.get("/openapi.json").json()["paths"]["/detect"]["post"]["security"]
        for server in (locked, scripted)
    )
    assert required == [{"APIKeyHeader": []}, {"HTTPBearer": []}]
    assert optional == [{}, *required]


def test_licence_and_servers_are_complete(scripted_model: Path) -> None:
    with serve(scripted_model, root_path="/prod/") as server:
        document = server.client.get("/openapi.json").json()
    assert document["info"]["license"]["identifier"] == "Apache-2.0"
    assert [one["url"] for one in document["servers"]] == ["/prod"]
