"""Errors of every kind look alike; what breaks inside is told to the log and not to the client."""

import pytest

from tests.http.client import drawn, post, problem
from tests.http.scripted import RED
from tests.server import Server

IMAGE, FATAL = drawn(), drawn(colour=RED)


@pytest.mark.parametrize(
    "path", ["/none", "/detect/", "/detect/x", "/docs-files/none", "/detect//", "/%00"]
)
def test_no_such_path(scripted: Server, path: str) -> None:
    assert "/docs" in problem(scripted.client.get(path), 404, "NotFound")


def test_a_long_path_is_not_repeated(scripted: Server) -> None:
    detail = problem(scripted.client.get("/" + "x" * 5000), 404, "NotFound")
    assert "x" * 200 not in detail
    assert len(detail) < 600  # it lists the paths that there are


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/detect", "POST"),
        ("PUT", "/detect", "POST"),
        ("DELETE", "/detect", "POST"),
        ("OPTIONS", "/detect", "POST"),
        ("PATCH", "/detect", "POST"),
        ("POST", "/healthz", "GET"),
        ("POST", "/model", "GET"),
        ("POST", "/openapi.json", "GET"),
    ],
)
def test_no_such_method(scripted: Server, method: str, path: str, allow: str) -> None:
    answer = scripted.client.request(method, path)
    assert allow in problem(answer, 405, "MethodNotAllowed")
    assert allow in answer.headers["allow"]


def test_head_is_answered_without_a_body(scripted: Server) -> None:
    assert scripted.client.head("/none").status_code == 404
    assert scripted.client.head("/none").content == b""


def test_what_breaks_inside(scripted: Server) -> None:
    """On a real failure of the session: an ONNX node reads what is not there."""
    headers = {"X-Request-Id": "the-failing-one"}

    answer = post(scripted, FATAL, headers=headers)

    detail = problem(answer, 500, "InternalError")
    assert "the-failing-one" in detail
    assert answer.headers["x-request-id"] == "the-failing-one"
    assert not any(word in answer.text for word in ("onnx", "Gather", "File", "Error: "))

    assert scripted.logged("the-failing-one")["status"] == 500
    lines = [line for line in scripted.log() if line.get("id") == "the-failing-one"]
    (failure,) = (line for line in lines if line["message"] != "request")
    assert failure["level"] == "error"
    assert failure["exception"].startswith("Traceback")
    assert "Gather" in failure["exception"]
    assert post(scripted, IMAGE).status_code == 200  # other tests ask this server for its health


def test_health_follows_the_session(scripted: Server) -> None:
    assert post(scripted, IMAGE).status_code == 200
    healthy = scripted.client.get("/healthz")
    assert healthy.json() == {"status": "ok", "model": "scripted"}

    assert post(scripted, FATAL).status_code == 500
    assert "log" in problem(scripted.client.get("/healthz"), 503, "ModelUnavailable")
    assert post(scripted, b"no image").status_code == 415
    assert scripted.client.get("/healthz").status_code == 503

    assert post(scripted, IMAGE).status_code == 200
    assert scripted.client.get("/healthz").status_code == 200


def test_a_failed_picture_answer_is_a_problem_too(scripted: Server) -> None:
    problem(post(scripted, FATAL, headers={"Accept": "image/png"}), 500, "InternalError")
    assert post(scripted, IMAGE).status_code == 200
