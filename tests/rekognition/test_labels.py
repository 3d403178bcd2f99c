"""Labels, their hierarchy and every parameter, through boto3."""

from typing import Any

import pytest

from tests.http.client import drawn
from tests.rekognition.clients import label, names
from tests.rekognition.shapes import faults, output_shape

IMAGE = {"Bytes": drawn(128, 64)}
LOW = {"MinConfidence": 10}


def detect(rekognition: Any, **parameters: Any) -> dict[str, Any]:
    answer: dict[str, Any] = rekognition.detect_labels(Image=IMAGE, **parameters)
    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert faults(answer, output_shape()) == []
    return answer


def filtered(rekognition: Any, **filters: list[str]) -> list[str]:
    return names(detect(rekognition, **LOW, Settings={"GeneralLabels": filters}))


def test_objects_above_55_percent_and_their_ancestors(rekognition: Any) -> None:
    answer = detect(rekognition)
    assert names(answer) == ["Animal", "Cat", "Mammal", "Pet", "Canine", "Dog"]
    assert [round(one["Confidence"], 2) for one in answer["Labels"]] == [91.23] * 4 + [75.12] * 2
    assert answer["LabelModelVersion"].startswith("scripted-")
    assert "ImageProperties" not in answer


def test_a_label_says_what_it_is(rekognition: Any) -> None:
    assert label(detect(rekognition), "Dog") == {
        "Name": "Dog",
        "Confidence": pytest.approx(75.12345),
        "Instances": [
            {
                "BoundingBox": {
                    "Left": 0,
                    "Top": 0,
                    "Width": pytest.approx(14 / 64),
                    "Height": pytest.approx(9 / 32),
                },
                "Confidence": pytest.approx(75.12345),
            }
        ],
        "Parents": [{"Name": name} for name in ("Animal", "Canine", "Mammal", "Pet")],
        "Aliases": [],
        "Categories": [{"Name": "Animals and Pets"}],
    }


def test_an_ancestor_is_a_label_without_instances(rekognition: Any) -> None:
    assert label(detect(rekognition), "Canine") == {
        "Name": "Canine",
        "Confidence": pytest.approx(75.12345),
        "Instances": [],
        "Parents": [{"Name": "Animal"}, {"Name": "Mammal"}],
        "Aliases": [],
        "Categories": [{"Name": "Animals and Pets"}],
    }


def test_min_confidence_decides_on_labels_and_instances(rekognition: Any) -> None:
    assert names(detect(rekognition, MinConfidence=80)) == ["Animal", "Cat", "Mammal", "Pet"]
    assert detect(rekognition, MinConfidence=95)["Labels"] == []
    assert detect(rekognition, MinConfidence=100)["Labels"] == []
    everything = detect(rekognition, MinConfidence=0)
    assert names(everything)[-2:] == ["Light", "Traffic Light"]
    for one in everything["Labels"]:
        assert all(i["Confidence"] <= one["Confidence"] for i in one["Instances"])


def test_max_labels_keeps_the_most_confident(rekognition: Any) -> None:
    assert names(detect(rekognition, **LOW, MaxLabels=2)) == ["Animal", "Cat"]
    assert detect(rekognition, MaxLabels=0)["Labels"] == []
    assert len(detect(rekognition, **LOW, MaxLabels=100_000)["Labels"]) == 11


def test_filters_by_label(rekognition: Any) -> None:
    assert filtered(rekognition, LabelInclusionFilters=["Dog", "bus"]) == ["Dog", "Bus"]
    assert filtered(rekognition, LabelInclusionFilters=["Nothing here"]) == []
    left = filtered(rekognition, LabelExclusionFilters=["Cat", "Animal", "Transportation"])
    assert left == ["Mammal", "Pet", "Canine", "Dog", "Bus", "Vehicle", "Light", "Traffic Light"]


def test_filters_by_category(rekognition: Any) -> None:
    vehicles = ["Vehicles and Automotive"]
    assert filtered(rekognition, LabelCategoryInclusionFilters=vehicles) == [
        "Bus",
        "Transportation",
        "Vehicle",
    ]
    animals = ["Animals and Pets"]
    left = filtered(rekognition, LabelCategoryExclusionFilters=animals)
    assert left == ["Bus", "Transportation", "Vehicle", "Light", "Traffic Light"]


def test_inclusions_add_up_and_exclusions_win(rekognition: Any) -> None:
    found = filtered(
        rekognition,
        LabelInclusionFilters=["Dog", "Cat"],
        LabelCategoryInclusionFilters=["Vehicles and Automotive"],
        LabelExclusionFilters=["Cat", "Vehicle"],
    )
    assert found == ["Dog", "Bus", "Transportation"]


def test_empty_filters_are_none(rekognition: Any) -> None:
    assert filtered(rekognition, LabelInclusionFilters=[], LabelExclusionFilters=[""]) == names(
        detect(rekognition, **LOW)
    )


def test_filters_come_before_the_maximum(rekognition: Any) -> None:
    filters = {"GeneralLabels": {"LabelCategoryInclusionFilters": ["Vehicles and Automotive"]}}
    found = detect(rekognition, **LOW, MaxLabels=1, Settings=filters)
    assert names(found) == ["Bus"]


@pytest.mark.parametrize("features", [None, [], ["GENERAL_LABELS"]])
def test_labels_are_the_default_feature(rekognition: Any, features: list[str] | None) -> None:
    given = {} if features is None else {"Features": features}
    assert "Cat" in names(detect(rekognition, **given))


def test_boxes_are_of_the_upright_picture(rekognition: Any) -> None:
    """Orientation 6: what is stored 128 by 64 is seen 64 by 128."""
    image = drawn(128, 64, encoding="JPEG", orientation=6)
    turned = rekognition.detect_labels(Image={"Bytes": image})
    upright = rekognition.detect_labels(Image={"Bytes": drawn(64, 128)})
    assert label(turned, "Cat")["Instances"] == label(upright, "Cat")["Instances"]
