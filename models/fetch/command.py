"""``python -m models.fetch``: downloads a model and verifies it before it is used."""

import argparse
import hashlib
import os
import re
from pathlib import Path

from app.errors import StartError
from app.vision.description import METADATA_KEY
from models import adopt
from models.adoption.options import add_description_options
from models.common import checks, metadata
from models.common.commands import WEIGHTS, CommandError, parser, require, run
from models.fetch.catalogue import listing
from models.fetch.complete import SETUP, complete
from models.fetch.partial import Partial, reserve
from models.fetch.sources import Source, repository_of, resolve

_SUMMARY = """\
Download a detector into weights/, verify its checksum before anything reads it, and write into it
what Spotter needs to serve it. An interrupted download continues where it stopped, now or when the
same command is run again."""

_DETAILS = f"""
names (mAP50-95 as published, on 5,000 photos of COCO val2017):
{listing()}

examples:
  python -m models.fetch yolox_tiny
  python -m models.fetch https://example.com/mine.onnx --sha256 HEX --family yolox --labels a,b
  python -m models.fetch hf:owner/repository
  python -m models.fetch hf:owner/repository/model.onnx --sha256 HEX
  SPOTTER_MODEL=weights/yolox_tiny.onnx make run

hf:owner/repository fetches the model with its weights and its description (config.json and
preprocessor_config.json), checks the Hub's checksums and adopts it. An address needs --sha256;
Hugging Face shows it on the file's page. The publisher's licence applies to the file. HF_ENDPOINT
and HF_TOKEN work as in Hugging Face's own tools. A model without labels in its metadata needs
--labels, as in models.adopt.
"""

_NO_CHECKSUM = """\
An address needs the checksum of its file: give --sha256 HEX. The publisher shows it (Hugging Face
on the file's page). For a file that you already have use models.adopt."""

_UNDESCRIBED = "models.adopt"
"""The service's error mentions this command if only a description is missing."""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    options = parser("fetch", _SUMMARY, _DETAILS)
    options.add_argument(
        "source",
        help="a name, hf:owner/repository[@revision], https://.../file.onnx, or"
        " hf:owner/repository[@revision]/file.onnx",
    )
    options.add_argument("--sha256", type=_checksum, help="checksum of the file, for an address")
    options.add_argument(
        "--precision", help="if a repository has several, such as fp32, fp16, int8, quantized"
    )
    options.add_argument("--out", type=Path, help="file to write (weights/<name>.onnx)")
    options.add_argument(
        "--max-mb", type=int, default=1000, help="larger files are refused (%(default)s)"
    )
    add_description_options(options)
    return options.parse_args(argv)


def _checksum(text: str) -> str:
    found = text.lower().removeprefix("sha256:")
    if not re.fullmatch("[0-9a-f]{64}", found):
        raise argparse.ArgumentTypeError(f"not 64 hexadecimal digits: {text!r}")
    return found


def fetch(arguments: argparse.Namespace) -> None:
    repository = repository_of(arguments.source, os.environ)
    if repository is not None:
        require("tqdm", SETUP)
        require("httpx", SETUP)
        from models.fetch.repository import fetch as fetch_repository

        fetch_repository(arguments, repository)
        return
    source = resolve(arguments.source, os.environ)
    wanted, limit = _expected(arguments, source)
    out: Path = arguments.out or WEIGHTS / f"{source.name}.onnx"
    if out.exists():
        if wanted not in _checksums(out):
            raise CommandError(
                f"{out} exists and is a different file; remove it, or give another --out."
            )
        print(f"{out} already exists. Serve it with SPOTTER_MODEL={out}")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with reserve(out, wanted) as partial:
        complete(source, partial, wanted, limit)
        print(f"sha256 {wanted}, as expected")
        _put(arguments, source, partial, out)
        partial.remove()
    print(f"wrote {out}. Serve it with SPOTTER_MODEL={out}")


def _expected(arguments: argparse.Namespace, source: Source) -> tuple[str, int]:
    """The expected checksum of the file, and its size limit in bytes."""
    if source.release:
        if arguments.sha256:
            raise CommandError(f"The checksum of {source.name} is known; leave out --sha256.")
        return source.release.sha256, source.release.size
    if not arguments.sha256:
        raise CommandError(_NO_CHECKSUM)
    if arguments.family and not arguments.labels:
        raise CommandError("Give --labels, too.")
    return arguments.sha256, arguments.max_mb * 1_000_000


def _checksums(path: Path) -> set[str]:
    """SHA-256 of the file as it is, and of the file without its description."""
    content = path.read_bytes()
    before = metadata.without(content, {METADATA_KEY})
    return {hashlib.sha256(version).hexdigest() for version in (content, before)}


def _put(arguments: argparse.Namespace, source: Source, partial: Partial, out: Path) -> None:
    """Moves the download to ``out``, and adds a description if it has none.

    Raises CommandError if the service would refuse the model.
    """
    if source.release:
        arguments.family, arguments.labels = source.release.family, source.release.labels
        arguments.license = source.release.license
    if arguments.labels:
        adopt.write(arguments, partial.path, out, source.name)
        return
    try:
        checks.detector(partial.path)
    except StartError as error:
        told = str(error).replace(str(partial.path), str(out))
        if _UNDESCRIBED in told:
            told += " Or add --labels to the same command; the download is not repeated."
        else:
            partial.remove()
        raise CommandError(told) from error
    checks.serves(partial.path, out)
    partial.path.replace(out)


def main(argv: list[str] | None = None) -> int:
    return run(fetch, _arguments(argv))
