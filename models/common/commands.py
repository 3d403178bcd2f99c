"""Shared by all commands of the kit: one-line errors, exit codes, output files."""

import argparse
import math
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

    Raises CommandError if it is the source itself.
    """
    path = given or WEIGHTS / f"{source.stem}{suffix}.onnx"
    if path.exists() and source.exists() and path.samefile(source):
        raise CommandError(f"{path} would be overwritten; give another --out.")
    return path


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


def overlap(text: str) -> float:
    """Parses an IoU, 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"not a number from 0 to 1: {text!r}")
    return value


def side_lengths(text: str) -> tuple[int, int]:
    """Parses height and width: ``640`` or ``384x640``."""
    sides: Sequence[str] = text.lower().split("x")
    if not all(side.isdigit() for side in sides) or len(sides) > 2:
        raise argparse.ArgumentTypeError(f"neither a side such as 640 nor HEIGHTxWIDTH: {text!r}")
    return int(sides[0]), int(sides[-1])
