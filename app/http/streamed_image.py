"""Streams a large answer to clients that may read it slowly or not at all."""

from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.errors import Overloaded, RequestTimeout
from app.http.middleware.request_record import reservation_of

_PIECE_BYTES = 128 * 1024


class StreamedImage(Response):
    """Counts as memory of its request until it is sent, with the same time limit as a body."""

    def __init__(
        self, request: Request, image: bytes, media_type: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(image, media_type=media_type, headers=headers)
        self._reservation = reservation_of(request)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ClientDisconnect if the client takes too long.

        Raises Overloaded, before anything is sent, if all requests hold too many bytes.
        """
        image = memoryview(self.body)
        self._reservation.grow_to(len(image))
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        try:
            async with self._reservation.on_its_way():
                for start in range(0, len(image), _PIECE_BYTES):
                    piece = bytes(image[start : start + _PIECE_BYTES])
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except (Overloaded, RequestTimeout) as error:
            raise ClientDisconnect from error
        await send({"type": "http.response.body", "body": b"", "more_body": False})
