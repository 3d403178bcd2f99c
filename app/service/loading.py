"""The detector that the settings ask for."""

from app.service.memory_shares import decoding_bytes
from app.settings import Settings, warn_of_removed
from app.vision.detector import Detector
from app.vision.images.budget import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.model.load import load
from app.vision.runtime.usable_cores import usable_cores

_REMEDY = ", or let the server use more memory (SPOTTER_DECODE_MEMORY)"


def load_detector(settings: Settings) -> Detector:
    """Raises StartError if the model cannot be served."""
    warn_of_removed()
    threads = settings.threads or usable_cores()
    model = load(settings.model, threads, settings.providers)
    budget = DecodingBudget(decoding_bytes(settings), _REMEDY)
    return Detector(model, ImageReader(settings.max_pixels, budget))
