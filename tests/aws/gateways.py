"""Requests as each of Lambda's HTTP sources would put them into an event, and its answers read.

``recorded/`` holds whole events; a request fills in what depends on it, as the source does.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

Event = dict[str, Any]
_TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    base64: bool


@dataclass(frozen=True)
class Source:
    name: str
    recorded: str
    fill: Callable[[Event, Request, str], None]
    stage: str = ""

    def event(self, request: Request) -> Event:
        event: Event = json.loads(
            (Path(__file__).parent / f"recorded/{self.recorded}.json").read_text()
        )
        self.fill(event, request, self.stage)
        kind = request.headers.get("content-type", "")
        is_text = kind.startswith(_TEXT_TYPES)
        if request.body:
            event["body"] = (
                request.body.decode() if is_text else base64.b64encode(request.body).decode()
            )
            event["isBase64Encoded"] = not is_text
        return event


def read_answer(value: dict[str, Any]) -> Answer:
    headers = {**value.get("headers", {})}
    headers |= {name: ", ".join(many) for name, many in value.get("multiValueHeaders", {}).items()}
    body = value.get("body", "")
    encoded = value["isBase64Encoded"]
    return Answer(
        value["statusCode"], headers, base64.b64decode(body) if encoded else body.encode(), encoded
    )


def _http_v2(event: Event, request: Request, stage: str) -> None:
    path = f"/{stage}{request.path}" if stage else request.path
    event["rawPath"] = path
    event["rawQueryString"] = urlencode(request.query)
    if request.query:
        event["queryStringParameters"] = {
            name: ",".join(v for n, v in request.query if n == name) for name, _ in request.query
        }
    event["headers"].update({name.lower(): value for name, value in request.headers.items()})
    event["headers"]["content-length"] = str(len(request.body))
    event["requestContext"]["http"].update(method=request.method, path=path)
    event["requestContext"]["stage"] = stage or "$default"


def _rest(event: Event, request: Request, stage: str) -> None:
    event.update(path=request.path, httpMethod=request.method)
    if event["pathParameters"]:
        event["pathParameters"]["proxy"] = request.path[1:]
    event["headers"].update(request.headers)
    event["multiValueHeaders"].update({name: [v] for name, v in request.headers.items()})
    if request.query:
        event["queryStringParameters"] = dict(request.query)
        event["multiValueQueryStringParameters"] = _lists(request.query)
    path = f"/{stage}{request.path}" if stage else request.path
    event["requestContext"].update(httpMethod=request.method, path=path, stage=stage or "$default")


def _http_v1(event: Event, request: Request, stage: str) -> None:
    _rest(event, request, stage)
    event["path"] = event["requestContext"]["path"]


def _alb(event: Event, request: Request, stage: str) -> None:
    """A load balancer leaves the query as the client has encoded it."""
    event.update(path=request.path, httpMethod=request.method)
    encoded = [(quote_plus(name), quote_plus(value)) for name, value in request.query]
    sent = {**request.headers, "content-length": str(len(request.body))}
    if "multiValueHeaders" in event:
        event["multiValueHeaders"].update({name: [value] for name, value in sent.items()})
        event["multiValueQueryStringParameters"] = _lists(encoded)
    else:
        event["headers"].update(sent)
        event["queryStringParameters"] = dict(encoded)


def _lists(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return lists


SOURCES = [
    Source("REST API", "api-gateway-rest", _rest, stage="Prod"),
    Source("REST API at an own domain", "api-gateway-rest", _rest),
    Source("HTTP API", "api-gateway-http-v2", _http_v2),
    Source("HTTP API with a stage", "api-gateway-http-v2", _http_v2, stage="prod"),
    Source("HTTP API, payload 1.0", "api-gateway-http-v1", _http_v1),
    Source("HTTP API, payload 1.0, with a stage", "api-gateway-http-v1", _http_v1, stage="prod"),
    Source("Function URL", "function-url", _http_v2),
    Source("load balancer", "alb", _alb),
    Source("load balancer, multi-value", "alb-multi-value", _alb),
]
