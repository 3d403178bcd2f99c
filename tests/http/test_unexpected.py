"""What the client is told of an error that nobody foresaw."""

import errno
import os

import pytest

from app.errors import InternalError, ModelUnavailable
from app.http.errors import to_client_error


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("onnxruntime: std::bad_alloc"),
        RuntimeError("Failed to allocate memory for requested buffer of size 1"),
        _os_error(errno.ENOMEM),
    ],
)
def test_a_lack_of_memory_passes(error: Exception) -> None:
    assert isinstance(to_client_error(error, "an-id"), ModelUnavailable)


@pytest.mark.parametrize("error", [RuntimeError("no"), _os_error(errno.ENOSPC)])
def test_anything_else_is_the_servers_fault(error: Exception) -> None:
    told = to_client_error(error, "an-id")
    assert isinstance(told, InternalError)
    assert "an-id" in str(told)
