"""Lists a repository on Hugging Face and selects the files that a model needs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import httpx

from models.common.commands import CommandError
from models.fetch.download import client_for, reason_of
from models.fetch.sources import Repository, Source

BESIDE = ("config.json", "preprocessor_config.json")
"""Files that describe a model; they are in its folder or a parent folder."""
_LARGEST_TEXT_BYTES = 5_000_000
_PRECISION = re.compile(
    r"[._-](fp32|fp16|int8|uint8|quantized|q8|q4f16|q4|bnb4|bf16|fp8|o[1-4]|dynamic|static)\b",
    re.IGNORECASE,
)
_CHECKPOINTS = (".safetensors", ".pt", ".pth", ".bin")


@dataclass(frozen=True)
class HubFile:
    path: str
    size: int | None
    sha256: str | None
    """None for small files, which are stored in git itself."""


@dataclass(frozen=True)
class Listing:
    repository: Repository
    files: Mapping[str, HubFile]

    def source(self, path: str) -> Source:
        repository = self.repository
        url = (
            f"{repository.endpoint}/{repository.name}/resolve/"
            f"{quote(repository.revision, safe='')}/{quote(path)}"
        )
        return Source(url, PurePosixPath(path).stem, repository.headers)

    def model(self, precision: str | None) -> HubFile:
        """The ONNX file with this precision; by default the float32 one.

        Raises CommandError if there is none, or if the choice is ambiguous.
        """
        models = [path for path in self.files if path.endswith(".onnx")]
        if not models:
            raise CommandError(_no_model(self))
        by_precision: dict[str, list[str]] = {}
        for path in models:
            by_precision.setdefault(precision_of(path), []).append(path)
        wanted = precision or ("fp32" if "fp32" in by_precision else next(iter(by_precision)))
        found = by_precision.get(wanted, [])
        if len(by_precision) > 1 and precision is None and wanted != "fp32":
            found = []
        if not found:
            raise CommandError(
                f"{self.repository.name} has its model as {', '.join(sorted(by_precision))}: choose"
                " one with --precision."
            )
        if len(found) > 1:
            found = [path for path in found if PurePosixPath(path).stem == "model"] or found
        if len(found) > 1:
            raise CommandError(
                f"{self.repository.name} has several models: use one as hf:{self.repository.name}"
                f"/FILE with --sha256; FILE is {', '.join(sorted(found)[:8])}."
            )
        return self.files[found[0]]

    def precisions(self) -> list[str]:
        return sorted({precision_of(path) for path in self.files if path.endswith(".onnx")})

    def beside(self, model: str) -> list[HubFile]:
        """The files of ``BESIDE`` that describe ``model``, the nearest of each name."""
        folders = [PurePosixPath(model).parent, *PurePosixPath(model).parent.parents]
        found = []
        for name in BESIDE:
            places = (str(folder / name) for folder in folders)
            near = next((place for place in places if place in self.files), None)
            if near is not None:
                found.append(self.files[near])
        return found


def precision_of(path: str) -> str:
    """The precision in the file's name, for example ``fp16``; ``fp32`` if there is none."""
    found = _PRECISION.search(PurePosixPath(path).stem)
    return found[1].lower() if found else "fp32"


def _no_model(listing: Listing) -> str:
    name = listing.repository.name
    has = any(path.endswith(_CHECKPOINTS) for path in listing.files)
    what = "a checkpoint only" if has else "no model that can be used"
    return (
        f"{name} has no ONNX file, {what}: export it with 'optimum-cli export onnx --model {name}"
        " FOLDER' (or 'python -m models.export' for a .pt of Ultralytics), then run"
        " 'python -m models.adopt FOLDER/model.onnx'."
    )


def list_files(repository: Repository) -> Listing:
    """Raises CommandError if the repository cannot be listed."""
    quoted = f"{repository.endpoint}/api/models/{repository.name}"
    revision = quote(repository.revision, safe="")
    addresses = [
        f"{quoted}/tree/{revision}?recursive=true",
        f"{quoted}/revision/{revision}?blobs=true",
        f"{quoted}?blobs=true",
    ]
    told = ""
    with client_for(Source(quoted, repository.name, repository.headers)) as client:
        for address in addresses:
            try:
                answer = client.get(address)
            except httpx.HTTPError as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                raise CommandError(f"{address} cannot be fetched: {reason}.") from error
            if answer.status_code == 200:
                return Listing(repository, _files(_json(answer)))
            told = f"{repository.name}: {address} answers {reason_of(answer.status_code)}."
            if answer.status_code != 404:
                break
    raise CommandError(told)


def text_of(listing: Listing, file: HubFile) -> bytes:
    """The content of a small file.

    Raises CommandError if it cannot be fetched, or is not small.
    """
    source = listing.source(file.path)
    with client_for(source) as client:
        try:
            answer = client.get(source.url)
        except httpx.HTTPError as error:
            raise CommandError(f"{source.url} cannot be fetched: {error}.") from error
    if answer.status_code != 200:
        raise CommandError(f"{source.url} answers {reason_of(answer.status_code)}.")
    if len(answer.content) > _LARGEST_TEXT_BYTES:
        raise CommandError(f"{source.url} is larger than {_LARGEST_TEXT_BYTES:,} bytes.")
    return answer.content


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise CommandError(f"{answer.url} is not a repository listing.") from error


def _files(content: Any) -> dict[str, HubFile]:
    """Parses a response of ``tree`` (a list) or of the model's own page (``siblings``)."""
    entries: Sequence[Any] = content.get("siblings", []) if isinstance(content, dict) else content
    found = {}
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("type", "file") != "file":
            continue
        path = entry.get("path") or entry.get("rfilename")
        lfs = entry.get("lfs") or {}
        if isinstance(path, str) and _is_inside(path):
            size = lfs.get("size", entry.get("size"))
            found[path] = HubFile(path, size, lfs.get("oid") or lfs.get("sha256"))
    return found


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts
