"""An answer of megabytes, for clients that may read it slowly, or not at all."""

from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.errors import Overloaded, RequestTimeout
from app.http.middleware.request_context import parcel_of

_PIECE = 128 * 1024


class Picture(Response):
    """Counts as held by its request until it has been sent, which may take as long as a body."""

    def __init__(
        self, request: Request, picture: bytes, media_type: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(picture, media_type=media_type, headers=headers)
        self._parcel = parcel_of(request)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ClientDisconnect where the client takes too long."""
        picture = memoryview(self.body)
        self._parcel.become(len(picture))
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        try:
            async with self._parcel.on_its_way():
                for start in range(0, len(picture), _PIECE):
                    piece = bytes(picture[start : start + _PIECE])
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except (Overloaded, RequestTimeout) as error:
            raise ClientDisconnect from error
        await send({"type": "http.response.body", "body": b"", "more_body": False})
