"""Detections as Rekognition's labels, with their ancestors as further labels."""

from typing import Any

from app.rekognition.confidence import PERCENT, Scale
from app.rekognition.request import DetectLabelsRequest, LabelFilters
from app.rekognition.taxonomy import Entry, Taxonomy
from app.vision.detections import Detection, Detections

Json = dict[str, Any]


def labels(
    found: Detections,
    taxonomy: Taxonomy,
    request: DetectLabelsRequest,
    colours: list[list[Json]] | None = None,
    scale: Scale = PERCENT,
) -> list[Json]:
    """Labels, most confident first; equally confident ones in alphabetical order.

    Labels of the whole picture have no instances. ``colours`` are the dominant colours of each
    detection.
    """
    confidences: dict[str, float] = {}
    instances: dict[str, list[Json]] = {}

    def note(label: str, probability: float) -> tuple[str, float]:
        """Records the label and its ancestors; returns its own name and confidence."""
        name = taxonomy.of_label(label).name
        confidence = round(scale.confidence(probability), 4)
        for label in (name, *taxonomy.ancestors(name)):
            confidences[label] = max(confidence, confidences.get(label, 0.0))
        return name, confidence

    for one in found.classifications or ():
        note(one.label, one.probability)
    for index, item in enumerate(found.items):
        name, confidence = note(item.label, item.probability)
        instance = _instance(item, confidence, found)
        if colours is not None:
            instance["DominantColors"] = colours[index]
        instances.setdefault(name, []).append(instance)
    ranked = sorted(confidences, key=lambda name: (-confidences[name], name))
    wanted = (name for name in ranked if _passes(taxonomy.entry(name), request.filters))
    return [_label(taxonomy, name, confidences[name], instances.get(name, [])) for name in wanted][
        : request.max_labels
    ]


def _label(taxonomy: Taxonomy, name: str, confidence: float, instances: list[Json]) -> Json:
    entry = taxonomy.entry(name)
    return {
        "Name": name,
        "Confidence": confidence,
        "Instances": instances,
        "Parents": _names(taxonomy.ancestors(name)),
        "Aliases": _names(entry.aliases),
        "Categories": _names(entry.categories),
    }


def _instance(item: Detection, confidence: float, found: Detections) -> Json:
    return {"BoundingBox": bounding_box(item, found), "Confidence": confidence}


def bounding_box(item: Detection, found: Detections) -> Json:
    """The box as fractions of the picture's width and height."""
    x, y, width, height = item.box
    return {
        "Width": round(width / found.width, 6),
        "Height": round(height / found.height, 6),
        "Left": round(x / found.width, 6),
        "Top": round(y / found.height, 6),
    }


def _names(names: tuple[str, ...]) -> list[Json]:
    return [{"Name": name} for name in names]


def _passes(entry: Entry, filters: LabelFilters) -> bool:
    """Whether the entry is not excluded, and is included if there are inclusion filters."""
    if _among(entry, filters.LabelExclusionFilters, filters.LabelCategoryExclusionFilters):
        return False
    included = filters.LabelInclusionFilters, filters.LabelCategoryInclusionFilters
    return not any(included) or _among(entry, *included)


def _among(entry: Entry, names: list[str] | None, categories: list[str] | None) -> bool:
    return _fold([entry.name]) & _fold(names) != set() or (
        _fold(entry.categories) & _fold(categories) != set()
    )


def _fold(names: list[str] | tuple[str, ...] | None) -> set[str]:
    return {name.strip().casefold() for name in names or ()}
