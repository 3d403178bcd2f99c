"""All that is known of one request; the log, the metrics and the spans are made from it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.admission.request_memory import Reservation

UNKNOWN_ROUTE = "unknown"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Clients may make up others."""


class Stage(NamedTuple):
    """A part of the time that an answer took."""

    name: str
    began: float
    """On the clock of ``time.perf_counter``."""
    seconds: float


@dataclass(slots=True)
class RequestRecord:
    id: str
    method: str
    path: str
    headers: Mapping[str, str]
    """Headers of the request, names in lower case."""
    reservation: Reservation | None = None
    """The memory that the request holds; None before the model is loaded."""
    began: float = field(default_factory=time.perf_counter)
    ended: float = 0.0
    epoch_ns: int = field(default_factory=time.time_ns)
    """The time at ``began``, in nanoseconds since 1970."""
    route: str = UNKNOWN_ROUTE
    """The path as the code has it, such as /v1/vision/custom/{model}: there are few of them."""
    status: int | None = None
    """None if the client went away before the answer began."""
    error_code: str = ""
    client_gone: bool = False
    """True if the client went away while its request was read or worked on."""
    received_bytes: int = 0
    """Size of the body, as far as it was read."""
    stages: list[Stage] = field(default_factory=list)
    image_size: tuple[int, int] | None = None
    """Width and height in pixels, upright; None if no image was searched to the end."""
    detections: int = 0
    project_version: str = ""
    """The name that a client of the Rekognition API has for the model; empty for other requests."""
    detected_at: float = 0.0
    """When the detections were there, on the clock of ``time.perf_counter``."""
    answer_headers: dict[str, str] = field(default_factory=dict)
    """Headers that are added to the answer, whatever it will be."""
    trace_id: str = ""

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    def add_stage(self, name: str, began: float, ended: float) -> None:
        self.stages.append(Stage(name, began, ended - began))


Observer = Callable[[RequestRecord], Callable[[], None]]
"""Called when a request comes; the function that it returns is called when it has ended."""
