"""Bytes of an image file to upright RGB pixels, within limits."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image
from PIL.ImageFile import ImageFile

from app.errors import ImageTooLarge, InvalidImage, InvalidImageFormat
from app.vision.images import formats
from app.vision.images.bounds import rules
from app.vision.images.bounds.pieces import Pieces
from app.vision.images.budget import DecodingBudget
from app.vision.images.colour import to_rgb
from app.vision.images.memory import Size, peak_bytes
from app.vision.runtime.allocator import tune_allocator

# Of broken metadata Pillow tells past our log, and each new text of a warning is kept for good.
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
_ORIENTATION = 274
_SIDEWAYS = frozenset({5, 6, 7, 8})


@dataclass(frozen=True)
class Picture:
    rgb: Image.Image
    """Upright, mode RGB; at least as large as was asked for where the file is."""
    size: Size
    """Of the upright picture at full size, in pixels."""


@dataclass(frozen=True)
class ImageReader:
    max_pixels: int
    budget: DecodingBudget

    def read(self, data: bytes, cover: Callable[[Size], Size]) -> Picture:
        """Decode ``data`` no larger than needed.

        ``cover`` is given the upright full size and answers the size that the result has to
        cover; the result may be larger, by less than twice on its shorter ratio.

        Raises InvalidImageFormat, InvalidImage or ImageTooLarge.
        """
        with self.decoded(data, cover) as picture:
            return picture

    def check(self, data: bytes, cover: Callable[[Size], Size]) -> None:
        """Raises what ``decoded`` raises for what the header says, and decodes nothing."""
        with _decoder_errors():
            self.budget.check(self._plan(data, cover).cost)

    @contextmanager
    def decoded(self, data: bytes, cover: Callable[[Size], Size]) -> Iterator[Picture]:
        """Like ``read``, with the memory that decoding took set aside until the block ends."""
        with _decoder_errors():
            image, late, orientation, size, target, cost = self._plan(data, cover)
        with self.budget.reserve(cost):
            with _decoder_errors():
                image.load()
                if late:
                    orientation = _orientation(image)
                    size, target = _aim(image.size, orientation, cover)
                rgb = to_rgb(image, _whole_factor(image.size, target))
                del image  # before its pixels are held a third time
                if orientation in _TURNS:
                    rgb = rgb.transpose(_TURNS[orientation])
            yield Picture(rgb, size)

    def _plan(self, data: bytes, cover: Callable[[Size], Size]) -> "_Plan":
        image = _open(data, self.max_pixels)
        full = image.size
        late = image.format == "PNG"  # its EXIF block may stand behind the pixels
        orientation = 1 if late else _orientation(image)
        size, target = _aim(full, orientation, cover)
        image.draft(None, target)
        cost = peak_bytes(image, data, full, _whole_factor(image.size, target))
        return _Plan(image, late, orientation, size, target, cost)


class _Plan(NamedTuple):
    """How a file is to be decoded, told from its header."""

    image: ImageFile
    late: bool
    """Whether the orientation is known only once the pixels are there."""
    orientation: int
    size: Size
    """Of the upright picture at full size, in pixels."""
    target: Size
    """What is to be covered, as the pixels are stored."""
    cost: int
    """Bytes of memory at the peak."""


def _open(data: bytes, max_pixels: int) -> ImageFile:
    """Only the header is read.

    By the one decoder that the first bytes ask for: ``Image.open`` would load others, too.
    """
    name = formats.require(data)
    rules.check_file(name, data, max_pixels)
    # Above twice this Pillow's decoders refuse to make room; below, the check behind is exact.
    Image.MAX_IMAGE_PIXELS = -(-max_pixels // 2)
    image = Image.OPEN[name][0](Pieces(data), "")
    rules.check_opened(image, data, max_pixels)
    return image


@contextmanager
def _decoder_errors() -> Iterator[None]:
    """Whatever a decoder raises on bytes that it cannot read is an InvalidImage.

    Pillow's decoders raise more classes than they document (SyntaxError, ValueError, EOFError,
    struct.error, zlib.error ...): hence the wide net, around the decoder only.
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
        raise InvalidImage(
            "The image begins like one that is allowed but cannot be read to its end:"
            " it is truncated or corrupt."
        ) from error


def _aim(full: Size, orientation: int, cover: Callable[[Size], Size]) -> tuple[Size, Size]:
    """The upright size, and what is to be covered as the pixels are stored."""
    if orientation not in _SIDEWAYS:
        return full, cover(full)
    width, height = cover(full[::-1])
    return full[::-1], (height, width)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; 1 where there is none or it cannot be read."""
    if image.format == "TIFF":
        return 1  # Pillow turns TIFF upright itself
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a broken EXIF block does not make the picture unreadable
        return 1


def _whole_factor(size: Size, target: Size) -> int:
    """The largest whole number by which ``size`` can be divided and still cover ``target``."""
    return max(1, min(size[0] // max(1, target[0]), size[1] // max(1, target[1])))
