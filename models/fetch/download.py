"""A download that goes on after cut connections, in this process or in the next."""

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
"""In a row that bring nothing, before it is given up."""
LONGEST_PAUSE = 60.0
_TIMEOUT = httpx.Timeout(60, connect=20)
_REDIRECTS = 5
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class _AgainError(Exception):
    """The next attempt may do better, after ``pause`` seconds where the server says so."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


def download(
    source: Source, partial: Partial, limit: int, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Bring ``partial`` to the end of the file, of at most ``limit`` bytes.

    What it holds is only what the server said: its checksum is for the caller to compare.
    Raises CommandError where it cannot be fetched; what was fetched stays in ``partial``.
    """
    fruitless = 0
    with (
        _client(source) as client,
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
                raise CommandError(f"{source.url} leads in circles.") from error
            except OSError as error:
                kept = partial.path.parent
                raise CommandError(f"Writing into {kept} failed: {error.strerror}.") from error
            fruitless = 0 if partial.size > before else fruitless + 1
            if fruitless >= ATTEMPTS:
                raise CommandError(
                    f"{source.url} cannot be fetched: {reason}. {partial.size:,} bytes are kept;"
                    " the same command goes on from there."
                )
            sleep(min(LONGEST_PAUSE, max(asked, 2.0 ** (fruitless - 1))))


def _client(source: Source) -> httpx.Client:
    def only_safe(request: httpx.Request) -> None:
        require_safe(str(request.url), source.url)

    return httpx.Client(
        # A compressed answer could not be gone on with.
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
    """The length of the whole file, where it is known; ``partial`` is what the body goes on from.

    Raises _AgainError or CommandError where there is no such body.
    """
    status, given = response.status_code, response.headers
    if status == 206:
        found = _RANGE.fullmatch(given.get("Content-Range", ""))
        if found is None or int(found[1]) != partial.size or _other(given, partial):
            partial.clear()
            raise _AgainError("another part came than was asked for")
        return int(found[2])
    if status == 200:
        if partial.size:
            told = "The server cannot go on there, or has another version: from the beginning."
            tqdm.write(told, file=sys.stderr)
        partial.clear()
        partial.etag = given.get("ETag")
        length = given.get("Content-Length", "")
        return int(length) if length.isdigit() else None
    if status == 416:
        partial.clear()
        raise _AgainError("the file is shorter than what was fetched of it")
    if status in _TRANSIENT:
        raise _AgainError(f"the server answers {status}", _retry_after(given))
    raise CommandError(f"{url} answers {status}{_HINTS.get(status, '')}.")


_HINTS = {
    401: ": not without a key. For private or gated files of Hugging Face set HF_TOKEN",
    403: ": not allowed. For private or gated files of Hugging Face set HF_TOKEN",
    404: ": there is no such file",
    410: ": the file is gone",
}


def _other(given: httpx.Headers, partial: Partial) -> bool:
    """Servers that know no If-Range send a part of what they have now."""
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
    """For the rest, and for the copy that is checked before it takes its place."""
    folder = partial.path.parent
    free, needed = shutil.disk_usage(folder).free, 2 * total - partial.size
    if needed > free:
        raise CommandError(
            f"There is room for {free / 1e6:.0f} MB in {folder}, and {needed / 1e6:.0f} are needed."
        )
