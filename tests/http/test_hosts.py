"""Names that a server takes requests for: on loopback without keys few, else all."""

from pathlib import Path

import httpx
import pytest

from app.http.middleware.address import HostCheck
from app.server.loopback import Loopback
from tests.http.client import Wire, base64_of, drawn, multipart, post, problem
from tests.server import Server, serve

IMAGE = drawn()
GOOD = [
    *("localhost", "LOCALHOST:8000", "localhost.", "a.localhost", "A.b.LocalHost:1", "", ":80"),
    *("127.0.0.1", "127.0.0.1:8000", "192.0.2.7:80", "[::1]", "[::1]:8000", "[2001:db8::1]:443"),
    *("host.docker.internal", "host.docker.internal:8000", "[::ffff:127.0.0.1]"),
]
BAD = [
    *("pages.example", "pages.example:8000", "localhost.pages.example", "notlocalhost", "a"),
    *("127.0.0.1.pages.example", "localhost:8000.pages.example", "localhost@pages.example"),
    *("host.docker.internal.pages.example", "[::1].pages.example", "[pages.example]", "::1"),
    *("localhost, pages.example", "pages.example#.localhost", "300.0.0.1", "127.1", "0x7f.1"),
    *("localhost/", "[localhost]", "127.0.0.1:x", "localhost:123456", "docker.internal"),
]
REQUESTS = [
    ("GET", "/"),
    *(("GET", path) for path in ("/docs", "/openapi.json", "/healthz", "/model", "/metrics")),
    *(("GET", path) for path in ("/page/style.css", "/none", "/v1/vision/custom/list")),
    *(("POST", path) for path in ("/detect", "/", "/v1/vision/detection")),
]
TARGET = {"X-Amz-Target": "RekognitionService.DetectLabels"}


@pytest.mark.parametrize("host", GOOD)
def test_names_of_this_machine(scripted: Server, host: str) -> None:
    assert scripted.client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", BAD)
def test_other_names(scripted: Server, host: str) -> None:
    detail = problem(
        scripted.client.get("/healthz", headers={"Host": host}), 421, "MisdirectedRequest"
    )
    assert "SPOTTER_ALLOWED_HOSTS" in detail


def test_http_1_0_may_leave_it_out(scripted: Server) -> None:
    with Wire(scripted) as wire:
        assert wire.send(b"GET /healthz HTTP/1.0\r\n\r\n").response().status_code == 200


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_every_surface_is_covered(scripted: Server, method: str, path: str) -> None:
    headers = {"Host": "pages.example", **(TARGET if (method, path) == ("POST", "/") else {})}
    content = IMAGE if method == "POST" else None
    answer = scripted.client.request(method, path, headers=headers, content=content)
    problem(answer, 421, "MisdirectedRequest")


def test_its_body_is_not_waited_for(scripted: Server) -> None:
    with Wire(scripted) as wire:
        wire.send(b"POST /detect HTTP/1.1\r\nHost: b.example\r\nContent-Length: 9999999\r\n\r\n")
        assert wire.response().status_code == 421


def test_pages_that_may_read_answers_may_read_it(scripted_model: Path) -> None:
    with serve(scripted_model, cors_origins="https://a.example") as server:
        headers = {"Host": "b.example", "Origin": "https://a.example"}
        answer = post(server, IMAGE, headers=headers)
        problem(answer, 421, "MisdirectedRequest")
        assert answer.headers["access-control-allow-origin"] == "https://a.example"


def foreign(server: Server, host: str = "spotter.example") -> httpx.Response:
    return server.client.get("/healthz", headers={"Host": host})


def test_further_names(scripted_model: Path) -> None:
    with serve(scripted_model, allowed_hosts="Spotter.Example, other.example") as server:
        for host in ("spotter.example", "SPOTTER.example:80", "other.example.", "localhost"):
            assert foreign(server, host).status_code == 200
        for host in ("a.spotter.example", "spotter.example.org"):
            assert foreign(server, host).status_code == 421


@pytest.mark.parametrize("settings", [{"allowed_hosts": "*"}, {"api_keys": "key"}])
def test_any_name(scripted_model: Path, settings: dict[str, str]) -> None:
    with serve(scripted_model, **settings) as server:
        assert foreign(server).status_code == 200


def test_a_server_for_others_is_reached_over_loopback_by_any_name(scripted_model: Path) -> None:
    """As from within a container, or by a proxy beside it."""
    with serve(scripted_model, host="0.0.0.0") as server:
        assert foreign(server).status_code == 200
        assert post(server, IMAGE, headers={"Host": "spotter.example"}).status_code == 200


def test_localhost_is_an_address_of_loopback(scripted_model: Path) -> None:
    with serve(scripted_model, host="localhost") as server:
        assert foreign(server).status_code == 421


@pytest.mark.parametrize(
    ("options", "status"), [((), 421), (("--host", "0.0.0.0"), 200), (("--workers", "2"), 421)]
)
def test_uvicorn_s_own_command(scripted_model: Path, options: tuple[str, ...], status: int) -> None:
    def command(port: int) -> list[str]:
        return ["-m", "uvicorn", "app.main:app", "--port", str(port), *options]

    with serve(scripted_model, command) as server:
        assert foreign(server).status_code == status
        assert server.client.get("/healthz").status_code == 200


def test_where_nothing_is_known_of_the_sockets() -> None:
    """Other servers, Lambda, and Unix sockets."""

    class Socket:
        def __init__(self, name: object) -> None:
            self.name = name

        def getsockname(self) -> object:
            return self.name

    class Listening:
        def __init__(self, *names: object) -> None:
            self.servers = [self]
            self.sockets = [Socket(name) for name in names]

    local, mapped, public = ("127.0.0.1", 80), ("::ffff:127.0.0.1", 80, 0, 0), ("::", 80, 0, 0)
    assert Loopback(Listening(local, ("::1", 80, 0, 0), mapped)).alone
    assert not Loopback(Listening(local, public)).alone
    for unknown in (None, object(), Listening(), Listening("/run/spotter.sock")):
        assert not Loopback(unknown).alone


def test_names_are_compared_without_case_and_final_dot() -> None:
    async def nobody(*_: object) -> None: ...

    check = HostCheck(nobody, ("a.example",))
    assert check._takes(" A.Example.:80 ")
    assert not check._takes("a.example..")


# Objects in S3, which a page could have read in the name of this machine.

OBJECT = b'{"s3": {"bucket": "photos", "key": "bus.jpg"}}'


@pytest.mark.parametrize(
    "kind",
    [
        *(None, "", "text/plain", "application/x-www-form-urlencoded", "text/json"),
        *("multipart/form-data; boundary=b", "text/plain; application/json", "application/jsonp"),
        "text/plain, application/json",
    ],
)
def test_an_object_in_s3_has_to_be_declared_as_json(scripted: Server, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    detail = problem(post(scripted, OBJECT, headers=headers), 422, "InvalidParameter")
    assert "Content-Type: application/json" in detail


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_one_that_is_declared_is_looked_for(scripted: Server, kind: str) -> None:
    detail = problem(
        post(scripted, OBJECT, headers={"Content-Type": kind}), 422, "InvalidParameter"
    )
    assert "SPOTTER_S3_BUCKETS" in detail


def test_with_a_key_any_type_will_do(scripted_model: Path) -> None:
    with serve(scripted_model, api_keys="key") as server:
        headers = {"X-API-Key": "key", "Content-Type": "text/plain"}
        assert "SPOTTER_S3_BUCKETS" in problem(
            post(server, OBJECT, headers=headers), 422, "InvalidParameter"
        )


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_an_image_may_be_declared_as_anything(scripted: Server, kind: str) -> None:
    body = f'{{"image": "{base64_of(IMAGE)}"}}'.encode()
    for content in (body, IMAGE, multipart(("file", IMAGE))):
        assert post(scripted, content, headers={"Content-Type": kind}).status_code == 200
