"""Label lists: COCO's by name, others from a file or the command line."""

from collections.abc import Iterable
from pathlib import Path

from models.common.commands import CommandError

COCO = tuple(
    """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant,
stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe,
backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite,
baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork,
knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake,
chair, couch, potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard,
cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear,
hair drier, toothbrush
""".replace("\n", " ")
    .strip()
    .split(", ")
)

SURE = 0.3
"""Score from which a model's box counts as an object."""

HELP = (
    "in class order: 'coco' for its 80 classes, a text file with one label per line, or a list such"
    " as 'cat,dog'"
)


def parse(text: str) -> tuple[str, ...]:
    """Raises CommandError for an invalid list."""
    if text == "coco":
        return COCO
    if "," in text:
        found = [label.strip() for label in text.split(",")]
    elif Path(text).is_file():
        found = [line.strip() for line in _read(Path(text)).strip().splitlines()]
    elif Path(text).suffix or "/" in text:
        raise CommandError(f"There is no file of labels {text}.")
    else:
        found = [text.strip()]
    if not all(found):
        raise CommandError(f"The labels {text} have an empty one: number {found.index('')}.")
    return tuple(found)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not a text file of labels.") from error


def fold(label: str) -> str:
    """The label without outer spaces and case, by which labels are compared."""
    return label.strip().casefold()


def fold_all(labels: Iterable[str]) -> frozenset[str]:
    """The labels, by which sets of labels are compared."""
    return frozenset(map(fold, labels))
