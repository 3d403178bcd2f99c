"""Settings from environment variables named ``SPOTTER_`` and the name of a field."""

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
        0.25, ge=0, le=1, description="Detections need a probability above this, 0..1."
    )
    iou: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Boxes of one label that overlap by more than this IoU count as one object,"
        " 0..1; default: the model's own, else 0.7.",
    )
    max_detections: int = Field(
        300, ge=1, le=1000, description="Most detections of an image, 1..1000."
    )
    threads: int = Field(
        0, ge=0, le=256, description="Threads of one inference; 0: one for each usable core."
    )
    providers: forms.Providers = Field(
        (),
        description="Execution providers of ONNX Runtime in order of preference; default: the CPU.",
    )
    openvino_precision: Annotated[Literal["float32", "bfloat16"], forms.Word] = Field(
        "float32", description="In which the provider openvino computes: float32 or bfloat16."
    )
    concurrency: int = Field(
        0, ge=0, le=256, description="Inferences at the same time; 0: one for each usable core."
    )
    queue: int | None = Field(
        None,
        ge=0,
        le=100_000,
        description="Requests that may wait; default: 16 times the concurrency.",
    )
    max_body_bytes: int = Field(
        20 * 1024 * 1024, ge=1024, description="Largest request body, in bytes."
    )
    body_timeout: float = Field(
        60, gt=0, le=3600, description="Seconds in which a request body has to arrive."
    )
    keep_alive: int = Field(
        75, ge=1, le=86_400, description="Seconds that an idle connection is kept open."
    )
    max_pixels: int = Field(
        50_000_000, ge=1, description="Most pixels of an image, width times height."
    )
    decode_memory: ByteSize = Field(
        ByteSize(0),
        description="Bytes that all images being decoded may take together, such as 500MB;"
        " 0: chosen from the memory limit, at most 1GiB.",
    )
    api_keys: forms.Keys = Field(
        (),
        description="Accepted API keys; if none are set, no key is required.",
        repr=False,
    )
    rate_limit: forms.Rate | None = Field(
        None, description="Requests that a client may make, such as 60/m; default: no limit."
    )
    cors_origins: forms.Origins = Field(
        (), description="Origins whose pages may send requests, such as https://example.com, or *."
    )
    allowed_hosts: forms.Hosts = Field(
        (),
        description="More host names that a server on loopback without keys accepts; *: any.",
    )
    root_path: forms.RootPath = Field(
        "", description="Path that a proxy in front strips, such as /prod."
    )
    s3_buckets: forms.Buckets = Field(
        (), description="S3 buckets whose objects a request may name as its image; default: none."
    )
    table: forms.Name = Field(
        "", description="DynamoDB table that has the results of events, which /search reads."
    )
    search: Annotated[Literal["keyed", "open"], forms.Word] = Field(
        "keyed",
        description="Access to /search: keyed (with an API key, or on loopback) or open.",
    )
    event_bus: forms.Name = Field(
        "", description="EventBridge bus to which each result is sent; default: none."
    )
    ttl_days: int = Field(
        0, ge=0, le=36_500, description="Days after which a row of the table expires; 0: never."
    )
    metrics: Annotated[Literal["off", "keyed", "open"], forms.Word] = Field(
        "keyed",
        description="Access to /metrics: off, keyed (with an API key, if keys are set) or open.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], forms.Word] = Field(
        "info", description="debug, info, warning or error."
    )
    aws_credentials: forms.Credentials = Field(
        (),
        description="Access keys, as ID:SECRET, with which requests to the Rekognition API have to"
        " be signed; default: signatures are not checked.",
        repr=False,
    )
    taxonomy: Path | None = Field(
        None, description="CSV of names, parents and categories that adds to the shipped one."
    )
    moderation: Path | None = Field(
        None, description="CSV that maps the model's labels to moderation labels."
    )
    rekognition_confidence: forms.Points = Field(
        (),
        description="Rising points PROBABILITY:CONFIDENCE, such as 0.25:55,0.5:90, between which"
        " DetectLabels' confidences are interpolated; default: 100 times the probability.",
    )
    project_versions: forms.Versions = Field(
        (),
        description="ARNs of project versions that DetectCustomLabels answers for; default: any.",
    )
    model_aliases: forms.Aliases = Field(
        (),
        description="More names of the model at /v1/vision/custom/NAME, as NAME or NAME=MODEL.",
    )

    @property
    def aws_secrets(self) -> dict[str, str]:
        """Secrets by key id."""
        pairs = (pair.partition(":") for pair in self.aws_credentials)
        return {key_id: secret for key_id, _, secret in pairs}


def load_settings() -> Settings:
    """Raises StartError, in one line, for a value that cannot be used."""
    try:
        return Settings.model_validate(_given())
    except ValidationError as error:
        raise StartError("; ".join(map(_in_words, error.errors()))) from error


def proxies() -> tuple[str, ...]:
    """Addresses and networks whose X-Forwarded-For is trusted, from uvicorn's own variable.

    Raises StartError, in one line, if one is malformed.
    """
    text = os.environ.get("FORWARDED_ALLOW_IPS", "")
    try:
        return forms.proxies(text)
    except ValueError as error:
        raise StartError(f"FORWARDED_ALLOW_IPS={text[:60]!r}: {error}.") from error


@contextmanager
def exit_if_wrong() -> Iterator[None]:
    """Ends the process with a one-line message if the block raises StartError."""
    try:
        yield
    except StartError as error:
        raise SystemExit(f"spotter: {error}") from None


def warn_of_ignored() -> None:
    """Logs one warning for each variable that looks like a setting but is not one."""
    ignored.warn(_given().keys() - Settings.model_fields.keys(), Settings.model_fields, _PREFIX)


def _given() -> dict[str, str]:
    """Values by lower-case name. Names may be in either case, and empty values count as unset."""
    names = ((name.upper(), value) for name, value in os.environ.items() if value)
    return {
        name.removeprefix(_PREFIX).lower(): value
        for name, value in names
        if name.startswith(_PREFIX)
    }


def _in_words(problem: ErrorDetails) -> str:
    """Describes a wrong setting, without the values of secrets."""
    name = str(problem["loc"][0])
    shown = f"={str(problem['input'])[:60]!r}" if Settings.model_fields[name].repr else ""
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{_PREFIX}{name.upper()}{shown}: {reason}"
