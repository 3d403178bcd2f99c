"""A record of all that is known of an image format; each module beside fills one.

What every format has to say has no default, so that the type checker names what is forgotten. The
functions are for what several of them have to say.
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
from app.vision.images.colour import Flatten
from app.vision.images.memory import Memory, Size

USUAL_READS = 500_000
"""Half a second. A PNG of 20 MiB in the usual chunks takes some 10,000, a JPEG fewer than 200."""
_LONGEST_SIDE_PIXELS = 500_000
"""Each row takes a pointer beside its pixels, and scaling a row takes a table as long as it."""
_MOST_BRAND_BYTES = 512


class Orientation(Enum):
    """When the EXIF orientation of a file is known."""

    NONE = "never: the format has no EXIF"
    IN_HEADER = "when the file has been opened"
    APPLIED = "never needed: the decoder turns the pixels itself"


@dataclass(frozen=True)
class Inspection:
    """Cost of a file, told from its bytes before a decoder sees them."""

    metadata_bytes: int
    """Memory that opening the file takes, or more: texts, profiles, EXIF and copies of the file."""
    memory: Callable[[ImageFile, Size], Memory]
    """Memory of the opened image, which may be scaled already; the size is that of the file.

    Checks what is known once Pillow has the header. Raises InvalidImage or ImageTooLarge.
    """
    flatten: Callable[[ImageFile], Flatten | None] = lambda image: None
    """How the loaded image becomes RGB, if its mode alone does not say it."""
    load: Callable[[ImageFile], object] = lambda image: image.load()
    """Decodes the pixels of the opened image."""
    skips: Mapping[int, int] = field(default_factory=dict)
    """Where a part of the file begins that opening it steps over, and where that part ends."""
    orientation: int | None = None
    """EXIF orientation 1 to 8, if the bytes say it; None if Pillow's EXIF has it."""
    file: bytes | None = None
    """Bytes that are decoded in place of the file."""


@dataclass(frozen=True, kw_only=True)
class Format:
    name: str
    """For people, as in "Send one of JPEG, PNG"."""
    variants: tuple[str, ...] = ()
    """Names of formats that begin alike and are read in the same way."""
    media_type: str
    suffixes: tuple[str, ...]
    """Ends of file names, in lower case with the dot."""
    begins: Callable[[bytes], bool]
    """Whether a file is of this format, told from its first bytes."""
    pillow_name: str
    plugin: str
    """The module that registers the decoder with Pillow."""
    extra: str | None = None
    """The extra of this project that installs the package of ``plugin``, if Pillow does not."""
    orientation: Orientation
    inspect: Callable[[bytes, int], Inspection]
    """Given a file and the most pixels, checks what its bytes say.

    Raises InvalidImage, InvalidImageFormat or ImageTooLarge, or any other error if they are
    corrupt, as decoders do.
    """
    scales: bool = False
    """Whether the decoder can leave out pixels, so that a smaller image costs less."""
    releases_buffers: bool = False
    """Whether the decoder keeps no memory once the pixels are there."""
    most_reads: int = USUAL_READS
    """How often the decoder may read from a file; each time takes about a microsecond."""

    def load_decoder(self) -> None:
        """Raises InvalidImageFormat if the format needs an extra that is not installed."""
        if self.extra is not None and find_spec(self.plugin.partition(".")[0]) is None:
            raise InvalidImageFormat(
                f"This is a {self.name} image, and this server was set up without {self.name}."
                f" Send it as JPEG, or have the server set up with the extra '{self.extra}'."
            )
        _load(self.plugin, has_exif=self.orientation is not Orientation.NONE)

    def open(self, data: bytes, inspection: Inspection) -> ImageFile:
        """Reads the header. The decoder has to be loaded; ``Image.open`` would load others, too."""
        file = Pieces(inspection.file or data, self.most_reads, inspection.skips)
        return Image.OPEN[self.pillow_name][0](file, "")


@cache
def _load(plugin: str, *, has_exif: bool) -> None:
    import_module(plugin)
    if has_exif:  # EXIF is a directory in the form of TIFF
        from app.vision.images.tiff_directory import bound_directories

        bound_directories()


class Pieces(io.BytesIO):
    """A file in memory; ``read`` raises InvalidImage when called more than ``most_reads`` times.

    Chunks, segments and blocks are read one by one. A read that begins at a key of ``skips``
    begins at its value.
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
