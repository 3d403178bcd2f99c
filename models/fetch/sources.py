"""Sources of a file: a name in the catalogue, an address, or a file on Hugging Face."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from models.common.commands import CommandError
from models.fetch.catalogue import RELEASES, Release

_HUGGING_FACE = "https://huggingface.co"
_HF = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+))?/(?P<file>[^@]+\.onnx)")


_HF_REPOSITORY = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+))?/?")
_PAGE = re.compile(
    r"https://huggingface\.co/(?P<repo>[\w.-]+/[\w.-]+)(?:/tree/(?P<revision>[\w.-]+))?/?"
)


@dataclass(frozen=True)
class Repository:
    """All files of a model on Hugging Face."""

    endpoint: str
    name: str
    """Owner and repository."""
    revision: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Source:
    url: str
    name: str
    """Name of the model: the file name without its suffix."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    release: Release | None = None


def repository_of(text: str, environment: Mapping[str, str]) -> Repository | None:
    """The repository that ``text`` names or whose page it addresses; None if it names a file."""
    match = _HF_REPOSITORY.fullmatch(text) or _PAGE.fullmatch(text)
    if match is None or (match.re is _HF_REPOSITORY and match["repo"].endswith(".onnx")):
        return None
    endpoint = _endpoint(environment)
    require_safe(endpoint)
    revision = match["revision"] or "main"
    return Repository(endpoint, match["repo"], revision, _authorization(environment))


def resolve(text: str, environment: Mapping[str, str]) -> Source:
    """Finds the source named by ``text``; reads HF_ENDPOINT and HF_TOKEN from ``environment``.

    Raises CommandError if ``text`` names no source, or an unsafe one.
    """
    if text in RELEASES:
        return Source(RELEASES[text].url, text, release=RELEASES[text])
    if text.startswith("hf:"):
        return _on_hugging_face(text, environment)
    if "://" not in text:
        raise CommandError(
            f"{text} is neither a name in the catalogue ({', '.join(RELEASES)}) nor an address:"
            " give https://... or hf:owner/repository/file.onnx."
        )
    require_safe(text)
    text = _of_page(text)
    path = unquote(urlsplit(text).path)
    if not path.endswith(".onnx"):
        raise CommandError(f"{text} does not name an .onnx file.")
    return Source(text, _name(path))


def _on_hugging_face(text: str, environment: Mapping[str, str]) -> Source:
    match = _HF.fullmatch(text)
    if match is None:
        raise CommandError(
            f"{text} is not of the form hf:owner/repository/file.onnx or"
            " hf:owner/repository@revision/file.onnx."
        )
    place = f"{match['repo']}/resolve/{match['revision'] or 'main'}/{quote(match['file'])}"
    url = f"{_endpoint(environment)}/{place}"
    require_safe(url)
    return Source(url, _name(match["file"]), _authorization(environment))


def _endpoint(environment: Mapping[str, str]) -> str:
    return (environment.get("HF_ENDPOINT") or _HUGGING_FACE).rstrip("/")


def _authorization(environment: Mapping[str, str]) -> dict[str, str]:
    token = environment.get("HF_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _of_page(url: str) -> str:
    """The address of the file itself, if ``url`` is that of the page that shows it."""
    host = urlsplit(url).hostname or ""
    direct = {"huggingface.co": "/resolve/", "github.com": "/raw/"}.get(host, "/blob/")
    return url.replace("/blob/", direct, 1)


def _name(path: str) -> str:
    return re.sub(r"[^\w.-]+", "_", PurePosixPath(path).stem)[:100]


def require_safe(url: str, start: str | None = None) -> None:
    """Accepts https, and http to this machine if ``start`` is such an address as well.

    Raises CommandError for anything else, since http could be modified in transit.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and _is_here(parts.hostname) and (start is None or _is_local(start)):
        return
    what = (
        "is not an https:// address"
        if start is None
        else f"leads to {url[:200]}, which is not https://"
    )
    raise CommandError(f"{start or url} {what}; only https:// is accepted.")


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and _is_here(parts.hostname)


def _is_here(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
