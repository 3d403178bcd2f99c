"""POST /v1/vision/detection as DeepStack's clients use it, deepstack-python among them."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from deepstack.core import DeepstackException, DeepstackObject

from app import __version__
from tests.http.client import Wire, base64_of, drawn, multipart
from tests.http.scripted import RED
from tests.server import LIMIT, Server, serve, start_failure

PATH = "/v1/vision/detection"
CUSTOM = "/v1/vision/custom/scripted"


@pytest.fixture(scope="module")
def locked(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, api_keys="first-key, second-key") as server:
        yield server


def send(server: Server, image: bytes, path: str = PATH, **fields: str) -> httpx.Response:
    return server.client.post(path, files={"image": image}, data=fields)


def success(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert (body["success"], body["code"]) == (True, 200)
    return body


def error(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"success", "error", "code"}
    assert (body["success"], body["code"]) == (False, status)
    told: str = body["error"]
    assert told
    return told


def client(server: Server, **options: Any) -> DeepstackObject:
    return DeepstackObject(ip="127.0.0.1", port=server.port, timeout=int(LIMIT), **options)


def test_predictions(scripted: Server) -> None:
    body = success(send(scripted, drawn(128, 64)))
    assert body["predictions"] == [
        {
            "label": "cat",
            "confidence": pytest.approx(0.9123456, abs=1e-6),
            "x_min": 40,
            "y_min": 18,
            "x_max": 80,
            "y_max": 38,
        },
        {
            "label": "dog",
            "confidence": pytest.approx(0.7512345, abs=1e-6),
            "x_min": 0,
            "y_min": 0,
            "x_max": 28,
            "y_max": 18,
        },
    ]
    assert body["count"] == 2
    assert all(isinstance(body[name], int) for name in ("inferenceMs", "processMs"))
    assert body["processMs"] >= body["inferenceMs"]


@pytest.mark.parametrize(
    ("threshold", "found"),
    [("0", 5), ("0.3", 3), ("0.35", 2), ("0.8", 1), (" 1 ", 0), ("", 2), (None, 2)],
)
def test_min_confidence(scripted: Server, threshold: str | None, found: int) -> None:
    fields = {} if threshold is None else {"min_confidence": threshold}
    body = success(send(scripted, drawn(), **fields))
    expected = 4 if found == 5 else found  # two of the five are one object
    assert body["count"] == len(body["predictions"]) == expected


@pytest.mark.parametrize("threshold", ["high", "-0.1", "1.1", "nan", "40"])
def test_a_wrong_min_confidence(scripted: Server, threshold: str) -> None:
    answer = send(scripted, drawn(), min_confidence=threshold)
    assert "min_confidence" in error(answer, 400)


def test_corners_are_whole_pixels_within_the_picture(scripted: Server) -> None:
    for width, height in [(1, 1), (2, 3), (63, 65), (1000, 7)]:
        body = success(send(scripted, drawn(width, height), min_confidence="0"))
        for one in body["predictions"]:
            corners = [one[name] for name in ("x_min", "y_min", "x_max", "y_max")]
            assert all(isinstance(corner, int) for corner in corners)
            assert 0 <= one["x_min"] < one["x_max"] <= width
            assert 0 <= one["y_min"] < one["y_max"] <= height


def test_deepstack_python(scripted: Server) -> None:
    found = client(scripted, min_confidence=0.3).detect(drawn())
    assert [one["label"] for one in found] == ["cat", "dog", "bus"]


def test_deepstack_python_with_a_model_of_its_own(scripted: Server) -> None:
    found = client(scripted, custom_model="scripted").detect(drawn())
    assert [one["label"] for one in found] == ["cat", "dog"]
    with pytest.raises(DeepstackException, match="404"):
        client(scripted, custom_model="another").detect(drawn())


def test_deepstack_python_with_a_key(locked: Server) -> None:
    assert client(locked, api_key="second-key").detect(drawn())
    for key in ("", "third-key"):
        with pytest.raises(DeepstackException, match="401"):
            client(locked, api_key=key).detect(drawn())


def test_a_key_in_a_header_opens_too(locked: Server) -> None:
    for headers in ({"X-API-Key": "first-key"}, {"Authorization": "Bearer second-key"}):
        for path in (PATH, CUSTOM):
            answer = locked.client.post(path, files={"image": drawn()}, headers=headers)
            assert success(answer)["predictions"]
        listed = locked.client.get("/v1/vision/custom/list", headers=headers)
        assert success(listed)["models"] == ["scripted"]


def test_without_a_key_nothing_opens(locked: Server) -> None:
    for path in (PATH, CUSTOM, "/v1/vision/custom/another", "/v1/vision/custom/list"):
        assert "api_key" in error(send(locked, drawn(), path, api_key="wrong"), 401)
        assert "api_key" in error(locked.client.post(path), 401)
    error(locked.client.get("/v1/vision/custom/list"), 401)
    error(locked.client.post(PATH, params={"api_key": "first-key"}), 401)


def test_the_models_are_listed(scripted: Server, locked: Server) -> None:
    path = "/v1/vision/custom/list"
    assert success(scripted.client.get(path))["models"] == ["scripted"]
    assert success(scripted.client.post(path))["models"] == ["scripted"]
    form = locked.client.post(path, files={"api_key": (None, "first-key")})
    assert success(form)["models"] == ["scripted"]


def test_another_model_is_not_there(scripted: Server) -> None:
    told = error(send(scripted, drawn(), "/v1/vision/custom/another"), 404)
    assert "another" in told
    assert "scripted" in told


def test_ping(locked: Server) -> None:
    for path in ("/v1/status/ping", "/v1/server/status/ping"):
        for method in ("GET", "POST"):
            body = success(locked.client.request(method, path))
            assert "scripted" in body["message"]
            assert body["hostname"] == socket.gethostname()


def test_no_update_is_available(locked: Server) -> None:
    body = success(locked.client.get("/v1/status/updateavailable"))
    assert body["updateAvailable"] is False
    assert body["version"] == body["current"] == body["latest"]
    version = body["version"]
    assert f"{version['major']}.{version['minor']}.{version['patch']}" == __version__
    assert __version__ in body["message"]


@pytest.mark.parametrize("name", ["image", "file", "photo", "upload[0]", ""])
def test_the_only_file_may_have_any_name(scripted: Server, name: str) -> None:
    files = {name: ("a.png", drawn())}
    answer = scripted.client.post(PATH, files=files, data={"min_confidence": "0.3"})
    assert success(answer)["count"] == 3


def test_an_untouched_image_field_is_no_image(scripted: Server) -> None:
    untouched = b'--x\r\nContent-Disposition: form-data; name="image"; filename=""\r\n\r\n\r\n'
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n\r\n'
    body = untouched + head + drawn() + b"\r\n--x--\r\n"
    assert success(scripted.client.post(PATH, content=body))["count"] == 2


def test_of_several_files_one_has_to_be_the_image(scripted: Server) -> None:
    photo, other = ("a.png", drawn()), ("b.png", b"other")
    named = scripted.client.post(PATH, files={"image": photo, "mask": other})
    assert success(named)["count"] == 2
    unnamed = scripted.client.post(PATH, files={"photo": photo, "mask": other})
    assert "this one has 2" in error(unnamed, 400)


def test_names_of_models_have_no_case(scripted: Server) -> None:
    assert success(send(scripted, drawn(), "/v1/vision/custom/SCRIPTED"))["count"] == 2


def test_aliases(scripted_model: Path) -> None:
    with serve(scripted_model, model_aliases="ipcam-combined=, general,x=Scripted") as server:
        for name in ("ipcam-combined", "IPcam-Combined", "general", "x", "scripted"):
            assert success(send(server, drawn(), f"/v1/vision/custom/{name}"))["count"] == 2
        error(send(server, drawn(), "/v1/vision/custom/ipcam"), 404)
        listed = success(server.client.post("/v1/vision/custom/list"))["models"]
        assert listed == ["scripted", "ipcam-combined", "general", "x"]


def test_an_alias_of_another_model_stops_the_start(scripted_model: Path) -> None:
    code, output = start_failure(scripted_model, model_aliases="ipcam-combined=yolov8n")
    assert code != 0
    assert "SPOTTER_MODEL_ALIASES=ipcam-combined=yolov8n: " in output


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/v1/vision/face", "Face"),
        ("POST", "/v1/vision/face/recognize", "Face"),
        ("POST", "/v1/vision/scene", "Scene"),
        ("GET", "/v1/vision/alpr", "Alpr"),
        ("POST", "/v1/image/superresolution", "Image"),
        ("GET", "/v1/", ""),
    ],
)
def test_paths_not_served_are_refused_as_deepstack_does(
    locked: Server, method: str, path: str, name: str
) -> None:
    told = error(locked.client.request(method, path), 403)
    assert told == f"{name} endpoint not activated".strip()


@pytest.mark.parametrize("image", [b"no image", b"", drawn()[:50]])
def test_what_is_no_image(scripted: Server, image: bytes) -> None:
    error(send(scripted, image), 400)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "multipart/form-data"),
        (drawn(), "multipart/form-data"),
        (f'{{"image": "{base64_of(drawn())}"}}'.encode(), "multipart/form-data"),
        (multipart(("picture", drawn())), "'picture'"),
        (multipart(("image", drawn()), ("image", drawn())), "2"),
        (multipart(("image", drawn()), end=False), "truncated"),
    ],
)
def test_what_is_no_form(scripted: Server, body: bytes, told: str) -> None:
    assert told in error(scripted.client.post(PATH, content=body), 400)


def test_too_large(scripted: Server) -> None:
    with Wire(scripted) as wire:
        head = {"Content-Length": "30000000", "Expect": "100-continue"}
        error(wire.head("POST", PATH, head).response(), 400)


def test_a_failure_of_the_server(scripted: Server) -> None:
    told = error(send(scripted, drawn(colour=RED)), 500)
    assert "request id" in told
    assert success(send(scripted, drawn()))


def test_other_methods_and_paths(scripted: Server) -> None:
    assert scripted.client.get(PATH).status_code == 405
    for path in (PATH, CUSTOM):
        refused = scripted.client.get(path)
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert scripted.client.delete("/v1/status/ping").headers["allow"] == "GET, POST"
    assert scripted.client.post("/v2/vision/face").status_code == 404
