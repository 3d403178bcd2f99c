"""Forms as browsers, programs and shell scripts write them, read from their bytes."""

from collections.abc import Mapping

import pytest

from app.errors import InvalidParameter
from app.http.requests.form import IMAGE_FIELDS, Form, parse_form
from tests.http.client import drawn, post
from tests.server import Server

PHOTO = b"\x89PNG\r\n\x1a\n--x\r\n\r--x-\x00\xff\n--xy\r\n\r"
"""Bytes that look like parts of a form, and end in a CR."""
HEAD = b'Content-Disposition: form-data; name="file"; filename="a.png"'
DECLARED = "multipart/form-data; boundary=x7Q"


def one(head: bytes = HEAD, content: bytes = PHOTO, end: bytes = b"\r\n") -> bytes:
    """A form of one part with the boundary ``x7Q``; its lines end in ``end``."""
    head = head.replace(b"\n", end)
    return b"--x7Q" + end + head + end + end + content + end + b"--x7Q--" + end


def read(body: bytes, content_type: str = DECLARED) -> Form:
    form = parse_form(body, content_type, IMAGE_FIELDS)
    assert form is not None
    return form


GOOD: Mapping[str, bytes] = {
    "as browsers do": one(),
    "bare LF": one(end=b"\n"),
    "a preamble": b"This is a message in MIME format.\r\n\r\n" + one(),
    "a preamble that looks like a boundary": b"--other\r\n" + one(),
    "a preamble with bare LF": b"\nA form follows.\n" + one(end=b"\n"),
    "blank lines": b"\r\n\r\n" + one(),
    "an epilogue": one() + b"\r\nThat was it.\r\n--x7Q\r\n",
    "no line end at the end": one().rstrip(),
    "a folded header": one(HEAD.replace(b"; ", b";\n ")),
    "a header folded with tabs": one(HEAD.replace(b"; ", b";\n\t\t")),
    "a folded header with bare LF": one(HEAD.replace(b"; ", b";\n  "), end=b"\n"),
    "another header, folded": one(b"X-Note: a\n b: c\n" + HEAD),
    "headers in capitals": one(HEAD.upper().replace(b"FILE", b"file")),
    "no space after the colon": one(HEAD.replace(b": ", b":")),
    "names without quotes": one(HEAD.replace(b'"', b"")),
    "spaces behind the boundary": one().replace(b"--x7Q\r\n", b"--x7Q \t \r\n", 1),
    "LF in the headers and CRLF at the boundaries": one().replace(HEAD + b"\r\n", HEAD + b"\n"),
}


@pytest.mark.parametrize(
    "content_type", [DECLARED, "multipart/form-data", 'multipart/x; boundary="x7Q"']
)
@pytest.mark.parametrize("case", GOOD)
def test_every_form_gives_the_photo(case: str, content_type: str) -> None:
    if "looks like a boundary" in case and "x7Q" not in content_type:
        return  # nobody could know
    form = read(GOOD[case], content_type)
    assert (form.names, form.contents(IMAGE_FIELDS)) == (["file"], [PHOTO])


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_undeclared_forms_are_found_by_their_first_line(end: bytes) -> None:
    for content_type in ("", "application/x-www-form-urlencoded", "image/png", "nonsense;;"):
        assert read(one(end=end), content_type).contents(IMAGE_FIELDS) == [PHOTO]
    assert read(one(), "multipart/form-data; boundary=another").contents(IMAGE_FIELDS) == [PHOTO]
    assert read(one(), "multipart/form-data; boundary=x7").contents(IMAGE_FIELDS) == [PHOTO]


@pytest.mark.parametrize("text", [b"-- a comment\n", b"--\r\nplain", b"---\ntext\n", b"", b"--x7Q"])
def test_text_is_no_form(text: bytes) -> None:
    assert parse_form(text, "text/plain", IMAGE_FIELDS) is None


def test_parts_of_no_content_and_no_headers() -> None:
    body = b"--x7Q\r\n\r\nnameless\r\n--x7Q\r\nX: y\r\n\r\n\r\n" + one()
    form = read(body)
    assert (form.names, form.contents(IMAGE_FIELDS)) == (["", "", "file"], [PHOTO])


BROKEN = {
    "its end is missing": one()[: -len(b"\r\n--x7Q--\r\n")],
    "headers without an end": b"--x7Q\r\n" + HEAD + b"\r\n--x7Q--\r\n",
    "a line that is no header": one(b"no header\n" + HEAD),
    "headers of 9 kB": one(b"X: " + b"y" * 9000 + b"\n" + HEAD),
    "only its first line": b"--x7Q\r\n",
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_form_is_refused(case: str) -> None:
    with pytest.raises(InvalidParameter, match="multipart form is"):
        read(BROKEN[case])


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    shown = "" if filename is None else f'; filename="{filename}"'
    head = f'--x7Q\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n'
    return f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + content + b"\r\n"


IMAGE = drawn()
CHOSEN, UNTOUCHED = part("file", IMAGE, "a.png"), part("image", b"", "")


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([CHOSEN, UNTOUCHED], 200),
        ([UNTOUCHED, CHOSEN], 200),
        ([part("file", b"", ""), CHOSEN, UNTOUCHED], 200),
        ([part("image", b""), CHOSEN], 200),
        ([CHOSEN, part("other", b"", "")], 200),
        ([CHOSEN, part("image", IMAGE, "")], 422),  # two photos, one of them without a name
        ([CHOSEN, part("image", b"", "empty.png")], 422),  # an empty file that somebody chose
        ([UNTOUCHED], 415),
        ([UNTOUCHED, part("file", b"", "")], 415),
    ],
)
def test_untouched_file_inputs_do_not_count(
    scripted: Server, parts: list[bytes], status: int
) -> None:
    body = b"".join(parts) + b"--x7Q--\r\n"
    answer = post(scripted, body, headers={"Content-Type": DECLARED})
    assert answer.status_code == status, answer.text


def test_deepstack_s_form_takes_an_untouched_second_input(scripted: Server) -> None:
    body = part("image", IMAGE, "a.png") + part("file", b"", "") + b"--x7Q--\r\n"
    answer = scripted.client.post(
        "/v1/vision/detection", content=body, headers={"Content-Type": DECLARED}
    )
    assert (answer.status_code, answer.json()["success"]) == (200, True)
