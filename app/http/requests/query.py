"""The options in a request's query, checked by a pydantic model."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams

from app.errors import InvalidParameter

Q = TypeVar("Q", bound=BaseModel)


def parse_query(query: type[Q], given: QueryParams) -> Q:
    """Raises InvalidParameter, for an option that is no list and given more than once as well."""
    values = {name: given.getlist(name) if _is_list(query, name) else given[name] for name in given}
    try:
        options = query.model_validate(values)
    except ValidationError as error:
        raise explained(error.errors()[0]) from error
    if len(given.multi_items()) > len(given):
        _refuse_repeated(query, given)
    return options


def explained(first: Mapping[str, Any]) -> InvalidParameter:
    """``first`` is an error as pydantic describes it."""
    name = str(first["loc"][-1])[:100]
    if first["type"] == "extra_forbidden":
        return InvalidParameter(f"There is no parameter {name!r} here; /docs lists those that are.")
    given = str(first.get("input"))[:100]
    return InvalidParameter(f"{name}={given}: {first['msg']}.")


def _refuse_repeated(query: type[BaseModel], given: QueryParams) -> None:
    lists = [name for name in query.model_fields if _is_list(query, name)]
    for name in given:
        if name not in lists and len(given.getlist(name)) > 1:
            raise InvalidParameter(
                f"{name[:100]}: given more than once; only {', '.join(lists)} may be."
            )


def _is_list(query: type[BaseModel], name: str) -> bool:
    field = query.model_fields.get(name)
    return field is not None and get_origin(field.annotation) is list
