"""Over real sockets: what is asked for, what is kept, and when it is given up."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from models.common.commands import CommandError
from models.fetch.download import ATTEMPTS, download
from models.fetch.partial import Partial, reserve
from models.fetch.sources import Source
from tests.models.fetch.site import File, Site, running

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def partial(tmp_path: Path) -> Iterator[Partial]:
    with reserve(tmp_path / "n.onnx", SHA256) as made:
        yield made


class Fetched(NamedTuple):
    content: bytes
    pauses: list[float]


def fetched(url: str, partial: Partial, limit: int = 10**6, **headers: str) -> Fetched:
    pauses: list[float] = []
    download(Source(url, "n", headers), partial, limit, pauses.append)
    assert partial.size == partial.path.stat().st_size
    return Fetched(partial.path.read_bytes(), pauses)


def refusal(url: str, partial: Partial, limit: int = 10**6) -> str:
    with pytest.raises(CommandError) as caught:
        fetched(url, partial, limit)
    return str(caught.value)


def hold(partial: Partial, content: bytes, etag: str | None = '"1"') -> None:
    """As an earlier attempt has left it."""
    partial.write(content)
    partial.etag = etag


def test_a_whole_file(site: Site, partial: Partial) -> None:
    url = site.put("n.onnx", File(CONTENT))
    assert fetched(url, partial) == (CONTENT, [])
    assert site.ranges == [None]
    headers = site.asked[0].headers
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("spotter/")


def test_cut_connections_go_on_where_they_were(site: Site, partial: Partial) -> None:
    url = site.put("n.onnx", File(CONTENT, cuts=[100_000, 5, 50_000]))
    content, pauses = fetched(url, partial)
    assert content == CONTENT
    assert site.ranges == [None, "bytes=100000-", "bytes=100005-", "bytes=150005-"]
    assert {request.headers.get("if-range") for request in site.asked[1:]} == {'"1"'}
    assert pauses == [0.5, 0.5, 0.5]


def test_the_next_command_goes_on_too(site: Site, tmp_path: Path) -> None:
    url = site.put("n.onnx", File(CONTENT))
    with reserve(tmp_path / "n.onnx", SHA256) as first:
        hold(first, CONTENT[:1000])
    with reserve(tmp_path / "n.onnx", SHA256) as second:
        assert fetched(url, second).content == CONTENT
    assert site.ranges == ["bytes=1000-"]


def test_a_server_that_knows_no_ranges_begins_anew(
    site: Site, partial: Partial, capsys: pytest.CaptureFixture[str]
) -> None:
    hold(partial, CONTENT[:1000])
    url = site.put("n.onnx", File(CONTENT, ranges=False))
    assert fetched(url, partial).content == CONTENT
    assert "from the beginning" in capsys.readouterr().err


def test_a_file_that_changed_meanwhile_begins_anew(site: Site, partial: Partial) -> None:
    hold(partial, b"old" * 300, '"0"')
    url = site.put("n.onnx", File(CONTENT))
    assert fetched(url, partial).content == CONTENT
    assert site.asked[0].headers["if-range"] == '"0"'
    assert partial.etag == '"1"'


def test_a_part_of_another_version_is_not_joined(site: Site, partial: Partial) -> None:
    """From a server that does not know If-Range."""

    hold(partial, b"old" * 300, '"0"')
    url = site.put("n.onnx", File(CONTENT, conditions=False))
    assert fetched(url, partial).content == CONTENT
    assert site.ranges == ["bytes=900-", None]


def test_without_a_version_a_part_is_asked_for_all_the_same(site: Site, partial: Partial) -> None:
    """The checksum decides in the end."""
    url = site.put("n.onnx", File(CONTENT, etag=None, cuts=[1000]))
    assert fetched(url, partial).content == CONTENT
    assert site.ranges == [None, "bytes=1000-"]
    assert "if-range" not in site.asked[1].headers


def test_weak_versions_do_not_vouch_for_bytes(site: Site, partial: Partial) -> None:
    url = site.put("n.onnx", File(CONTENT, etag='W/"1"', cuts=[1000]))
    assert fetched(url, partial).content == CONTENT
    assert "if-range" not in site.asked[1].headers


def test_more_than_the_file_has_begins_anew(site: Site, partial: Partial) -> None:
    hold(partial, CONTENT + b"more")
    url = site.put("n.onnx", File(CONTENT))
    assert fetched(url, partial).content == CONTENT
    assert site.ranges == [f"bytes={len(CONTENT) + 4}-", None]


def test_a_length_that_is_not_told(site: Site, partial: Partial) -> None:
    url = site.put("n.onnx", File(CONTENT, announced=False))
    assert fetched(url, partial).content == CONTENT


def test_busy_servers_are_asked_again(site: Site, partial: Partial) -> None:
    url = site.put("n.onnx", File(CONTENT, statuses=[503, 429, 500]))
    content, pauses = fetched(url, partial)
    assert content == CONTENT
    assert pauses == [1, 2, 4]


def test_it_is_given_up_and_what_came_is_kept(site: Site, partial: Partial) -> None:
    url = site.put("n.onnx", File(CONTENT, cuts=[7000] + [0] * ATTEMPTS))
    error = refusal(url, partial)
    assert "7,000 bytes are kept; the same command resumes from there" in error
    assert partial.path.read_bytes() == CONTENT[:7000]
    assert len(site.asked) == 1 + ATTEMPTS


def test_nobody_listens(partial: Partial) -> None:
    with running() as site:
        url = site.put("n.onnx", File())
    error = refusal(url, partial)
    assert "refused" in error
    assert "kept" not in error  # nothing has come


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "does not exist"),
        (410, "was removed"),
        (401, "HF_TOKEN"),
        (403, "HF_TOKEN"),
        (418, "418"),
    ],
)
def test_answers_that_will_not_change(
    site: Site, partial: Partial, status: int, reason: str
) -> None:
    url = site.put("n.onnx", File(statuses=[status]))
    error = refusal(url, partial)
    assert error.startswith(f"{url} answers {status}")
    assert reason in error
    assert len(site.asked) == 1


def test_redirects_are_followed_and_the_part_with_them(site: Site, partial: Partial) -> None:
    hold(partial, CONTENT[:1000])
    url = site.put("n.onnx", File(location=site.put("elsewhere?signed=1", File())))
    site.put("elsewhere", File(CONTENT))
    assert fetched(url, partial).content == CONTENT
    assert site.ranges == ["bytes=1000-"] * 2


def test_keys_do_not_follow_to_other_servers(site: Site, partial: Partial) -> None:
    with running() as other:
        url = site.put("n.onnx", File(location=other.put("n.onnx", File(CONTENT))))
        assert fetched(url, partial, Authorization="Bearer secret").content == CONTENT
        assert site.asked[0].headers["authorization"] == "Bearer secret"
        assert "authorization" not in other.asked[0].headers


def test_redirects_to_what_is_not_encrypted_are_refused(site: Site, partial: Partial) -> None:
    url = site.put("n.onnx", File(location="http://a.example/n.onnx"))
    assert "leads to http://a.example/n.onnx" in refusal(url, partial)


def test_redirects_without_end(site: Site, partial: Partial) -> None:
    url = site.put("n.onnx", File(location="/n.onnx"))
    assert "too often" in refusal(url, partial)


@pytest.mark.parametrize("announced", [True, False])
def test_too_large(site: Site, partial: Partial, announced: bool) -> None:
    url = site.put("n.onnx", File(CONTENT, announced=announced))
    assert "larger than 300,000 bytes" in refusal(url, partial, 300_000)
    assert partial.size == 0


def test_no_room_is_told_before_anything_is_written(
    site: Site, partial: Partial, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage("/")._replace(free=600_000)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: full)
    url = site.put("n.onnx", File(CONTENT))
    assert "room for 1 MB" in refusal(url, partial)
    assert partial.size == 0


def test_a_disk_that_fills_up_meanwhile(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "n.onnx"
    with reserve(out, SHA256) as made:
        place = made.path
    place.symlink_to("/dev/full")
    with reserve(out, SHA256) as full:
        url = site.put("n.onnx", File(CONTENT))
        assert refusal(url, full) == f"Writing into {tmp_path} failed: No space left on device."


def test_one_command_at_a_time(partial: Partial, tmp_path: Path) -> None:
    with (
        pytest.raises(CommandError, match="by another command"),
        reserve(tmp_path / "n.onnx", SHA256),
    ):
        pass
    assert partial.path.exists()


def test_nothing_is_left_of_what_never_began(site: Site, tmp_path: Path) -> None:
    with reserve(tmp_path / "n.onnx", SHA256) as made:
        refusal(site.put("n.onnx", File(statuses=[404])), made)
    assert list(tmp_path.iterdir()) == []
