"""Fetches a model and everything it needs from a repository on Hugging Face, and adopts it."""

import argparse
import shutil
from pathlib import Path, PurePosixPath

from models import adopt
from models.adoption import external_data
from models.common.commands import WEIGHTS, CommandError
from models.fetch import hub
from models.fetch.complete import complete, without_checksum
from models.fetch.hub import HubFile, Listing
from models.fetch.partial import reserve
from models.fetch.sources import Repository


def fetch(arguments: argparse.Namespace, repository: Repository) -> None:
    """Raises CommandError if the repository has no usable model."""
    name = repository.name.partition("/")[2]
    listing = hub.list_files(repository)
    model = listing.model(arguments.precision)
    others = [kind for kind in listing.precisions() if kind != hub.precision_of(model.path)]
    also = f"; also available with --precision: {', '.join(others)}" if others else ""
    print(f"{repository.name}: {model.path}{also}")
    out: Path = arguments.out or WEIGHTS / f"{name}.onnx"
    if out.exists():
        raise CommandError(f"{out} exists; remove it, or give another --out.")
    folder = out.parent / f".{out.stem}.parts"
    folder.mkdir(parents=True, exist_ok=True)
    limit = arguments.max_mb * 1_000_000
    for file in listing.beside(model.path):
        (folder / PurePosixPath(file.path).name).write_bytes(hub.text_of(listing, file))
    source = _get(listing, model, folder, PurePosixPath(model.path).name, limit)
    for location in sorted(external_data.locations(source.read_bytes())):
        path = str(PurePosixPath(model.path).parent / location)
        if path not in listing.files:
            raise CommandError(f"{repository.name} lacks the weights {path} of {model.path}.")
        _get(listing, listing.files[path], folder, location, limit)
        if arguments.out is None:  # the names of weight files are the same in many repositories
            out = WEIGHTS / name / f"{name}.onnx"
    adopt.write(arguments, source, out, name)
    shutil.rmtree(folder)
    print(f"wrote {out}. Serve it with SPOTTER_MODEL={out}")


def _get(listing: Listing, file: HubFile, folder: Path, name: str, limit: int) -> Path:
    """Fetches ``file`` into ``folder`` unless it is already there; verifies its checksum."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return path
    source = listing.source(file.path)
    with reserve(path, file.sha256 or "unknown") as partial:
        if file.sha256:
            complete(source, partial, file.sha256, limit)
            print(f"{file.path}: sha256 {file.sha256}, as on the Hub")
        else:
            without_checksum(source, partial, file.size, limit)
        partial.path.replace(path)
        partial.remove()
    return path
