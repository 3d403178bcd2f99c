"""The record of one request, from which the log, the metrics and the spans are made."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.admission.request_memory import Reservation
from app.errors import SpotterError

UNKNOWN_ROUTE = "unknown"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Known methods; clients may send any other."""


class Stage(NamedTuple):
    """A part of the time that an answer took."""

    name: str
    began: float
    """Start time on the clock of ``time.perf_counter``."""
    seconds: float


@dataclass(slots=True)
class RequestRecord:
    id: str
    method: str
    path: str
    headers: Mapping[str, str]
    """Headers of the request; names are in lower case."""
    reservation: Reservation | None = None
    """The memory that the request holds; None before the model is loaded."""
    began: float = field(default_factory=time.perf_counter)
    ended: float = 0.0
    epoch_ns: int = field(default_factory=time.time_ns)
    """The time at ``began``, in nanoseconds since 1970."""
    route: str = UNKNOWN_ROUTE
    """The route's template, such as /v1/vision/custom/{model}, so that labels are bounded."""
    status: int | None = None
    """None if the client disconnected before the answer began."""
    error_code: str = ""
    error_kind: str = ""
    """Class of the error; several classes may have one code."""
    client_gone: bool = False
    """True if the client disconnected while its request was being read or processed."""
    received_bytes: int = 0
    """Bytes of the body that were read."""
    stages: list[Stage] = field(default_factory=list)
    image_size: tuple[int, int] | None = None
    """Width and height of the upright image in pixels; None if no image was processed."""
    detections: int = 0
    project_version: str = ""
    """The model's ARN in a request to the Rekognition API; empty for other requests."""
    detected_at: float = 0.0
    """When the detections were complete, on the clock of ``time.perf_counter``."""
    answer_headers: dict[str, str] = field(default_factory=dict)
    """Headers that are added to any answer, also to errors."""
    trace_id: str = ""

    def refuse(self, error: SpotterError) -> None:
        """Notes the error that the request is answered with."""
        self.error_code, self.error_kind = error.code, type(error).__name__

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    def add_stage(self, name: str, began: float, ended: float) -> None:
        self.stages.append(Stage(name, began, ended - began))


Observer = Callable[[RequestRecord], Callable[[], None]]
"""Called when a request begins; the function that it returns is called at the request's end."""
