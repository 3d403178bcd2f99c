"""What a handler finds beside the request: its record and the service."""

from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.admission.request_memory import Reservation
from app.errors import ModelUnavailable
from app.observability.request_record import RequestRecord
from app.service.service import Service


def record_of(request: HTTPConnection) -> RequestRecord:
    record: RequestRecord = request.scope["state"]["record"]
    return record


def reservation_of(request: HTTPConnection) -> Reservation:
    """The memory that the request holds until it has been answered; the model is loaded."""
    reservation = record_of(request).reservation
    assert reservation is not None
    return reservation


def service_of(request: HTTPConnection) -> Service:
    """Raises ModelUnavailable before the model is loaded."""
    service = loaded_service(request.scope)
    if service is None:
        raise ModelUnavailable("The model is not loaded.")
    return service


def loaded_service(scope: Scope) -> Service | None:
    """None before the model is loaded."""
    return getattr(scope["app"].state, "service", None)
