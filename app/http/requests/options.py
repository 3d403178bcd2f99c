"""Parses the options in a request's query, and the preferred answer in its Accept header."""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams

from app.errors import InvalidParameter

Q = TypeVar("Q", bound=BaseModel)
Answer = Literal["json", "jpeg", "png"]

_JSON = ("application/json", "application/*", "*/*")
_JPEG = ("image/jpeg", "image/*", "*/*")
_PNG = ("image/png", "image/*", "*/*")
_INDEX = re.compile(r"\[\d{0,4}\]\Z", re.ASCII)


def parse_query(query: type[Q], given: QueryParams) -> Q:
    """Lists may be written as ``classes=a&classes=b``, ``classes[]=a`` or ``classes[0]=a``.

    Raises InvalidParameter, also if an option that is not a list is given more than once.
    """
    lists = [
        field.alias or name
        for name, field in query.model_fields.items()
        if get_origin(field.annotation) is list
    ]
    values: dict[str, Any] = {}
    repeated = ""
    for name, value in given.multi_items():
        # axios, Ruby and PHP append [] or [0] to the names of lists.
        plain = _INDEX.sub("", name)
        if plain in lists:
            values.setdefault(plain, []).append(value)
        else:
            repeated = repeated or (name if name in values else "")
            values[name] = value
    try:
        options = query.model_validate(values)
    except ValidationError as error:
        raise explained(error.errors()[0]) from error
    if repeated:
        raise InvalidParameter(
            f"{repeated[:100]}: given more than once; only {', '.join(lists)} may be."
        )
    return options


def explained(first: Mapping[str, Any]) -> InvalidParameter:
    """``first`` is an entry of pydantic's ``errors()``."""
    # After the name come the indexes of lists. FastAPI puts the source in front, such as "query".
    names = [part for part in first["loc"] if isinstance(part, str)]
    name = names[-1][:100] if names else "request"
    if first["type"] == "extra_forbidden":
        return InvalidParameter(f"There is no parameter {name!r}; /docs lists the parameters.")
    if first["type"] == "missing":
        return InvalidParameter(f"{name} is required; /docs describes it.")
    given = str(first.get("input"))[:100]
    return InvalidParameter(f"{name}={given}: {first['msg']}.")


def preferred(accept: str) -> Answer:
    """Returns a picture's format only if it is clearly preferred to JSON."""
    wishes = _parse(accept)
    json, jpeg, png = (_quality(wishes, ranges) for ranges in (_JSON, _JPEG, _PNG))
    if json >= max(jpeg, png):
        return "json"
    if png != jpeg:
        return "png" if png > jpeg else "jpeg"
    first = next((name for name in wishes if name in (_JPEG[0], _PNG[0])), _JPEG[0])
    return "png" if first == _PNG[0] else "jpeg"


def _quality(wishes: dict[str, float], ranges: tuple[str, ...]) -> float:
    """The quality of the most specific given range; ``ranges`` are sorted by specificity."""
    return next((wishes[name] for name in ranges if name in wishes), 0.0)


def _parse(accept: str) -> dict[str, float]:
    wishes: dict[str, float] = {}
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                quality = _number(parameter[2:])
        if name:
            wishes[name] = quality
    return wishes or {"*/*": 1.0}


def _number(text: str) -> float:
    """A number from 0 to 1; 0 for any other text."""
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
