"""Caches decoded photos in one memory-mapped file of RGB bytes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from models.train.samples import DatasetError, Sample

Pixels = NDArray[np.uint8]

AT_ONCE = 256
"""Number of photos decoded ahead of the writing."""


def _decode(path: Path, side: int) -> Pixels:
    """Raises DatasetError for a file that Pillow cannot decode."""
    try:
        return _scaled(path, side)
    except Exception as error:  # Pillow's plugins raise exceptions of many classes
        raise DatasetError(
            f"{path}: it is not an image, or it is truncated; replace it, or remove it from the"
            f" dataset ({' '.join(str(error).split())})"
        ) from error


def _scaled(path: Path, side: int) -> Pixels:
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
        scale = side / max(image.size)
        if scale < 1:
            width, height = (max(1, round(edge * scale)) for edge in image.size)
            image = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return np.asarray(image)


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


class ImageStore:
    """Upright photos with a long side of at most ``side`` pixels, in the order of ``samples``.

    Raises DatasetError for a photo that cannot be decoded.
    """

    def __init__(self, samples: Sequence[Sample], folder: Path, side: int) -> None:
        listing = "\n".join(f"{s.path.resolve()} {s.path.stat().st_size}" for s in samples)
        key = hashlib.sha256(f"{side}\n{listing}".encode()).hexdigest()[:16]
        self._index_path = folder / f"{key}.json"
        self._data_path = folder / f"{key}.rgb"
        if not self._index_path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            self._build(samples, side)
        self._places: list[tuple[int, int, int]] = json.loads(self._index_path.read_text("utf-8"))
        # A small set is held in memory, since the pages of a mapped file can be evicted at any
        # time.
        self._data: Pixels | None = None
        if self._data_path.stat().st_size < _memory() / 4:
            self._data = np.fromfile(self._data_path, np.uint8)

    def _build(self, samples: Sequence[Sample], side: int) -> None:
        places: list[tuple[int, int, int]] = []
        offset = 0
        partial = self._data_path.with_suffix(".part")
        with (
            partial.open("wb") as file,
            ThreadPoolExecutor() as pool,
            tqdm(desc="decode photos", total=len(samples), unit="photo") as bar,
        ):
            for start in range(0, len(samples), AT_ONCE):
                chunk = samples[start : start + AT_ONCE]
                for pixels in pool.map(lambda sample: _decode(sample.path, side), chunk):
                    height, width = pixels.shape[:2]
                    places.append((offset, height, width))
                    offset += file.write(pixels.tobytes())
                    bar.update()
        partial.replace(self._data_path)
        self._index_path.write_text(json.dumps(places), "utf-8")

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Height and width of every cached photo."""
        return [(height, width) for _, height, width in self._places]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Pixels:
        if self._data is None:  # opened lazily, so that each worker process maps the file itself
            self._data = np.memmap(self._data_path, np.uint8, "r")
        offset, height, width = self._places[index]
        return self._data[offset : offset + height * width * 3].reshape(height, width, 3)
