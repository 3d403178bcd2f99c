"""GET /search: finds the bucket's objects that show a label, most probable first."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from app.errors import (
    AccessDenied,
    Forbidden,
    InternalError,
    InvalidParameter,
    MisdirectedRequest,
    ModelUnavailable,
    NotFound,
    Overloaded,
    TooManyRequests,
)
from app.http import inference
from app.http.dependencies import KeyDocumented
from app.http.middleware.request_record import service_of
from app.http.openapi import responses
from app.http.requests import search_access
from app.http.requests.admission import admit, key_in
from app.http.requests.options import parse_query
from app.http.route_classes import DirectRoute
from app.search.question import Question
from app.service.schemas import SearchResult

Label = Annotated[str, Field(min_length=1, max_length=200)]


class SearchQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=False)

    label: Label = Field(description="Label that the photos show; case is ignored.")
    also: list[Label] = Field(
        [], alias="and", max_length=20, description="Label that they also show; repeatable."
    )
    without: list[Label] = Field(
        [], alias="not", max_length=20, description="Label that they do not show; repeatable."
    )
    above: float = Field(
        0, ge=0, le=1, allow_inf_nan=False, description="Labels count above this probability."
    )
    model: str = Field(
        "",
        max_length=200,
        description="Only results of this model: its name, or the first 8 or more digits of its"
        " SHA-256.",
    )
    limit: int = Field(20, ge=1, le=100, description="Most hits, 1..100.")
    cursor: Annotated[str | None, Field(max_length=100), WithJsonSchema({"type": "string"})] = (
        Field(None, description="Cursor of the previous answer, to get the next page.")
    )


async def query_documented(_: Annotated[SearchQuery, Query()]) -> None:
    """Puts the options into the OpenAPI document."""


router = APIRouter(route_class=DirectRoute, tags=["search"])


@router.get(
    "/search",
    summary="Find photos by what they show",
    response_model=SearchResult,
    responses=responses(
        InvalidParameter,
        AccessDenied,
        Forbidden,
        NotFound,
        MisdirectedRequest,
        TooManyRequests,
        Overloaded,
        ModelUnavailable,
        InternalError,
    ),
    dependencies=[KeyDocumented, Depends(query_documented)],
)
async def search(request: Request) -> JSONResponse:
    """Searches the bucket's annotated photos, most probable first. It requires a table
    (`SPOTTER_TABLE`) and a key, unless the server is bound to loopback or `SPOTTER_SEARCH=open`.
    """
    service = service_of(request)
    admit(request, service, key_in(request))
    index = search_access.index_for(request, service)
    asked = parse_query(SearchQuery, request.query_params)
    question = Question(
        asked.label, tuple(asked.also), tuple(asked.without), asked.above, asked.model
    )
    work = service.wait_in_thread(partial(index.search, question, asked.limit, asked.cursor))
    page = await inference.cancel_on_disconnect(request, work)
    return JSONResponse({"hits": [hit.public for hit in page.hits], "cursor": page.cursor})
