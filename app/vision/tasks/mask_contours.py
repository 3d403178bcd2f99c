"""Contours of a mask: polygons around the places where a field is above 0 (marching squares)."""

from collections.abc import Sequence
from itertools import islice

import numpy as np

from app.vision.arrays import Doubles, Floats, Ints

Ring = list[tuple[float, float]]
"""Corners of a closed polygon; the first one is not repeated."""

_TOLERANCE = 0.5
"""Pixels by which a simplified contour may differ."""
_LEAST_AREA = 1.0
"""Square pixels; smaller contours are left out."""
_LEAST_CORNERS = 3

# Sides of a cell between four samples.
_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)
# For each set of samples that are inside (1 upper left, 2 upper right, 4 lower right, 8 lower
# left), from which side to which the contour goes. What is inside lies to its right.
_STEPS = {
    1: [(_TOP, _LEFT)],
    2: [(_RIGHT, _TOP)],
    3: [(_RIGHT, _LEFT)],
    4: [(_BOTTOM, _RIGHT)],
    5: [(_TOP, _LEFT), (_BOTTOM, _RIGHT)],
    6: [(_BOTTOM, _TOP)],
    7: [(_BOTTOM, _LEFT)],
    8: [(_LEFT, _BOTTOM)],
    9: [(_TOP, _BOTTOM)],
    10: [(_RIGHT, _TOP), (_LEFT, _BOTTOM)],
    11: [(_RIGHT, _BOTTOM)],
    12: [(_LEFT, _RIGHT)],
    13: [(_TOP, _RIGHT)],
    14: [(_LEFT, _TOP)],
}


def outer(field: Floats, xs: Doubles, ys: Doubles) -> list[Doubles]:
    """Outer contours of ``field`` (rows, columns) sampled at ``xs`` and ``ys``, the largest first.

    Everything beyond the samples is outside. Each contour is an array (n, 2) of places.
    """
    # Samples around the field at the places of its own edge: contours close along that edge.
    framed = np.full((len(ys) + 2, len(xs) + 2), -1, dtype=np.float32)
    framed[1:-1, 1:-1] = field
    xs, ys = (np.concatenate([at[:1], at, at[-1:]]) for at in (xs, ys))
    rings = [_places(ring, framed, xs, ys) for ring in _rings(framed)]
    areas = [_area(ring) for ring in rings]
    # Holes go round the other way: their area is negative.
    large = [number for number, area in enumerate(areas) if area >= _LEAST_AREA]
    return [rings[number] for number in sorted(large, key=lambda number: -areas[number])]


def simplified(contours: Sequence[Sequence[Doubles]]) -> list[list[Ring]]:
    """Contours of each mask without the points that a line between others comes near enough to.

    All at once, since there are few rounds then. Contours that are no area any more are left out.
    """
    rings = iter(_simplified([ring for some in contours for ring in some]))
    return [
        [
            [(x, y) for x, y in ring.tolist()]
            for ring in islice(rings, len(some))
            if len(ring) >= _LEAST_CORNERS
        ]
        for some in contours
    ]


def _rings(field: Floats) -> list[Ints]:
    """Edges between two samples that each contour crosses, in its order.

    Edge 2 * i leads from sample i to the right, edge 2 * i + 1 down.
    """
    inside = field > 0
    code = (
        inside[:-1, :-1] + 2 * inside[:-1, 1:] + 4 * inside[1:, 1:] + 8 * inside[1:, :-1]
    ).astype(np.uint8)
    width = field.shape[1]
    row, column = np.nonzero((code > 0) & (code < 15))
    codes, first = code[row, column], 2 * (row * width + column)
    offsets = {_TOP: 0, _RIGHT: 3, _BOTTOM: 2 * width, _LEFT: 1}
    starts, ends = [], []
    for case, steps in _STEPS.items():
        cells = first[codes == case]
        for start, end in steps:
            starts.append(cells + offsets[start])
            ends.append(cells + offsets[end])
    edges, targets = np.concatenate(starts), np.concatenate(ends)
    order = np.argsort(edges)
    edges, targets = edges[order], targets[order]
    following = np.searchsorted(edges, targets).tolist()
    rings, seen = [], bytearray(len(following))
    for begin in range(len(following)):
        at, ring = begin, []
        while not seen[at]:
            seen[at] = 1
            ring.append(at)
            at = following[at]
        if ring:
            rings.append(edges[ring])
    return rings


def _places(edges: Ints, field: Floats, xs: Doubles, ys: Doubles) -> Doubles:
    """(n, 2) where the field is 0 on these edges."""
    row, column = np.divmod(edges >> 1, field.shape[1])
    down = (edges & 1).astype(np.intp)
    end_row, end_column = row + down, column + 1 - down
    start, end = field[row, column], field[end_row, end_column]
    share = start / (start - end)
    found: Doubles = np.stack(
        [
            xs[column] + share * (xs[end_column] - xs[column]),
            ys[row] + share * (ys[end_row] - ys[row]),
        ],
        axis=1,
    )
    return found


def _area(ring: Doubles) -> float:
    """Positive if the ring goes round clockwise, as it is seen."""
    x, y = (ring - ring[0]).T  # so the side that closes the ring adds nothing
    return float(x[:-1] @ y[1:] - y[:-1] @ x[1:]) / 2


def _simplified(rings: list[Doubles]) -> list[Doubles]:
    """Without points that lie within the tolerance of the line between others.

    By Ramer, Douglas and Peucker, from the first point of a ring and the farthest one from it. All
    lines of all rings are split at once, each at the point that is farthest from it: there are few
    rounds.
    """
    if not rings:
        return []
    points = np.concatenate([part for ring in rings for part in (ring, ring[:1])])
    ends = np.cumsum([len(ring) + 1 for ring in rings]) - 1
    begins = np.concatenate([[0], ends[:-1] + 1])
    far = begins + [int(((ring - ring[0]) ** 2).sum(axis=1).argmax()) for ring in rings]
    kept = np.zeros(len(points), dtype=bool)
    kept[begins] = kept[far] = True
    starts, ends = np.concatenate([begins, far]), np.concatenate([far, ends])
    while len(starts):
        line, at, first = _points_of(starts, ends)
        distances = _distances(points[at], points[starts], points[ends], line)
        farthest = np.maximum.reduceat(distances, first)
        splits = np.flatnonzero((distances == farthest[line]) & (farthest[line] > _TOLERANCE))
        # The first of each line, if several points are as far.
        splits = splits[np.diff(line[splits], prepend=-1) > 0]
        split, middles = line[splits], at[splits]
        kept[middles] = True
        starts = np.concatenate([starts[split], middles])
        ends = np.concatenate([middles, ends[split]])
    return [
        ring[kept[begin : begin + len(ring)]] for begin, ring in zip(begins, rings, strict=True)
    ]


def _points_of(starts: Ints, ends: Ints) -> tuple[Ints, Ints, Ints]:
    """Of lines that each begin at a point and end before another one.

    The line of each point (n,), the point itself, and where the points of each line begin.
    """
    counts = ends - starts
    first = np.cumsum(counts) - counts
    line = np.repeat(np.arange(len(starts)), counts)
    return line, np.arange(len(line)) + (starts - first)[line], first


def _distances(points: Doubles, starts: Doubles, ends: Doubles, line: Ints) -> Doubles:
    """Of ``points`` (n, 2), each from its ``line`` (n,) between ``starts`` and ``ends``.

    A line without a length is a point.
    """
    along = ends - starts
    lengths = np.hypot(along[:, 0], along[:, 1])
    is_point = lengths == 0
    normal = along / np.where(is_point, 1, lengths)[:, None]
    away = points - starts[line]
    x, y = normal[line].T
    apart: Doubles = np.abs(away[:, 0] * y - away[:, 1] * x)
    if is_point.any():
        apart = np.where(is_point[line], np.hypot(away[:, 0], away[:, 1]), apart)
    return apart
