"""Starts, stops and describes project versions, all of which stand for the one served model.

A project version is running unless it was stopped. This state is lost at the end of the process,
and is not shared with other processes.
"""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from app.rekognition.errors import (
    InvalidPaginationTokenException,
    InvalidParameterException,
    ResourceNotFoundException,
    ResourceNotReadyException,
)
from app.rekognition.shapes import Shape

Json = dict[str, object]

_MOST_KNOWN = 1000
"""Most project versions that are remembered; the oldest is evicted first."""
_PAGE = 100
_NAME = r"[a-zA-Z0-9_.\-]{1,255}"
_PROJECT = rf"arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{{12}}:project/{_NAME}"
_FIRST_SECOND, _LAST_SECOND = 1_000_000_000, 4_000_000_000  # of creation times, since 1970

VersionArn = Annotated[
    str,
    Field(min_length=20, max_length=2048, pattern=rf"^{_PROJECT}/version/{_NAME}/[0-9]+$"),
]
_ProjectArn = Annotated[str, Field(min_length=20, max_length=2048, pattern=rf"^{_PROJECT}/[0-9]+$")]
_VersionName = Annotated[str, Field(min_length=1, max_length=255, pattern=rf"^{_NAME}$")]
_Units = Annotated[int, Field(ge=1)]


class StartRequest(Shape):
    ProjectVersionArn: VersionArn
    MinInferenceUnits: _Units
    MaxInferenceUnits: _Units | None = None


class StopRequest(Shape):
    ProjectVersionArn: VersionArn


class DescribeRequest(Shape):
    ProjectArn: _ProjectArn
    VersionNames: Annotated[list[_VersionName], Field(min_length=1, max_length=10)] | None = None
    NextToken: Annotated[str, Field(max_length=1024)] | None = None
    MaxResults: Annotated[int, Field(ge=1, le=100)] | None = None


class ProjectVersions:
    """Not thread-safe: call its methods from the event loop only.

    An ARN ends in the time of creation, which clients that only describe do not know. So versions
    are identified by the part before it.
    """

    def __init__(self, served: Sequence[str] = (), default_name: str = "spotter") -> None:
        """``served`` are the ARNs that are answered; if empty, all are.

        ``default_name`` is the version that is described for a project of unknown versions.
        """
        self._served = {_without_time(arn): arn for arn in served}
        self._default_name = re.sub(r"[^a-zA-Z0-9_.\-]", "-", default_name)[:255]
        self._arns: dict[str, str] = dict(self._served)
        self._stopped: set[str] = set()
        self._units: dict[str, int] = {}

    def start(self, request: StartRequest) -> Json:
        """Raises ResourceNotFoundException or InvalidParameterException."""
        least, most = request.MinInferenceUnits, request.MaxInferenceUnits
        if most is not None and most < least:
            raise InvalidParameterException("MaxInferenceUnits: is less than MinInferenceUnits.")
        key = self._remember(request.ProjectVersionArn)
        self._stopped.discard(key)
        self._units[key] = least
        return {"Status": "RUNNING"}

    def stop(self, request: StopRequest) -> Json:
        """Raises ResourceNotFoundException."""
        self._stopped.add(self._remember(request.ProjectVersionArn))
        return {"Status": "STOPPED"}

    def require_running(self, arn: str) -> None:
        """Raises ResourceNotFoundException or ResourceNotReadyException."""
        self._require_served(arn)
        if _without_time(arn) in self._stopped:
            raise ResourceNotReadyException(
                f"{arn} was stopped. Start it with StartProjectVersion."
            )

    def describe(self, request: DescribeRequest) -> Json:
        """Raises ResourceNotFoundException or InvalidPaginationTokenException."""
        project, _, created = request.ProjectArn.rpartition("/")
        prefix = f"{project}/version/"
        known = [key for key in self._arns if key.startswith(prefix)]
        if self._served and not known:
            raise ResourceNotFoundException(f"{request.ProjectArn} is not served here.")
        keys = known or [prefix + self._default_name]
        if request.VersionNames is not None:
            keys = [prefix + name for name in dict.fromkeys(request.VersionNames)]
            keys = [key for key in keys if not self._served or key in self._served]
        start = _offset(request.NextToken, len(keys))
        end = start + (request.MaxResults or _PAGE)
        answer: Json = {
            "ProjectVersionDescriptions": [
                self._description(key, self._arns.get(key, f"{key}/{created}"))
                for key in keys[start:end]
            ]
        }
        if end < len(keys):
            answer["NextToken"] = str(end)
        return answer

    def _description(self, key: str, arn: str) -> Json:
        is_stopped = key in self._stopped
        description: Json = {
            "ProjectVersionArn": arn,
            "Status": "STOPPED" if is_stopped else "RUNNING",
            "StatusMessage": f"The model {'was stopped' if is_stopped else 'is running'}.",
            "MinInferenceUnits": self._units.get(key, 1),
            "Feature": "CUSTOM_LABELS",
        }
        seconds = int(arn.rpartition("/")[2][:20]) / 1000
        if _FIRST_SECOND < seconds < _LAST_SECOND:
            description["CreationTimestamp"] = seconds
        return description

    def _remember(self, arn: str) -> str:
        """Raises ResourceNotFoundException."""
        self._require_served(arn)
        key = _without_time(arn)
        if not self._served:
            self._arns.pop(key, None)  # to become the newest entry
            self._arns[key] = arn
            if len(self._arns) > _MOST_KNOWN:
                oldest = next(iter(self._arns))
                del self._arns[oldest]
                self._stopped.discard(oldest)
                self._units.pop(oldest, None)
        return key

    def _require_served(self, arn: str) -> None:
        if self._served and self._served.get(_without_time(arn)) != arn:
            raise ResourceNotFoundException(
                f"{arn} is not served here; SPOTTER_PROJECT_VERSIONS names those that are."
            )


def _without_time(arn: str) -> str:
    return arn.rpartition("/")[0]


def _offset(token: str | None, size: int) -> int:
    if token is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,6}", token) or int(token) >= size:
        raise InvalidPaginationTokenException("NextToken: is not from an answer of this server.")
    return int(token)
