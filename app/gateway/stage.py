"""The part of a path that an API Gateway stage put in front, such as /prod."""

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send


class StagePath:
    """As ASGI wants it: ``root_path`` is the stage's, and ``path`` begins with it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = stage_path(scope["aws.event"])
        if root:
            scope["root_path"] = root
            if not f"{scope['path']}/".startswith(f"{root}/"):
                scope["path"] = root + scope["path"]
        await self.app(scope, receive, send)


def stage_path(event: Mapping[str, Any]) -> str:
    """The start of the client's path that the app's path has not; "" for most."""
    context = event["requestContext"]
    stage = context.get("stage", "$default")
    if stage == "$default":
        return ""
    if "http" in context:
        return _named(stage, context["http"]["path"])
    # REST APIs cut the stage off and say in the context what the client asked for.
    asked, path = context.get("path", "").rstrip("/"), event["path"].rstrip("/")
    if asked != path:
        return str(asked.removesuffix(path)) if asked.endswith(path) else ""
    return _named(stage, path) if event.get("version") == "1.0" else ""


def _named(stage: str, path: str) -> str:
    return f"/{stage}" if f"{path}/".startswith(f"/{stage}/") else ""
