from pathlib import Path

import numpy as np
from PIL import Image

from models.common.datasets import Box, Photo
from models.evaluate import coco, plots
from models.evaluate.sources import Prediction

PHOTO = Photo(1, Path("1.png"), 64, 64, None)
A, B, C = (0, 0, 10, 10), (20, 0, 10, 10), (40, 0, 10, 10)


def box(label: str, bounds: tuple[int, int, int, int], **flags: bool) -> Box:
    kinds = {"crowd": False, "ignored": False, **flags}
    return Box(1, label, bounds, 100.0, **kinds)


def table(boxes: list[Box], said: list[Prediction]) -> list[list[int]]:
    found: list[list[int]] = plots.confusion([PHOTO], boxes, {1: said}, ["cat", "dog"]).tolist()
    return found


def test_right_mistaken_missed_and_invented() -> None:
    boxes = [box("cat", A), box("cat", B), box("dog", C)]
    said = [
        Prediction("cat", 0.9, A),
        Prediction("dog", 0.8, B),
        Prediction("dog", 0.7, (50, 50, 9, 9)),
    ]
    assert table(boxes, said) == [[1, 1, 0], [0, 0, 1], [0, 1, 0]]


def test_the_best_overlap_is_taken_first_and_once() -> None:
    said = [Prediction("dog", 0.9, (0, 0, 10, 8)), Prediction("cat", 0.5, A)]
    assert table([box("cat", A)], said) == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_doubtful_and_loose_ones_do_not_count() -> None:
    assert table([box("cat", A)], [Prediction("cat", 0.25, A)]) == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert table([box("cat", A)], [Prediction("cat", 0.9, (0, 0, 10, 5))])[0] == [0, 0, 1]


def test_what_lies_on_ignored_objects_counts_nowhere() -> None:
    crowd = box("cat", (0, 0, 60, 60), crowd=True, ignored=True)
    difficult = box("dog", B, ignored=True)
    said = [Prediction("cat", 0.9, A), Prediction("dog", 0.9, B), Prediction("cat", 0.9, C)]
    assert not np.any(table([crowd, difficult], said))


def test_an_object_in_a_crowd_is_found_before_the_crowd_takes_the_prediction() -> None:
    crowd = box("dog", (0, 0, 60, 60), crowd=True, ignored=True)
    said = [Prediction("cat", 0.9, (0, 0, 10, 8)), Prediction("dog", 0.9, C)]
    for boxes in ([crowd, box("cat", A)], [box("cat", A), crowd]):
        assert table(boxes, said) == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_a_counted_object_is_matched_before_an_ignored_one_that_fits_better() -> None:
    difficult = box("cat", A, ignored=True)
    said = [Prediction("cat", 0.9, A), Prediction("cat", 0.8, A)]
    assert table([difficult, box("cat", (0, 0, 10, 8))], said) == [[1, 0, 0], [0] * 3, [0] * 3]


def test_draws_both_pictures(tmp_path: Path) -> None:
    for count in (2, 30):
        labels = [f"label {index}" for index in range(count)]
        said = {1: [Prediction(labels[0], 0.9, A)]}
        boxes = [box(labels[0], A), box(labels[1], B)]
        scores = coco.score([PHOTO], boxes, said, labels)
        curves, matrix = tmp_path / f"{count}-curves.png", tmp_path / f"{count}-matrix.png"
        plots.draw_precision_recall(scores, "tiny", curves)
        plots.draw_confusion(plots.confusion([PHOTO], boxes, said, labels), labels, "tiny", matrix)
        for path in (curves, matrix):
            with Image.open(path) as image:
                assert image.format == "PNG"
                assert min(image.size) > 300
