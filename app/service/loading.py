"""Loads and warms up the detector described by the settings."""

import io

from app.service.memory_shares import decoding_bytes
from app.settings import Settings, warn_of_ignored
from app.vision.detections import Options
from app.vision.detector import Detector
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.model.load import load
from app.vision.runtime.allocator import release_free_memory
from app.vision.runtime.limits import usable_cores

_SIDE = 640  # pixels
_REMEDY = ", or let the server use more memory (SPOTTER_DECODE_MEMORY)"


def load_detector(settings: Settings) -> Detector:
    """Raises StartError if the model cannot be served."""
    warn_of_ignored()
    threads = settings.threads or usable_cores()
    model = load(settings.model, threads, settings.providers, settings.openvino_precision)
    release_free_memory()
    budget = DecodingBudget(decoding_bytes(settings), _REMEDY)
    return Detector(model, ImageReader(settings.max_pixels, budget))


def warm_up(detector: Detector) -> None:
    """Makes ``detector`` do the work that it otherwise does at its first request."""
    from PIL import Image

    image = io.BytesIO()
    Image.new("RGB", (_SIDE, _SIDE), "gray").save(image, "JPEG")
    detector.detect(image.getvalue(), Options())
    _ = detector.model.sha256
