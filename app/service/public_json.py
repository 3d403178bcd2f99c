"""Detections as the public JSON."""

from collections.abc import Iterator
from typing import Any

from app.service.alt_text import alt_text
from app.vision.detections import Detection, Detections
from app.vision.tasks.keypoints import Keypoint
from app.vision.tasks.mask_contours import Ring
from app.vision.tasks.masks import MaskForm, polygons


def render(
    found: Detections, model: str, *, with_alt_text: bool, masks: MaskForm | None = None
) -> dict[str, Any]:
    """A DetectionResult, built by hand: validating it again would cost more than NMS.

    ``masks`` is the form in which the objects' masks are added, if they have any.
    """
    width, height = found.width, found.height
    contours: Iterator[list[Ring]] = iter(())
    if masks == "polygons":
        contours = iter(polygons([item.mask for item in found.items if item.mask is not None]))
    result: dict[str, Any] = {
        "model": model,
        "image": {"width": width, "height": height},
        "detections": [
            {
                "label": item.label,
                "classId": item.class_id,
                "probability": round(item.probability, 6),
                "boundingBox": [round(value, 2) for value in item.box],
                "normalizedBox": [
                    round(item.box[0] / width, 6),
                    round(item.box[1] / height, 6),
                    round(item.box[2] / width, 6),
                    round(item.box[3] / height, 6),
                ],
                **_more(item, masks, contours),
            }
            for item in found.items
        ],
    }
    if found.classifications is not None:
        result["classifications"] = [
            {"label": label, "classId": class_id, "probability": round(probability, 6)}
            for label, class_id, probability in found.classifications
        ]
    if with_alt_text:
        result["altText"] = alt_text(found)
    return result


def _more(
    item: Detection, masks: MaskForm | None, contours: Iterator[list[Ring]]
) -> dict[str, Any]:
    """The object's corners, keypoints and mask, if the model has them.

    The contours of its mask are the next ones of ``contours``.
    """
    more: dict[str, Any] = {}
    if item.turned is not None:
        more["corners"] = [_point(x, y) for x, y in item.turned.corners]
        more["angle"] = round(item.turned.angle, 6)
    if item.keypoints is not None:
        more["keypoints"] = [_keypoint(point) for point in item.keypoints]
    if item.mask is not None and masks == "polygons":
        more["polygons"] = [[_point(x, y) for x, y in ring] for ring in next(contours)]
    if item.mask is not None and masks == "rle":
        more["rle"] = item.mask.run_lengths()
    return more


def _keypoint(point: Keypoint) -> dict[str, Any]:
    place = {"name": point.name, "x": round(point.x, 2), "y": round(point.y, 2)}
    if point.probability is None:
        return place
    return {**place, "probability": round(point.probability, 6)}


def _point(x: float, y: float) -> list[float]:
    return [round(x, 2), round(y, 2)]
