"""The three forms in which an image may come, and what is wrong with all others."""

import codecs
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.http.client import (
    BOUNDARY,
    base64_of,
    chunks,
    detections,
    drawn,
    multipart,
    post,
    problem,
)
from tests.server import Server

IMAGE = drawn(80, 60, (60, 90, 120))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data"}
MULTIPART_WITH_BOUNDARY = {"Content-Type": f'multipart/form-data; boundary="{BOUNDARY}"'}
JSON = {"Content-Type": "application/json"}


def wrapped(text: str) -> str:
    return "\r\n".join(text[i : i + 76] for i in range(0, len(text), 76))


def json_body(text: str) -> bytes:
    return json.dumps({"image": text}).encode()


FORMS: dict[str, Callable[[], dict[str, Any]]] = {
    "multipart file": lambda: {"files": {"file": ("cat.png", IMAGE, "image/png")}},
    "multipart image": lambda: {"files": {"image": ("cat.png", IMAGE, "image/png")}},
    "multipart with a false type": lambda: {"files": {"file": ("a.txt", IMAGE, "text/plain")}},
    "multipart beside other fields": lambda: {"files": {"file": IMAGE}, "data": {"note": "x"}},
    "multipart without a file name": lambda: {
        "content": multipart(("file", IMAGE)),
        "headers": MULTIPART_WITH_BOUNDARY,
    },
    "multipart that does not tell its boundary": lambda: {
        "content": multipart(("file", IMAGE)),
        "headers": MULTIPART,
    },
    "multipart declared as a form": lambda: {
        "content": multipart(("file", IMAGE)),
        "headers": FORM,
    },
    "multipart behind a preamble": lambda: {
        "content": b"\r\n" + multipart(("file", IMAGE)),
        "headers": MULTIPART_WITH_BOUNDARY,
    },
    "raw": lambda: {"content": IMAGE},
    "raw with its type": lambda: {"content": IMAGE, "headers": {"Content-Type": "image/png"}},
    "raw with another type": lambda: {"content": IMAGE, "headers": {"Content-Type": "image/jpeg"}},
    "raw declared as a form": lambda: {"content": IMAGE, "headers": FORM},
    "raw declared as JSON": lambda: {"content": IMAGE, "headers": JSON},
    "raw declared as multipart": lambda: {"content": IMAGE, "headers": MULTIPART_WITH_BOUNDARY},
    "raw with nonsense as its type": lambda: {
        "content": IMAGE,
        "headers": {"Content-Type": ";;="},
    },
    "raw in chunks": lambda: {"content": chunks(IMAGE, 100)},
    "multipart in chunks": lambda: {
        "content": chunks(multipart(("file", IMAGE)), 7),
        "headers": MULTIPART_WITH_BOUNDARY,
    },
    "JSON": lambda: {"json": {"image": base64_of(IMAGE)}},
    "JSON, not declared": lambda: {"content": b"\n " + json_body(base64_of(IMAGE))},
    "JSON with a byte order mark, not declared": lambda: {
        "content": codecs.BOM_UTF8 + json_body(base64_of(IMAGE)),
        "headers": FORM,
    },
    "JSON with a data URL, without padding": lambda: {
        "json": {"image": f"data:image/png;base64,{base64_of(IMAGE).rstrip('=')}"}
    },
    "JSON with a data URL in the alphabet for URLs": lambda: {
        "json": {"image": "data:;base64," + base64_of(IMAGE).translate({43: 45, 47: 95})}
    },
    "JSON declared as a form": lambda: {"content": json_body(base64_of(IMAGE)), "headers": FORM},
    "JSON with a charset": lambda: {
        "content": json_body(base64_of(IMAGE)),
        "headers": {"Content-Type": "application/json; charset=utf-8"},
    },
    "JSON in UTF-16": lambda: {
        "content": json_body(base64_of(IMAGE)).decode().encode("utf-16"),
        "headers": JSON,
    },
    "JSON with wrapped lines": lambda: {"json": {"image": wrapped(base64_of(IMAGE)) + "\n"}},
    "JSON with a data URL": lambda: {
        "json": {"image": f"data:image/png;base64,{base64_of(IMAGE)}"}
    },
    "JSON in chunks": lambda: {"content": chunks(json_body(base64_of(IMAGE)), 100)},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same(scripted: Server, form: str) -> None:
    expected = post(scripted, IMAGE).json()
    assert expected["image"] == {"width": 80, "height": 60}
    assert len(expected["detections"]) == 3

    given = scripted.client.post("/detect", **FORMS[form]())

    assert given.status_code == 200, given.text
    assert given.json() == expected


DEEP = b'{"image": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
MALFORMED: dict[str, tuple[bytes, dict[str, str], str]] = {
    # What is sent, its headers, and what the answer's detail has to speak of.
    "a form without an image": (multipart(("photo", IMAGE)), MULTIPART_WITH_BOUNDARY, "'photo'"),
    "a form of no fields": (multipart(), MULTIPART_WITH_BOUNDARY, "form"),
    "a form with two images": (
        multipart(("file", IMAGE), ("image", IMAGE)),
        MULTIPART_WITH_BOUNDARY,
        "this one has 2",
    ),
    "an option as a form field": (
        multipart(("file", IMAGE), ("confidence", b"0.5")),
        MULTIPART_WITH_BOUNDARY,
        "confidence",
    ),
    "a form of many fields": (
        multipart(*[(f"field{i}", b"x") for i in range(40)]),
        MULTIPART_WITH_BOUNDARY,
        "more than 32 fields",
    ),
    "a form without its end": (
        multipart(("file", IMAGE), end=False),
        MULTIPART_WITH_BOUNDARY,
        "truncated",
    ),
    "a form cut in its image": (multipart(("file", IMAGE))[:150], MULTIPART, "truncated"),
    "a form cut in its first header": (multipart(("file", IMAGE))[:40], MULTIPART, "truncated"),
    "a form in name only": (b"no form at all", MULTIPART_WITH_BOUNDARY, "boundary"),
    "not base64": (json_body("*no*base64*"), JSON, "base64"),
    "half of a base64 quartet": (json_body(base64_of(IMAGE)[:-3]), JSON, "base64"),
    "a number for an image": (b'{"image": 7}', JSON, "string"),
    "null for an image": (b'{"image": null}', JSON, "string"),
    "JSON with another key": (b'{"picture": "aGk="}', JSON, "image"),
    "JSON with one key too many": (b'{"image": "aGk=", "confidence": 0.1}', JSON, "nothing else"),
    "a JSON list": (b'["aGk="]', JSON, "image"),
    "JSON cut off": (b'{"image": "aGk=', JSON, "not JSON"),
    "JSON that is not UTF-8": (b'{"image": "\xff\xfe"}', JSON, "not JSON"),
    "JSON with half of a surrogate": (b'{"image": "\\ud800"}', JSON, "base64"),
    "deep JSON": (DEEP, JSON, "JSON"),
    "deep JSON, not declared": (DEEP, {}, "JSON"),
    "JSON in name only": (b"image", JSON, "not JSON"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_body_is_an_invalid_parameter(scripted: Server, case: str) -> None:
    body, headers, told = MALFORMED[case]
    detail = problem(post(scripted, body, headers=headers), 422, "InvalidParameter")
    assert told in detail
    assert len(detail) < 400


NO_IMAGE: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "nothing, declared as an image": (b"", {"Content-Type": "image/jpeg"}),
    "nothing, declared as a form": (b"", MULTIPART_WITH_BOUNDARY),
    "an empty file": (multipart(("file", b"")), MULTIPART_WITH_BOUNDARY),
    "an empty string": (json_body(""), JSON),
    "text": (b"hello", {"Content-Type": "image/png"}),
    "text in a form": (multipart(("file", b"hello")), MULTIPART_WITH_BOUNDARY),
    "text as base64": (json_body("aGVsbG8="), JSON),
    "a web page": (b"<!DOCTYPE html><html></html>", {}),
    "a form of a web page": (b"file=hello&confidence=1", FORM),
}


@pytest.mark.parametrize("case", NO_IMAGE)
def test_what_is_no_image_is_an_invalid_format(scripted: Server, case: str) -> None:
    body, headers = NO_IMAGE[case]
    assert "JPEG" in problem(post(scripted, body, headers=headers), 415, "InvalidImageFormat")


@pytest.mark.parametrize("size", [20, 60, 100])
def test_a_cut_image_is_an_invalid_image(scripted: Server, size: int) -> None:
    assert "truncated" in problem(post(scripted, IMAGE[:size]), 422, "InvalidImage")


CURL = {
    "a form": ["-F", "file=@{}"],
    "the raw file": ["--data-binary", "@{}"],
    "the raw file, uploaded": ["-X", "POST", "-T", "{}"],
    "its base64": ["--json", '{{"image": "BASE64"}}'],
}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("form", CURL)
def test_curl_as_a_user_types_it(scripted: Server, form: str, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(IMAGE)
    arguments = [
        argument.format(photo).replace("BASE64", base64_of(IMAGE)) for argument in CURL[form]
    ]
    done = subprocess.run(
        ["curl", "--silent", "--fail", *arguments, f"{scripted.url}/detect"],
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["detections"] == detections(post(scripted, IMAGE))
