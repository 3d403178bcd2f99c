"""Reads an image file into upright RGB pixels, within limits of pixels, time and memory."""

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image
from PIL.ImageFile import ImageFile

from app.errors import ImageTooLarge, InvalidImage, InvalidImageFormat
from app.vision.images import exif, formats
from app.vision.images.colour import to_rgb
from app.vision.images.formats.record import Format, Inspection, Orientation, check_pixels
from app.vision.images.memory import DecodingBudget, Size, peak_bytes
from app.vision.runtime.allocator import tune_allocator

# Pillow's warnings about broken metadata bypass our log, and Python keeps each new text for ever.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.CRITICAL + 1)
tune_allocator()

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
_FEW_BYTES = 2_000_000
"""Metadata of ordinary photos; it is within the allocator's slack and is not reserved."""

_UNSUPPORTED = re.compile(
    r"unsupported (?!bmp bitfields)|cannot handle|unknown pixel mode", re.IGNORECASE
)
"""Start of the messages of Pillow's decoders for files that they recognise but do not support."""

Cover = Callable[[Size], Size]
"""Maps the upright full size to the size that the result has to cover."""


@dataclass(frozen=True)
class Picture:
    """A decoded image, upright."""

    rgb: Image.Image
    """Mode RGB; not smaller than the size to cover, unless the file is."""
    size: Size
    """Full size of the upright image in pixels."""


@dataclass(frozen=True)
class ImageReader:
    """Every method accepts the format of ``data``, if the caller has already determined it."""

    max_pixels: int
    budget: DecodingBudget

    def read(self, data: bytes, cover: Cover, image_format: Format | None = None) -> Picture:
        """Decodes ``data`` to a size that covers what ``cover`` returns.

        At least one side of the result is less than twice as long as needed.

        Raises InvalidImageFormat, InvalidImage or ImageTooLarge.
        """
        with self.decoded(data, cover, image_format) as picture:
            return picture

    def check(self, data: bytes, cover: Cover, image_format: Format | None = None) -> None:
        """Raises what ``decoded`` would raise because of the header, without decoding anything."""
        _, plan = self._open(data, cover, image_format)
        self.budget.check(plan.cost)

    @contextmanager
    def decoded(
        self, data: bytes, cover: Cover, image_format: Format | None = None
    ) -> Iterator[Picture]:
        """Like ``read``, but the memory for decoding stays reserved until the block ends."""
        source, plan = self._open(data, cover, image_format)
        cost = plan.cost
        if source.heavy:
            del plan  # its metadata is no longer reserved; the file is opened again below
        with self.budget.reserve(cost):
            with _decoder_errors():
                if source.heavy:
                    plan = _plan(source, cover)
                image, orientation, size, target = plan[:4]
                del plan
                source.inspection.load(image)
                factor = _whole_factor(image.size, target)
                rgb: Image.Image = image
                if image.mode != "RGB" or factor > 1 or not source.format.releases_buffers:
                    inspection = source.inspection
                    rgb = to_rgb(image, factor, inspection.flatten(image), inspection.frame)
                del image  # before its pixels are copied a third time
                if orientation in _TURNS:
                    rgb = rgb.transpose(_TURNS[orientation])
            yield Picture(rgb, size)

    def _open(
        self, data: bytes, cover: Cover, image_format: Format | None
    ) -> "tuple[_Source, _Plan]":
        with _decoder_errors():
            form = image_format or formats.require(data)
            form.load_decoder()
            inspection = form.inspect(data, self.max_pixels)
            source = _Source(data, form, inspection, self.max_pixels)
            metadata_bytes = inspection.metadata_bytes
            with self.budget.reserve(metadata_bytes) if source.heavy else nullcontext():
                return source, _plan(source, cover)


class _Source(NamedTuple):
    data: bytes
    format: Format
    inspection: Inspection
    max_pixels: int

    @property
    def heavy(self) -> bool:
        """Whether opening the file takes enough memory that it must be reserved first."""
        return self.inspection.metadata_bytes > _FEW_BYTES


class _Plan(NamedTuple):
    """How to decode a file, determined from its header."""

    image: ImageFile
    orientation: int
    """EXIF orientation 1..8."""
    size: Size
    """Full size of the upright image in pixels."""
    target: Size
    """Size that has to be covered, in the orientation of the stored pixels."""
    cost: int
    """Peak memory in bytes."""


def _plan(source: _Source, cover: Cover) -> _Plan:
    """Opens the file, which reads its header only."""
    form, inspection = source.format, source.inspection
    # Pillow's decoders refuse sizes above twice this; below it, our own check is exact.
    Image.MAX_IMAGE_PIXELS = -(-source.max_pixels // 2)
    image = form.open(source.data, inspection)
    check_pixels(image.size, source.max_pixels)
    full = image.size
    orientation = (
        _orientation(image, inspection) if form.orientation is Orientation.IN_HEADER else 1
    )
    size, target = _aim(full, orientation, cover)
    if form.scales:
        image.draft(None, target)
    memory = inspection.memory(image, full)
    cost = peak_bytes(image, memory, _whole_factor(image.size, target))
    if source.heavy:
        cost += inspection.metadata_bytes
    return _Plan(image, orientation, size, target, cost)


@contextmanager
def _decoder_errors() -> Iterator[None]:
    """Converts any exception of a decoder that cannot read its bytes to InvalidImage.

    Pillow's decoders raise more classes than they document (SyntaxError, ValueError, EOFError,
    struct.error, zlib.error ...), so every Exception is caught, but only around the decoder.
    """
    try:
        yield
    except (InvalidImage, ImageTooLarge, InvalidImageFormat, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(
            "The image, or its first frame, has more pixels than are allowed. Send a smaller one."
        ) from error
    except Exception as error:
        if _UNSUPPORTED.match(str(error)):
            raise InvalidImageFormat(
                f"This kind of image is not supported ({error}). Send it as JPEG or PNG."
            ) from error
        if "bitfields" in str(error):
            raise InvalidImage("The BMP has colour masks that are not supported.") from error
        raise InvalidImage(
            "The image begins like one that is allowed but cannot be read to its end:"
            " it is truncated or corrupt."
        ) from error


def _aim(full: Size, orientation: int, cover: Cover) -> tuple[Size, Size]:
    """The upright size, and the size to cover in the orientation of the stored pixels."""
    if orientation not in _SIDEWAYS:
        return full, cover(full)
    width, height = cover(full[::-1])
    return full[::-1], (height, width)


def _orientation(image: Image.Image, inspection: Inspection) -> int:
    """EXIF orientation 1..8; 1 if there is none or it cannot be read. XMP is ignored."""
    if inspection.orientation is not None:
        return inspection.orientation
    found = image.info.get("exif")
    return exif.orientation(found) if isinstance(found, bytes) else 1


def _whole_factor(size: Size, target: Size) -> int:
    """The largest integer that ``size`` can be divided by while still covering ``target``."""
    return max(1, min(size[0] // max(1, target[0]), size[1] // max(1, target[1])))
