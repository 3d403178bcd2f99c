"""An open-loop HTTP client: it sends at a fixed rate, however slowly the server answers."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts and times of all requests."""

    seconds: float = 0.0
    """Seconds from the first request to the last."""
    drained: float = 0.0
    """Seconds from the last request to the last answer."""
    accepted: list[float] = field(default_factory=list)
    """Seconds from each request's due time to its answer, for those answered with 200."""
    refused: list[float] = field(default_factory=list)
    """The same for those answered with 503."""
    retry_after: "Counter[int]" = field(default_factory=Counter)
    others: "Counter[str]" = field(default_factory=Counter)
    """Any other status, failed connections, and requests beyond ``most_open``."""

    @property
    def sent(self) -> int:
        return len(self.accepted) + len(self.refused) + self.others.total()


async def offer(
    port: int, requests: Sequence[bytes], rate: float, seconds: float, *, most_open: int = 5000
) -> Tally:
    """Sends ``requests`` in turn, ``rate`` per second for ``seconds``, on separate connections.

    If ``most_open`` are unanswered, a request is counted as "not sent".
    """
    tally = Tally()
    tasks: set[asyncio.Task[None]] = set()
    began = time.perf_counter()
    number = 0
    while True:
        due = began + number / rate
        if due > began + seconds:
            break
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if len(tasks) >= most_open:
            tally.others["not sent"] += 1
        else:
            task = asyncio.create_task(_ask(port, requests[number % len(requests)], due, tally))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        number += 1
    tally.seconds = time.perf_counter() - began
    if tasks:
        await asyncio.wait(tasks)
    tally.drained = time.perf_counter() - began - tally.seconds
    return tally


async def _ask(port: int, request: bytes, due: float, tally: Tally) -> None:
    try:
        status, headers = await ask(port, request)
    except (OSError, EOFError) as error:
        tally.others[type(error).__name__] += 1
        return
    spent = time.perf_counter() - due
    if status == 200:
        tally.accepted.append(spent)
    elif status == 503:
        tally.refused.append(spent)
        tally.retry_after[int(headers["retry-after"])] += 1
    else:
        tally.others[str(status)] += 1


async def ask(port: int, request: bytes) -> tuple[int, dict[str, str]]:
    """Sends one request on its own connection; returns status and headers.

    Raises OSError or EOFError.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(headers["content-length"]))
    finally:
        writer.close()
    return int(head[0].split()[1]), headers
