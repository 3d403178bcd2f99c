"""Shared by all commands of the kit: one-line errors, exit codes, output files."""

import argparse
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from app.errors import SpotterError, StartError

WEIGHTS = Path("weights")
"""Default folder for models without ``--out``; git ignores it."""


class CommandError(Exception):
    """A command cannot continue; the message is one line and includes advice."""


def parser(name: str, summary: str, details: str = "") -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"python -m models.{name}",
        description=summary,
        epilog=textwrap.dedent(details).strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(command: Callable[[argparse.Namespace], None], arguments: argparse.Namespace) -> int:
    """Returns the exit code: 0, 1 after an error, 130 if the user interrupted the command."""
    try:
        command(arguments)
    except (CommandError, StartError, SpotterError) as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        return 130
    return 0


def _fail(message: str) -> int:
    print(f"spotter: {' '.join(message.split())}", file=sys.stderr)
    return 1


def require(module: str, setup: str = "make install-models") -> Any:
    """Imports an optional package. Raises CommandError if it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        package = (error.name or module).partition(".")[0]
        raise CommandError(
            f"This needs the Python package '{package}'; '{setup}' installs it."
        ) from error


def output(given: Path | None, source: Path, suffix: str) -> Path:
    """The file to write: ``given``, or else ``weights/<source><suffix>.onnx``.

    Raises CommandError if it is the source itself, or if it cannot be written.
    """
    path = given or WEIGHTS / f"{source.stem}{suffix}.onnx"
    check_file(path)
    if path.exists() and source.exists() and path.samefile(source):
        raise CommandError(f"{path} would be overwritten; give another --out.")
    return path


def check_file(path: Path) -> None:
    """Raises CommandError if no file can be written at ``path``."""
    if path.is_dir():
        raise CommandError(f"{path} is a folder; give a file.")
    _check_parent(path)


def check_folder(path: Path) -> None:
    """Raises CommandError if ``path`` cannot be a folder to write files in."""
    if path.exists() and not path.is_dir():
        raise CommandError(f"{path} is a file; give a folder.")
    _check_parent(path / "file")


def _check_parent(path: Path) -> None:
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir():
        raise CommandError(f"{path} cannot be written, since {above} is a file.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise CommandError(f"{path} cannot be written, since {above} is read-only.")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary file, which atomically replaces ``path`` if the block raises nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def numbers(text: str, count: int) -> tuple[float, ...]:
    """Parses ``count`` numbers separated by commas, or one number for all of them."""
    values = tuple(float(part) for part in text.split(","))
    if len(values) == 1:
        values *= count
    if len(values) != count:
        raise argparse.ArgumentTypeError(
            f"neither one number nor {count} separated by commas: {text!r}"
        )
    return values


def side_lengths(text: str) -> tuple[int, int]:
    """Parses height and width: ``640`` or ``384x640``."""
    sides: Sequence[str] = text.lower().split("x")
    if not all(side.isdigit() for side in sides) or len(sides) > 2:
        raise argparse.ArgumentTypeError(f"neither a side such as 640 nor HEIGHTxWIDTH: {text!r}")
    return int(sides[0]), int(sides[-1])
