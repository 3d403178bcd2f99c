"""Paths and methods as clients write them that were never told better."""

import re
from pathlib import Path

import pytest

from tests.http.client import Wire, drawn, multipart, post, problem
from tests.server import Server, serve

FORM = {"Content-Type": "multipart/form-data; boundary=spotter-test-boundary"}


def ask(server: Server, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
    """Status and body; the path is sent as it is."""
    with Wire(server) as wire:
        head = {"Content-Length": str(len(body)), **(FORM if body else {})}
        answer = wire.head(method, path, head).send(body).response()
        return answer.status_code, answer.text


@pytest.mark.parametrize("path", ["//detect", "///detect", "//detect?confidence=0.5"])
def test_a_base_url_may_end_in_a_slash(scripted: Server, path: str) -> None:
    plain = ask(scripted, "POST", path.replace("//", "/").replace("//", "/"), drawn())
    assert plain[0] == 200
    assert ask(scripted, "POST", path, drawn()) == plain


def test_slashes_anywhere_in_a_path_count_as_one(scripted: Server) -> None:
    form = multipart(("image", drawn()))
    for path in ("//v1/vision/detection", "/v1//vision/detection", "//v1//vision///detection"):
        assert ask(scripted, "POST", path, form)[0] == 200, path
    for path in ("//healthz", "//model", "//docs", "//openapi.json", "//", "///", "//metrics"):
        assert ask(scripted, "GET", path)[0] == 200, path
    assert ask(scripted, "GET", "//none")[0] == 404
    assert ask(scripted, "POST", "//detect/", drawn())[0] == 404


def test_below_a_root_path_too(scripted_model: Path) -> None:
    with serve(scripted_model, root_path="/prod") as server:
        for path in ("/prod//detect", "//prod/detect", "//detect", "//prod//detect"):
            assert ask(server, "POST", path, drawn())[0] == 200, path


def test_an_unknown_path_is_told_all_that_there_are(scripted: Server) -> None:
    detail = problem(scripted.client.get("/predict"), 404, "NotFound")
    assert detail.startswith("There is nothing at /predict. The paths are /, /detect, /docs, ")
    documented = scripted.client.get("/openapi.json").json()["paths"]
    assert documented.keys() <= set(re.findall(r"(/[^\s,;]*)", detail))


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("OPTIONS", "/", "GET, HEAD, POST"),
        ("PUT", "/", "GET, HEAD, POST"),
        ("OPTIONS", "/detect", "POST"),
        ("GET", "/detect", "POST"),
        ("GET", "/v1/vision/detection", "POST"),
        ("PATCH", "/v1/vision/detection", "POST"),
        ("PUT", "/v1/vision/custom/list", "GET, POST"),
    ],
)
def test_a_wrong_method_is_told_all_that_the_path_takes(
    scripted: Server, method: str, path: str, allow: str
) -> None:
    answer = scripted.client.request(method, path, content=b"x")
    detail = problem(answer, 405, "MethodNotAllowed")
    assert answer.headers["allow"] == allow
    assert detail.endswith(f"only {allow}.")
    assert post(scripted, drawn()).status_code == 200
