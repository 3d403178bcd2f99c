"""Large pictures with small things, made of a dataset's photos."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps

from models.common.datasets import Box, Dataset, Photo

_GREY = (114, 114, 114)


def join(dataset: Dataset, side: int, folder: Path) -> Dataset:
    """Joins ``side`` x ``side`` photos, unscaled, in each picture; writes pictures to ``folder``.

    The last picture has empty places if there are too few photos for it.
    """
    photos, boxes = dataset.photos, dataset.boxes
    by_photo: dict[int, list[Box]] = {}
    for box in boxes:
        by_photo.setdefault(box.photo, []).append(box)
    width = max(photo.width for photo in photos)
    height = max(photo.height for photo in photos)
    joined, moved = [], []
    for number, start in enumerate(range(0, len(photos), side * side)):
        some = photos[start : start + side * side]
        canvas = Image.new("RGB", (side * width, side * height), _GREY)
        for photo, (left, top) in zip(some, _places(side, width, height), strict=False):
            with Image.open(photo.path) as image:
                canvas.paste(ImageOps.exif_transpose(image).convert("RGB"), (left, top))
            for box in by_photo.get(photo.id, ()):
                x, y, *sides = box.bounds
                bounds = (x + left, y + top, sides[0], sides[1])
                moved.append(dataclasses.replace(box, photo=number, bounds=bounds))
        path = folder / f"{number}.jpg"
        canvas.save(path, quality=95)
        joined.append(Photo(number, path, *canvas.size, split=None))
    return dataclasses.replace(dataset, photos=tuple(joined), boxes=tuple(moved))


def _places(side: int, width: int, height: int) -> Iterator[tuple[int, int]]:
    for row in range(side):
        for column in range(side):
            yield column * width, row * height
