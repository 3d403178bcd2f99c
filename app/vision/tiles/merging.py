"""One answer from detections on the whole picture and on its tiles."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.vision.arrays import Floats, Ints
from app.vision.detections import Detection
from app.vision.tasks.turned_boxes import similarities, values_of
from app.vision.tiles.grid import Tile

SAME_OVERLAP = 0.5
"""Detections in different views whose IoU is higher are one object; 0..1."""
PIECE_SHARE = 0.5
"""A piece of an object is dropped if more than this share of it lies in another detection."""
_EDGE_SHARE = 0.01
"""Share of a tile's side: objects that end so near to its edge may go on beyond it."""

Seen = tuple[Tile | None, list[Detection]]
"""The detections in one view: a tile, or None for the whole picture."""


def merge(views: Sequence[Seen], size: tuple[int, int], limit: int) -> list[Detection]:
    """At most ``limit`` detections, highest probability first; one for each object.

    ``size`` is the picture's width and height. Detections of one view are not compared with each
    other, and none with those of other classes. Those that end at an edge within the picture come
    last: they may be pieces, and are dropped if most of them lies in a detection that is kept.
    """
    items = [item for _, found in views for item in found]
    if not items:
        return []
    view = np.repeat(np.arange(len(views)), [len(found) for _, found in views])
    boxes = np.array([item.box for item in items], dtype=np.float32)
    boxes[:, 2:] += boxes[:, :2]
    scores = np.array([item.probability for item in items], dtype=np.float32)
    kinds = np.array([item.class_id for item in items])
    pieces = np.concatenate(
        [_pieces(boxes[view == number], tile, size) for number, (tile, _) in enumerate(views)]
    )
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    turned = np.array([values_of(item.turned) for item in items if item.turned], dtype=np.float32)
    waiting: Ints = np.lexsort((-scores, pieces))
    kept: list[int] = []
    while len(waiting):
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        shared = _shared(boxes[best], boxes[waiting])
        if len(turned):
            overlap = similarities(turned[best], turned[waiting])
        else:
            overlap = shared / (areas[best] + areas[waiting] - shared)
        is_same = overlap > SAME_OVERLAP
        is_same |= pieces[waiting] & (shared > PIECE_SHARE * areas[waiting])
        is_same &= (kinds[waiting] == kinds[best]) & (view[waiting] != view[best])
        waiting = waiting[~is_same]
        if len(kept) >= limit:
            # Only pieces can still be among the most probable.
            least = np.partition(scores[kept], -limit)[-limit]
            waiting = waiting[pieces[waiting] & (scores[waiting] > least)]
    kept.sort(key=lambda row: -items[row].probability)
    return [items[row] for row in kept[:limit]]


def _pieces(boxes: Floats, tile: Tile | None, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether each box (n, 4) ends at an edge of ``tile`` that is none of the picture's."""
    if tile is None:
        return np.zeros(len(boxes), dtype=bool)
    margin_x, margin_y = (_EDGE_SHARE * side for side in tile.size)
    # Boxes never lie beyond the edges of the picture, so those never count as near.
    left = tile.left + margin_x if tile.left > 0 else -1
    top = tile.top + margin_y if tile.top > 0 else -1
    right = tile.right - margin_x if tile.right < size[0] else size[0] + 1
    bottom = tile.bottom - margin_y if tile.bottom < size[1] else size[1] + 1
    found: NDArray[np.bool_] = (
        (boxes[:, 0] < left) | (boxes[:, 1] < top) | (boxes[:, 2] > right) | (boxes[:, 3] > bottom)
    )
    return found


def _shared(box: Floats, boxes: Floats) -> Floats:
    """Areas that ``box`` (4,) has in common with each of ``boxes`` (n, 4)."""
    width = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    height = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    shared: Floats = np.maximum(width, 0) * np.maximum(height, 0)
    return shared
