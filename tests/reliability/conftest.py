from tests.events.conftest import annotator, aws_environment, cloud, detector, results
from tests.http.conftest import scripted, scripted_model

__all__ = [
    "annotator",
    "aws_environment",
    "cloud",
    "detector",
    "results",
    "scripted",
    "scripted_model",
]
