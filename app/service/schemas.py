"""Schemas of the public JSON."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Task = Literal["detect", "segment", "pose", "obb", "classify"]
Ratio = Annotated[float, Field(ge=0, le=1)]
Pixels = Annotated[float, Field(ge=0)]


Point = Annotated[list[float], Field(min_length=2, max_length=2)]


class ImageSize(BaseModel):
    width: int = Field(ge=1, description="Pixels of the upright image.")
    height: int = Field(ge=1, description="Pixels of the upright image.")


class RunLengths(BaseModel):
    size: list[int] = Field(
        min_length=2, max_length=2, description="Height and width of the upright image."
    )
    counts: str = Field(description="Run lengths in the string format of pycocotools.")


class Keypoint(BaseModel):
    name: str
    x: Pixels = Field(description="Pixels of the upright image.")
    y: Pixels
    probability: Ratio | None = Field(
        None, description="Probability that the point is visible; absent if the model has none."
    )


class Detection(BaseModel):
    label: str
    classId: int = Field(ge=0)
    probability: Ratio
    boundingBox: list[Pixels] = Field(
        min_length=4,
        max_length=4,
        description="x, y, width, height in pixels of the upright image, from its top left corner.",
    )
    normalizedBox: list[Ratio] = Field(
        min_length=4,
        max_length=4,
        description="boundingBox divided by the image's width and height.",
    )
    corners: list[Point] | None = Field(
        None,
        min_length=4,
        max_length=4,
        description="Corners of a rotated box, in pixels of the upright image; they may lie outside"
        " the image. boundingBox is the upright box around it. Absent if the model's boxes are"
        " upright.",
    )
    angle: float | None = Field(
        None, description="Clockwise rotation of the box in radians. Absent when corners are."
    )
    keypoints: list[Keypoint] | None = Field(
        None, description="Absent if the model has no keypoints."
    )
    polygons: list[list[Point]] | None = Field(
        None,
        description="Outer contours of the object's mask in pixels of the upright image, if"
        " masks=polygons asked for them.",
    )
    rle: RunLengths | None = Field(
        None, description="The object's mask in COCO's compressed form, if masks=rle asked for it."
    )


class Classification(BaseModel):
    label: str
    classId: int = Field(ge=0)
    probability: Ratio


class DetectionResult(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model": "yolov8n",
                "image": {"width": 810, "height": 1080},
                "detections": [
                    {
                        "label": "person",
                        "classId": 0,
                        "probability": 0.8749,
                        "boundingBox": [670.6, 376.8, 139.0, 501.8],
                        "normalizedBox": [0.8279, 0.3489, 0.1716, 0.4646],
                    }
                ],
            }
        }
    )

    model: str
    image: ImageSize
    detections: list[Detection] = Field(
        description="Highest probability first; empty if the model classifies whole pictures."
    )
    classifications: list[Classification] | None = Field(
        None,
        description="Labels of the whole picture, highest probability first. Absent if the model"
        " finds objects.",
    )
    altText: str | None = Field(
        None, description="A sentence for an alt attribute, if alt_text=true asked for it."
    )


class Health(BaseModel):
    status: Literal["ok"]
    model: str


class InputSize(BaseModel):
    width: int
    height: int
    dynamic: bool = Field(
        description="Whether the input follows the image's aspect ratio; width and height are then"
        " maxima. For some models, such as the shipped one, only their product is."
    )


class Thresholds(BaseModel):
    confidence: Ratio
    iou: Ratio
    maxDetections: int


class ModelInfo(BaseModel):
    name: str
    family: str
    task: Task = Field(
        description="Output of the model: boxes (detect), boxes and masks (segment), boxes and"
        " keypoints (pose), rotated boxes (obb), or labels of the whole picture (classify)."
    )
    labels: list[str] = Field(description="Labels in class order: classId is the index.")
    input: InputSize
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the ONNX file.")
    license: str
    providers: list[str] = Field(
        description="Execution providers of ONNX Runtime in order of preference."
    )
    thresholds: Thresholds = Field(description="Defaults for requests that do not set them.")
    search: bool = Field(description="Whether this client may use GET /search.")


class SearchHit(BaseModel):
    bucket: str
    key: str
    version: str | None = Field(None, description="Absent if the bucket is not versioned.")
    label: str
    probability: Ratio = Field(description="Probability of the best object with the label.")
    altText: str = Field(description="A sentence for an alt attribute.")
    model: str = Field(description="The model that annotated the photo.")
    modelSha256: str
    detectedAt: str = Field(description="UTC, ISO 8601.")


class SearchResult(BaseModel):
    hits: list[SearchHit] = Field(description="Highest probability first.")
    cursor: str | None = Field(
        description="Pass it to get the next page; null after the last page. Earlier pages may have"
        " fewer hits than the limit, or none."
    )


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable identifier of the error, for programs.")
