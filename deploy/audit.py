"""``make audit``: looks for known vulnerabilities in the versions that are deployed.

pip-audit queries OSV, and reports "No known vulnerabilities" even if it got no data. Therefore one
release that is known to be vulnerable is included; without a finding for it, nothing counts as
checked. The exit code is 0 if there are no findings, 1 if there are, 2 if the audit failed, and 3
if the service cannot be reached or lacks data; --offline-ok turns 3 into 0.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass

from deploy.locked import CONTAINER, OPENVINO, on_linux, packages

WITNESS = "jinja2==2.4.1"
"""A release with advisories since 2014; it is never installed."""
NOT_CHECKED = 3
_OUT_OF_REACH = re.compile(
    r"ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|\b(403|407|429|5\d\d) "
)
_PYTHONS = ("3.11", "3.12", "3.13")


@dataclass(frozen=True)
class Findings:
    known: dict[str, list[str]]
    """Identifiers of advisories by pin, such as "jinja2==2.4.1"."""
    skipped: list[str]
    witnessed: bool
    """Whether the service reported the vulnerable release."""


class AuditFailed(Exception):
    """pip-audit ended without a report."""

    def __init__(self, output: str) -> None:
        super().__init__(output.strip().splitlines()[-1] if output.strip() else "no output")
        self.out_of_reach = _OUT_OF_REACH.search(output) is not None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.audit", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--osv-url", help="address of another service with OSV's API")
    parser.add_argument(
        "--offline-ok", action="store_true", help="pass if the service cannot be reached"
    )
    given = parser.parse_args(arguments)
    unchecked = 0 if given.offline_ok else NOT_CHECKED
    pins = deployed()
    try:
        findings = audit(pins, given.osv_url)
    except AuditFailed as error:
        if error.out_of_reach:
            _say_not_checked(f"the advisory service cannot be reached: {error}")
            return unchecked
        print(f"audit: pip-audit failed: {error}", file=sys.stderr)
        return 2
    for pin, advisories in findings.known.items():
        print(f"audit: {pin}: {', '.join(advisories)}", file=sys.stderr)
    if findings.known:
        return 1
    if not findings.witnessed:
        _say_not_checked(f"the service does not report {WITNESS}, which is known to be vulnerable")
        return unchecked
    if findings.skipped:
        print(f"audit: NOT CHECKED: {', '.join(findings.skipped)}")
    print(f"audit: no known vulnerability in {len(pins) - len(findings.skipped)} locked packages")
    return 0


def deployed() -> list[str]:
    """Pins of all locked packages, for every supported Python and machine."""
    machines = ("x86_64", "aarch64")
    environments = [on_linux(python, machine) for python in _PYTHONS for machine in machines]
    return sorted({p.pin for env in environments for p in packages((*CONTAINER, OPENVINO), env)})


def audit(pins: Iterable[str], osv_url: str | None = None) -> Findings:
    """Raises AuditFailed."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv"]
    command += ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    if osv_url is not None:
        command += ["--osv-url", osv_url]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(f"{pin}\n" for pin in [*pins, WITNESS])
        file.flush()
        done = subprocess.run(
            [*command, "--requirement", file.name], capture_output=True, text=True, check=False
        )
    try:
        report = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise AuditFailed(done.stderr) from None
    witness = WITNESS.partition("==")[0]
    known = {
        f"{entry['name']}=={entry['version']}": [hole["id"] for hole in entry["vulns"]]
        for entry in report
        if entry.get("vulns")
    }
    return Findings(
        {pin: advisories for pin, advisories in known.items() if pin != WITNESS},
        [entry["name"] for entry in report if "skip_reason" in entry and entry["name"] != witness],
        WITNESS in known,
    )


def _say_not_checked(reason: str) -> None:
    print(f"audit: NOT CHECKED: {reason}", file=sys.stderr)
    print("audit: 'make audit AUDIT=--offline-ok' accepts this", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
