"""Settings, which come from environment variables: ``SPOTTER_`` and the name of a field."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from app.errors import StartError
from app.settings import forms, ignored

DEFAULT_MODEL = Path(__file__).parent.parent.parent / "models" / "default.onnx"
_PREFIX = "SPOTTER_"


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
    providers: forms.Providers = Field(
        (), description="Execution providers of ONNX Runtime, the best first; none: the processor."
    )
    openvino_precision: Annotated[Literal["float32", "bfloat16"], forms.Word] = Field(
        "float32", description="In which the provider openvino computes: float32 or bfloat16."
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
    api_keys: forms.Keys = Field(
        (), description="Keys that may come in; none: anybody.", repr=False
    )
    rate_limit: forms.Rate | None = Field(
        None, description="Requests a client may make, such as 60/m; none: no limit."
    )
    cors_origins: forms.Origins = Field(
        (), description="Origins whose pages may call, such as https://example.com, or *."
    )
    allowed_hosts: forms.Hosts = Field(
        (),
        description="Further host names that a server on loopback without keys takes; *: any.",
    )
    root_path: forms.RootPath = Field(
        "", description="Path that a proxy in front has cut off, such as /prod."
    )
    s3_buckets: forms.Buckets = Field(
        (), description="S3 buckets that images may be read from by name; none: no such reading."
    )
    table: forms.Name = Field(
        "", description="DynamoDB table of the events' results, for /search, too."
    )
    search: Annotated[Literal["keyed", "open"], forms.Word] = Field(
        "keyed", description="/search: keyed, for who has a key, or loopback; open to anybody."
    )
    event_bus: forms.Name = Field(
        "", description="EventBridge bus that is told of each result; or none."
    )
    ttl_days: int = Field(
        0, ge=0, le=36_500, description="Days after which a row of the table expires; 0: never."
    )
    metrics: Annotated[Literal["off", "keyed", "open"], forms.Word] = Field(
        "keyed",
        description="/metrics: off; keyed, only with a key if keys are set; open to anybody.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], forms.Word] = Field(
        "info", description="debug, info, warning or error."
    )
    aws_credentials: forms.Credentials = Field(
        (),
        description="Whose signatures the Rekognition API takes, as ID:SECRET; none: anybody's.",
        repr=False,
    )
    taxonomy: Path | None = Field(
        None, description="Table of names, parents and categories of labels, besides the shipped."
    )
    moderation: Path | None = Field(
        None, description="Table of moderation labels that the model's labels stand for."
    )
    rekognition_confidence: forms.Points = Field(
        (),
        description="Points PROBABILITY:CONFIDENCE, rising, such as 0.25:55,0.5:90, between which"
        " DetectLabels' confidences lie; none: 100 times the probability.",
    )
    project_versions: forms.Versions = Field(
        (),
        description="ARNs of project versions that DetectCustomLabels answers for; none: any.",
    )
    model_aliases: forms.Aliases = Field(
        (),
        description="Further names of the model at /v1/vision/custom/NAME, as NAME or NAME=MODEL.",
    )

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
        return forms.proxies(text)
    except ValueError as error:
        raise StartError(f"FORWARDED_ALLOW_IPS={text[:60]!r}: {error}.") from error


@contextmanager
def exit_if_wrong() -> Iterator[None]:
    """Ends the process, with one line for people, if the block raises StartError."""
    try:
        yield
    except StartError as error:
        raise SystemExit(f"spotter: {error}") from None


def warn_of_ignored() -> None:
    """Log one warning for each variable that looks like a setting and is none."""
    ignored.warn(_given().keys() - Settings.model_fields.keys(), Settings.model_fields, _PREFIX)


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
