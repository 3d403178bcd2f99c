"""GET /healthz: whether to send requests here."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.errors import ModelUnavailable
from app.http.middleware.request_context import service_of


async def healthz(request: Request) -> Response:
    service = service_of(request)
    if service.draining:
        raise ModelUnavailable("The server is shutting down: it finishes what it was given.")
    if not service.is_well():
        raise ModelUnavailable("The last inference failed; the server's log says why.")
    return JSONResponse({"status": "ok", "model": service.detector.name})
