"""Downloads that resume after a lost connection, in this process or in a later one."""

import re
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
from tqdm import tqdm

from app import __version__
from models.common.commands import CommandError
from models.fetch.partial import Partial
from models.fetch.sources import Source, require_safe

ATTEMPTS = 5
"""The download fails after this number of consecutive attempts without any data."""
LONGEST_PAUSE_SECONDS = 60.0
_TIMEOUT = httpx.Timeout(60, connect=20)
_REDIRECTS = 5
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class _AgainError(Exception):
    """The next attempt may succeed, after ``pause`` seconds if the server requests a pause."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


def download(
    source: Source, partial: Partial, limit: int, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Completes ``partial`` with the file of ``source``, at most ``limit`` bytes.

    The caller has to verify the checksum. Raises CommandError if the file cannot be fetched; the
    bytes received so far stay in ``partial``.
    """
    fruitless = 0
    with (
        client_for(source) as client,
        tqdm(desc=source.name, unit="B", unit_scale=True, disable=None) as bar,
    ):
        while True:
            before = partial.size
            try:
                _attempt(client, source.url, partial, limit, bar)
                return
            except (httpx.TransportError, _AgainError) as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                asked = error.pause if isinstance(error, _AgainError) else 0.0
            except httpx.TooManyRedirects as error:
                raise CommandError(f"{source.url} redirects too often.") from error
            except OSError as error:
                folder = partial.path.parent
                raise CommandError(f"Writing into {folder} failed: {error.strerror}.") from error
            fruitless = 0 if partial.size > before else fruitless + 1
            if fruitless >= ATTEMPTS:
                kept = f" {partial.size:,} bytes are kept; the same command resumes from there."
                raise CommandError(
                    f"{source.url} cannot be fetched: {reason}.{kept if partial.size else ''}"
                )
            sleep(min(LONGEST_PAUSE_SECONDS, max(asked, 2.0 ** (fruitless - 1))))


def client_for(source: Source) -> httpx.Client:
    def only_safe(request: httpx.Request) -> None:
        require_safe(str(request.url), source.url)

    return httpx.Client(
        # A compressed response could not be resumed.
        headers={
            "User-Agent": f"spotter/{__version__}",
            "Accept-Encoding": "identity",
            **source.headers,
        },
        timeout=_TIMEOUT,
        follow_redirects=True,
        max_redirects=_REDIRECTS,
        event_hooks={"request": [only_safe]},
    )


def _attempt(
    client: httpx.Client, url: str, partial: Partial, limit: int, bar: "tqdm[Any]"
) -> None:
    headers = {}
    if partial.size:
        headers["Range"] = f"bytes={partial.size}-"
        if partial.etag:
            headers["If-Range"] = partial.etag
    with client.stream("GET", url, headers=headers) as response:
        total = _begin(response, url, partial)
        if total is not None:
            _require_small(partial, total, limit)
            _require_room(partial, total)
        bar.n, bar.total = partial.size, total
        for chunk in response.iter_raw():
            _require_small(partial, partial.size + len(chunk), limit)
            partial.write(chunk)
            bar.update(len(chunk))


def _begin(response: httpx.Response, url: str, partial: Partial) -> int | None:
    """Returns the length of the whole file, if known, and prepares ``partial`` for the body.

    Raises _AgainError or CommandError if the response has no part of the file.
    """
    status, given = response.status_code, response.headers
    if status == 206:
        found = _RANGE.fullmatch(given.get("Content-Range", ""))
        if found is None or int(found[1]) != partial.size or _other(given, partial):
            partial.clear()
            raise _AgainError("the server sent a different range than requested")
        return int(found[2])
    if status == 200:
        if partial.size:
            told = "The server cannot resume, or has another version: starting from the beginning."
            tqdm.write(told, file=sys.stderr)
        partial.clear()
        partial.etag = given.get("ETag")
        length = given.get("Content-Length", "")
        return int(length) if length.isdigit() else None
    if status == 416:
        partial.clear()
        raise _AgainError("the file is shorter than the part already fetched")
    if status in _TRANSIENT:
        raise _AgainError(f"the server answers {status}", _retry_after(given))
    raise CommandError(f"{url} answers {reason_of(status)}.")


def reason_of(status: int) -> str:
    """The status of a response, with its meaning if known."""
    return f"{status}{_HINTS.get(status, '')}"


_HINTS = {
    401: ": access needs a key. For private or gated files of Hugging Face set HF_TOKEN",
    403: ": access is denied. For private or gated files of Hugging Face set HF_TOKEN",
    404: ": the file does not exist",
    410: ": the file was removed",
}


def _other(given: httpx.Headers, partial: Partial) -> bool:
    """True for a part of another version, as sent by servers that do not support If-Range."""
    etag = given.get("ETag")
    return bool(etag and partial.etag and etag != partial.etag)


def _retry_after(given: httpx.Headers) -> float:
    seconds = given.get("Retry-After", "")
    return float(seconds) if seconds.isdigit() else 0.0


def _require_small(partial: Partial, size: int, limit: int) -> None:
    if size > limit:
        partial.clear()
        raise CommandError(f"The file is larger than {limit:,} bytes (--max-mb).")


def _require_room(partial: Partial, total: int) -> None:
    """Requires space for the rest and for the copy that is verified before it is moved."""
    folder = partial.path.parent
    free, needed = shutil.disk_usage(folder).free, 2 * total - partial.size
    if needed > free:
        raise CommandError(
            f"{folder} has room for {free / 1e6:.0f} MB, and {needed / 1e6:.0f} MB are needed."
        )
