"""Training pictures: mosaics and single photos with random position, scale, flip and colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from models.train.assign import Targets
from models.train.defaults import MIXUP, MOSAIC
from models.train.image_cache import ImageStore, Pixels
from models.train.samples import Sample

PAD = 114
VISIBLE = 0.25
"""Share of a box that must remain in the picture for it to count as an object."""
SMALLEST = 3.0
"""Minimum side of an object in pixels of the picture; smaller objects are ignored."""
HUE = 0.05
"""Largest rotation of the hue, in radians; small, because colours identify animals and vehicles."""

Boxes = NDArray[np.float32]


@dataclass(frozen=True)
class Recipe:
    mosaic: float = MOSAIC
    mixup: float = MIXUP
    mosaic_scale: tuple[float, float] = (0.5, 1.2)
    """Long side of a photo in a mosaic, relative to the long side of the picture."""
    single_scale: tuple[float, float] = (0.6, 1.5)


class Order(NamedTuple):
    """A batch to make; ``seed`` determines all random choices."""

    indices: tuple[int, ...]
    shape: tuple[int, int]
    """Height and width of the pictures, in pixels."""
    seed: int
    recipe: Recipe


class Batch(NamedTuple):
    images: Tensor
    """uint8 ``[batch, 3, height, width]``"""
    targets: Targets


class _Objects(NamedTuple):
    classes: NDArray[np.int64]
    boxes: Boxes
    ignored: NDArray[np.bool_]
    wanted: NDArray[np.float32]


def join(parts: Sequence[_Objects]) -> _Objects:
    return _Objects(*(np.concatenate(column) for column in zip(*parts, strict=True)))


class Pictures(TorchDataset[Batch]):
    """Makes the batch for an ``Order``; runs in the loader's worker processes."""

    def __init__(self, samples: Sequence[Sample], store: ImageStore) -> None:
        self._samples = samples
        self._store = store

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, order: Order) -> Batch:
        random = np.random.default_rng(order.seed)
        made = [self._picture(index, order, random) for index in order.indices]
        images = torch.from_numpy(np.stack([pixels for pixels, _ in made])).permute(0, 3, 1, 2)
        return Batch(images, gather([objects for _, objects in made]))

    def _picture(
        self, index: int, order: Order, random: np.random.Generator
    ) -> tuple[Pixels, _Objects]:
        pixels, objects = self._plain(index, order, random)
        if random.random() < order.recipe.mixup:
            other, more = self._plain(int(random.integers(len(self))), order, random)
            share = random.beta(16.0, 16.0)
            pixels = (pixels * share + other * (1 - share)).astype(np.uint8)
            objects = join((objects, more))
        return pixels, objects

    def _plain(
        self, index: int, order: Order, random: np.random.Generator
    ) -> tuple[Pixels, _Objects]:
        (height, width), recipe = order.shape, order.recipe
        side = max(height, width)
        canvas = np.full((height, width, 3), PAD, np.uint8)
        if random.random() < recipe.mosaic:
            indices = [index, *(int(i) for i in random.integers(len(self), size=3))]
            indices = [indices[i] for i in random.permutation(4)]
            cx, cy = (
                int(v * s)
                for v, s in zip(random.uniform(0.3, 0.7, 2), (width, height), strict=True)
            )
            windows = (
                (0, 0, cx, cy),
                (cx, 0, width, cy),
                (0, cy, cx, height),
                (cx, cy, width, height),
            )
            parts = []
            for corner, (which, window) in enumerate(zip(indices, windows, strict=True)):
                scale = random.uniform(*recipe.mosaic_scale)
                anchor = (1.0 - corner % 2, 1.0 - corner // 2)
                parts.append(self._paste(canvas, which, window, scale * side, anchor, random))
            return canvas, join(parts)
        low, high = recipe.single_scale
        scale = float(np.exp(random.uniform(np.log(low), np.log(high))))
        anchor = (float(random.random()), float(random.random()))
        return canvas, self._paste(
            canvas, index, (0, 0, width, height), scale * side, anchor, random
        )

    def _paste(
        self,
        canvas: Pixels,
        index: int,
        window: tuple[int, int, int, int],
        long_side: float,
        anchor: tuple[float, float],
        random: np.random.Generator,
    ) -> _Objects:
        """Pastes a photo into a window of the canvas and returns its objects there.

        ``anchor`` is the position of the spare room (or, for a photo larger than the window, of the
        part that is cut off): 0 all after the photo, 1 all before it.
        """
        pixels, sample = self._store[index], self._samples[index]
        height, width = pixels.shape[:2]
        stretch = float(np.exp(random.uniform(-0.12, 0.12)))
        factor = long_side / max(height, width)
        new_w, new_h = (
            max(8, round(width * factor * stretch)),
            max(8, round(height * factor / stretch)),
        )
        x0, y0, x1, y1 = window
        left = x0 + round((x1 - x0 - new_w) * anchor[0])
        top = y0 + round((y1 - y0 - new_h) * anchor[1])
        a, b, c, d = max(x0, left), max(y0, top), min(x1, left + new_w), min(y1, top + new_h)
        flip = random.random() < 0.5
        if c > a and d > b:
            source = (
                (a - left) / new_w * width,
                (b - top) / new_h * height,
                (c - left) / new_w * width,
                (d - top) / new_h * height,
            )
            if flip:
                source = (width - source[2], source[1], width - source[0], source[3])
            patch = Image.fromarray(pixels).resize(
                (c - a, d - b), Image.Resampling.BILINEAR, box=source, reducing_gap=1.5
            )
            canvas[b:d, a:c] = np.asarray(patch)[:, ::-1] if flip else np.asarray(patch)
        boxes = sample.boxes.copy()
        if flip:
            boxes[:, [0, 2]] = 1 - boxes[:, [2, 0]]
        size, corner = np.array([[new_w, new_h] * 2, [left, top] * 2], np.float32)
        boxes = boxes * size + corner
        return clip_objects(sample, boxes, (a, b, c, d))


def plain_batches(
    samples: Sequence[Sample], store: ImageStore, side: int, photos: int = 256, batch: int = 16
) -> Iterator[Tensor]:
    """One whole photo per picture, in no particular order: ``[batch, 3, side, side]``, 0 to 1."""
    recipe = Recipe(mosaic=0.0, mixup=0.0, single_scale=(1.0, 1.0))
    chosen = np.random.default_rng(0).permutation(len(samples))[:photos]
    pictures = Pictures(samples, store)
    for start in range(0, len(chosen), batch):
        indices = tuple(int(i) for i in chosen[start : start + batch])
        yield pictures[Order(indices, (side, side), start, recipe)].images / 255


def clip_objects(sample: Sample, boxes: Boxes, window: tuple[int, int, int, int]) -> _Objects:
    """Clips boxes to the window; boxes that are mostly cut off or tiny become ignored."""
    low = np.array([window[0], window[1]] * 2, np.float32)
    high = np.maximum(low, np.array([window[2], window[3]] * 2, np.float32))
    cut = np.clip(boxes, low, high)
    size = cut[:, 2:] - cut[:, :2]
    whole = boxes[:, 2:] - boxes[:, :2]
    some = (size > 0.5).all(1)
    share = size.prod(1) / np.maximum(whole.prod(1), 1e-6)
    ignored = sample.ignored | (share < VISIBLE) | (size < SMALLEST).any(1)
    return _Objects(sample.classes[some], cut[some], ignored[some], sample.wanted[some])


def gather(objects: Sequence[_Objects]) -> Targets:
    counts = torch.tensor([len(each.classes) for each in objects])
    joined = join(objects)
    return Targets(
        torch.repeat_interleave(torch.arange(len(objects)), counts),
        torch.from_numpy(joined.classes),
        torch.from_numpy(joined.boxes),
        torch.from_numpy(joined.ignored),
        torch.from_numpy(joined.wanted),
    )


def recolour(images: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Converts uint8 to 0..1, with random brightness, contrast, saturation and hue per picture."""
    n = len(images)

    def draw(spread: float) -> Tensor:
        return (torch.rand(n, generator=generator) * 2 - 1) * spread * strength

    gain, saturation, offset = 1 + draw(0.4), 1 + draw(0.6), draw(0.1)
    saturation[torch.rand(n, generator=generator) < 0.03 * strength] = 0.0
    gray = torch.tensor([0.299, 0.587, 0.114]).expand(3, 3)
    eye = torch.eye(3)
    s = saturation[:, None, None]
    colour = s * eye + (1 - s) * gray
    angle = draw(HUE)
    # Changing the hue is a rotation about the gray axis (Rodrigues' formula).
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    cross = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / 3**0.5
    turn = cos * eye + sin * cross + (1 - cos) / 3
    matrix = (gain[:, None, None] * (turn @ colour)).to(images.device)
    pixels = images.float().div_(255)
    shift = (offset + 0.45 * (1 - gain)).to(images.device)
    mixed = torch.einsum("nij,njhw->nihw", matrix, pixels)
    return mixed.add_(shift[:, None, None, None]).clamp_(0, 1)
