"""Describes an image format; each module in this package fills in one record.

Fields that every format must set have no default, so that the type checker reports missing ones.
The functions are shared by several formats.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from PIL import Image
from PIL.ImageFile import ImageFile

from app.errors import ImageTooLarge, InvalidImage, InvalidImageFormat
from app.vision.images.colour import Box, Flatten
from app.vision.images.memory import Memory, Size

USUAL_READS = 500_000
"""Takes half a second. A PNG of 20 MiB in usual chunks takes some 10,000, a JPEG fewer than 200."""
_LONGEST_SIDE_PIXELS = 500_000
"""Each row takes a pointer in addition to its pixels, and scaling takes a table of this length."""
_MOST_BRAND_BYTES = 512


class Orientation(Enum):
    """When the EXIF orientation of a file is known."""

    NONE = "never: the format has no EXIF"
    IN_HEADER = "when the file has been opened"
    APPLIED = "never needed: the decoder turns the pixels itself"


@dataclass(frozen=True)
class Inspection:
    """Cost of a file, determined from its bytes before a decoder sees them."""

    metadata_bytes: int
    """Upper bound of the memory for opening the file: texts, profiles, EXIF, copies of the file."""
    memory: Callable[[ImageFile, Size], Memory]
    """Memory of the opened image, which may already be scaled; the size is that of the file.

    Checks what is known once Pillow has read the header. Raises InvalidImage or ImageTooLarge.
    """
    flatten: Callable[[ImageFile], Flatten | None] = lambda image: None
    """Converts the loaded image to RGB, if its mode alone does not say how."""
    load: Callable[[ImageFile], object] = lambda image: image.load()
    """Decodes the pixels of the opened image."""
    skips: Mapping[int, int] = field(default_factory=dict)
    """Start and end of each part of the file that is skipped when it is opened."""
    orientation: int | None = None
    """EXIF orientation 1 to 8, if the bytes show it; None if Pillow's EXIF has it."""
    file: bytes | None = None
    """Bytes that are decoded instead of the file."""
    frame: Box | None = None
    """The part of the image that the file has pixels for; what lies around it becomes white."""


@dataclass(frozen=True, kw_only=True)
class Format:
    name: str
    """For display, as in "Send one of JPEG, PNG"."""
    variants: tuple[str, ...] = ()
    """Names of formats that have the same signature and are read in the same way."""
    media_type: str
    suffixes: tuple[str, ...]
    """File name suffixes, lower case with the dot."""
    begins: Callable[[bytes], bool]
    """Whether a file is of this format, determined from its first bytes."""
    pillow_name: str
    plugin: str
    """The module that registers the decoder with Pillow."""
    extra: str | None = None
    """The extra of this project that installs the package of ``plugin``; None if Pillow has it."""
    orientation: Orientation
    inspect: Callable[[bytes, int], Inspection]
    """Given a file and the maximum number of pixels, checks the file's bytes.

    Raises InvalidImage, InvalidImageFormat or ImageTooLarge, or, like a decoder, any other
    exception if the bytes are corrupt.
    """
    scales: bool = False
    """Whether the decoder can skip pixels, so that a smaller image costs less."""
    releases_buffers: bool = False
    """Whether the decoder frees its memory once the pixels are decoded."""
    most_reads: int = USUAL_READS
    """How often the decoder may read from a file; each read takes about a microsecond."""

    def load_decoder(self) -> None:
        """Raises InvalidImageFormat if the format needs an extra that is not installed."""
        if self.extra is not None and find_spec(self.plugin.partition(".")[0]) is None:
            raise InvalidImageFormat(
                f"This is a {self.name} image, which this server is not set up to read."
                f" Send it as JPEG, or have the server set up with the extra '{self.extra}'."
            )
        _load(self.plugin, has_exif=self.orientation is not Orientation.NONE)

    def open(self, data: bytes, inspection: Inspection) -> ImageFile:
        """Reads the header. The decoder must be loaded; ``Image.open`` would load others, too."""
        file = Pieces(inspection.file or data, self.most_reads, inspection.skips)
        return Image.OPEN[self.pillow_name][0](file, "")


@cache
def _load(plugin: str, *, has_exif: bool) -> None:
    import_module(plugin)
    if has_exif:  # EXIF is a TIFF directory
        from app.vision.images.tiff_directory import bound_directories

        bound_directories()


class Pieces(io.BytesIO):
    """A file in memory; ``read`` raises InvalidImage when called more than ``most_reads`` times.

    Decoders read chunks, segments and blocks one by one. A read that would begin at a key of
    ``skips`` begins at its value instead.
    """

    def __init__(self, data: bytes, most_reads: int, skips: Mapping[int, int]) -> None:
        super().__init__(data)
        self._skips = skips
        self._reads_left = most_reads

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise cut_too_small()
        at = self.tell()
        if at in self._skips:
            while at in self._skips:
                at = self._skips[at]
            self.seek(at)
        return super().read(size)


def cut_too_small() -> InvalidImage:
    return InvalidImage("The image is cut into too many small pieces to be read.")


def begins_with(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(prefixes)


def begins_with_brand(*brands: bytes) -> Callable[[bytes], bool]:
    """Whether the first box (`ftyp`) of an ISO base media file has one of these brands."""
    wanted = frozenset(brands)

    def begins(data: bytes) -> bool:
        if data[4:8] != b"ftyp":
            return False
        end = min(int.from_bytes(data[:4], "big"), _MOST_BRAND_BYTES)
        found = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
        return not wanted.isdisjoint(found)

    return begins


def check_pixels(size: Size, max_pixels: int) -> None:
    """Raises ImageTooLarge."""
    width, height = size
    if width * height > max_pixels:
        allowed = f"{max_pixels} are allowed"
    elif max(size) > _LONGEST_SIDE_PIXELS:
        allowed = f"{_LONGEST_SIDE_PIXELS} on a side are allowed"
    else:
        return
    raise ImageTooLarge(
        f"The image has {width} x {height} pixels and at most {allowed}. Send a smaller one."
    )
