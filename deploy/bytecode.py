"""Compiles the sources, since Lambda's folder is read-only and could not cache bytecode."""

import shutil
import subprocess
import sys
from pathlib import Path


def compile_all(folder: Path, python: str, interpreter: str | None = None) -> bool:
    """Compiles ``folder``. Returns False if no interpreter of version ``python`` was found.

    Bytecode of another version would be ignored.
    """
    interpreter = interpreter or _find_interpreter(python)
    if interpreter is None or not _is(interpreter, python):
        return False
    # Unchecked, because files in the zip do not keep the sources' timestamps.
    command = ["-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    stripped = ["-s", str(folder), "-p", "/var/task"]
    subprocess.run([interpreter, *command, *stripped, str(folder)], check=True)
    return True


def _find_interpreter(python: str) -> str | None:
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    return shutil.which(f"python{python}")


def _is(interpreter: str, python: str) -> bool:
    """Runs the interpreter: version managers leave commands for versions not installed."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([interpreter, "-c", ask], capture_output=True, text=True, check=False)
    return done.stdout.strip() == python
