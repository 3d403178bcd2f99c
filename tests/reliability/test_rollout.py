"""A rollout as deploy/kubernetes does it, with real servers: no request is lost."""

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.eventually import eventually
from tests.http.client import drawn, until_taken
from tests.http.scripted import WHITE
from tests.server import LIMIT, Server, serve

CLIENTS = 4
PAUSE_SECONDS = 2.0
"""Of preStop, which is 10 in the manifest."""
NEWS_SECONDS = 1.0
"""Until the nodes know that a pod ends and send it nothing more."""


class Balancer:
    """Sends each request to one of the servers, over kept connections."""

    def __init__(self, *servers: Server) -> None:
        self.servers = list(servers)
        self.turn = 0
        self.sending: dict[int, Server] = {}
        """The server of each client's last request, by its thread."""
        self.answers: list[tuple[Server, int]] = []
        self.lost: list[Exception] = []
        self.done = threading.Event()
        self._lock = threading.Lock()

    def leave_out(self, server: Server) -> None:
        with self._lock:
            self.servers.remove(server)

    def send(self, photo: bytes) -> None:
        with ExitStack() as stack:
            clients: dict[str, httpx.Client] = {}
            while not self.done.is_set():
                with self._lock:
                    self.turn += 1
                    server = self.servers[self.turn % len(self.servers)]
                    self.sending[threading.get_ident()] = server
                if server.url not in clients:
                    client = httpx.Client(base_url=server.url, timeout=LIMIT, trust_env=False)
                    clients[server.url] = stack.enter_context(client)
                try:
                    answer = clients[server.url].post("/detect", content=photo)
                    self.answers.append((server, answer.status_code))
                except httpx.HTTPError as error:
                    self.lost.append(error)


def test_a_rollout_loses_no_request(scripted_model: Path) -> None:
    photo = drawn(64, 64, WHITE)  # takes a while, so that some are in flight at any time
    with serve(scripted_model) as old, serve(scripted_model) as new:
        balancer = Balancer(old)
        threads = [threading.Thread(target=balancer.send, args=(photo,)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(balancer.answers) >= CLIENTS)
        balancer.servers.append(new)  # it is ready
        time.sleep(1)
        time.sleep(NEWS_SECONDS)  # preStop begins: the old one still gets requests
        balancer.leave_out(old)
        time.sleep(PAUSE_SECONDS - NEWS_SECONDS)
        # On a busy machine the last request may not have been sent yet.
        eventually(lambda: old not in balancer.sending.values())
        assert old.terminate(45 - 10) == 0
        before = len(balancer.answers)
        eventually(lambda: len(balancer.answers) >= before + CLIENTS)
        balancer.done.set()
        for thread in threads:
            thread.join()
    assert not balancer.lost
    assert {status for _, status in balancer.answers} == {200}
    assert {server.url for server, _ in balancer.answers} == {old.url, new.url}


def test_requests_in_flight_at_sigterm_are_answered(scripted_model: Path) -> None:
    photo = drawn(64, 64, WHITE)
    with serve(scripted_model, concurrency="1") as server:
        statuses: list[int] = []

        def ask() -> None:
            with httpx.Client(base_url=server.url, timeout=LIMIT, trust_env=False) as client:
                statuses.append(client.post("/detect", content=photo).status_code)

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        until_taken(server, 6)
        assert server.terminate() == 0
        for thread in threads:
            thread.join()
    assert statuses == [200] * 6
