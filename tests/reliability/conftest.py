from tests.api.conftest import scripted, scripted_model
from tests.events.conftest import annotator, aws_environment, cloud, detector, results

__all__ = [
    "annotator",
    "aws_environment",
    "cloud",
    "detector",
    "results",
    "scripted",
    "scripted_model",
]
