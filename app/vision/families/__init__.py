"""The registry of model families.

A new family is one module here, which defines ``FAMILY``, and one line in ``NAMES``. The modules
``base``, ``levels`` and ``distributions`` hold parts that several families use.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module

from app.vision.families.base import Family

NAMES = (
    "yolov8",
    "yolov5",
    "end2end",
    "yolox",
    "detr",
    "spotter",
    "ssd",
)


@cache
def get(name: str) -> Family:
    """A family by one of ``NAMES``. Its module is imported only now: a start needs one of many."""
    family: Family = import_module(f"{__name__}.{name}").FAMILY
    return family


def every() -> Iterator[Family]:
    return map(get, NAMES)
