"""TIFF files of whole numbers in every layout, and the picture that each of them shows."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.vision.tiff import SHORT, Entry, tiff

MIN_IS_WHITE, MIN_IS_BLACK, RGB, SEPARATED = 0, 1, 2, 5
UNSPECIFIED, ASSOCIATED, UNASSOCIATED = 0, 1, 2

Samples = NDArray[np.uint16]
"""Rows, columns, samples of a pixel."""


@dataclass(frozen=True)
class Layout:
    photometric: int
    bits: int
    extra: int | None
    """Meaning of a sample beyond the colours; None if there is none."""
    planar: bool
    tile: tuple[int, int] | None
    """Width and height; None for strips."""
    rows: int
    """Of a strip."""
    order: str
    """As for ``struct``: < or >."""
    compression: int
    """1 raw, 5 LZW, 8 Deflate, 32773 PackBits."""
    predictor: bool
    fill_order: int = 1
    sample_format: int = 1

    @property
    def colours(self) -> int:
        return {RGB: 3, SEPARATED: 4}.get(self.photometric, 1)

    @property
    def samples(self) -> int:
        return self.colours + (self.extra is not None)

    def __str__(self) -> str:
        colour = {0: "white0", 1: "gray", 2: "rgb", 5: "cmyk"}[self.photometric]
        extra = {None: "", 0: "x", 1: "a", 2: "A"}[self.extra]
        parts = f"tile{self.tile[0]}x{self.tile[1]}" if self.tile else f"rows{self.rows}"
        planes = "planar" if self.planar else "chunky"
        order = "II" if self.order == "<" else "MM"
        more = f"-pred{self.predictor:d}-fill{self.fill_order}-format{self.sample_format}"
        return f"{colour}{extra}{self.bits}-{planes}-{parts}-{order}-c{self.compression}{more}"


def samples(layout: Layout, size: tuple[int, int]) -> Samples:
    """A smooth picture with a hard edge; associated alpha is never below a colour."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(float)
    fractions = [x / width, y / height, (x + y) / (width + height), 1 - x / width][: layout.colours]
    fractions = [np.where(x > width * 0.7, 1 - each, each) for each in fractions]
    if layout.extra is not None:
        alpha = 0.3 + 0.7 * (y / height)
        if layout.extra == ASSOCIATED:
            fractions = [each * alpha for each in fractions]
        fractions.append(alpha)
    most = (1 << layout.bits) - 1
    values: Samples = np.rint(np.stack(fractions, axis=2) * most).astype(np.uint16)
    return values


def file(layout: Layout, values: Samples) -> bytes:
    planes = np.split(values, values.shape[2], axis=2) if layout.planar else [values]
    pieces = [_packed(layout, part) for plane in planes for part in _parts(layout, plane)]
    tags: dict[int, Entry] = {}
    if layout.extra is not None:
        tags[338] = (SHORT, [layout.extra])
    if layout.planar:
        tags[284] = (SHORT, [2])
    if layout.predictor:
        tags[317] = (SHORT, [2])
    if layout.fill_order != 1:
        tags[266] = (SHORT, [layout.fill_order])
    if layout.sample_format != 1:
        tags[339] = (SHORT, [layout.sample_format] * layout.samples)
    return tiff(
        (values.shape[1], values.shape[0]),
        pieces,
        tags=tags,
        rows=layout.rows,
        tile=layout.tile,
        compression=layout.compression,
        photometric=layout.photometric,
        bits=[layout.bits] * layout.samples,
        order=layout.order,
    )


def _parts(layout: Layout, plane: Samples) -> Iterator[Samples]:
    height, width = plane.shape[:2]
    if layout.tile is None:
        for top in range(0, height, layout.rows):
            yield plane[top : top + layout.rows]
        return
    across, down = layout.tile
    padding = ((0, -height % down), (0, -width % across), (0, 0))
    padded = np.pad(plane, padding, mode="edge")
    for top in range(0, height, down):
        for left in range(0, width, across):
            yield padded[top : top + down, left : left + across]


def _packed(layout: Layout, part: Samples) -> bytes:
    kind = np.dtype("u1") if layout.bits <= 8 else np.dtype(f"{layout.order}u2")
    values = part
    if layout.predictor:
        values = np.diff(part, axis=1, prepend=part.dtype.type(0))
    raw = _bits(layout, values) if layout.bits < 8 else values.astype(kind).tobytes()
    if layout.compression == 8:
        raw = zlib.compress(raw)
    if layout.compression == 32773:
        raw = _pack_bits(raw, len(raw) // part.shape[0])
    if layout.fill_order == 2:
        raw = np.packbits(np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")).tobytes()
    return raw


def _bits(layout: Layout, values: Samples) -> bytes:
    """Rows begin at whole bytes."""
    flat = values.reshape(values.shape[0], -1).astype(np.uint8)
    single = np.unpackbits(flat[..., None], axis=2)[..., -layout.bits :]
    return np.packbits(single.reshape(values.shape[0], -1), axis=1).tobytes()


def _pack_bits(raw: bytes, row: int) -> bytes:
    out = b""
    for top in range(0, len(raw), row):
        for at in range(top, top + row, 128):
            piece = raw[at : min(at + 128, top + row)]
            out += bytes([len(piece) - 1]) + piece
    return out


def shown(layout: Layout, values: Samples) -> NDArray[np.float64]:
    """RGB over white, 0 to 255, by the meaning of the fields."""
    most = (1 << layout.bits) - 1
    colours = values[..., : layout.colours] / most
    if layout.photometric == MIN_IS_WHITE:
        colours = 1 - colours
    if layout.photometric == SEPARATED:
        colours = (1 - colours[..., :3]) * (1 - colours[..., 3:])
    if layout.extra in (ASSOCIATED, UNASSOCIATED):
        alpha = values[..., layout.colours :] / most
        colours = colours * (1 if layout.extra == ASSOCIATED else alpha) + 1 - alpha
    return np.broadcast_to(colours, (*colours.shape[:2], 3)) * 255
