"""Separates API Gateway's stage or base path from the application's own path."""

import re
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

_PARAMETER = re.compile(r"\{([^{}+]+)\+?\}")
_METHOD = re.compile(r"^[A-Z]+ ")
_DEFAULT = "$default"


class StagePath:
    """Sets ``root_path`` to the prefix; as ASGI requires, ``path`` begins with it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root, path = root_and_path(scope["aws.event"], scope["path"])
        if root:
            scope["root_path"], scope["path"] = root, root + path
        await self.app(scope, receive, send)


def root_and_path(event: Mapping[str, Any], path: str) -> tuple[str, str]:
    """The prefix of the client's path ("" for most requests), and the application's own path.

    ``path`` is the event's. If the event names the part that its route matched, that is used,
    since a stage may be named like the first part of a path: /v1/v1/vision/detection.
    """
    context = event["requestContext"]
    asked = context.get("http", context).get("path") or path
    own = _matched(event)
    if own is None and asked != path:
        own = path  # REST APIs strip the stage
    if own is not None:
        whole = asked if asked.endswith(own) else f"{asked}/"  # the last slash may be missing
        return (whole.removesuffix(own).rstrip("/"), own) if whole.endswith(own) else ("", path)
    stage = context.get("stage", _DEFAULT)
    # HTTP APIs leave the stage in the path, REST APIs never do.
    if stage == _DEFAULT or "version" not in event:
        return "", path
    if f"{path}/".startswith(f"/{stage}/"):
        return f"/{stage}", path.removeprefix(f"/{stage}")
    return "", path


def _matched(event: Mapping[str, Any]) -> str | None:
    """The path that the route matched; None if the event does not contain it.

    Routes look like "/{proxy+}", "ANY /{proxy+}" or "POST /detect".
    """
    route = _METHOD.sub("", str(event.get("resource") or event.get("routeKey") or ""))
    given = event.get("pathParameters") or {}
    names = set(_PARAMETER.findall(route))
    if not route.startswith("/") or not names <= given.keys():
        return None
    return _PARAMETER.sub(lambda match: str(given[match[1]]), route)
