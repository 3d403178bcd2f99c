"""``python -m app``: uvicorn with Spotter's settings, and the address to open."""

import os
import signal
import sys

# Before anything else: importing the rest takes a while, and PID 1 of a container has no default.
# Once it has drained, uvicorn raises the signal again: to have been stopped is no failure.
for _number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(_number, lambda *_: sys.exit(0))


def main() -> None:
    from app import startup

    with startup.shortcuts():
        import uvicorn

        from app.server.protocol import Protocol, Server

    config = uvicorn.Config(
        "app.main:app",
        host=os.environ.get("HOST", "127.0.0.1"),
        port=_port(os.environ.get("PORT", "8000")),
        http=Protocol,
        ws="none",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=30,
        server_header=False,
    )
    server = Server(config)
    server.run()
    if not server.started:
        raise SystemExit(3)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise SystemExit(f"spotter: PORT={text[:20]!r}: has to be a number from 1 to 65535.")
    return int(text)


if __name__ == "__main__":
    main()
