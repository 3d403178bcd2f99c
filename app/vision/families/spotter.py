"""Spotter's own detector: a map of class logits and a map of box distances for each level.

The outputs are named ``scores.S``, (1, classes, height, width), and ``distances.S``, (1, 4, height,
width), for levels of stride S. Each cell predicts one box as the logarithms of the distances from
its centre to the left, upper, right and lower side, in cells.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from app.vision.arrays import Floats
from app.vision.detections import Candidates
from app.vision.families import levels
from app.vision.families.base import SIDES, Declared, Family, Outputs, allows, leaves
from app.vision.preprocess.input_spec import InputSpec

SCORES, DISTANCES = "scores.", "distances."
STRIDES = (8, 16, 32)
LONGEST = 6.0
"""Maximum logarithm of a distance; the detector is trained with this limit."""


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    of_level = [name.removeprefix(SCORES) for name in declared if name.startswith(SCORES)]
    scores, distances = ([kind + level for level in of_level] for kind in (SCORES, DISTANCES))
    if not of_level or declared.keys() != {*scores, *distances}:
        return None
    if any(len(shape) != 4 or not allows(shape[0], 1) for shape in declared.values()):
        return None
    channels = {declared[name][1] for name in scores}
    if len(channels) > 1 or not leaves(channels.pop(), 0, classes):
        return None
    return scores + distances if all(declared[name][1] == 4 for name in distances) else None


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    return levels.decode(_levels(outputs), _distances, threshold, input_size)


def _levels(outputs: Outputs) -> Iterator[tuple[levels.Reach, Floats]]:
    half = len(outputs) // 2
    for scores, distances in zip(outputs[:half], outputs[half:], strict=True):
        yield partial(levels.at_cells, distances[0]), levels.as_floats(scores[0])


def _distances(logarithms: Floats) -> Floats:
    distances: Floats = np.exp(np.minimum(logarithms, np.float32(LONGEST)))
    return distances


def _open(stride: int) -> dict[int, str]:
    return {0: "batch", 2: f"height/{stride}", 3: f"width/{stride}"}


FAMILY = Family(
    name="spotter",
    models="Spotter's own trainer, the shipped model",
    layout="scores.S [1, classes, ...] and distances.S [1, 4, ...], maps of each stride S",
    input=InputSpec(size=(320, 320), fit="area"),
    needs_nms=True,
    bind=bind,
    decode=decode,
    exported={
        "images": SIDES,
        **{f"{kind}{stride}": _open(stride) for kind in (SCORES, DISTANCES) for stride in STRIDES},
    },
)
