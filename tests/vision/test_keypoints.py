"""Keypoints from input pixels to the picture, and the lines between them."""

import numpy as np

from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox
from app.vision.tasks.keypoints import COCO_NAMES, Keypoint, Keypoints, bones, usual_names

# 200 x 100 lies in 64 x 64 between rows 16 and 48, at 0.32 of its size.
LETTERBOX = Letterbox.plan(InputSpec(size=(64, 64)), 200, 100, rectangular=False)


def test_points_are_placed_on_the_picture_and_clipped_to_it() -> None:
    values = np.array([[[16, 24, 0.5], [-9, 60, 1.5]]], dtype=np.float32)
    placed = Keypoints(values, ("a", "b")).place(LETTERBOX)
    assert placed == [(Keypoint("a", 50, 25, 0.5), Keypoint("b", 0, 100, 1))]


def test_a_model_may_not_say_whether_a_point_is_visible() -> None:
    values = np.array([[[16, 24]], [[32, 32]]], dtype=np.float32)
    found = Keypoints(values, ("a",)).take(np.array([1]))
    assert found.place(LETTERBOX) == [(Keypoint("a", 100, 50, None),)]
    assert found.place(LETTERBOX)[0][0].drawn


def test_lines_join_the_sure_points_of_a_person() -> None:
    person = tuple(Keypoint(name, 0, 0, 0.9) for name in COCO_NAMES)
    assert len(bones(person)) == 19
    unsure = (person[0]._replace(probability=0.4), *person[1:])
    assert len(bones(unsure)) == 17  # without those from the nose to the eyes
    assert bones(tuple(Keypoint(name, 0, 0, 1) for name in usual_names(16))) == []


def test_seventeen_points_are_those_of_coco() -> None:
    assert usual_names(17) is COCO_NAMES
    assert usual_names(2) == ("point_1", "point_2")
