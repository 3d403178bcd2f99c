"""SPOTTER_REKOGNITION_CONFIDENCE: another scale of confidences; and base64 as SDKs wrap it."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rekognition.confidence import PERCENT, Scale
from tests.http.client import drawn
from tests.rekognition.clients import boto, inline, label, names, post
from tests.server import Server, serve

IMAGE = {"Bytes": drawn()}
POINTS = "0.25:55,0.5:80,0.75:95"
SCALE = Scale(((0.25, 55.0), (0.5, 80.0), (0.75, 95.0)))
SHARES = st.floats(0, 1)


@pytest.fixture(scope="module")
def scaled(scripted_model: Path) -> Iterator[Server]:
    with serve(scripted_model, rekognition_confidence=POINTS) as server:
        yield server


@given(SHARES, SHARES)
def test_a_scale_never_changes_the_order(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert SCALE.confidence(low) <= SCALE.confidence(high)
    assert SCALE.probability(100 * low) <= SCALE.probability(100 * high)


@given(SHARES)
def test_there_and_back(probability: float) -> None:
    for scale in (SCALE, PERCENT):
        back = scale.probability(scale.confidence(probability))
        assert back == pytest.approx(probability, abs=1e-9)
    assert PERCENT.confidence(probability) == pytest.approx(100 * probability)


def test_it_is_off_by_default(scripted: Server) -> None:
    answer = boto(scripted).detect_labels(Image=IMAGE, MinConfidence=30)
    assert label(answer, "Dog")["Confidence"] == pytest.approx(75.12345, abs=1e-3)
    assert "scaled" not in answer["LabelModelVersion"]


def test_confidences_are_mapped_and_the_version_says_so(scaled: Server, scripted: Server) -> None:
    answer = boto(scaled).detect_labels(Image=IMAGE)  # from 55, which is a probability of 0.25
    confidences = {one["Name"]: one["Confidence"] for one in answer["Labels"]}
    assert confidences["Dog"] == pytest.approx(SCALE.confidence(0.7512345), abs=1e-3)
    assert confidences["Bus"] == pytest.approx(SCALE.confidence(0.31), abs=1e-3)
    assert label(answer, "Bus")["Instances"][0]["Confidence"] == confidences["Bus"]
    plain = boto(scripted).detect_labels(Image=IMAGE)["LabelModelVersion"]
    assert answer["LabelModelVersion"] == f"{plain}-scaled-0.25:55-0.5:80-0.75:95"


@pytest.mark.parametrize(
    ("least", "found"), [(50, {"Cat", "Dog", "Bus"}), (62, {"Cat", "Dog"}), (95.5, {"Cat"})]
)
def test_thresholds_are_on_the_same_scale(scaled: Server, least: float, found: set[str]) -> None:
    answer = boto(scaled).detect_labels(Image=IMAGE, MinConfidence=least)
    assert {"Cat", "Dog", "Bus"} & set(names(answer)) == found
    assert all(one["Confidence"] > least for one in answer["Labels"])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("width", [64, 76])
def test_base64_in_lines(scripted: Server, width: int, end: str) -> None:
    request = inline(drawn(), MinConfidence=30)
    text = request["Image"]["Bytes"]
    wrapped = end.join(text[at : at + width] for at in range(0, len(text), width)) + end
    answer = post(scripted, {**request, "Image": {"Bytes": wrapped}})
    assert answer.status_code == 200, answer.text
    assert answer.json() == post(scripted, request).json()


def test_base64_twice_is_named(scripted: Server) -> None:
    client = boto(scripted)
    with pytest.raises(client.exceptions.InvalidImageFormatException, match="base64 twice"):
        client.detect_labels(Image={"Bytes": base64.b64encode(drawn())})
