"""What a good answer carries: JSON, pictures, and the headers of both."""

import io
import re
from itertools import pairwise

import httpx
import pytest
from PIL import Image

from tests.http.client import Wire, detections, drawn, post, problem
from tests.http.scripted import BLACK, RED, WHITE
from tests.server import Server

IMAGE = drawn()


def picture(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    image = Image.open(io.BytesIO(response.content))
    image.load()
    assert response.headers["content-type"] == Image.MIME[image.format or ""]
    return image


def test_the_json_to_the_last_digit(scripted: Server) -> None:
    assert post(scripted, IMAGE, params={"confidence": 0.3}).json() == {
        "model": "scripted",
        "image": {"width": 64, "height": 64},
        "detections": [
            {
                "label": "cat",
                "classId": 0,
                "probability": 0.912346,
                "boundingBox": [19.88, 24.94, 20.25, 10.12],
                "normalizedBox": [0.310547, 0.389648, 0.316406, 0.158203],
            },
            {
                "label": "dog",
                "classId": 1,
                "probability": 0.751234,
                "boundingBox": [0.0, 0.0, 14.0, 25.0],  # of -6, -5, 20, 30: clipped
                "normalizedBox": [0.0, 0.0, 0.21875, 0.390625],
            },
            {
                "label": "bus",
                "classId": 3,
                "probability": 0.31,
                "boundingBox": [30.0, 30.0, 34.0, 34.0],  # of 30, 30, 40, 40: clipped
                "normalizedBox": [0.46875, 0.46875, 0.53125, 0.53125],
            },
        ],
    }


@pytest.mark.parametrize("size", [(64, 64), (640, 480), (33, 97), (1, 1), (2000, 3), (3, 2000)])
def test_boxes_of_any_picture_lie_within_it(scripted: Server, size: tuple[int, int]) -> None:
    width, height = size
    answer = post(scripted, drawn(*size), params={"confidence": 0}).json()
    assert answer["image"] == {"width": width, "height": height}
    found = answer["detections"]
    for item in found:
        x, y, w, h = item["boundingBox"]
        assert 0 <= x < x + w <= width + 0.01
        assert 0 <= y < y + h <= height + 0.01
        of_width, of_height = [x / width, w / width], [y / height, h / height]
        assert item["normalizedBox"][::2] == pytest.approx(of_width, abs=0.005 / width + 1e-6)
        assert item["normalizedBox"][1::2] == pytest.approx(of_height, abs=0.005 / height + 1e-6)
    assert all(a["probability"] >= b["probability"] for a, b in pairwise(found))


ACCEPTED = [
    # Accept, and the type of the answer.
    (None, "application/json"),
    ("", "application/json"),
    ("*/*", "application/json"),
    ("application/json", "application/json"),
    ("application/*", "application/json"),
    ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
    ("image/*, application/json", "application/json"),
    ("application/json, image/jpeg", "application/json"),
    ("image/jpeg, */*", "application/json"),
    ("image/jpeg;q=0.5, application/json", "application/json"),
    ("image/jpeg;q=0, application/json;q=0.1", "application/json"),
    ("image/jpeg;q=0", "application/json"),
    ("image/jpeg;q=much", "application/json"),
    ("image/jpeg;q=nan", "application/json"),
    ("image/jpeg;q=inf, application/json", "application/json"),
    ("image/jpeg;q=2, application/json", "application/json"),
    ("image/jpeg;q=-1", "application/json"),
    ("image/webp", "application/json"),
    ("text/plain", "application/json"),
    ("nonsense", "application/json"),
    (";;;,,,", "application/json"),
    ("image/jpeg" + "," * 5000, "image/jpeg"),
    ("image/jpeg", "image/jpeg"),
    ("IMAGE/JPEG", "image/jpeg"),
    ("image/jpeg, image/png", "image/jpeg"),
    ("image/png, image/jpeg", "image/png"),
    ("image/png", "image/png"),
    ("image/png;q=0.5, image/jpeg;q=0.9", "image/jpeg"),
    ("image/jpeg;q=0.5, image/png;q=0.9", "image/png"),
    ("image/jpeg, application/json;q=0.9", "image/jpeg"),
    ("image/png, */*;q=0.1", "image/png"),
    ("image/png ; q=1.0 , application/json ; q=0.2", "image/png"),
    ("image/*", "image/jpeg"),
]


@pytest.mark.parametrize(("accept", "expected"), ACCEPTED)
def test_accept(scripted: Server, accept: str | None, expected: str) -> None:
    headers = [("Accept", accept)] if accept is not None else []
    request = httpx.Request("POST", f"{scripted.url}/detect", headers=headers, content=IMAGE)
    answer = scripted.client.send(request)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == expected


def test_accept_on_several_lines_is_one_list(scripted: Server) -> None:
    headers = [("Accept", "text/html"), ("Accept", "image/png")]
    assert picture(post(scripted, IMAGE, headers=headers)).format == "PNG"


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
def test_a_picture_answer_is_upright(scripted: Server, form: str, orientation: int | None) -> None:
    stored = drawn(120, 80, encoding="JPEG", orientation=orientation)
    upright = (80, 120) if orientation in (5, 6, 7, 8) else (120, 80)
    image = post(scripted, stored).json()["image"]
    assert (image["width"], image["height"]) == upright
    answer = picture(post(scripted, stored, headers={"Accept": Image.MIME[form]}))
    assert (answer.format, answer.size) == (form, upright)
    assert not answer.getexif()


def test_boxes_are_drawn_where_the_json_has_them(scripted: Server) -> None:
    params = {"classes": "bus"}
    (bus,) = detections(post(scripted, drawn(640, 640), params=params))
    image = picture(post(scripted, drawn(640, 640), params=params, headers={"Accept": "image/png"}))
    left, top, _, height = (round(value) for value in bus["boundingBox"])
    colour = image.getpixel((left, top + height // 2))
    assert colour != BLACK
    assert image.getpixel((left + 320, top)) == colour
    assert image.getpixel((left - 20, top + height // 2)) == BLACK
    assert image.getpixel((left + 100, top + 300)) == BLACK


def test_a_picture_is_kept_at_its_size_up_to_a_limit(scripted: Server) -> None:
    headers = {"Accept": "image/jpeg"}
    large = drawn(5000, 1000, encoding="JPEG")
    assert picture(post(scripted, large, headers=headers)).size == (4096, 819)
    assert picture(post(scripted, drawn(1, 1), headers=headers)).size == (1, 1)


def test_asking_for_a_picture_does_not_change_an_error(scripted: Server) -> None:
    headers = {"Accept": "image/png"}
    problem(post(scripted, b"hello", headers=headers), 415, "InvalidImageFormat")
    problem(post(scripted, IMAGE, headers=headers, params={"iou": 2}), 422, "InvalidParameter")


@pytest.mark.parametrize("accept", ["application/json", "image/jpeg"])
def test_server_timing(scripted: Server, accept: str) -> None:
    answer = post(scripted, drawn(colour=WHITE), headers={"Accept": accept})
    stages = dict(re.findall(r"(\w+);dur=(\d+\.\d+)(?:, |$)", answer.headers["server-timing"]))
    assert list(stages) == ["decode", "preprocess", "inference", "postprocess"]
    assert float(stages["inference"]) > 20 > float(stages["postprocess"])


@pytest.mark.parametrize("given", ["a", "7f3c-22.Z_z", "x" * 128])
def test_a_request_id_is_taken_over(scripted: Server, given: str) -> None:
    headers = {"X-Request-Id": given}
    assert post(scripted, IMAGE, headers=headers).headers["x-request-id"] == given
    assert scripted.client.get("/none", headers=headers).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\tb", 'a"b', "café", "a,b", "<a>"])
def test_another_request_id_is_replaced(scripted: Server, given: str) -> None:
    with Wire(scripted) as wire:
        headers = {"X-Request-Id": given, "Connection": "close"}
        answer = wire.head("GET", "/healthz", headers).response()
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


def test_every_request_has_an_id_of_its_own(scripted: Server) -> None:
    ids = {scripted.client.get("/healthz").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


def test_a_good_answer_after_a_failed_one(scripted: Server) -> None:
    problem(post(scripted, drawn(colour=RED)), 500, "InternalError")
    assert len(detections(post(scripted, IMAGE))) == 3
