"""Bytecode beside the sources: Lambda's folder is read-only, so no start could keep its own."""

import shutil
import subprocess
import sys
from pathlib import Path


def compile_all(folder: Path, python: str, interpreter: str | None = None) -> bool:
    """Whether an interpreter of that version was at hand; others write bytecode of no use there."""
    interpreter = interpreter or _find_interpreter(python)
    if interpreter is None or not _is(interpreter, python):
        return False
    # Unchecked: the times of files in a zip are not those of the sources.
    command = ["-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    stripped = ["-s", str(folder), "-p", "/var/task"]
    subprocess.run([interpreter, *command, *stripped, str(folder)], check=True)
    return True


def _find_interpreter(python: str) -> str | None:
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    return shutil.which(f"python{python}")


def _is(interpreter: str, python: str) -> bool:
    """Version managers leave commands of versions that do not run."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([interpreter, "-c", ask], capture_output=True, text=True, check=False)
    return done.stdout.strip() == python
