"""The detector that the settings ask for."""

from app.settings import DECODING_BUDGET, Settings, warn_of_ignored
from app.vision.detector import Detector
from app.vision.images.budget import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.model.load import load
from app.vision.runtime.usable_cores import usable_cores


def load_detector(settings: Settings) -> Detector:
    """Raises StartError if the model cannot be served."""
    warn_of_ignored()
    threads = settings.threads or usable_cores()
    model = load(settings.model, threads, settings.providers)
    return Detector(model, ImageReader(settings.max_pixels, DecodingBudget(DECODING_BUDGET)))
