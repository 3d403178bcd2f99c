"""An open-loop HTTP client: requests leave when it is their time, whoever was answered before."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What became of the requests."""

    seconds: float = 0.0
    """From the first that was sent to the last that was sent."""
    drained: float = 0.0
    """Seconds from the last that was sent to the last answer."""
    accepted: list[float] = field(default_factory=list)
    """Seconds from the moment that a request was due to its answer, of those with 200."""
    refused: list[float] = field(default_factory=list)
    """The same of those with 503."""
    retry_after: "Counter[int]" = field(default_factory=Counter)
    others: "Counter[str]" = field(default_factory=Counter)
    """Any other status, and connections that failed."""

    @property
    def sent(self) -> int:
        return len(self.accepted) + len(self.refused) + self.others.total()


async def offer(
    port: int, requests: Sequence[bytes], rate: float, seconds: float, *, most_open: int = 5000
) -> Tally:
    """``requests`` in turns, ``rate`` a second for ``seconds``, each on a connection of its own."""
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
    """Status and headers of the answer, on a connection of its own. Raises OSError, EOFError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(headers["content-length"]))
    finally:
        writer.close()
    return int(head[0].split()[1]), headers
