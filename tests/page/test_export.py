"""All results as JSON, CSV, COCO, and the pictures with their boxes in a zip."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import expect

from tests.page.photos import ASTRONAUT, CAT
from tests.page.visit import Visit
from tests.server import Server

AWKWARD = '=1+1, "größte" Katze.jpg'


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A photo that the page makes smaller before it is sent."""
    photo = tmp_path / "large.jpg"
    with Image.open(ASTRONAUT) as image:
        image.resize((3000, 3000)).save(photo, quality=90)
    return photo


@pytest.fixture
def visit(
    open_page: Callable[..., Visit], default_server: Server, tmp_path: Path, large: Path
) -> Visit:
    cat = tmp_path / AWKWARD
    cat.write_bytes(CAT.read_bytes())
    again = tmp_path / "again" / "large.jpg"
    again.parent.mkdir()
    again.write_bytes(ASTRONAUT.read_bytes())
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    visit = open_page(f"{default_server.url}/", expect_errors=True)
    visit.page.set_input_files("#files", [large, cat, again, bad])
    expect(visit.page.locator("#totals")).to_contain_text("in 3 pictures")
    return visit


def exported(visit: Visit, form: str) -> bytes:
    visit.page.click("#export summary")
    with visit.page.expect_download() as download:
        visit.page.click(f"[data-export={form}]")
    return Path(download.value.path()).read_bytes()


def detections(server: Server, photo: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.detect(photo.read_bytes()).json()["detections"]
    return found


def test_json(visit: Visit, default_server: Server) -> None:
    document = json.loads(exported(visit, "json"))
    assert document["confidence"] == 0.25
    large, cat, again = document["pictures"]
    assert [large["file"], cat["file"], again["file"]] == [
        "large.jpg",
        "=1+1, _größte_ Katze.jpg",
        "large-2.jpg",
    ]
    assert cat["detections"] == detections(default_server, CAT)
    assert again["detections"] == detections(default_server, ASTRONAUT)
    # Boxes are in pixels of the file, not of the smaller picture that was sent.
    assert large["image"] == {"width": 3000, "height": 3000}
    (x, y, width, height) = large["detections"][0]["boundingBox"]
    expected = [3000 * value for value in large["detections"][0]["normalizedBox"]]
    assert [x, y, width, height] == pytest.approx(expected, abs=0.01)


def test_csv(visit: Visit, default_server: Server) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(visit, "csv").decode(), newline="")))
    cats = detections(default_server, CAT)
    found = [row for row in rows if "Katze" in row["file"]]
    assert [row["file"] for row in found] == ["'=1+1, _größte_ Katze.jpg"] * len(cats)
    for row, one in zip(found, cats, strict=True):
        assert row["label"] == one["label"]
        assert float(row["probability"]) == one["probability"]
        box = [float(row[side]) for side in ("x", "y", "width", "height")]
        assert box == one["boundingBox"]


def test_coco(visit: Visit, default_server: Server) -> None:
    document = json.loads(exported(visit, "coco"))
    labels = default_server.client.get("/model").json()["labels"]
    names = {one["id"]: one["name"] for one in document["categories"]}
    assert list(names.values()) == labels
    assert [image["width"] for image in document["images"]] == [3000, 451, 512]
    ids = [one["id"] for one in document["annotations"]]
    assert len(set(ids)) == len(ids)
    cats = [one for one in document["annotations"] if one["image_id"] == 2]
    expected = detections(default_server, CAT)
    assert [names[one["category_id"]] for one in cats] == [one["label"] for one in expected]
    assert [one["bbox"] for one in cats] == [one["boundingBox"] for one in expected]


def test_pictures_in_a_zip(visit: Visit, default_server: Server) -> None:
    with zipfile.ZipFile(io.BytesIO(exported(visit, "zip"))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "large-boxes.jpg",
            "=1+1, _größte_ Katze-boxes.jpg",
            "large-boxes-2.jpg",
        ]
        drawn = archive.read(archive.namelist()[2])
    expected = default_server.client.post(
        "/detect", content=ASTRONAUT.read_bytes(), headers={"Accept": "image/jpeg"}
    )
    assert drawn == expected.content
    with Image.open(io.BytesIO(drawn)) as boxes, Image.open(ASTRONAUT) as photo:
        assert ImageChops.difference(boxes.convert("RGB"), photo.convert("RGB")).getbbox()
    expect(visit.page.locator("#noticeText")).to_contain_text("Exported 3 of 4")


def test_what_the_slider_and_the_filter_leave_is_exported(visit: Visit) -> None:
    visit.page.select_option("#label", "cat")
    document = json.loads(exported(visit, "json"))
    assert document["label"] == "cat"
    found = [one for picture in document["pictures"] for one in picture["detections"]]
    assert {one["label"] for one in found} == {"cat"}
    visit.set_confidence(0.95)
    assert len(exported(visit, "csv").splitlines()) == 1


def test_a_server_that_is_gone_is_told_of(visit: Visit) -> None:
    visit.page.click("#export summary")
    visit.page.route("**/detect?*", lambda route: route.abort())
    visit.page.click("[data-export=zip]")
    expect(visit.page.locator("#noticeText")).to_contain_text("The server does not answer")
    visit.page.unroute("**/detect?*")
    with visit.page.expect_download():
        visit.page.click("#noticeAgain")
