"""``python -m app``: runs uvicorn with Spotter's settings and prints the address to open."""

import os
import signal
import sys

# Installed first, since imports take a while and PID 1 of a container has no default handler. They
# raise no exception, which would become an ImportError while onnxruntime is imported.
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
for _number in _SIGNALS:
    signal.signal(_number, lambda *_: os._exit(0))


def main(drain_seconds: int | None = None) -> None:
    """``drain_seconds`` is the time from SIGTERM to the end of the process, more than 1 s."""
    from app import startup

    _open_closed_streams()
    with startup.shortcuts():
        import uvicorn

        from app.server.crowd import Crowd, most_connections, raise_file_limit
        from app.server.drain_limit import CUT_SECONDS, DRAIN_SECONDS, DrainLimit
        from app.server.protocol import Protocol
        from app.server.server import Server
        from app.settings import exit_if_wrong, load_settings, proxies

    with exit_if_wrong():
        keep_alive_seconds, trusted = load_settings().keep_alive, proxies()
    limit = DrainLimit(drain_seconds or DRAIN_SECONDS)
    crowd = Crowd(most_connections(raise_file_limit()))

    config = uvicorn.Config(
        "app.main:app",
        host=(os.environ.get("HOST") or "127.0.0.1").strip("[]"),
        port=_port(os.environ.get("PORT") or "8000"),
        http=Protocol,
        ws="none",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=int(limit.seconds - CUT_SECONDS),
        server_header=False,
        # Without a list, uvicorn would trust X-Forwarded-For from any program on this machine.
        forwarded_allow_ips=list(trusted),
    )
    server = Server(config, limit, crowd)
    # After draining, uvicorn raises the signal again. Being stopped is not a failure: exit with 0.
    for number in _SIGNALS:
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        server.run()
    finally:
        if server.should_exit:
            limit.stopped()
    if not server.started:
        raise SystemExit(3)


def _open_closed_streams() -> None:
    """Opens ``/dev/null`` for each standard stream that is closed, as by ``python -m app >&-``.

    Otherwise the next file or connection gets its descriptor, and the log is written there.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one, since those below are open.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise SystemExit(f"spotter: PORT={text[:20]!r}: has to be a number from 1 to 65535.")
    return int(text)


if __name__ == "__main__":
    main()
