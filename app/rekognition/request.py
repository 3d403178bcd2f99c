"""A DetectLabels request, with the names, limits and defaults of AWS."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.rekognition.shapes import ImageRequest, Shape

_MAX_LABELS = 1000
_MIN_CONFIDENCE = 55.0
_MAX_DOMINANT_COLORS = 10


class Feature(StrEnum):
    GENERAL_LABELS = "GENERAL_LABELS"
    IMAGE_PROPERTIES = "IMAGE_PROPERTIES"


_Filter = Annotated[str, Field(max_length=50, pattern=r"^[A-Za-z0-9àâèçñó'\-_(). ]*$")]
_Filters = Annotated[list[_Filter], Field(max_length=100)] | None


class LabelFilters(Shape):
    LabelInclusionFilters: _Filters = None
    LabelExclusionFilters: _Filters = None
    LabelCategoryInclusionFilters: _Filters = None
    LabelCategoryExclusionFilters: _Filters = None


class PropertySettings(Shape):
    MaxDominantColors: Annotated[int, Field(ge=0, le=20)] | None = None


class FeatureSettings(Shape):
    GeneralLabels: LabelFilters | None = None
    ImageProperties: PropertySettings | None = None


class DetectLabelsRequest(ImageRequest):
    MaxLabels: Annotated[int, Field(ge=0)] | None = None
    MinConfidence: Annotated[float, Field(ge=0, le=100)] | None = None
    Features: Annotated[list[Feature], Field(max_length=2)] | None = None
    Settings: FeatureSettings | None = None

    @property
    def max_labels(self) -> int:
        return _MAX_LABELS if self.MaxLabels is None else min(self.MaxLabels, _MAX_LABELS)

    @property
    def min_confidence(self) -> float:
        return _MIN_CONFIDENCE if self.MinConfidence is None else self.MinConfidence

    @property
    def features(self) -> set[Feature]:
        return set(self.Features or (Feature.GENERAL_LABELS,))

    @property
    def filters(self) -> LabelFilters:
        return (self.Settings and self.Settings.GeneralLabels) or LabelFilters()

    @property
    def max_dominant_colors(self) -> int:
        properties = self.Settings.ImageProperties if self.Settings else None
        given = properties.MaxDominantColors if properties else None
        return _MAX_DOMINANT_COLORS if given is None else given
