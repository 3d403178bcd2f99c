"""What a file's outputs mean, where files of one family differ."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[int, Field(ge=0, le=100_000)]


class OutputSpec(BaseModel):
    """Families that have only one meaning ignore it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    boxes: Literal["xyxy", "yxyx", "cxcywh"] = "xyxy"
    """Corners, corners with y first, or centre and size."""
    unit: Literal["pixels", "shares"] = "pixels"
    """Pixels of the input tensor, or shares of its width and height (0..1)."""
    scores: Literal["probability", "sigmoid", "softmax"] = "probability"
    """What still has to be applied to the scores; ``probability`` is nothing."""
    columns: Literal["box score class", "box class score", "class score box"] = "box score class"
    """Order of the columns, if boxes, scores and classes are in one output."""
    numbers: tuple[Number, ...] | None = None
    """The model's number of each label; None if they are 0, 1, 2 and so on."""
    keypoints: tuple[str, ...] | None = None
    """Names of the keypoints in the model's order, if it has any."""
    keypoint_values: Literal[2, 3] = 3
    """Values of a keypoint: x and y, or x, y and the probability that it is visible."""

    def __str__(self) -> str:
        """In words, for people."""
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
