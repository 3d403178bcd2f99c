"""The model that lies in the repository, with all settings at their defaults."""

import json
import re
from pathlib import Path

import pytest

from tests.http.client import detections, drawn, post
from tests.server import REPOSITORY, Server


def test_the_model_says_what_it_is(default_server: Server) -> None:
    model = default_server.client.get("/model").json()
    assert model["name"]
    assert model["license"] == "Apache-2.0"
    assert "person" in model["labels"]
    assert default_server.client.get("/healthz").json() == {"status": "ok", "model": model["name"]}


def test_nothing_is_seen_in_an_empty_picture(default_server: Server) -> None:
    assert detections(post(default_server, drawn(640, 480, (127, 127, 127)))) == []


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000), (641, 479)])
def test_any_size_is_taken(default_server: Server, size: tuple[int, int]) -> None:
    answer = post(default_server, drawn(*size), params={"confidence": 0.0, "max_detections": 1000})
    assert answer.status_code == 200
    image = answer.json()["image"]
    assert (image["width"], image["height"]) == size


@pytest.mark.parametrize(("photo", "shown"), [("astronaut", "person"), ("cat", "cat")])
def test_what_is_on_the_page_s_photos_is_found(
    default_server: Server, photo: str, shown: str
) -> None:
    path = REPOSITORY / "app" / "page" / "files" / "samples" / f"{photo}.jpg"
    found = detections(default_server.detect(path.read_bytes(), confidence=0.3))
    assert {item["label"] for item in found} == {shown}


def test_the_readme_s_example_is_its_answer(default_server: Server) -> None:
    """With fewer digits, for the photo that the README names."""
    text = (REPOSITORY / "README.md").read_text()
    path, example = re.findall(r"answer for `(\S+)`, .+?```json\n(.+?)```", text, re.DOTALL)[0]
    answer = default_server.detect((REPOSITORY / path).read_bytes()).json()
    shown = json.loads(example)
    assert [shown["model"], shown["image"]] == [answer["model"], answer["image"]]
    for told, found in zip(shown["detections"], answer["detections"], strict=True):
        assert told.keys() == found.keys()
        assert (told["label"], told["classId"]) == (found["label"], found["classId"])
        assert told["probability"] == pytest.approx(found["probability"], abs=0.01), answer
        assert told["boundingBox"] == pytest.approx(found["boundingBox"], abs=1), answer
        assert told["normalizedBox"] == pytest.approx(found["normalizedBox"], abs=0.003), answer


@pytest.mark.parametrize(
    ("photo", "shown"),
    # To a model that knows no truck, the one behind the dog is a car.
    [("bus.jpg", {"person", "bus"}), ("dog.jpg", {"dog", "bicycle", "car"})],
)
def test_what_is_there_is_found_and_nothing_else(
    default_server: Server, shared: Path, photo: str, shown: set[str]
) -> None:
    found = detections(default_server.detect((shared / "models" / photo).read_bytes()))
    assert {item["label"] for item in found} == shown
