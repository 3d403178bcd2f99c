"""``python -m app``: uvicorn with Spotter's settings, and the address to open."""

import os
import signal
import socket
import sys

import uvicorn


class Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host = self.config.host
            shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host
            print(f"\nSpotter is ready: http://{shown}:{self.config.port}/\n", flush=True)


def main() -> None:
    config = uvicorn.Config(
        "app.main:app",
        host=os.environ.get("HOST", "127.0.0.1"),
        port=_port(os.environ.get("PORT", "8000")),
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=30,
        server_header=False,
    )
    server = Server(config)
    # Once it has drained, uvicorn raises the signal again: to have been stopped is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    server.run()
    if not server.started:
        raise SystemExit(3)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise SystemExit(f"spotter: PORT={text[:20]!r}: has to be a number from 1 to 65535.")
    return int(text)


if __name__ == "__main__":
    main()
