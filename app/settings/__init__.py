"""What the environment says: one field a setting, prefix ``SPOTTER_``."""

import logging
import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from app.admission.api_keys import digest
from app.admission.rate_limit import Rate
from app.errors import StartError
from app.settings import lists, rekognition

_log = logging.getLogger("spotter.settings")

DEFAULT_MODEL = Path(__file__).parent.parent.parent / "models" / "default.onnx"
_PREFIX = "SPOTTER_"
_REMOVED = {"cache_dir": "no optimised graph is kept from one start to the next any more"}
"""Settings of earlier versions, and why each is ignored."""

CommaList = tuple[str, ...]


class Settings(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    model: Path = Field(DEFAULT_MODEL, description="Path of the ONNX file to serve.")
    confidence: float = Field(
        0.25, ge=0, le=1, description="Detections have a probability above this, 0..1."
    )
    iou: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Boxes of one label overlapping by more are one, 0..1; the model's, else 0.7.",
    )
    max_detections: int = Field(
        300, ge=1, le=1000, description="At most so many detections an image, 1..1000."
    )
    threads: int = Field(0, ge=0, le=256, description="Threads an inference; 0: the usable cores.")
    providers: CommaList = Field(
        (), description="Execution providers of ONNX Runtime, the best first; none: the processor."
    )
    concurrency: int = Field(
        0, ge=0, le=256, description="Inferences at a time; 0: the usable cores."
    )
    queue: int | None = Field(
        None, ge=0, le=100_000, description="Requests that may wait; 16 times the concurrency."
    )
    max_body_bytes: int = Field(
        20 * 1024 * 1024, ge=1024, description="Bytes of a request's body, at most."
    )
    body_timeout: float = Field(
        60, gt=0, le=3600, description="Seconds in which a request's body has to arrive."
    )
    keep_alive: int = Field(
        75,
        ge=1,
        le=86_400,
        description="Seconds that a connection is kept after an answer, for the next request.",
    )
    max_pixels: int = Field(
        50_000_000, ge=1, description="Width times height of an image, at most."
    )
    decode_memory: ByteSize = Field(
        ByteSize(0),
        description="Bytes that decoding may take at a time over all requests, such as 500MB;"
        " 0: as the memory limit allows, at most 1GiB.",
    )
    api_keys: tuple[bytes, ...] = Field(
        (),
        description="Keys that may come in; none: anybody. Their digests, once they are read.",
        repr=False,
    )
    rate_limit: Rate | None = Field(
        None, description="Requests a client may make, such as 60/m; none: no limit."
    )
    cors_origins: CommaList = Field(
        (), description="Origins whose pages may call, such as https://example.com, or *."
    )
    allowed_hosts: CommaList = Field(
        (),
        description="Further host names that a server on loopback without keys takes; *: any.",
    )
    root_path: str = Field("", description="Path that a proxy in front has cut off, such as /prod.")
    s3_buckets: CommaList = Field(
        (), description="S3 buckets that images may be read from by name; none: no such reading."
    )
    table: str = Field("", description="DynamoDB table of the events' results, for /search, too.")
    search: Literal["keyed", "open"] = Field(
        "keyed", description="/search: keyed, for who has a key, or loopback; open to anybody."
    )
    event_bus: str = Field("", description="EventBridge bus that is told of each result; or none.")
    ttl_days: int = Field(
        0, ge=0, le=36_500, description="Days after which a row of the table expires; 0: never."
    )
    metrics: Literal["off", "keyed", "open"] = Field(
        "keyed",
        description="/metrics: off; keyed, for who has a key where keys are set; open to anybody.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error."
    )
    aws_credentials: CommaList = Field(
        (),
        description="Whose signatures the Rekognition API takes, as ID:SECRET; none: anybody's.",
        repr=False,
    )
    taxonomy: Path | None = Field(
        None, description="Table of names, parents and categories of labels, besides the shipped."
    )
    rekognition_confidence: rekognition.Points = Field(
        (),
        description="Points PROBABILITY:CONFIDENCE, rising, such as 0.25:55,0.5:90, between which"
        " DetectLabels' confidences lie; none: 100 times the probability.",
    )
    project_versions: CommaList = Field(
        (),
        description="ARNs of project versions that DetectCustomLabels answers for; none: any.",
    )
    model_aliases: CommaList = Field(
        (),
        description="Further names of the model at /v1/vision/custom/NAME, as NAME or NAME=MODEL.",
    )

    @field_validator(
        *("cors_origins", "allowed_hosts", "s3_buckets", "aws_credentials", "providers"),
        *("project_versions", "model_aliases"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return lists.parts(value) if isinstance(value, str) else value

    @field_validator("api_keys", mode="before")
    @classmethod
    def _digest(cls, value: object) -> object:
        keys = lists.parts(value) if isinstance(value, str) else value
        if not isinstance(keys, tuple):
            return keys
        if any(re.search(r"[\x00-\x1f\x7f]", key) for key in keys if isinstance(key, str)):
            raise ValueError("a key has a line break or another control character in it")
        if any(lists.is_quoted(key) for key in keys if isinstance(key, str)):
            raise ValueError("a key begins or ends with a quotation mark, which no client sends")
        return tuple(
            digest(key.encode("utf-8", "surrogateescape")) if isinstance(key, str) else key
            for key in keys
        )

    _points = field_validator("rekognition_confidence", mode="before")(rekognition.points)
    _versions = field_validator("project_versions")(rekognition.project_versions)
    _aliases = field_validator("model_aliases")(rekognition.aliases)

    @field_validator("rate_limit", mode="before")
    @classmethod
    def _rate(cls, value: object) -> object:
        return Rate.parse(value) if isinstance(value, str) else value

    _origins = field_validator("cors_origins")(lists.origins)
    _buckets = field_validator("s3_buckets")(lists.buckets)
    _providers = field_validator("providers")(lists.providers)

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.lower() for name in lists.hosts(value))

    @field_validator("aws_credentials")
    @classmethod
    def _pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        ids = [pair.partition(":")[0] for pair in lists.credentials(value)]
        if len(set(ids)) < len(ids):
            raise ValueError("has two secrets for one ID")
        return value

    @field_validator("table", "event_bus")
    @classmethod
    def _name(cls, value: str) -> str:
        if not re.fullmatch(r"[\w.:/-]*", value, re.ASCII):
            raise ValueError("has to be a name or an ARN, without quotes and spaces")
        return value

    @field_validator("root_path")
    @classmethod
    def _normalise(cls, value: str) -> str:
        value = value.rstrip("/")
        if not re.fullmatch(r"(/[\w.~!$&()+,;=:@-]+)*", value):
            raise ValueError("has to be a path that begins with /, such as /prod")
        return value

    @field_validator("log_level", "metrics", "search", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @property
    def aws_secrets(self) -> dict[str, str]:
        """By the key's id."""
        pairs = (pair.partition(":") for pair in self.aws_credentials)
        return {key_id: secret for key_id, _, secret in pairs}


def load_settings() -> Settings:
    """Raises StartError, in one line, for a value that cannot be used."""
    try:
        return Settings.model_validate(_given())
    except ValidationError as error:
        raise StartError("; ".join(map(_in_words, error.errors()))) from error


def proxies() -> tuple[str, ...]:
    """Addresses and networks whose X-Forwarded-For is believed, as uvicorn's own variable says.

    Raises StartError, in one line, for one that no client could have.
    """
    text = os.environ.get("FORWARDED_ALLOW_IPS", "")
    try:
        return lists.proxies(lists.parts(text))
    except ValueError as error:
        raise StartError(f"FORWARDED_ALLOW_IPS={text[:60]!r}: {error}.") from error


def warn_of_removed() -> None:
    """Log one warning for each setting of an earlier version that is still set."""
    for name in _REMOVED.keys() & _given().keys():
        _log.warning("%s%s is ignored: %s.", _PREFIX, name.upper(), _REMOVED[name])


def _given() -> dict[str, str]:
    """In capitals or not; what is empty counts as not given."""
    names = ((name.upper(), value) for name, value in os.environ.items() if value)
    return {
        name.removeprefix(_PREFIX).lower(): value
        for name, value in names
        if name.startswith(_PREFIX)
    }


def _in_words(problem: ErrorDetails) -> str:
    """Secrets are not repeated."""
    name = str(problem["loc"][0])
    shown = f"={str(problem['input'])[:60]!r}" if Settings.model_fields[name].repr else ""
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{_PREFIX}{name.upper()}{shown}: {reason}"
