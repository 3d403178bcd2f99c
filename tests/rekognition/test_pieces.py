"""The pieces by themselves: what HTTP cannot show, or not for every value."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from app.errors import (
    PUBLIC_ERRORS,
    InvalidObject,
    ObjectMissing,
    SpotterError,
    TooManyRequests,
)
from app.rekognition.errors import InvalidSignatureException, aws_error
from app.rekognition.labels import labels
from app.rekognition.request import DetectLabelsRequest
from app.rekognition.shapes import read_with_image
from app.rekognition.signature import SignedRequest, Verifier, verify
from app.rekognition.taxonomy import Entry, Taxonomy
from app.vision.detections import Detection, Detections

PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
NAMES = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz-"), min_size=1, max_size=12)


def request(**members: Any) -> DetectLabelsRequest:
    body = json.dumps({"Image": {"Bytes": "aaaa"}, **members}).encode()
    return read_with_image(DetectLabelsRequest, body)[0]


@given(
    body=st.binary(max_size=200),
    headers=st.dictionaries(NAMES.map("x-".__add__), st.text(PRINTABLE, max_size=40), max_size=4),
    query=st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=3),
    secret=st.text(PRINTABLE.filter(str.strip), min_size=1, max_size=40),
)
def test_whatever_botocore_signs_is_verified(
    body: bytes, headers: dict[str, str], query: list[tuple[str, str]], secret: str
) -> None:
    from urllib.parse import quote, urlencode

    text = urlencode(query, quote_via=quote, safe="-_.~")
    url = "http://spotter.test:8000/" + (f"?{text}" if text else "")
    sent = AWSRequest("POST", url, data=body, headers={"Host": "spotter.test:8000", **headers})
    SigV4Auth(Credentials("id", secret), "rekognition", "eu-west-1").add_auth(sent)
    received = {name.lower(): value for name, value in sent.headers.items()}
    claim = Verifier({"id": secret}).examine(received, datetime.now(UTC))
    signed = SignedRequest("POST", ("/prod", "/"), text, received)
    verify(claim, signed, body)
    with pytest.raises(InvalidSignatureException):
        verify(claim, signed, body + b"!")


@pytest.mark.parametrize("ours", [*PUBLIC_ERRORS, InvalidObject, ObjectMissing])
def test_every_error_has_a_name_at_aws(ours: type[SpotterError]) -> None:
    error = ours.__new__(ours)
    SpotterError.__init__(error, "What was wrong.")
    told = aws_error(error)
    assert told.detail == "What was wrong."
    wanted = 429 if ours is TooManyRequests else 500 if ours.status >= 500 else 400
    assert told.status == wanted
    assert aws_error(told) is told


def test_defaults_and_bounds() -> None:
    plain = request()
    assert (plain.max_labels, plain.min_confidence, plain.max_dominant_colors) == (1000, 55, 10)
    assert [str(feature) for feature in plain.features] == ["GENERAL_LABELS"]
    settings = {"ImageProperties": {"MaxDominantColors": 0}, "GeneralLabels": None}
    bounded = request(MaxLabels=5000, MinConfidence=0, Settings=settings)
    assert (bounded.max_labels, bounded.min_confidence, bounded.max_dominant_colors) == (1000, 0, 0)
    assert bounded.filters.LabelInclusionFilters is None


def found(*items: tuple[str, float]) -> Detections:
    boxes = [Detection(label, 0, p, (0.0, 0.0, 10.0, 10.0)) for label, p in items]
    return Detections(100, 100, boxes)


def test_several_labels_of_one_name_are_one() -> None:
    (label,) = labels(found(("sofa", 0.9), ("couch", 0.8)), couches(), request())
    assert (label["Name"], label["Confidence"], len(label["Instances"])) == ("Couch", 90, 2)


def test_what_is_found_and_an_ancestor_too_has_its_own_instances() -> None:
    taxonomy = Taxonomy([(Entry("Couch", ("Seat",)), ("couch",))])
    seat, couch = labels(found(("couch", 0.9), ("seat", 0.95)), taxonomy, request())
    assert (seat["Name"], seat["Confidence"], len(seat["Instances"])) == ("Seat", 95, 1)
    assert (couch["Name"], couch["Confidence"], couch["Parents"]) == (
        "Couch",
        90,
        [{"Name": "Seat"}],
    )


def test_nothing_found_is_no_label() -> None:
    assert labels(found(), couches(), request()) == []


def couches() -> Taxonomy:
    return Taxonomy([(Entry("Couch"), ("couch", "sofa"))])
