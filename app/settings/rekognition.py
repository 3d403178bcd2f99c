"""Settings of other services' APIs: points of a scale, ARNs, names of models.

Each function raises ValueError for a value that cannot be used.
"""

import math
import re
from itertools import pairwise

Points = tuple[tuple[float, float], ...]

_PROJECT_VERSION = re.compile(
    r"arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{12}:project/[\w.-]{1,255}/version/[\w.-]{1,255}/\d+",
    re.ASCII,
)
_ALIAS = re.compile(r"[^\s=/\"']+(=[^\s=/\"']*)?")


def points(value: object) -> object:
    """``0.25:55,0.5:90`` as pairs; both numbers rise from (0, 0) to (1, 100)."""
    if not isinstance(value, str):
        return value
    try:
        pairs = [part.split(":") for part in value.split(",") if part.strip()]
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


def project_versions(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_PROJECT_VERSION.fullmatch(arn) for arn in value):
        raise ValueError(
            "has to be ARNs such as arn:aws:rekognition:eu-west-1:123456789012:project/NAME/"
            "version/VERSION/1600000000000, and more of them behind commas"
        )
    return value


def aliases(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_ALIAS.fullmatch(alias) for alias in value):
        raise ValueError("has to be NAME or NAME=MODEL, and more of them behind commas")
    return value
