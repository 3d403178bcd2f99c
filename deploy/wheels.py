"""Installs wheels of the packages for serving on Lambda, on any machine."""

import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.locked import NotLocked, Package, on_linux, packages

_GLIBC_MINOR = 34  # 2.34 in Amazon Linux 2023, which Lambda has for Python 3.12 and newer
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# Dependencies of onnxruntime that serving never imports.
_UNUSED = {"flatbuffers", "protobuf"}


class InstallFailed(Exception):
    """pip failed, or there is no lock; the message is for the user."""


def install(folder: Path, architecture: str, python: str, extras: tuple[str, ...] = ()) -> None:
    """Raises InstallFailed if a package has no wheel for the machine, or a wrong hash."""
    machine = _MACHINES[architecture]
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC_MINOR, 16, -1)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--target", str(folder), "--no-compile", "--only-binary", ":all:"]
    # The locks are complete; pip would add more by the markers of this machine.
    command += ["--require-hashes", "--no-deps"]
    command += ["--implementation", "cp", "--python-version", python]
    for platform in [*platforms, f"manylinux2014_{machine}"]:
        command += ["--platform", platform]
    try:
        wanted = zipped(architecture, python, extras)
    except NotLocked as error:
        raise InstallFailed(str(error)) from error
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(f"{package.line}\n" for package in wanted)
        file.flush()
        command += ["--requirement", file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise InstallFailed("\n".join(lines) or done.stderr)


def zipped(architecture: str, python: str, extras: tuple[str, ...] = ()) -> list[Package]:
    """Packages in the zip. Raises NotLocked."""
    environment = on_linux(python, _MACHINES[architecture])
    return [
        package
        for package in packages(("common", *extras), environment)
        if package.name not in _UNUSED
    ]
