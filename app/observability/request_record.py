"""A request and its answer, as far as they have come, and who is told of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

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
class Exchange:
    method: str
    path: str
    headers: Mapping[str, str]
    """Of the request, names in lower case."""
    request_id: str
    began: float = field(default_factory=time.perf_counter)
    ended: float = 0.0
    epoch_ns: int = field(default_factory=time.time_ns)
    """When it began, in nanoseconds since 1970."""
    route: str = UNKNOWN_ROUTE
    """The path as the code has it, such as /v1/vision/custom/{model}: there are few of them."""
    status: int | None = None
    """None where the client went away before it was told anything."""
    code: str = ""
    """Of the error; empty where there is none."""
    received: int = 0
    """Bytes of the body."""
    stages: list[Stage] = field(default_factory=list)
    image: tuple[int, int] | None = None
    """Width and height in pixels, upright; None where no image was looked at to the end."""
    detections: int = 0
    looked_at: float = 0.0
    """When ``detections`` were there."""
    answer_headers: dict[str, str] = field(default_factory=dict)
    """Added to the answer, whatever it will be."""
    trace_id: str = ""

    def add_stage(self, name: str, began: float, ended: float) -> None:
        self.stages.append(Stage(name, began, ended - began))


Observer = Callable[[Exchange], Callable[[], None]]
"""Told of a request when it comes; what it returns is called when the answer has been sent."""
