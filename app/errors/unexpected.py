"""Errors that nobody foresaw: the log has all of it, the client learns the request's id."""

import asyncio
import errno
import logging

from app.errors import InternalError, ModelUnavailable, SpotterError

_log = logging.getLogger("spotter.request")


def to_client_error(error: BaseException, request_id: str) -> SpotterError:
    """Logs ``error`` with its traceback, so it has to be called while ``error`` is handled.

    Requests are cancelled by uvicorn alone, when its time to drain is over.
    """
    if isinstance(error, asyncio.CancelledError):
        return ModelUnavailable("The server has shut down before this was done. Try again.")
    fields = {"fields": {"id": request_id}}
    if _out_of_memory(error):
        _log.exception("out of memory", extra=fields)
        return ModelUnavailable("The server is short of memory. Try again later.")
    _log.exception("unexpected error", extra=fields)
    return InternalError(f"The server's log says more, under the request id {request_id}.")


def _out_of_memory(error: BaseException) -> bool:
    """onnxruntime has no class of its own for it, so its allocators' words are looked for."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in ("bad_alloc", "Failed to allocate memory")
    )
