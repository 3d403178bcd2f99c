"""The options in a request's query, checked by a pydantic model."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams

from app.errors import InvalidParameter

Q = TypeVar("Q", bound=BaseModel)

_INDEX = re.compile(r"\[\d{0,4}\]\Z", re.ASCII)


def parse_query(query: type[Q], given: QueryParams) -> Q:
    """Lists may be written as ``classes=a&classes=b``, ``classes[]=a`` or ``classes[0]=a``.

    Raises InvalidParameter, for an option that is no list and given more than once as well.
    """
    lists = [
        field.alias or name
        for name, field in query.model_fields.items()
        if get_origin(field.annotation) is list
    ]
    values: dict[str, Any] = {}
    repeated = ""
    for name, value in given.multi_items():
        plain = _without_index(name)
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
    """``first`` is an error as pydantic describes it."""
    name = str(first["loc"][-1])[:100]
    if first["type"] == "extra_forbidden":
        return InvalidParameter(f"There is no parameter {name!r} here; /docs lists those that are.")
    given = str(first.get("input"))[:100]
    return InvalidParameter(f"{name}={given}: {first['msg']}.")


def _without_index(name: str) -> str:
    """The name before ``[]`` or ``[0]``, which axios, Ruby and PHP add to the names of lists."""
    return _INDEX.sub("", name)
