"""What the page says: problems, sizes, one and many, and what a touch device can do."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.page.photos import ASTRONAUT, CAT
from tests.page.visit import Visit
from tests.server import Server, serve

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def answer(probabilities: list[float]) -> str:
    box = {"boundingBox": [10, 10, 50, 50], "normalizedBox": [0.1, 0.1, 0.2, 0.2]}
    found = [{"label": "cat", "classId": 9, "probability": p, **box} for p in probabilities]
    return json.dumps({"model": "m", "image": {"width": 451, "height": 300}, "detections": found})


@pytest.mark.parametrize(
    ("probabilities", "headline", "hint"),
    [
        ([], "No objects", "Nothing here that this model knows"),
        ([0.1], "No objects", "Less certain: 1 object; move the slider down to see more."),
        ([0.1, 0.1], "No objects", "Less certain: 2 objects; move the slider down to see more."),
        ([0.9], "1 object", ""),
        ([0.9, 0.8], "2 objects", ""),
    ],
)
def test_one_and_many(
    open_page: Callable[..., Visit],
    default_server: Server,
    probabilities: list[float],
    headline: str,
    hint: str,
) -> None:
    visit = open_page(f"{default_server.url}/")
    visit.page.route("**/detect?*", lambda route: route.fulfill(body=answer(probabilities)))
    visit.drop(CAT)
    visit.answered()
    expect(visit.page.locator("#headline")).to_have_text(headline)
    expect(visit.page.locator("#hint")).to_contain_text(hint)
    visit.page.go_back()
    expect(visit.page.locator("#resume")).to_have_text("Back to 1 picture")


def test_a_file_that_is_too_large_is_not_sent(
    open_page: Callable[..., Visit], tmp_path: Path
) -> None:
    with serve(None, max_body_bytes=str(5 * 2**20)) as server:
        visit = open_page(f"{server.url}/")
        expect(visit.page.locator("#limit")).to_have_text("Files of up to 5 MiB each.")
        large = tmp_path / "large.tif"
        large.write_bytes(b"II*\0" + bytes(7 * 2**20))
        visit.drop(large)
        expect(visit.page.locator("#problemTitle")).to_have_text("The file is too large")
        expect(visit.page.locator("#problemDetail")).to_have_text(
            "It has 7 MiB, and the server takes at most 5 MiB. It was not sent."
        )
        expect(visit.page.locator("#retry")).to_be_hidden()
        assert not visit.asked()


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [
        (413, "ImageTooLarge", False),
        (415, "InvalidImageFormat", False),
        (422, "InvalidImage", False),
        (429, "TooManyRequests", True),
        (500, "InternalError", True),
        (503, "Overloaded", True),
        (408, "RequestTimeout", True),
    ],
)
def test_try_again_is_offered_where_it_can_help(
    open_page: Callable[..., Visit], default_server: Server, status: int, code: str, again: bool
) -> None:
    visit = open_page(f"{default_server.url}/", expect_errors=True)
    detail = "It has more than 20971520 bytes. Send a smaller one."
    problem = {"title": "The title", "detail": detail, "code": code}
    visit.page.route(
        "**/detect?*", lambda route: route.fulfill(status=status, body=json.dumps(problem))
    )
    visit.drop(CAT)
    expect(visit.page.locator("#problemCode")).to_have_text(code)
    expect(visit.page.locator("#problem")).to_contain_text("It has more than 20 MiB")
    expect(visit.page.locator("#problem")).not_to_contain_text("20971520")
    title = visit.page.inner_text("#problemTitle")
    assert title not in visit.page.inner_text("#problemDetail")
    expect(visit.page.locator("#retry")).to_be_visible(visible=again)


def test_no_server_and_no_network_are_told_apart(
    open_page: Callable[..., Visit], default_server: Server
) -> None:
    visit = open_page(f"{default_server.url}/", expect_errors=True)
    title = visit.page.locator("#problemTitle")
    visit.page.click("#labels summary")  # loads the parts
    visit.page.wait_for_load_state("networkidle")

    def abort(route: Route) -> None:
        route.abort("connectionrefused")

    visit.page.route("**/detect?*", abort)
    visit.drop(CAT)
    expect(title).to_have_text("The server does not answer")
    expect(visit.page.locator("#retry")).to_be_visible()
    visit.page.unroute("**/detect?*")
    visit.page.click("#retry")
    visit.answered()
    visit.page.context.set_offline(True)
    visit.drop(ASTRONAUT)
    expect(title).to_have_text("No network")
    visit.page.context.set_offline(False)
    visit.answered()  # without a click
    expect(visit.page.locator("#name")).to_have_text("astronaut.jpg")


def test_a_file_that_is_gone(
    open_page: Callable[..., Visit], default_server: Server, tmp_path: Path
) -> None:
    visit = open_page(f"{default_server.url}/", expect_errors=True)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(CAT.read_bytes())

    def unlink(route: Route) -> None:
        photo.unlink()
        route.continue_()

    visit.page.route("**/work.js", unlink)  # after it was chosen, before it is read
    visit.page.set_input_files("#files", photo)
    expect(visit.page.locator("#problemTitle")).to_have_text("The file cannot be read")
    expect(visit.page.locator("#retry")).to_be_hidden()


def test_a_touch_device_hears_nothing_of_dropping(
    open_page: Callable[..., Visit], default_server: Server
) -> None:
    page = open_page(f"{default_server.url}/", **PHONE).page
    text = page.inner_text("#welcome").lower()
    assert "choose photos" in text
    assert "take a photo" in text
    assert "drop" not in text
    assert "paste" not in text
    page = open_page(f"{default_server.url}/").page
    assert "drop" in page.inner_text("#welcome").lower()
    assert "take a photo" not in page.inner_text("#welcome").lower()
