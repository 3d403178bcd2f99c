"""Makes a detector do all that it does at its first request only."""

import io

from app.vision.detections import Options
from app.vision.detector import Detector

_SIDE = 640  # pixels


def warm_up(detector: Detector) -> None:
    detector.detect(_gray_jpeg(), Options())
    _ = detector.model.sha256


def _gray_jpeg() -> bytes:
    """Most photos are JPEG, so that its decoder is loaded."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (_SIDE, _SIDE), "gray").save(buffer, "JPEG")
    return buffer.getvalue()
