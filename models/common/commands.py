"""What all commands of the kit share: one clear line for an error, and exit codes."""

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
"""Where models are written when ``--out`` says nothing; git ignores it."""


class CommandError(Exception):
    """One line that says why a command cannot do its work, and what would do."""


def parser(name: str, summary: str, details: str = "") -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"python -m models.{name}",
        description=summary,
        epilog=textwrap.dedent(details).strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(command: Callable[[argparse.Namespace], None], arguments: argparse.Namespace) -> int:
    """The exit code: 0, 1 for a refusal, 130 where the user broke it off."""
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


def require(module: str, setup: str = "make install-kit") -> Any:
    """A package that only the kit needs; raises CommandError where it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        package = (error.name or module).partition(".")[0]
        raise CommandError(
            f"This needs the Python package '{package}'; '{setup}' installs it."
        ) from error


def output(given: Path | None, source: Path, suffix: str) -> Path:
    """Where to write: what was given, else ``weights/<source><suffix>.onnx``; never the source."""
    path = given or WEIGHTS / f"{source.stem}{suffix}.onnx"
    if path.exists() and source.exists() and path.samefile(source):
        raise CommandError(f"{path} would be written over itself; give another --out.")
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write; it becomes ``path`` in one step, and only where nothing was raised."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def numbers(text: str, count: int) -> tuple[float, ...]:
    """``count`` numbers with commas between, or one that stands for all of them."""
    values = tuple(float(part) for part in text.split(","))
    if len(values) == 1:
        values *= count
    if len(values) != count:
        raise argparse.ArgumentTypeError(f"one number or {count} with commas between: {text!r}")
    return values


def side_lengths(text: str) -> tuple[int, int]:
    """Height and width: ``640`` or ``384x640``."""
    sides: Sequence[str] = text.lower().split("x")
    if not all(side.isdigit() for side in sides) or len(sides) > 2:
        raise argparse.ArgumentTypeError(f"a side such as 640, or HEIGHTxWIDTH: {text!r}")
    return int(sides[0]), int(sides[-1])
