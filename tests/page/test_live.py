"""The live camera: how fast it is, what is outlined, and pages without a camera."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.page.photos import ASTRONAUT, CAT
from tests.page.visit import Visit
from tests.server import Server

_NO_CAMERA = """(name) => {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException("", name);
  };
}"""


def test_frames_a_second_and_no_other_outline(
    open_page: Callable[..., Visit], default_server: Server
) -> None:
    visit = open_page(f"{default_server.url}/")
    visit.drop(ASTRONAUT, CAT)
    visit.answered()
    expect(visit.page.locator("#strip [aria-current]")).to_have_count(1)
    visit.page.click(".actions [data-do=live]")
    expect(visit.page.locator("#hint")).to_contain_text("frames a second")
    expect(visit.page.locator("#strip [aria-current]")).to_have_count(0)
    expect(visit.page.locator(".bar")).to_be_hidden()
    visit.page.click("#stop")
    expect(visit.page.locator("#strip [aria-current]")).to_have_count(1)
    expect(visit.page.locator("#name")).to_have_text("astronaut.jpg")


def test_the_rate_of_a_server_that_takes_seconds(
    open_page: Callable[..., Visit], default_server: Server
) -> None:
    visit = open_page("about:blank")
    # Each frame takes longer than frames are counted.
    visit.page.add_init_script(
        "const now = performance.now.bind(performance); performance.now = () => 200 * now();"
    )
    visit.page.goto(f"{default_server.url}/")
    visit.page.click("#welcome [data-do=live]")
    expect(visit.page.locator("#hint")).to_contain_text("frames a second")
    expect(visit.page.locator("#hint")).not_to_contain_text("NaN")


@pytest.mark.parametrize(
    ("error", "words", "again"),
    [
        ("NotFoundError", "No camera was found", True),
        ("NotAllowedError", "The camera is not allowed", True),
        ("NotReadableError", "Another program may be using it", True),
    ],
)
def test_without_a_camera_there_is_no_stage(
    open_page: Callable[..., Visit], default_server: Server, error: str, words: str, again: bool
) -> None:
    visit = open_page(f"{default_server.url}/")
    page = visit.page
    page.evaluate(_NO_CAMERA, error)
    page.click("#welcome [data-do=live]")
    expect(page.locator("#noticeText")).to_contain_text(words)
    expect(page.locator("#noticeAgain")).to_be_visible(visible=again)
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.locator("#work")).to_be_hidden()
    visit.drop(ASTRONAUT)
    visit.answered()
    page.click(".actions [data-do=live]")
    expect(page.locator("#noticeText")).to_contain_text(words)
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#video")).to_be_hidden()
    expect(page.locator("#headline")).to_have_text("1 object")


def test_without_https_there_is_no_second_try(
    open_page: Callable[..., Visit], default_server: Server
) -> None:
    page = open_page(f"{default_server.url}/").page
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    page.click("#welcome [data-do=live]")
    expect(page.locator("#noticeText")).to_contain_text("https")
    expect(page.locator("#noticeAgain")).to_be_hidden()
    page.click("#noticeClose")
    expect(page.locator("#notice")).to_be_hidden()


def test_back_stops_the_camera(open_page: Callable[..., Visit], default_server: Server) -> None:
    page = open_page(f"{default_server.url}/").page
    page.click("#welcome [data-do=live]")
    expect(page.locator("#video")).to_be_visible()
    page.go_back()
    expect(page.locator("#welcome")).to_be_visible()
    # The camera's loop sees it before its next frame.
    expect(page.locator("#video")).to_have_js_property("srcObject", None)
