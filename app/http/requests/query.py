"""The options in a request's query, as a pydantic model has them."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams

from app.errors import InvalidParameter

Q = TypeVar("Q", bound=BaseModel)


def parsed(query: type[Q], given: QueryParams) -> Q:
    """Of an option that is no list, the last that was given. Raises InvalidParameter."""
    values = {name: given.getlist(name) if _is_list(query, name) else given[name] for name in given}
    try:
        return query.model_validate(values)
    except ValidationError as error:
        raise _explained(error.errors()[0]) from error


def _explained(first: Mapping[str, Any]) -> InvalidParameter:
    name = str(first["loc"][-1])[:100]
    if first["type"] == "extra_forbidden":
        return InvalidParameter(f"There is no parameter {name!r} here; /docs lists those that are.")
    given = str(first.get("input"))[:100]
    return InvalidParameter(f"{name}={given}: {first['msg']}.")


def _is_list(query: type[BaseModel], name: str) -> bool:
    field = query.model_fields.get(name)
    return field is not None and get_origin(field.annotation) is list
