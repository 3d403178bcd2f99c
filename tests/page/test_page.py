"""The page at / as a visitor uses it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.page.visit import Visit
from tests.server import Server, serve

SAMPLES = Path(__file__).parents[2] / "app" / "page" / "files" / "samples"


def detections(server: Server, photo: Path, confidence: float = 0.25) -> list[dict[str, Any]]:
    answer = server.detect(photo.read_bytes(), confidence=confidence)
    found: list[dict[str, Any]] = answer.json()["detections"]
    return found


def assert_shows(visit: Visit, expected: list[dict[str, Any]]) -> None:
    shown = visit.boxes()
    assert len(shown) == len(expected)
    for (_, text, place), detection in zip(shown, expected, strict=True):
        assert text == f"{detection['label']} {round(detection['probability'] * 100)}%"
        assert place == pytest.approx(detection["normalizedBox"], abs=0.002)


@pytest.mark.parametrize("way", ["drop", "paste", "choose"])
def test_boxes_are_where_the_api_reports_them(
    server: Server, visit: Visit, bus: Path, way: str
) -> None:
    if way == "choose":
        visit.page.set_input_files("#files", bus)
    else:
        visit.drop(bus, paste=way == "paste")
    visit.answered()
    expected = detections(server, bus)
    assert len(expected) >= 5
    assert_shows(visit, expected)
    expect(visit.page.locator("#headline")).to_have_text(f"{len(expected)} objects")
    people = [one for one in expected if one["label"] == "person"]
    group = visit.page.locator(".group", has_text="person")
    expect(group.locator(".count")).to_have_text(str(len(people)))
    expect(group.locator("button")).to_have_count(len(people))


def test_the_slider_sifts_one_answer(server: Server, visit: Visit, bus: Path) -> None:
    visit.drop(bus)
    visit.answered()
    for confidence in (0.05, 0.5, 0.86, 0.95):
        visit.set_confidence(confidence)
        assert_shows(visit, detections(server, bus, confidence))
    assert len(visit.asked()) == 1
    expect(visit.page.locator("#hint")).to_contain_text("move the slider down")


def test_the_slider_begins_where_the_server_says_however_late(
    open_page: Callable[..., Visit], scene_model: Path
) -> None:
    """The visitor has clicked before the page knows the model."""
    with serve(scene_model, confidence="0.4") as server:
        visit = open_page("about:blank")
        held: list[Route] = []
        visit.page.route("**/model", lambda route: held.append(route))
        with visit.page.expect_response("**/work.js"):
            visit.page.goto(f"{server.url}/")
            visit.page.click("#question")
        expect(visit.page.locator("#value")).to_have_text("25%")
        assert held
        held[0].continue_()
        expect(visit.page.locator("#value")).to_have_text("40%")
        expect(visit.page.locator("#confidence")).to_have_value("0.4")


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_labels_cover_no_other(
    open_page: Callable[..., Visit], server: Server, bus: Path, scale: int
) -> None:
    visit = open_page(f"{server.url}/", device_scale_factor=scale)
    visit.drop(bus)
    visit.answered()
    visit.set_confidence(0.05)
    overlaps = visit.page.evaluate(
        """() => {
          const all = [...document.querySelectorAll(".tag:not(.crowded) > rect")]
            .map((rect) => rect.getBBox());
          const hit = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width
            && a.y < b.y + b.height && b.y < a.y + a.height;
          return [all.length, all.filter((a, i) => all.some((b, j) => i < j && hit(a, b))).length];
        }"""
    )
    assert overlaps[0] >= 5
    assert overlaps[1] == 0


def test_list_and_picture_point_at_each_other(visit: Visit, bus: Path) -> None:
    visit.drop(bus)
    visit.answered()
    row = visit.page.locator("#objects button").nth(2)
    index = row.get_attribute("data-index")
    row.hover()
    expect(visit.page.locator("#boxes .chosen")).to_have_attribute("data-index", str(index))
    visit.page.locator(f"#boxes [data-index='{index}'] .edge").hover(force=True)
    chosen = visit.page.locator("#objects .chosen")
    expect(chosen).to_have_count(1)
    visit.page.mouse.move(1, 1)
    expect(visit.page.locator("#boxes .chosen")).to_have_count(0)


# The button says so for a moment only, which a slow test could miss.
_SAID = """() => {
  const button = document.querySelector("#copy");
  window.said = new Promise((resolve) => {
    const read = () => resolve(button.textContent);
    new MutationObserver(read).observe(button, { childList: true });
  });
}"""


@contextmanager
def copying(page: Page) -> Iterator[None]:
    """Does what clicks on Copy, and reads what the button says then."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(_SAID)
    yield
    assert page.evaluate("window.said") == "Copied"


def test_a_copy_follows_the_slider_at_once(visit: Visit, bus: Path) -> None:
    visit.drop(bus)
    visit.answered()
    visit.page.click("#tabCurl")
    with copying(visit.page):
        visit.page.evaluate(
            """() => {
                const slider = document.querySelector("#confidence");
                slider.value = "0.75";
                slider.dispatchEvent(new Event("input", { bubbles: true }));
                document.querySelector("#copy").click();
            }"""
        )
    assert "confidence=0.75" in visit.page.evaluate("navigator.clipboard.readText()")


def test_curl_line_as_copied(visit: Visit, server: Server, bus: Path, tmp_path: Path) -> None:
    awkward = tmp_path / 'it\'s a bus; really, "big".jpg'
    awkward.write_bytes(bus.read_bytes())
    visit.drop(awkward)
    visit.answered()
    visit.set_confidence(0.5)
    visit.page.click("#tabCurl")
    with copying(visit.page):
        visit.page.click("#copy")
    line: str = visit.page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    visit.page.click("#tabJson")
    shown = json.loads(visit.page.inner_text("#code"))
    assert json.loads(done.stdout) == shown
    assert shown["detections"] == detections(server, bus, 0.5)


@pytest.mark.parametrize("sample", ["astronaut", "cat"])
def test_samples_and_their_code(server: Server, visit: Visit, sample: str, tmp_path: Path) -> None:
    visit.page.click(f"[data-sample*={sample}]")
    visit.answered()
    expected = detections(server, SAMPLES / f"{sample}.jpg")
    assert_shows(visit, expected)
    visit.page.click("#tabCurl")
    command = ["bash", "-c", visit.page.inner_text("#code")]
    curl = subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert json.loads(curl.stdout)["detections"] == expected
    visit.page.click("#tabPython")
    python = [sys.executable, "-c", visit.page.inner_text("#code")]
    printed = subprocess.run(python, capture_output=True, text=True, check=True, timeout=120).stdout
    assert printed.splitlines() == [
        f"{one['label']} {one['probability']} {one['boundingBox']}" for one in expected
    ]
    visit.page.click("#tabFetch")
    code = visit.page.inner_text("#code")
    with visit.page.expect_console_message(lambda message: message.type == "table") as table:
        visit.page.evaluate(f"async () => {{ {code} }}")
    assert table.value.args[0].json_value() == expected


def test_several_files_one_of_them_bad(
    open_page: Callable[..., Visit], server: Server, bus: Path, tmp_path: Path
) -> None:
    visit = open_page(f"{server.url}/", expect_errors=True)
    bad = tmp_path / "notes.txt"
    bad.write_text("<img src=x onerror=alert(1)>")
    visit.drop(bus, bad, SAMPLES / "cat.jpg")
    strip = visit.page.locator("#strip button")
    expect(strip).to_have_count(3)
    expect(strip.locator(".badge")).to_have_text(
        [str(len(detections(server, bus))), "!", str(len(detections(server, SAMPLES / "cat.jpg")))]
    )
    strip.nth(1).click()
    told = server.detect(bad.read_bytes()).json()
    title, detail = told["detail"].split(". ", 1)
    expect(visit.page.locator("#problemTitle")).to_have_text(title)
    expect(visit.page.locator("#problemDetail")).to_have_text(detail)
    expect(visit.page.locator("#problemCode")).to_have_text("InvalidImageFormat")
    strip.nth(2).click()
    expect(visit.page.locator("#problem")).to_be_hidden()
    assert_shows(visit, detections(server, SAMPLES / "cat.jpg"))


def test_names_and_labels_stay_text(visit: Visit, bus: Path, tmp_path: Path) -> None:
    evil = tmp_path / "<img src=x onerror=document.title='gone'>.jpg"
    evil.write_bytes(bus.read_bytes())
    visit.drop(evil, bus)
    visit.answered()
    visit.page.click("#tabCurl")
    expect(visit.page.locator("#code")).to_contain_text("<img src=x")
    assert visit.page.title().startswith("Spotter")


def test_large_photos_travel_small(visit: Visit, tmp_path: Path) -> None:
    photo = tmp_path / "large.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    with Image.open(SAMPLES / "astronaut.jpg") as image:
        image.resize((4000, 3000)).save(photo, quality=95, exif=exif)
    visit.drop(photo)
    visit.answered()
    expect(visit.page.locator("#hint")).to_have_text(
        "Sent as 1440 \u00d7 1920 pixels instead of 3000 \u00d7 4000."
    )
    sent = json.loads(visit.page.inner_text("#code"))["image"]
    assert sent == {"width": 1440, "height": 1920}
    frame = visit.page.locator("#frame").bounding_box()
    assert frame is not None
    assert frame["width"] / frame["height"] == pytest.approx(0.75, abs=0.01)


def test_formats_that_the_browser_cannot_show(visit: Visit, bus: Path, tmp_path: Path) -> None:
    photo = tmp_path / "bus.tiff"
    with Image.open(bus) as image:
        image.save(photo)
    visit.drop(photo)
    visit.answered()
    assert len(visit.boxes()) >= 5
    picture = visit.page.locator("#picture")
    expect(picture).to_have_js_property("naturalWidth", 810)  # it is decoded after it is drawn
    expect(picture).to_have_js_property("naturalHeight", 1080)


def test_the_picture_can_be_saved(visit: Visit, bus: Path, tmp_path: Path) -> None:
    visit.drop(bus)
    visit.answered()
    with visit.page.expect_download() as download:
        visit.page.click("#save")
    assert download.value.suggested_filename == "bus-boxes.jpg"
    download.value.save_as(tmp_path / "boxes.jpg")
    with Image.open(tmp_path / "boxes.jpg") as image:
        assert image.size == (810, 1080)


def test_timings_are_those_of_the_answer(visit: Visit, bus: Path) -> None:
    with visit.page.expect_response("**/detect?*") as response:
        visit.drop(bus)
    visit.answered()
    stages = response.value.headers["server-timing"].split(", ")
    assert len(stages) == 4
    shown = visit.page.locator("#timing dl > div").all_inner_texts()
    assert [line.split("\n")[0] for line in shown] == [
        *(stage.split(";")[0] for stage in stages),
        "round trip",
    ]


def test_starting_over(page: Page, visit: Visit, bus: Path) -> None:
    visit.drop(bus)
    visit.answered()
    page.click("#clear")
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.locator("#work")).to_be_hidden()


def test_a_busy_server_is_asked_again(
    open_page: Callable[..., Visit], server: Server, bus: Path
) -> None:
    visit = open_page(f"{server.url}/", expect_errors=True)
    busy = {"title": "All places are taken", "detail": "34 images wait.", "code": "Overloaded"}
    headers = {"Retry-After": "1"}

    def refuse(route: Route) -> None:
        route.fulfill(status=503, headers=headers, body=json.dumps(busy))

    visit.page.route("**/detect?*", refuse, times=2)
    visit.drop(bus)
    visit.answered()
    assert len(visit.asked()) == 3


def test_without_a_server(open_page: Callable[..., Visit], server: Server, bus: Path) -> None:
    visit = open_page(f"{server.url}/", expect_errors=True)
    visit.page.route("**/detect?*", lambda route: route.fulfill(status=502, body="<h1>Bad</h1>"))
    visit.drop(bus)
    expect(visit.page.locator("#problemDetail")).to_have_text(
        "The server answered with status 502."
    )
    visit.page.unroute("**/detect?*")
    visit.page.click("#retry")
    visit.answered()
    assert_shows(visit, detections(server, bus))


def test_a_picture_ends_the_camera(visit: Visit, bus: Path) -> None:
    visit.drop(bus, SAMPLES / "cat.jpg")
    visit.answered()
    visit.page.click(".actions [data-do=live]")
    expect(visit.page.locator("#video")).to_be_visible()
    visit.page.locator("#strip button").first.click()
    expect(visit.page.locator("#video")).to_be_hidden()
    expect(visit.page.locator("#headline")).to_contain_text("objects")
    assert len(visit.boxes()) >= 5


def test_live_camera(visit: Visit) -> None:
    visit.page.click("#welcome [data-do=live]")
    visit.answered()
    for _ in range(3):  # the next one is sent when this one is answered
        visit.page.wait_for_event("response")
    assert all(request.response() for request in visit.asked()[:-1])
    assert visit.page.evaluate("video.videoWidth") > 0
    visit.page.click("#keep")
    expect(visit.page.locator("#picture")).to_be_visible()
    expect(visit.page.locator("#video")).to_be_hidden()
    # The camera's loop sees it before its next frame.
    expect(visit.page.locator("#video")).to_have_js_property("srcObject", None)
    asked = len(visit.asked())
    visit.page.wait_for_timeout(300)
    assert len(visit.asked()) == asked
    visit.page.click("#tabCurl")
    expect(visit.page.locator("#code")).to_contain_text("frame-1.jpg")
