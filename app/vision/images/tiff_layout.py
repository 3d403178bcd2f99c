"""The layout of the samples of a TIFF: which tags give it, and which layouts can be read."""

from collections.abc import Mapping
from typing import Any, NamedTuple

BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES = 258, 259, 262, 266, 277
PLANES, EXTRA, FORMAT, SUBSAMPLING = 284, 338, 339, 530
RAW = 1
MIN_IS_WHITE, MIN_IS_BLACK, RGB, SEPARATED, YCBCR, LAB = 0, 1, 2, 5, 6, 8
_COLOURS = {RGB: 3, SEPARATED: 4, YCBCR: 3, LAB: 3}
UNSPECIFIED, ASSOCIATED, UNASSOCIATED = 0, 1, 2
UNSIGNED, SIGNED, FLOAT = 1, 2, 3


class Layout(NamedTuple):
    """How the samples of a pixel are stored."""

    bits: tuple[int, ...]
    kinds: frozenset[int]
    photometric: int
    samples: int
    """Number of samples of a pixel: its colours, then the ``extra`` ones."""
    extra: tuple[int, ...]
    """Meaning of the samples after the colours: alpha, or unspecified."""
    is_raw: bool
    """Whether the samples are not compressed. Pillow reads these itself, libtiff the others."""
    planar: bool
    """Whether each sample has a plane of its own, if there is more than one."""
    bits_reversed: bool
    subsampled: bool

    @classmethod
    def of(cls, tags: Mapping[int, Any]) -> "Layout":
        return cls(
            tags.get(BITS, (1,)),
            frozenset(tags.get(FORMAT, (UNSIGNED,))),
            tags.get(PHOTOMETRIC, MIN_IS_WHITE),
            tags.get(SAMPLES, 1),
            tags.get(EXTRA, ()),
            tags.get(COMPRESSION, RAW) == RAW,
            tags.get(PLANES, 1) == 2,
            tags.get(FILL_ORDER, 1) == 2,
            tags.get(SUBSAMPLING, (1, 1)) != (1, 1),
        )

    @property
    def colours(self) -> int:
        """Number of samples without the extra ones."""
        return _COLOURS.get(self.photometric, 1)

    @property
    def is_deep(self) -> bool:
        return self.bits[0] == 16

    @property
    def is_supported(self) -> bool:
        """Whether Pillow reads these samples, and reads them right."""
        if not (self._is_unsigned or self._is_single_float):
            return False
        if self.photometric == YCBCR and self.is_raw and self.subsampled:
            return False
        inverted_bytes = self.bits[0] == 8 and self.photometric == MIN_IS_WHITE
        several_planes = self.planar and self.samples > 1
        reversed_wrongly = self.is_deep or several_planes or inverted_bytes
        return not (self.bits_reversed and self.is_raw and reversed_wrongly)

    @property
    def _is_unsigned(self) -> bool:
        return (
            self.kinds == {UNSIGNED}
            and len(set(self.bits)) == 1
            and self.bits[0] in (1, 2, 4, 8, 16)
        )

    @property
    def _is_single_float(self) -> bool:
        one_sample = self.photometric == MIN_IS_BLACK and self.samples <= 1
        return self.kinds == {FLOAT} and self.bits == (32,) and one_sample

    def with_all_extra(self) -> "Layout":
        """With a meaning for samples after the colours that the file says nothing of."""
        if self.extra:
            return self
        if self.photometric in (MIN_IS_WHITE, MIN_IS_BLACK):
            return self._replace(extra=(UNSPECIFIED,) * min(self.samples - 1, 4))
        if self.photometric == RGB and self.samples == 4:
            return self._replace(extra=(UNASSOCIATED,))
        return self

    def of_colours_alone(self) -> "Layout":
        return self._replace(
            planar=self.planar and self.colours > 1, samples=self.colours, extra=()
        )
