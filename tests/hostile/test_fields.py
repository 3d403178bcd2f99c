"""Absurd values, JSON to get lost in and forms that are none: refused in the documented form."""

import httpx
import pytest

from tests.hostile.samples import END, FILE, IMAGE, MARKUP, part
from tests.http.client import BOUNDARY, multipart, post, problem
from tests.server import Server

# Parameters.

ABSURD = {
    "confidence": ["NaN", "nan", "inf", "-inf", "1e309", "-1", "1.0001", "1_0", "", " ", "[]"],
    "iou": ["-1e-9", "2", "0x1", "\u0660.\u0661", "\uff11", "true", "0,5", "9" * 400],
    "max_detections": ["0", "-1", "1001", "1.5", "1e2", "9" * 5000, "\u0665", "NaN", "0x10"],
    "alt_text": ["2", "maybe", "", "\u0661", "null"],
    "classes": ["", "\0", "__proto__", MARKUP, "x" * 20_000, "\u202ecat", "cat\r\n"],
    "__proto__": ["1"],
    "confidence[]": ["0.5"],
    "": ["1"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in ABSURD.items() for value in values]
)
def test_absurd_values(server: Server, name: str, value: str) -> None:
    detail = problem(post(server, IMAGE, params={name: value}), 422, "InvalidParameter")
    assert len(detail) < 500
    assert name[:20] in detail


def test_numbers_in_other_scripts_are_no_numbers_in_a_form(server: Server) -> None:
    for value in ("NaN", "1e309", "-1", "\u0660.\u0661 x", "9" * 9000, "0.5\0"):
        body = multipart(("image", IMAGE), ("min_confidence", value.encode()))
        answer = server.client.post("/v1/vision/detection", content=body)
        assert (answer.status_code, answer.json()["success"]) == (400, False), value


def test_parameters_given_twice(server: Server) -> None:
    for query in ("confidence=0.5&confidence=0.5", "iou=0.1&iou=0.2", "alt_text=1&alt_text=0"):
        answer = server.client.post(f"/detect?{query}", content=IMAGE)
        assert "more than once" in problem(answer, 422, "InvalidParameter")


def test_thousands_of_parameters(server: Server) -> None:
    many = "&".join(f"k{number}=1" for number in range(3000))
    problem(server.client.post(f"/detect?{many}", content=IMAGE), 422, "InvalidParameter")
    labels = "&".join(["classes=cat"] * 2000)
    detail = problem(
        server.client.post(f"/detect?{labels}", content=IMAGE), 422, "InvalidParameter"
    )
    assert "1000" in detail
    assert len(detail) < 500
    few = "&".join(["classes=cat"] * 1000)
    assert server.client.post(f"/detect?{few}", content=IMAGE).status_code == 200


@pytest.mark.parametrize("name", ["LabelInclusionFilters", "LabelCategoryExclusionFilters"])
def test_a_million_filters(server: Server, name: str) -> None:
    body = b'{"Image": {"Bytes": "AAAA"}, "Settings": {"GeneralLabels": {"%s": [%s]}}}' % (
        name.encode(),
        b",".join([b'"Cat"'] * 1_000_000),
    )
    answer = rekognition(server, body)
    assert answer.status_code == 400
    assert len(answer.text) < 1000


def rekognition(server: Server, body: bytes) -> httpx.Response:
    headers = {"X-Amz-Target": "RekognitionService.DetectLabels"}
    return server.client.post("/", content=body, headers=headers)


# JSON.

NESTED = {
    "lists": b"[" * 100_000,
    "objects": b'{"a":' * 100_000,
    "an image of lists": b'{"image":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a key of its own": b'{"s3":' + b'{"s3":' * 2000 + b"1" + b"}" * 2001,
    "a long number": b'{"image":' + b"9" * 100_000 + b"}",
    "a large exponent": b'{"image": 1e999999999}',
    "not a number": b'{"image": NaN}',
    "the same key": b'{"image": "' + b"A" * 40 + b'", "image": 1}',
    "a prototype": b'{"__proto__": {"image": "AAAA"}}',
    "a key beside": b'{"image": "AAAA", "__proto__": {}}',
    "half a pair": b'{"image": "\\ud83d"}',
    "no text": b'{"image": "\xff\xfe"}',
    "two values": b'{"image": "AAAA"}{"image": "AAAA"}',
}


@pytest.mark.parametrize("name", NESTED)
def test_json_to_get_lost_in(server: Server, name: str) -> None:
    headers = {"Content-Type": "application/json"}
    problem(post(server, NESTED[name], headers=headers), 422, "InvalidParameter")
    told = rekognition(server, NESTED[name])
    assert told.status_code == 400
    assert told.json()["__type"] in ("SerializationException", "InvalidParameterException")


# Forms.


FORMS: dict[str, bytes] = {
    "no boundary": IMAGE.join([b"\r\n\r\n", b"\r\n--x--"]),
    "no end": part(FILE),
    "no blank line": f"--{BOUNDARY}\r\n{FILE}\r\n".encode() + END,
    "thousands of parts": part(FILE, b"x") * 5000 + END,
    "thousands of headers": part("\r\n".join([FILE, *["X: y"] * 20_000])) + END,
    "a long header": part(f"{FILE}\r\nX: {'y' * 1_000_000}") + END,
    "a long name of a header": part(f"{'y' * 1_000_000}: x\r\n{FILE}") + END,
    "a header without an end": part(f"{FILE}\r\nX")[:-100],
    "a form in a form": part(FILE, part(FILE).replace(BOUNDARY.encode(), b"inner")) + END,
    "no name": part("Content-Disposition: form-data") + END,
    "a name of another kind": part('Content-Disposition: form-data; name="__proto__"') + END,
    "two images": part(FILE) * 2 + END,
    "nothing": END,
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_that_are_none(server: Server, name: str) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = post(server, FORMS[name], headers=headers)
    assert answer.status_code in (415, 422), answer.text
    problem(answer, answer.status_code, answer.json()["code"])
    vision = server.client.post("/v1/vision/detection", content=FORMS[name], headers=headers)
    assert (vision.status_code, vision.json()["success"]) == (400, False)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../../../../etc/passwd",
            "..\\..\\x",
            "C:\\x.jpg",
            "\u202egpj.exe",
            "a\0b",
            "'; DROP --",
        ),
        *(MARKUP, "x" * 4000, "%0d%0aX: y", "\ud83d", "{{7*7}}", "$(id)", "a\x1b[31m", ""),
    ],
)
def test_names_of_files_mean_nothing(server: Server, name: str) -> None:
    body = part(f'{FILE}; filename="{name}"') + END
    answer = post(server, body)
    assert answer.status_code == 200
    line = server.logged(answer.headers["x-request-id"])
    assert not name or name not in str(line)
