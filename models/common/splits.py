"""The 'split' of a photo: whether it is for training, for validation, or for neither."""

from typing import Literal

from models.common.labels import fold

Part = Literal["train", "val"]

VALIDATION = ("val", "valid", "validation")


def part_of(split: object) -> Part | None:
    """The part that a photo with this ``split`` belongs to; None if it is for neither.

    A photo without a split is for training.
    """
    if split is None:
        return "train"
    name = fold(str(split))
    if name in VALIDATION:
        return "val"
    return "train" if name in ("", "train") else None
