"""Tests a newly written model file with the service's own code."""

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

from app.errors import StartError
from app.vision.detections import Options
from app.vision.detector import Detector
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.model.load import load
from app.vision.runtime.session import one_line
from models.common.commands import CommandError

MAX_PIXELS = 200_000_000
BUDGET = 4_000_000_000


def detector(path: Path, threads: int = 1, *, whole: bool = False) -> Detector:
    """The detector that the service would create.

    ``whole`` runs the full graph, up to the outputs that the file declares. Raises StartError if
    the file cannot be served.
    """
    model = load(path, threads, whole=whole)
    return Detector(model, ImageReader(MAX_PIXELS, DecodingBudget(BUDGET)))


def serves(path: Path, shown: Path) -> Detector:
    """Loads ``path`` and runs it on a picture; ``shown`` is its name in messages.

    Raises CommandError if the file cannot be served or its results cannot be right.
    """
    try:
        found = detector(path)
        with np.errstate(all="ignore"):  # an overflow is reported below
            result = found.detect(picture(), Options(confidence=0.0))
    except StartError as error:
        raise CommandError(str(error).replace(str(path), str(shown))) from error
    except Exception as error:  # onnxruntime's exception classes have no common public base
        raise CommandError(f"The model {shown} does not run: {one_line(error)}") from error
    for item in result.items:
        if not 0 <= item.probability <= 1 or not all(map(math.isfinite, item.box)):
            raise CommandError(
                f"The model {shown} gives the probability {item.probability:.4g} and the box"
                f" {item.box}: its outputs are not those of the family"
                f" {found.model.description.family}."
            )
    for one in result.classifications or ():
        if not 0 <= one.probability <= 1:
            raise CommandError(
                f"The model {shown} gives the probability {one.probability:.4g}: set how its scores"
                " become probabilities (--scores)."
            )
    return found


def picture() -> bytes:
    """A JPEG of coarse noise, with all colours and with edges at all scales."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    image = Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
