"""Types that parse the values of settings.

A value that could never match anything is refused, so that a typo prevents the start.
"""

import math
import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, SecretBytes

Parts = tuple[str, ...]

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_ORIGIN = re.compile(
    r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)(?::([1-9]\d{0,4}))?"
)
_NUMBERS = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)")
_HOST = re.compile(r"\*|[\w-]+(\.[\w-]+)*", re.ASCII)
_BUCKET = re.compile(r"[\w.-]{3,255}", re.ASCII)
_ACCESS_POINT = re.compile(
    r"arn:aws[\w-]*:(s3|s3-object-lambda|s3-outposts):[a-z0-9-]*:\d{12}:(accesspoint|outpost)[/:][\w.:/-]+",
    re.ASCII,
)
_CREDENTIAL = re.compile(r"[^:\s/=]+:\S+")
_PROJECT_VERSION = re.compile(
    r"arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{12}:project/[\w.-]{1,255}/version/[\w.-]{1,255}/\d+",
    re.ASCII,
)
_ALIAS = re.compile(r"[^\s=/\"']+(=[^\s=/\"']*)?")
_NAME = re.compile(r"[\w.:/-]*", re.ASCII)
_PATH = re.compile(r"(/[\w.~!$&()+,;=:@-]+)*")
_RATE = re.compile(r"([1-9]\d{0,6})/(s|m|h|d|second|minute|hour|day)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parts(text: str) -> Parts:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _text(read: Callable[[str], Any]) -> BeforeValidator:
    """Applies ``read`` to strings; values of other types are checked by pydantic only."""
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


def _check_each(fits: Callable[[str], Any], wanted: str, value: Parts) -> Parts:
    for part in value:
        if not fits(part):
            raise ValueError(f"{part[:60]!r} cannot match: write {wanted}")
    return value


def _each(fits: Callable[[str], Any], wanted: str) -> AfterValidator:
    return AfterValidator(lambda value: _check_each(fits, wanted, value))


def _matching(pattern: re.Pattern[str], wanted: str) -> AfterValidator:
    """Requires a string, or each part of a list, to match."""

    def check(value: str | Parts) -> str | Parts:
        if not all(map(pattern.fullmatch, [value] if isinstance(value, str) else value)):
            raise ValueError(f"has to be {wanted}")
        return value

    return AfterValidator(check)


def _is_origin(text: str) -> bool:
    """Whether a browser would send exactly this."""
    if text in ("*", "null", "file://"):
        return True
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return False
    scheme, host, port = match.groups()
    if port and (int(port) > 65535 or port == _DEFAULT_PORTS.get(scheme)):
        return False
    if host.startswith("["):
        return _is_address(host[1:-1])
    return not _NUMBERS.fullmatch(host) or _is_address(host)


def _is_address(text: str) -> bool:
    """Whether it is an address in its shortest form."""
    try:
        return str(ip_address(text)) == text
    except ValueError:
        return False


def _is_bucket(text: str) -> bool:
    if _ACCESS_POINT.fullmatch(text):
        return True
    return bool(_BUCKET.fullmatch(text)) and not text.endswith(".amazonaws.com")


def _is_provider(text: str) -> bool:
    """Whether some build of ONNX Runtime has it; this build may lack it."""
    import onnxruntime

    known = {*onnxruntime.get_all_providers(), *onnxruntime.get_available_providers()}
    suffix = "executionprovider"
    names = {name.lower().removesuffix(suffix) for name in known}
    return text.lower().removesuffix(suffix) in names


def _is_proxy(text: str) -> bool:
    try:
        return text == "*" or bool(ip_network(text))
    except ValueError:
        return False


def proxies(text: str) -> Parts:
    """Raises ValueError if an address or network is malformed."""
    wanted = "10.0.0.7 or 10.0.0.0/8 (no bits behind the mask); or * for any"
    return _check_each(_is_proxy, wanted, parts(text))


def _is_quoted(text: str) -> bool:
    quotes = "\"'`\u2018\u2019\u201c\u201d"
    return text[:1] in quotes or text[-1:] in quotes


def _check_credentials(value: Parts) -> Parts:
    for pair in value:
        if not _CREDENTIAL.fullmatch(pair) or any(map(_is_quoted, pair.split(":", 1))):
            raise ValueError("a part cannot match: write ID:SECRET, without quotes")
    if len({pair.partition(":")[0] for pair in value}) < len(value):
        raise ValueError("has two secrets for one ID")
    return value


def _keys(text: str) -> tuple[bytes, ...]:
    keys = parts(text)
    if any(re.search(r"[\x00-\x1f\x7f]", key) for key in keys):
        raise ValueError("a key has a line break or another control character in it")
    if any(map(_is_quoted, keys)):
        raise ValueError("a key begins or ends with a quotation mark, which no client sends")
    return tuple(key.encode("utf-8", "surrogateescape") for key in keys)


def _rate(text: str) -> tuple[int, int]:
    match = _RATE.fullmatch(text.strip().lower().replace(" ", ""))
    if not match:
        raise ValueError("has to be COUNT/PERIOD, such as 10/s, 60/m, 1000/h or 5000/d")
    return int(match[1]), _SECONDS[match[2][0]]


def _points(text: str) -> tuple[tuple[float, float], ...]:
    """Parses ``0.25:55,0.5:90`` into pairs; both numbers rise from (0, 0) to (1, 100)."""
    try:
        pairs = [part.split(":") for part in parts(text)]
        given = [(float(probability), float(confidence)) for probability, confidence in pairs]
    except ValueError:
        given = [(math.nan, math.nan)]
    whole = [(0.0, 0.0), *given, (1.0, 100.0)]
    if not all(a < c and b < d for (a, b), (c, d) in pairwise(whole)):
        raise ValueError(
            "has to be points such as 0.25:55,0.5:90: a probability above 0 and below 1 and a"
            " confidence above 0 and below 100, both rising from point to point"
        )
    return tuple(given)


List = Annotated[Parts, _text(parts)]
Origins = Annotated[
    List,
    _each(
        _is_origin,
        "http://localhost:3000 or https://example.com"
        " (lower case; no path, default port, wildcard)",
    ),
]
Hosts = Annotated[
    List,
    _each(
        _HOST.fullmatch,
        "names such as spotter.example.com, without scheme, port and path; or * for any",
    ),
    AfterValidator(lambda names: tuple(map(str.lower, names))),
]
Buckets = Annotated[
    List, _each(_is_bucket, "names such as my-photos, without s3://, path and quotes")
]
Providers = Annotated[
    List, _each(_is_provider, "names that ONNX Runtime knows, such as openvino or cuda")
]
Credentials = Annotated[List, AfterValidator(_check_credentials)]
Keys = Annotated[tuple[SecretBytes, ...], _text(_keys)]
Versions = Annotated[
    List,
    _matching(
        _PROJECT_VERSION,
        "ARNs such as arn:aws:rekognition:eu-west-1:123456789012:project/NAME/"
        "version/VERSION/1600000000000, separated by commas",
    ),
]
Aliases = Annotated[List, _matching(_ALIAS, "NAME or NAME=MODEL, separated by commas")]
Points = Annotated[tuple[tuple[float, float], ...], _text(_points)]
Rate = Annotated[tuple[int, int], _text(_rate)]
"""Number of requests, and the period in seconds in which they are allowed."""
Name = Annotated[str, _matching(_NAME, "a name or an ARN, without quotes and spaces")]
RootPath = Annotated[
    str,
    AfterValidator(lambda value: value.rstrip("/")),
    _matching(_PATH, "a path that begins with /, such as /prod"),
]
Word = _text(str.lower)
"""Case is ignored."""
