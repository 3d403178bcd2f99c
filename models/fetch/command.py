"""Fetch a stronger model, checked before it is used."""

import argparse
import hashlib
import os
import re
from pathlib import Path

from app.errors import StartError
from app.vision.description import METADATA_KEY
from models import adopt
from models.common import checks, metadata
from models.common.commands import WEIGHTS, CommandError, parser, require, run
from models.fetch.catalogue import listing
from models.fetch.partial import Partial, reserve
from models.fetch.sources import Source, resolve

SETUP = "make install-fetch"

_SUMMARY = """\
Fetch a detector into weights/, compare its checksum before anything reads it, and have it say what
it is, so that Spotter serves it. A download that is cut goes on where it was, now or when the same
command is given again."""

_DETAILS = f"""
names (mAP50-95 as published, on 5,000 photos of COCO val2017):
{listing()}

examples:
  python -m models.fetch yolox_tiny
  python -m models.fetch https://example.com/mine.onnx --sha256 HEX --family yolox --labels a,b
  python -m models.fetch hf:owner/repository/model.onnx --sha256 HEX
  SPOTTER_MODEL=weights/yolox_tiny.onnx make run

Addresses need --sha256: Hugging Face shows it on the file's page. What is fetched is under the
licence of whoever publishes it. HF_ENDPOINT and HF_TOKEN are used as by Hugging Face's own tools.
Models that do not say what they are need --family and --labels, as in models.adopt.
"""

_NO_CHECKSUM = """\
Nothing is fetched from an address without its checksum: give --sha256 HEX. Whoever publishes the
file tells it (Hugging Face on the file's page); a file that you have already is taken by
models.adopt."""

_UNDESCRIBED = "models.adopt"
"""In the service's words where nothing but a description is missing."""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    options = parser("fetch", _SUMMARY, _DETAILS)
    options.add_argument(
        "source", help="a name, https://.../file.onnx, or hf:owner/repository[@revision]/file.onnx"
    )
    options.add_argument("--sha256", type=_checksum, help="that the file at an address must have")
    options.add_argument("--out", type=Path, help="file to write (weights/<name>.onnx)")
    options.add_argument(
        "--max-mb", type=int, default=1000, help="larger files are refused (%(default)s)"
    )
    adopt.add_description_options(options, required=False)
    return options.parse_args(argv)


def _checksum(text: str) -> str:
    found = text.lower().removeprefix("sha256:")
    if not re.fullmatch("[0-9a-f]{64}", found):
        raise argparse.ArgumentTypeError(f"64 hexadecimal digits: {text!r}")
    return found


def fetch(arguments: argparse.Namespace) -> None:
    source = resolve(arguments.source, os.environ)
    wanted, limit = _expected(arguments, source)
    out: Path = arguments.out or WEIGHTS / f"{source.name}.onnx"
    if out.exists():
        if wanted not in _checksums(out):
            raise CommandError(f"{out} is another file; remove it, or give another --out.")
        print(f"{out} is there already. Serve it with SPOTTER_MODEL={out}")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with reserve(out, wanted) as partial:
        _complete(source, partial, wanted, limit)
        print(f"sha256 {wanted}, as expected")
        _put(arguments, source, partial, out)
        partial.remove()
    print(f"wrote {out}. Serve it with SPOTTER_MODEL={out}")


def _expected(arguments: argparse.Namespace, source: Source) -> tuple[str, int]:
    """Checksum, and bytes at most."""
    if source.release:
        if arguments.sha256:
            raise CommandError(f"The checksum of {source.name} is known; leave out --sha256.")
        return source.release.sha256, source.release.size
    if not arguments.sha256:
        raise CommandError(_NO_CHECKSUM)
    if (arguments.family is None) != (arguments.labels is None):
        raise CommandError("--family and --labels are given together, or not at all.")
    return arguments.sha256, arguments.max_mb * 1_000_000


def _checksums(path: Path) -> set[str]:
    """Of the file, and of what it was before it was adopted."""
    content = path.read_bytes()
    before = metadata.without(content, {METADATA_KEY})
    return {hashlib.sha256(version).hexdigest() for version in (content, before)}


def _complete(source: Source, partial: Partial, wanted: str, limit: int) -> None:
    """Raises CommandError where what comes is not what is wanted; nothing of it is kept then."""
    require("tqdm", SETUP)
    require("httpx", SETUP)
    from models.fetch.download import download

    while partial.size == 0 or partial.sha256() != wanted:
        started = partial.size
        download(source, partial, limit)
        found = partial.sha256()
        if found == wanted:
            return
        partial.clear()
        if not started:  # else the bytes that were there may have been of another version
            raise CommandError(
                f"{source.url} is not the file that was expected: its sha256 is {found}, not"
                f" {wanted}. It was deleted."
            )


def _put(arguments: argparse.Namespace, source: Source, partial: Partial, out: Path) -> None:
    """What was fetched becomes ``out``, with a description where it has none.

    Raises CommandError where the service would not take it.
    """
    if source.release:
        arguments.family, arguments.labels = source.release.family, source.release.labels
        arguments.license = source.release.license
    if arguments.family:
        adopt.write(arguments, partial.path, out, source.name)
        return
    try:
        checks.detector(partial.path)
    except StartError as error:
        told = str(error).replace(str(partial.path), str(out))
        if _UNDESCRIBED in told:
            told += " Or give the same command --family and --labels; nothing is fetched again."
        else:
            partial.remove()
        raise CommandError(told) from error
    checks.serves(partial.path, out)
    partial.path.replace(out)


def main(argv: list[str] | None = None) -> int:
    return run(fetch, _arguments(argv))

