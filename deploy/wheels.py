"""The packages that serving needs, as wheels for the machine that Lambda is, on any machine."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
_GLIBC = 34  # of Amazon Linux 2023, that Python 3.12 and newer run on there
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
_LOCAL_ONLY = {"uvicorn"}  # Lambda's own server takes its place
# Wanted by packages that are needed, for parts of them that are not.
_UNUSED = {"flatbuffers", "protobuf"}


class InstallFailed(Exception):
    pass


def install(folder: Path, architecture: str, python: str, extras: tuple[str, ...] = ()) -> None:
    """Raises InstallFailed where a package has no wheel for that machine."""
    machine = _MACHINES[architecture]
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC, 16, -1)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--target", str(folder), "--no-compile", "--only-binary", ":all:"]
    command += ["--implementation", "cp", "--python-version", python]
    for platform in [*platforms, f"manylinux2014_{machine}"]:
        command += ["--platform", platform]
    done = subprocess.run(
        [*command, *requirements(extras)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise InstallFailed("\n".join(lines) or done.stderr)
    for name in _UNUSED:
        _uninstall(folder, name)


def requirements(extras: tuple[str, ...] = ()) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted: list[str] = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return [line for line in wanted if re.split(r"[^\w.-]", line)[0] not in _LOCAL_ONLY]


def _uninstall(folder: Path, name: str) -> None:
    for record in folder.glob(f"{name}-*.dist-info/RECORD"):
        for line in record.read_text().splitlines():
            (folder / line.split(",")[0]).unlink(missing_ok=True)
