"""Contours of a mask: polygons around the regions where a field is above 0 (marching squares)."""

import numpy as np

from app.vision.arrays import Array, Doubles, Floats, Ints

Ring = list[tuple[float, float]]
"""Corners of a closed polygon; the first is not repeated."""

_TOLERANCE = 0.5
"""Maximum deviation of a simplified contour, in pixels."""
_LEAST_AREA = 1.0
"""Square pixels; smaller contours are dropped."""

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


def outer(field: Floats, xs: Doubles, ys: Doubles) -> list[Ring]:
    """Outer contours of ``field`` (rows, columns) sampled at ``xs`` and ``ys``, largest first.

    Everything beyond the samples counts as outside.
    """
    # Padding samples at the positions of the field's edge: contours close along that edge.
    field = np.pad(field, 1, constant_values=-1.0)
    xs, ys = np.pad(xs, 1, mode="edge"), np.pad(ys, 1, mode="edge")
    found = []
    for ring in _rings(field):
        points = _places(ring, field, xs, ys)
        area = _area(points)
        if area >= _LEAST_AREA:  # holes have a negative area
            simple = _simplified(points)
            if len(simple) >= 3:
                found.append((area, [(x, y) for x, y in simple.tolist()]))
    return [ring for _, ring in sorted(found, key=lambda pair: -pair[0])]


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
    x, y = (ring - ring[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _simplified(ring: Doubles) -> Doubles:
    """Drops points that lie within the tolerance of the line between others.

    This is the Ramer-Douglas-Peucker algorithm, from the first point and the farthest one from it.
    """
    far = int(((ring - ring[0]) ** 2).sum(axis=1).argmax())
    if far == 0:
        return ring[:1]
    points = np.concatenate([ring, ring[:1]])
    kept = np.zeros(len(points), dtype=bool)
    kept[[0, far]] = True
    waiting = [(0, far), (far, len(ring))]
    while waiting:
        start, end = waiting.pop()
        if end - start < 2:
            continue
        distance = _distances(points[start + 1 : end], points[start], points[end])
        middle = int(distance.argmax())
        if distance[middle] > _TOLERANCE:
            middle += start + 1
            kept[middle] = True
            waiting += [(start, middle), (middle, end)]
    found: Doubles = points[:-1][kept[:-1]]
    return found


def _distances(points: Doubles, start: Array, end: Array) -> Doubles:
    """Distances of points (n, 2) from the line through ``start`` and ``end``."""
    along = end - start
    length = float(np.hypot(*along))
    away = points - start
    if length == 0:
        apart: Doubles = np.hypot(away[:, 0], away[:, 1])
        return apart
    found: Doubles = np.abs(away[:, 0] * along[1] - away[:, 1] * along[0]) / length
    return found
