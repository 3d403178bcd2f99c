"""Makes a small dataset for trying out training: road signs drawn on photos."""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from models.common.commands import CommandError, parser, run

SIDE_PIXELS = 352
"""Maximum length of the photos' longer side."""
VAL_EVERY = 4
"""One of this many photos is for validation."""
_SIGN_PIXELS = 256
"""Side of a sign before it is scaled down."""
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})

_SUMMARY = """\
Make a dataset for trying out training and fine-tuning: three road signs, drawn on your photos at
random places, sizes and brightness. Every fourth photo is for validation."""

_DETAILS = """
example:
  python -m models.drawn photos --out signs
  python -m models.train signs --from models/default.onnx --out weights/signs.onnx
The new folder has annotations.json in COCO format and images/.
"""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    options = parser("drawn", _SUMMARY, _DETAILS)
    options.add_argument("photos", type=Path, help="folder of photos; it is only read")
    options.add_argument("--out", type=Path, required=True, help="folder to make")
    options.add_argument("--count", type=int, default=160, help="number of photos (%(default)s)")
    options.add_argument("--seed", type=int, default=0, help="random seed (%(default)s)")
    return options.parse_args(argv)


def drawn(arguments: argparse.Namespace) -> None:
    out: Path = arguments.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CommandError(f"{out} already exists; give another --out.")
    found = sorted(p for p in arguments.photos.rglob("*") if p.suffix.lower() in _SUFFIXES)
    if arguments.count < VAL_EVERY:
        raise CommandError(f"--count must be at least {VAL_EVERY}.")
    if len(found) < arguments.count:
        raise CommandError(
            f"{arguments.photos} has {len(found)} photos, fewer than --count {arguments.count}."
        )
    random = np.random.default_rng(arguments.seed)
    document: dict[str, Any] = {
        "categories": [{"id": n + 1, "name": name} for n, name in enumerate(SIGNS)],
        "images": [],
        "annotations": [],
    }
    (out / "images").mkdir(parents=True)
    step = len(found) // arguments.count
    for index, path in enumerate(found[: step * arguments.count : step]):
        with Image.open(path) as opened:
            photo = ImageOps.exif_transpose(opened).convert("RGB")
        photo.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
        for category, box in _place_signs(photo, random):
            number = len(document["annotations"]) + 1
            document["annotations"].append(
                {
                    "id": number,
                    "image_id": index,
                    "category_id": category,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
        name = f"{index:05}.jpg"
        photo.save(out / "images" / name, quality=90)
        document["images"].append(
            {
                "id": index,
                "file_name": name,
                "width": photo.width,
                "height": photo.height,
                "split": "train" if index % VAL_EVERY else "val",
            }
        )
    (out / "annotations.json").write_text(json.dumps(document), "utf-8")
    print(f"wrote {out}: {arguments.count} photos, {len(document['annotations'])} signs.")


def _place_signs(
    photo: Image.Image, random: np.random.Generator
) -> Iterator[tuple[int, list[int]]]:
    """Draws one to three signs; yields the category and [x, y, width, height] of each."""
    taken: list[tuple[int, int, int, int]] = []
    for _ in range(int(random.integers(1, 4))):
        category = int(random.integers(len(SIGNS)))
        size = int(min(photo.size) * random.uniform(0.12, 0.4))
        sign = _sign(list(SIGNS.values())[category], size, random)
        x = int(random.integers(0, max(1, photo.width - sign.width)))
        y = int(random.integers(0, max(1, photo.height - sign.height)))
        here = (x, y, x + sign.width, y + sign.height)
        if any(
            here[0] < b[2] and b[0] < here[2] and here[1] < b[3] and b[1] < here[3] for b in taken
        ):
            continue
        taken.append(here)
        photo.paste(sign, (x, y), sign)
        yield category + 1, [x, y, sign.width, sign.height]


def _sign(
    draw: Callable[[ImageDraw.ImageDraw], None], size: int, random: np.random.Generator
) -> Image.Image:
    """An RGBA image, cropped to the visible pixels."""
    image = Image.new("RGBA", (_SIGN_PIXELS, _SIGN_PIXELS))
    draw(ImageDraw.Draw(image))
    image = image.rotate(random.uniform(-15, 15), Image.Resampling.BICUBIC, expand=True)
    image = image.resize((size, max(4, int(size * random.uniform(0.85, 1.15)))))
    alpha = image.getchannel("A").point(lambda value: 255 if value > 127 else 0)
    image = ImageEnhance.Brightness(image).enhance(random.uniform(0.5, 1.1))
    image.putalpha(alpha)
    return image.crop(alpha.getbbox())


def _polygon(corners: int, turn: float, radius: float) -> list[tuple[float, float]]:
    middle = _SIGN_PIXELS / 2
    angles = [turn + 2 * math.pi * corner / corners for corner in range(corners)]
    return [(middle + radius * math.cos(a), middle + radius * math.sin(a)) for a in angles]


def _stop(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon(_polygon(8, math.pi / 8, 125), fill="white")
    draw.polygon(_polygon(8, math.pi / 8, 115), fill="#b01818")
    draw.rectangle((58, 108, 198, 148), fill="white")


def _give_way(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon(_polygon(3, math.pi / 2, 125), fill="#c02020")
    draw.polygon(_polygon(3, math.pi / 2, 75), fill="white")


def _parking(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((15, 15, 240, 240), 24, fill="#1c4fa8")
    draw.rectangle((92, 60, 116, 200), fill="white")
    draw.ellipse((92, 60, 178, 140), outline="white", width=24)


SIGNS: dict[str, Callable[[ImageDraw.ImageDraw], None]] = {
    "stop": _stop,
    "give way": _give_way,
    "parking": _parking,
}


def main(argv: list[str] | None = None) -> int:
    return run(drawn, _arguments(argv))


if __name__ == "__main__":
    sys.exit(main())
