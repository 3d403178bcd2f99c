"""Photos that the tests make of the page's own samples."""

from pathlib import Path

from PIL import Image, ImageOps

from tests.server import REPOSITORY

SAMPLES = REPOSITORY / "app" / "page" / "files" / "samples"
ASTRONAUT = SAMPLES / "astronaut.jpg"
CAT = SAMPLES / "cat.jpg"


def make_photos(folder: Path, count: int, size: tuple[int, int] = (640, 480)) -> list[Path]:
    """Different JPEGs named ``photo-001.jpg`` and so on, a person and a cat in turns."""
    photos = []
    sources = [Image.open(ASTRONAUT).convert("RGB"), Image.open(CAT).convert("RGB")]
    for number in range(count):
        image = ImageOps.fit(sources[number % 2], size)
        image.putpixel((number % size[0], 0), (number % 256, 0, 0))
        photo = folder / f"photo-{number + 1:03}.jpg"
        image.save(photo, quality=88)
        photos.append(photo)
    return photos
