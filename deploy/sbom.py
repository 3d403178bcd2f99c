"""``make sbom``: lists the packages of the container and of the zip as CycloneDX JSON.

The lists are made from the locks, without the base image's own packages and the model.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from deploy.locked import CONTAINER, ROOT, Package, on_linux, packages
from deploy.wheels import zipped


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.sbom", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--python", default="3.13", help="version of Python (3.13)")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder to write to (dist)")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    for name, listed in {
        "container": packages(CONTAINER, on_linux(given.python, "x86_64")),
        "lambda": zipped("x86_64", given.python),
    }.items():
        target = given.out / f"sbom-{name}.json"
        if code := _write(target, listed):
            return code
        print(f"{len(listed):4} packages  {target}")
    return 0


def _write(target: Path, listed: Iterable[Package]) -> int:
    """Writes a validated list; returns the exit code of cyclonedx_py."""
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements"]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--validate"]
    command += ["--output-format", "JSON", "--output-file", str(target), "-"]
    lines = "\n".join(package.line for package in listed)
    return subprocess.run(command, input=lines, text=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
