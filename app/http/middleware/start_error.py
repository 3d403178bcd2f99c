"""Makes one line of a start that failed."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class OneLineStartError:
    """Starlette reports a failed start as a traceback; its last line is the one for people."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def shortened(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                last = message.get("message", "").strip().splitlines()[-1:]
                message["message"] = "".join(last).removeprefix("app.errors.StartError: ")
            await send(message)

        await self.app(scope, receive, shortened if scope["type"] == "lifespan" else send)
