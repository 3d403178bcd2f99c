"""One small decoder a model family: the raw outputs of a session to candidate boxes."""

from app.vision.description import Family
from app.vision.families import detr, end2end, yolov5, yolov8, yolox
from app.vision.families.base import Candidates, Head, Shape

HEADS: dict[Family, Head] = {
    "yolov8": yolov8,
    "yolov5": yolov5,
    "end2end": end2end,
    "yolox": yolox,
    "detr": detr,
}

__all__ = ["HEADS", "Candidates", "Head", "Shape"]
