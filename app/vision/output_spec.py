"""The meaning of a file's outputs, if files of one family differ."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[int, Field(ge=0, le=100_000)]


class OutputSpec(BaseModel):
    """Families whose outputs have only one meaning ignore it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    boxes: Literal["xyxy", "yxyx", "cxcywh"] = "xyxy"
    """Corners, corners with y first, or centre and size."""
    unit: Literal["pixels", "shares"] = "pixels"
    """Pixels of the input tensor, or values relative to its width and height (0..1)."""
    scores: Literal["probability", "sigmoid", "softmax"] = "probability"
    """The function still to be applied to the scores; none for ``probability``."""
    columns: Literal["box score class", "box class score", "class score box"] = "box score class"
    """Order of the columns, if one output holds boxes, scores and classes."""
    numbers: tuple[Number, ...] | None = None
    """The model's class number for each label; None if they are 0, 1, 2 and so on."""
    keypoints: tuple[str, ...] | None = None
    """Names of the keypoints in the model's order, if it has any."""
    keypoint_values: Literal[2, 3] = 3
    """Values per keypoint: x and y, or x, y and the probability that it is visible."""

    def __str__(self) -> str:
        """A description in words, for display."""
        words = [self.boxes, f"in {self.unit}"]
        if self.scores != "probability":
            words.append(f"scores by {self.scores}")
        if self.columns != "box score class":
            words.append(f"columns {self.columns}")
        if self.numbers is not None and self.numbers:
            gaps = self.numbers[-1] - self.numbers[0] + 1 != len(self.numbers)
            words.append(f"classes from {self.numbers[0]}" + " with gaps" * gaps)
        if self.keypoints is not None:
            words.append(f"{len(self.keypoints)} keypoints of {self.keypoint_values} values")
        return ", ".join(words)
