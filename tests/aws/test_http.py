"""Every HTTP source through the real runtime client: the same answers as uvicorn gives."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.aws.gateways import SOURCES, Answer, Request, Source, read_answer
from tests.aws.runtime import Deployed, Function
from tests.http.client import base64_of, drawn, multipart
from tests.server import Server, serve

FORM = {"content-type": "multipart/form-data; boundary=spotter-test-boundary"}
PHOTO = drawn(90, 60, encoding="JPEG")
ID = {"x-request-id": "the-same"}

REQUESTS = {
    "form": Request("POST", "/detect", headers=FORM, body=multipart(("file", PHOTO))),
    "raw": Request("POST", "/detect", headers={"content-type": "image/jpeg"}, body=PHOTO),
    "raw, of no type": Request("POST", "/detect", body=PHOTO),
    "base64": Request(
        "POST",
        "/detect",
        headers={"content-type": "application/json"},
        body=json.dumps({"image": base64_of(PHOTO)}).encode(),
    ),
    "options": Request(
        "POST",
        "/detect",
        [("confidence", "0.1"), ("classes", "traffic light"), ("alt_text", "true")],
        body=PHOTO,
    ),
    "jpeg": Request("POST", "/detect", headers={"accept": "image/jpeg"}, body=PHOTO),
    "png": Request("POST", "/detect", headers={"accept": "image/png"}, body=PHOTO),
    "model": Request("GET", "/model"),
    "health": Request("GET", "/healthz"),
    "index": Request("GET", "/"),
    "docs": Request("GET", "/docs"),
    "description": Request("GET", "/openapi.json"),
    "style of the docs": Request("GET", "/docs-files/swagger-ui.css"),
    "icon of the docs": Request("GET", "/docs-files/favicon.png"),
    "no image": Request("POST", "/detect", body=b"not an image"),
    "broken image": Request("POST", "/detect", body=PHOTO[:200]),
    "wrong option": Request("POST", "/detect", [("iou", "ü 2")], body=PHOTO),
    "unknown path": Request("GET", "/none/ünd"),
    "wrong method": Request("GET", "/detect"),
    "head": Request("HEAD", "/healthz"),
    "preflight": Request(
        "OPTIONS",
        "/detect",
        headers={"origin": "https://page.example", "access-control-request-method": "POST"},
    ),
    "with an origin": Request(
        "POST", "/detect", headers={"origin": "https://page.example"}, body=b"none"
    ),
    "Rekognition": Request(
        "POST",
        "/",
        headers={
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "RekognitionService.DetectLabels",
        },
        body=json.dumps({"Image": {"Bytes": base64_of(PHOTO)}}).encode(),
    ),
    "Rekognition's error": Request(
        "POST", "/", headers={"x-amz-target": "RekognitionService.DetectFaces"}, body=b"{}"
    ),
    "DeepStack": Request("GET", "/v1/vision/custom/list"),
    "DeepStack's error": Request("POST", "/v1/vision/detection", body=PHOTO),
}
SETTINGS = {"cors_origins": "https://page.example"}
# Those of the connection, of the moment, or of a file's own server.
VARYING = {
    "etag",
    "last-modified",
    "date",
    "server",
    "server-timing",
    "connection",
    "x-cold-start",
    "transfer-encoding",
}


@pytest.fixture(scope="module")
def function(
    deployed: Deployed, scripted_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Function]:
    environment = {f"SPOTTER_{name.upper()}": value for name, value in SETTINGS.items()}
    with deployed.run(
        tmp_path_factory.mktemp("http"), {"SPOTTER_MODEL": str(scripted_model), **environment}
    ) as running:
        yield running


@pytest.fixture(scope="module")
def uvicorn(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, **SETTINGS) as server:
        yield server


def through(function: Function, source: Source, request: Request) -> Answer:
    outcome = function.invoke(source.event(request))
    assert outcome.kind == "response", outcome.raw
    return read_answer(outcome.value)


def over_uvicorn(server: Server, request: Request) -> httpx.Response:
    return server.client.request(
        request.method,
        request.path,
        params=httpx.QueryParams(tuple(request.query)) if request.query else None,
        headers=request.headers,
        content=request.body,
    )


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@pytest.mark.parametrize("name", REQUESTS)
def test_the_answer_is_that_of_uvicorn(
    function: Function, uvicorn: Server, source: Source, name: str
) -> None:
    plain = REQUESTS[name]
    request = Request(plain.method, plain.path, plain.query, {**plain.headers, **ID}, plain.body)
    answer, expected = through(function, source, request), over_uvicorn(uvicorn, request)
    assert answer.status == expected.status_code
    headers, wanted = compared(answer.headers), compared(dict(expected.headers))
    # What tells of the app's own paths tells of the stage in front of them.
    root = f"/{source.stage}".rstrip("/").encode()
    assert without(root, answer.body) == without(root, expected.content)
    if answer.body != expected.content:
        del headers["content-length"], wanted["content-length"]
    if not answer.body:
        headers.pop("content-type", None)  # HTTP APIs want one
        wanted.pop("content-type", None)
    assert {k: v.removeprefix(root.decode()) for k, v in headers.items()} == wanted


def compared(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in VARYING}


def without(root: bytes, body: bytes) -> bytes:
    """``body`` as if there were no stage; the page has then no base, the description no server."""
    body = body.replace(b',"servers":[{"url":"/"}]', b"")
    if root:
        for whole in (b',"servers":[{"url":"%s"}]', b'<base href="%s/">', b"%s"):
            body = body.replace(whole % root, b"")
    return body


def test_pictures_are_base64_and_everything_else_is_text(function: Function) -> None:
    for name, request in REQUESTS.items():
        answer = through(function, SOURCES[2], request)
        if answer.body:
            assert answer.base64 == answer.headers["content-type"].startswith("image/"), name


def test_only_the_first_answer_says_that_it_was_the_first(
    deployed: Deployed, scripted_model: Path, tmp_path: Path
) -> None:
    with deployed.run(tmp_path, {"SPOTTER_MODEL": str(scripted_model)}) as function:
        answers = [through(function, source, REQUESTS["raw"]) for source in SOURCES[:3]]
    assert [answer.headers.get("x-cold-start") for answer in answers] == ["1", None, None]
