import re

import pytest

from models.common.commands import CommandError
from models.fetch.catalogue import RELEASES, listing
from models.fetch.sources import repository_of, require_safe, resolve

HUB = "https://huggingface.co"


@pytest.mark.parametrize("name", RELEASES)
def test_releases_are_whole(name: str) -> None:
    release = RELEASES[name]
    assert resolve(name, {}).url == release.url
    assert release.url.startswith("https://")
    assert release.url.endswith(f"/{name}.onnx")
    assert re.fullmatch("[0-9a-f]{64}", release.sha256)
    assert release.license == "Apache-2.0"
    assert name in listing()


def test_no_two_releases_have_one_checksum() -> None:
    assert len({release.sha256 for release in RELEASES.values()}) == len(RELEASES)


@pytest.mark.parametrize(
    ("text", "url", "name"),
    [
        ("https://a.example/A%20b.onnx?raw=1", "https://a.example/A%20b.onnx?raw=1", "A_b"),
        ("http://localhost:8/n.onnx", "http://localhost:8/n.onnx", "n"),
        ("http://[::1]:8/n.onnx", "http://[::1]:8/n.onnx", "n"),
        ("https://a.example/..%2F..%2Fn.onnx", "https://a.example/..%2F..%2Fn.onnx", "n"),
        (f"{HUB}/who/net/blob/main/n.onnx", f"{HUB}/who/net/resolve/main/n.onnx", "n"),
        (
            "https://github.com/who/net/blob/main/a/n.onnx",
            "https://github.com/who/net/raw/main/a/n.onnx",
            "n",
        ),
        ("hf:who/net/n.onnx", f"{HUB}/who/net/resolve/main/n.onnx", "n"),
        ("hf:who/net/onnx/n.onnx", f"{HUB}/who/net/resolve/main/onnx/n.onnx", "n"),
        ("hf:who/net@v1.0/a b.onnx", f"{HUB}/who/net/resolve/v1.0/a%20b.onnx", "a_b"),
    ],
)
def test_addresses(text: str, url: str, name: str) -> None:
    source = resolve(text, {})
    assert (source.url, source.name, dict(source.headers)) == (url, name, {})


def test_hugging_face_by_its_own_variables() -> None:
    source = resolve("hf:a/b/n.onnx", {"HF_ENDPOINT": "https://hub.example/", "HF_TOKEN": "secret"})
    assert source.url == "https://hub.example/a/b/resolve/main/n.onnx"
    assert source.headers == {"Authorization": "Bearer secret"}
    assert "secret" not in repr(source)
    assert not resolve("https://a.example/n.onnx", {"HF_TOKEN": "secret"}).headers


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("yolo_x", "neither a name in the catalogue (yolox_nano, "),
        ("http://a.example/n.onnx", "is not an https:// address"),
        ("http://127.0.0.1.example/n.onnx", "is not an https:// address"),
        ("ftp://localhost/n.onnx", "is not an https:// address"),
        ("file:///n.onnx", "is not an https:// address"),
        ("https:///n.onnx", "is not an https:// address"),
        ("https://a.example/n.pt", "does not name an .onnx file"),
        ("hf:n.onnx", "hf:owner/repository/file.onnx"),
        ("hf:a/b/n.pt", "hf:owner/repository/file.onnx"),
    ],
)
def test_refusals(text: str, reason: str) -> None:
    with pytest.raises(CommandError, match=re.escape(reason)):
        resolve(text, {})


def test_an_endpoint_without_encryption_is_refused() -> None:
    with pytest.raises(CommandError, match="not an https:// address"):
        resolve("hf:a/b/n.onnx", {"HF_ENDPOINT": "http://hub.example"})


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("http://a.example/n", "https://a.example/n"),
        ("http://a.example/n", "http://localhost/n"),
        ("http://localhost/n", "https://a.example/n"),
    ],
)
def test_none_leads_to_what_is_not_encrypted(url: str, start: str) -> None:
    with pytest.raises(CommandError, match=re.escape(f"{start} leads to {url}")):
        require_safe(url, start)


@pytest.mark.parametrize(
    ("text", "name", "revision"),
    [
        ("hf:who/net", "who/net", "main"),
        ("hf:who/net@v1.0", "who/net", "v1.0"),
        (f"{HUB}/who/net", "who/net", "main"),
        (f"{HUB}/who/net/tree/dev", "who/net", "dev"),
    ],
)
def test_repositories(text: str, name: str, revision: str) -> None:
    found = repository_of(text, {"HF_TOKEN": "secret"})
    assert found is not None
    assert (found.endpoint, found.name, found.revision) == (HUB, name, revision)
    assert found.headers == {"Authorization": "Bearer secret"}
    assert "secret" not in repr(found)


@pytest.mark.parametrize("text", ["yolox_s", "hf:who/net/n.onnx", "hf:n.onnx", f"{HUB}/a/b/c"])
def test_what_is_no_repository(text: str) -> None:
    assert repository_of(text, {}) is None
