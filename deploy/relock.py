"""``make lock``: creates deploy/locks from pyproject.toml with uv, for all Pythons and machines."""

import argparse
import subprocess
import sys
import tomllib
from pathlib import Path

from deploy.locked import ROOT, header, parts


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.relock", description=__doc__)
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest versions instead of the locked ones"
    )
    parser.add_argument("--project", type=Path, default=ROOT, help="folder with pyproject.toml")
    given = parser.parse_args(arguments)
    locks = given.project / "deploy" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    before: list[Path] = []
    for part, requirements in parts(given.project).items():
        lock = locks / f"{part}.txt"
        code = _compile(lock, requirements, before, _least_python(given.project), given.upgrade)
        if code:
            return code
        before.append(lock)
        print(lock.relative_to(given.project))
    return 0


def _compile(
    lock: Path, requirements: list[str], before: list[Path], python: str, upgrade: bool
) -> int:
    """Writes a lock whose versions agree with those of ``before``; returns uv's exit code."""
    command = [sys.executable, "-m", "uv", "--no-config", "pip", "compile", "--quiet"]
    command += ["--universal", "--python-version", python, "--fork-strategy", "fewest"]
    command += ["--generate-hashes", "--no-build", "--no-header", "--no-annotate"]
    command += ["--output-file", str(lock), *(["--upgrade"] if upgrade else [])]
    for other in before:
        command += ["--constraint", str(other)]
    done = subprocess.run([*command, "-"], input="\n".join(requirements), text=True, check=False)
    if done.returncode == 0:
        lock.write_text(header(requirements) + lock.read_text())
    return done.returncode


def _least_python(project: Path) -> str:
    table = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    least: str = table["requires-python"].removeprefix(">=")
    return least


if __name__ == "__main__":
    sys.exit(main())
