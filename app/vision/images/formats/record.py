"""A record of all that is known of an image format; each module beside fills one.

No field has a default, so that the type checker names what a new format forgets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from importlib.util import find_spec

from PIL import Image
from PIL.ImageFile import ImageFile

from app.errors import InvalidImageFormat
from app.vision.images.memory import Memory, Size


class Orientation(Enum):
    """When the EXIF orientation of a file is known."""

    IN_HEADER = "when the file has been opened"
    AFTER_PIXELS = "when the pixels have been read: the EXIF block may stand behind them"
    APPLIED = "never needed: the decoder turns the pixels itself"


@dataclass(frozen=True)
class Inspection:
    """Cost of a file, told from its bytes before a decoder sees them."""

    metadata_bytes: int
    """Memory that opening the file takes, or more: texts, profiles, EXIF and copies of the file."""
    check_opened: Callable[[ImageFile], None]
    """Checks what is known once Pillow has the header. Raises InvalidImage or ImageTooLarge."""
    memory: Callable[[ImageFile, Size], Memory]
    """Memory of the opened image, which may be scaled already; the size is that of the file.
    Raises InvalidImage."""


@dataclass(frozen=True)
class Extra:
    """An optional package that a decoder needs."""

    name: str
    """The extra of this project that installs it."""
    package: str

    def installed(self) -> bool:
        return find_spec(self.package) is not None


@dataclass(frozen=True, kw_only=True)
class Format:
    name: str
    """For people, as in "Send one of JPEG, PNG"."""
    variants: tuple[str, ...]
    """Names of formats that begin alike and are read in the same way."""
    media_type: str
    suffixes: tuple[str, ...]
    """Ends of file names, in lower case with the dot."""
    begins: Callable[[bytes], bool]
    """Whether a file is of this format, told from its first bytes."""
    pillow_name: str
    register: Callable[[], None]
    """Registers the decoder with Pillow; called again for each file."""
    extra: Extra | None
    scales: bool
    """Whether the decoder can leave out pixels, so that a smaller image costs less."""
    releases_buffers: bool
    """Whether the decoder keeps no memory once the pixels are there."""
    has_exif: bool
    """Whether a directory in the form of TIFF may be in it, as EXIF is one."""
    orientation: Orientation
    most_reads: int
    """How often the decoder may read from a file; each time takes about a microsecond."""
    inspect: Callable[[bytes, int], Inspection]
    """Given a file and the most pixels, checks what its bytes say. Raises InvalidImage,
    InvalidImageFormat or ImageTooLarge."""

    def load_decoder(self) -> None:
        """Raises InvalidImageFormat if the format needs an extra that is not installed."""
        if self.extra is not None and not self.extra.installed():
            raise InvalidImageFormat(
                f"This is a {self.name} image, and this server was set up without {self.name}."
                f" Send it as JPEG, or have the server set up with the extra '{self.extra.name}'."
            )
        self.register()
        if self.has_exif:
            from app.vision.images.tiff_directory import bound_directories

            bound_directories()

    def opener(self) -> Callable[..., ImageFile]:
        """Pillow's class that opens this format. ``load_decoder`` has been called."""
        return Image.OPEN[self.pillow_name][0]


USUAL_READS = 500_000
"""Half a second. A PNG of 20 MiB in the usual chunks takes some 10,000, a JPEG fewer than 200."""


def plugin(name: str) -> Callable[[], None]:
    """Registers Pillow's own module of that name."""

    def register() -> None:
        import_module(f"PIL.{name}")

    return register


def begins_with(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(prefixes)


def nothing_more(image: ImageFile) -> None:
    """For formats that need no check once they are opened."""
