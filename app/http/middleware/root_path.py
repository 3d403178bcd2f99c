"""Sets the path that a proxy in front has cut off."""

from starlette.types import ASGIApp, Receive, Scope, Send


class RootPath:
    """FastAPI's own argument for it is deprecated.

    As ASGI wants it, the request's path then begins with it, even if the proxy cut it off.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope.get("root_path"):
            scope["root_path"] = self.root_path
            if not f"{scope['path']}/".startswith(f"{self.root_path}/"):
                scope["path"] = self.root_path + scope["path"]
            elif scope["path"] == self.root_path:
                scope["path"] += "/"  # the front page, as people type its address
        await self.app(scope, receive, send)
