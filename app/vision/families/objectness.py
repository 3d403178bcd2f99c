"""Rows of a box, its objectness and its classes."""

from app.vision.families.base import Declared, is_rows, leaves
from app.vision.families.mask_columns import prototypes


def bind_objectness(declared: Declared, classes: int | None, /) -> list[str] | None:
    """Binds the first output if it is (1, anchors, 5 + classes): box, objectness, classes.

    Mask coefficients may follow if there are prototypes. Other outputs may follow, such as YOLOv5's
    raw maps. If the number of classes is unknown, these must not be rows: boxes and scores would
    then be separate outputs.
    """
    (name, first), *others = declared.items()
    masks = prototypes(declared)
    if not is_rows(first) or not leaves(first[2], 5 + (masks[1] if masks else 0), classes):
        return None
    if classes is None and any(is_rows(shape) for _, shape in others):
        return None
    return [name]
