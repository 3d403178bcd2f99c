"""The photos that a model is tested on: the user's own, or those of the page."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

import app
from models.common.commands import CommandError

_SAMPLES = Path(app.__file__).parent / "page" / "files" / "samples"
_SHOWN = {"cat.jpg": "cat", "astronaut.jpg": "person"}
"""An object on each of the page's photos, with COCO's label."""
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
_MOST = 8


@dataclass(frozen=True, eq=False)
class Photo:
    path: Path
    rgb: Image.Image
    shows: str | None = None
    """Label of an object on the photo, if known."""
    judged: bool = True
    """Whether its detections are judged; otherwise it only shows how classes are numbered."""


def photos(folder: Path | None) -> list[Photo]:
    """At most eight photos of ``folder``, and the page's photos.

    Raises CommandError if ``folder`` has no readable photo.
    """
    samples = [
        Photo(_SAMPLES / name, _open(_SAMPLES / name), label, folder is None)
        for name, label in _SHOWN.items()
    ]
    if folder is None:
        return samples
    if not folder.is_dir():
        raise CommandError(f"There is no folder of photos {folder}.")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise CommandError(f"{folder} has no photos ({', '.join(sorted(_SUFFIXES))}).")
    return [*(Photo(path, _open(path)) for path in paths[:_MOST]), *samples]


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.draft("RGB", (1600, 1600))
            upright = ImageOps.exif_transpose(image)
            return upright.convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise CommandError(f"{path} is not a readable photo.") from error
