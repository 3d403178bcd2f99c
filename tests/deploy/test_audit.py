"""pip-audit itself, beside an advisory service of our own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from benchmarks.harness.process import held_port
from deploy import audit

WITNESS = audit.WITNESS.partition("==")[0]


@dataclass
class Service:
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def osv(known: set[str], status: int = 200) -> Iterator[Service]:
    """Has one advisory on each package that is known."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = query["package"]["name"]
            service.asked.append(f"{name}=={query['version']}")
            answer = {"vulns": [_advisory(name)]} if name in known else {}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_port}/v1/query"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


def _advisory(name: str) -> dict[str, Any]:
    versions = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}
    package = {"name": name, "ecosystem": "PyPI"}
    return {
        "id": f"TEST-{name}",
        "details": "A hole.",
        "affected": [{"package": package, "ranges": [versions]}],
    }


def test_a_finding_fails_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with osv({WITNESS, "pillow"}) as service:
        assert audit.main(["--osv-url", service.url]) == 1
    printed = capsys.readouterr()
    assert "TEST-pillow" in printed.err
    assert WITNESS not in printed.err
    assert "no known vulnerability" not in printed.out


def test_every_locked_version_is_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    with osv({WITNESS}) as service:
        assert audit.main(["--osv-url", service.url]) == 0
    pins = audit.deployed()
    assert sorted(service.asked) == sorted([*pins, audit.WITNESS])
    assert (
        capsys.readouterr().out == f"audit: no known vulnerability in {len(pins)} locked packages\n"
    )


def test_a_service_that_knows_of_nothing_has_checked_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with osv(set()) as service:
        assert audit.main(["--osv-url", service.url]) == 3
        assert audit.main(["--osv-url", service.url, "--offline-ok"]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("audit: NOT CHECKED: the service does not report jinja2==2.4.1")
    assert printed.out == ""


def test_out_of_reach_fails_unless_asked_not_to(capsys: pytest.CaptureFixture[str]) -> None:
    with held_port() as port:
        nobody = f"http://127.0.0.1:{port}/"
        assert audit.main(["--osv-url", nobody]) == 3
        printed = capsys.readouterr()
        found = "audit: NOT CHECKED: the advisory service cannot be reached: "
        assert printed.err.startswith(found)
        assert "make audit AUDIT=--offline-ok" in printed.err
        assert audit.main(["--osv-url", nobody, "--offline-ok"]) == 0
        assert "NOT CHECKED" in capsys.readouterr().err
    with osv(set(), status=503) as service:
        assert audit.main(["--osv-url", service.url]) == 3
    assert "NOT CHECKED: the advisory service cannot be reached: " in capsys.readouterr().err


def test_a_finding_fails_though_being_offline_would_not() -> None:
    with osv({WITNESS, "pillow"}) as service:
        assert audit.main(["--osv-url", service.url, "--offline-ok"]) == 1


def test_an_audit_that_fails_by_itself_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with osv(set(), status=400) as service:
        assert audit.main(["--osv-url", service.url]) == 2
    assert "audit: pip-audit failed: " in capsys.readouterr().err
