"""Contours of a mask: polygons around the regions where a field is above 0 (marching squares)."""

from collections.abc import Sequence
from itertools import islice

import numpy as np

from app.vision.arrays import Doubles, Floats, Ints

Ring = list[tuple[float, float]]
"""Corners of a closed polygon; the first is not repeated."""

_TOLERANCE = 0.5
"""Maximum deviation of a simplified contour, in pixels."""
_LEAST_AREA = 1.0
"""Square pixels; smaller contours are dropped."""
_LEAST_CORNERS = 3

# Sides of a cell between four samples.
_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)
# For each set of samples that are inside (1 upper left, 2 upper right, 4 lower right, 8 lower
# left): the sides at which the contour enters and leaves. The inside is to its right.
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
    """Outer contours of ``field`` (rows, columns) sampled at ``xs`` and ``ys``, largest first.

    Everything beyond the samples counts as outside. Each contour is an array (n, 2) of x and y.
    """
    # Padding samples at the positions of the field's edge: contours close along that edge.
    framed = np.full((len(ys) + 2, len(xs) + 2), -1, dtype=np.float32)
    framed[1:-1, 1:-1] = field
    xs, ys = (np.concatenate([at[:1], at, at[-1:]]) for at in (xs, ys))
    rings = [_places(ring, framed, xs, ys) for ring in _rings(framed)]
    areas = [_area(ring) for ring in rings]
    # Holes have a negative area.
    large = [number for number, area in enumerate(areas) if area >= _LEAST_AREA]
    return [rings[number] for number in sorted(large, key=lambda number: -areas[number])]


def simplified(contours: Sequence[Sequence[Doubles]]) -> list[list[Ring]]:
    """Simplifies the contours of each mask; those with fewer than three corners are dropped.

    All of them are simplified in one pass, which takes far fewer NumPy calls.
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
    """The edges between samples that each contour crosses, in order along the contour.

    Edge 2 * i leads from sample i to the right, edge 2 * i + 1 leads down.
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
    """(n, 2): the points where the field is 0 on these edges."""
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
    """Positive if the ring is clockwise as displayed."""
    x, y = (ring - ring[0]).T  # so the side that closes the ring adds nothing
    return float(x[:-1] @ y[1:] - y[:-1] @ x[1:]) / 2


def _simplified(rings: list[Doubles]) -> list[Doubles]:
    """Drops points that lie within the tolerance of the line between others.

    This is the Ramer-Douglas-Peucker algorithm, from a ring's first point and the farthest one from
    it. Each round splits all lines of all rings, each at the point farthest from it.
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
    """The points of several lines, each from its start up to before its end.

    Returns the line of each point (n,), the point's index (n,), and each line's first position in
    these two.
    """
    counts = ends - starts
    first = np.cumsum(counts) - counts
    line = np.repeat(np.arange(len(starts)), counts)
    return line, np.arange(len(line)) + (starts - first)[line], first


def _distances(points: Doubles, starts: Doubles, ends: Doubles, line: Ints) -> Doubles:
    """Distances of ``points`` (n, 2) from lines; ``line`` (n,) says which line each belongs to.

    Lines go from ``starts`` to ``ends``, (lines, 2) each. A line of length 0 is a point.
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
