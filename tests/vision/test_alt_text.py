"""Sentences for an image's alt attribute."""

import pytest

from app.service.alt_text import alt_text, plural
from app.vision.detections import Detection, Detections


def sentence(*items: str, sides: dict[str, float] | None = None) -> str:
    return alt_text(
        Detections(
            100,
            100,
            [
                Detection(label, 0, 0.9, (0, 0, side, side))
                for label in items
                for side in [(sides or {}).get(label, 10.0)]
            ],
        )
    )


def test_what_takes_most_of_the_picture_comes_first() -> None:
    assert sentence(*["person"] * 4, "bus", sides={"bus": 80}) == "A bus and four people."
    assert sentence(*["person"] * 4, "bus", sides={"bus": 15}) == "Four people and a bus."


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], "No objects were recognised."),
        (["dog"], "A dog."),
        (["apple"], "An apple."),
        (["dog", "dog"], "Two dogs."),
        (["dog", "cat", "traffic light"], "A dog, a cat and a traffic light."),
        (["uniform", "hour"], "A uniform and an hour."),
        (["scissors"], "A pair of scissors."),
        (["skis", "skis"], "Two pairs of skis."),
        (["dog"] * 12, "Twelve dogs."),
        (["dog"] * 13, "13 dogs."),
        (["wine glass"] * 3, "Three wine glasses."),
        (["TV"], "A TV."),
    ],
)
def test_sentences(items: list[str], expected: str) -> None:
    assert sentence(*items) == expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("person", "people"),
        ("bus", "buses"),
        ("couch", "couches"),
        ("toothbrush", "toothbrushes"),
        ("box", "boxes"),
        ("knife", "knives"),
        ("mouse", "mice"),
        ("sheep", "sheep"),
        ("teddy bear", "teddy bears"),
        ("baby", "babies"),
        ("toy", "toys"),
        ("fire hydrant", "fire hydrants"),
    ],
)
def test_plurals(label: str, expected: str) -> None:
    assert plural(label) == expected


@pytest.mark.parametrize("label", ["", " ", "  dog "])
def test_odd_labels_of_a_foreign_model_do_not_stop_it(label: str) -> None:
    assert sentence(label).endswith(".")
    assert sentence(label, label).startswith("Two")
