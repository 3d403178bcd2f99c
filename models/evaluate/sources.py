"""Sources of predictions: the service's code in this process, or a server over HTTP."""

import json
import re
import time
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from app.vision.detector import Detector
from models.common.commands import CommandError

_ATTEMPTS = 5
_TIMING = re.compile(r"(\w+);dur=([\d.]+)")


@dataclass(frozen=True)
class Thresholds:
    confidence: float = 0.001
    iou: float | None = None
    """NMS threshold; None for the model's own."""
    max_detections: int = 300
    tiles: bool = False
    """Whether large photos are also searched in tiles."""


@dataclass(frozen=True)
class Prediction:
    label: str
    probability: float
    box: tuple[float, float, float, float]
    """x, y, width, height in pixels of the photo."""


@dataclass(frozen=True)
class Answer:
    size: tuple[int, int]
    """Width and height of the decoded photo."""
    found: list[Prediction]
    timings: dict[str, float] = field(default_factory=dict)
    """Milliseconds by stage."""


class Source(Protocol):
    name: str
    labels: tuple[str, ...]
    thresholds: Thresholds
    """The thresholds in use, with the model's own ``iou`` if none was given."""

    def detect(self, image: bytes, labels: frozenset[str]) -> Answer:
        """Returns predictions of ``labels`` only. May be called from several threads at once."""
        ...


class InProcess:
    def __init__(self, detector: Detector, thresholds: Thresholds) -> None:
        self.name = detector.name
        self.labels = detector.labels
        self._detector = detector
        options = detector.options(**asdict(thresholds))
        self.thresholds = replace(thresholds, iou=options.iou)
        self._options = options

    def detect(self, image: bytes, labels: frozenset[str]) -> Answer:
        wanted = None if labels == frozenset(self.labels) else self._detector.class_ids(labels)
        result = self._detector.detect(image, self._options._replace(classes=wanted))
        found = [Prediction(item.label, item.probability, item.box) for item in result.items]
        return Answer((result.width, result.height), found, asdict(result.timings))


class OverHttp:
    """A running server; connections are kept open."""

    def __init__(self, url: str, thresholds: Thresholds, api_key: str | None = None) -> None:
        self._url = urlsplit(url if "//" in url else f"http://{url}")
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise CommandError(f"{url} is not an address such as http://localhost:8000.")
        self._headers = {"X-API-Key": api_key} if api_key else {}
        self._idle: deque[HTTPConnection] = deque()
        _, model = self._request("GET", "/model")
        self.name = str(model["name"])
        self.labels = tuple(model["labels"])
        iou = model["thresholds"]["iou"] if thresholds.iou is None else thresholds.iou
        self.thresholds = replace(thresholds, iou=iou)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def detect(self, image: bytes, labels: frozenset[str]) -> Answer:
        query: list[tuple[str, Any]] = list(asdict(self.thresholds).items())
        query[-1] = "tiles", "auto" if self.thresholds.tiles else "none"
        if labels != frozenset(self.labels):
            query += [("classes", label) for label in sorted(labels)]
        started = time.perf_counter()
        timing, answer = self._request("POST", f"/detect?{urlencode(query)}", image)
        whole = (time.perf_counter() - started) * 1000
        return Answer(
            (answer["image"]["width"], answer["image"]["height"]),
            [
                Prediction(item["label"], item["probability"], tuple(item["boundingBox"]))
                for item in answer["detections"]
            ],
            {**{stage: float(ms) for stage, ms in _TIMING.findall(timing)}, "request": whole},
        )

    def _request(self, method: str, path: str, body: bytes | None = None) -> tuple[str, Any]:
        """Returns the Server-Timing header and the JSON of a response.

        The request is retried if the server is overloaded or has closed an idle connection. Raises
        CommandError for any status other than 200.
        """
        reason: object = "no answer"
        for attempt in range(_ATTEMPTS):
            connection = self._connection()
            try:
                connection.request(method, self._url.path.rstrip("/") + path, body, self._headers)
                response = connection.getresponse()
                content = response.read()
            except (OSError, HTTPException) as error:
                connection.close()
                reason = error
                continue
            self._idle.append(connection)
            if response.status == 200:
                return response.getheader("Server-Timing", ""), _parse(content)
            reason = f"{response.status} {content[:300].decode(errors='replace')}"
            if response.status != 503:
                break
            time.sleep(float(response.getheader("Retry-After", "1")) * (attempt + 1))
        raise CommandError(f"{self._url.geturl()} {method} {path.partition('?')[0]}: {reason}")

    def _connection(self) -> HTTPConnection:
        try:
            return self._idle.pop()
        except IndexError:
            kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
            return kind(str(self._url.hostname), self._url.port, timeout=120)


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise CommandError(f"The response is not JSON: {content[:60]!r}") from error
