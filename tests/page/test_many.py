"""Several pictures: names, places, steps, removal, the filter by label, totals, Back."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.page.photos import ASTRONAUT, CAT, make_photos
from tests.page.visit import Visit
from tests.server import Server


@pytest.fixture
def several(open_page: Callable[..., Visit], default_server: Server, tmp_path: Path) -> Visit:
    """Four answered pictures: person, cat, person, cat."""
    visit = open_page(f"{default_server.url}/")
    visit.drop(*make_photos(tmp_path, 4))
    expect(visit.page.locator("#totals")).to_contain_text("in 4 pictures")
    expect(visit.page.locator("#totals")).not_to_contain_text("to come")
    return visit


def shows(page: Page, name: str, place: str) -> None:
    expect(page.locator("#work")).to_be_visible()  # not as it was left
    expect(page.locator("#name")).to_have_text(name)
    expect(page.locator("#place")).to_have_text(place)


def test_steps_by_buttons_and_keys(several: Visit) -> None:
    page = several.page
    shows(page, "photo-001.jpg", "1 of 4")
    expect(page.locator("#previous")).to_be_disabled()
    page.click("#next")
    shows(page, "photo-002.jpg", "2 of 4")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    shows(page, "photo-004.jpg", "4 of 4")
    expect(page.locator("#next")).to_be_disabled()
    page.keyboard.press("ArrowLeft")
    shows(page, "photo-003.jpg", "3 of 4")
    page.locator("#confidence").focus()
    page.keyboard.press("ArrowRight")  # the slider's own
    shows(page, "photo-003.jpg", "3 of 4")
    expect(page.locator("#value")).not_to_have_text("25%")


@pytest.mark.parametrize("way", ["button", "key", "key in the row"])
def test_one_picture_is_removed(several: Visit, way: str) -> None:
    page = several.page
    page.locator("#strip button").nth(1).click()
    if way == "button":
        page.click("#remove")
    else:
        if way == "key":
            page.locator("#copy").focus()
        page.keyboard.press("Delete")
    shows(page, "photo-003.jpg", "2 of 3")
    expect(page.locator("#strip button")).to_have_count(3)
    expect(page.locator("#totals")).to_contain_text("in 3 pictures")
    if way == "key in the row":
        expect(page.locator("#strip [aria-current]")).to_be_focused()
    page.keyboard.press("Backspace")  # as a Mac calls it
    page.keyboard.press("Delete")
    expect(page.locator("#name")).to_have_text("photo-001.jpg")
    expect(page.locator("#strip")).to_be_hidden()
    expect(page.locator("#totals")).to_be_hidden()
    page.keyboard.press("Delete")
    expect(page.locator("#welcome")).to_be_visible()


def test_the_filter_by_label(several: Visit) -> None:
    page = several.page
    page.select_option("#label", "cat")
    shows(page, "photo-001.jpg", "1 of 3")  # the one that is open, and those with a cat
    expect(page.locator("#headline")).to_have_text("No objects")
    page.keyboard.press("Escape")
    page.click("#next")
    shows(page, "photo-002.jpg", "1 of 2")
    assert {text.split()[0] for _, text, _ in several.boxes()} == {"cat"}
    page.click("#tabCurl")
    expect(page.locator("#code")).to_contain_text("classes=cat")
    page.click("#tabJson")
    expect(page.locator("#code")).to_contain_text('"cat"')
    expect(page.locator("#code")).not_to_contain_text('"person"')
    page.click("#remove")
    shows(page, "photo-004.jpg", "")
    page.select_option("#label", "")
    shows(page, "photo-004.jpg", "3 of 3")


def test_totals_are_those_of_all_answers(several: Visit, default_server: Server) -> None:
    page = several.page
    badges = [int(text) for text in page.locator("#strip .badge").all_inner_texts()]
    totals = page.inner_text("#totals")
    assert totals.startswith(f"{sum(badges)} objects in 4 pictures: ")
    listed = [int(count) for count in re.findall("(\\d+) \u00d7", totals)]
    assert sum(listed) == sum(badges)
    several.set_confidence(0.95)
    expect(page.locator("#totals")).to_have_text("No objects in 4 pictures.")


def test_back_and_forward_keep_the_pictures(several: Visit) -> None:
    page = several.page
    page.go_back()
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.locator("#work")).to_be_hidden()
    expect(page.locator("#resume")).to_have_text("Back to 4 pictures")
    page.go_forward()
    shows(page, "photo-001.jpg", "1 of 4")
    page.go_back()
    page.click("#resume")
    shows(page, "photo-001.jpg", "1 of 4")
    page.go_back()
    expect(page.locator("#welcome")).to_be_visible()
    several.drop(CAT)
    shows(page, "cat.jpg", "5 of 5")
    page.go_back()
    expect(page.locator("#welcome")).to_be_visible()


def test_leaving_the_page_is_asked_about(several: Visit) -> None:
    page = several.page
    asked = []

    def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", stay)
    page.click("#next")
    with page.expect_event("dialog"):  # closing does not wait for it
        page.close(run_before_unload=True)
    expect(page.locator("#place")).to_have_text("2 of 4")
    assert asked == ["beforeunload"]


def test_a_failed_picture_is_not_what_opens_first(
    open_page: Callable[..., Visit], default_server: Server, tmp_path: Path
) -> None:
    visit = open_page(f"{default_server.url}/", expect_errors=True)
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    visit.drop(bad, ASTRONAUT, CAT)
    visit.answered()
    shows(visit.page, "astronaut.jpg", "2 of 3")
    expect(visit.page.locator("#problem")).to_be_hidden()
    expect(visit.page.locator("#totals")).to_contain_text("1 failed")
    visit.page.click("#previous")
    expect(visit.page.locator("#problem")).to_be_visible()
    expect(visit.page.locator("#retry")).to_be_hidden()


def test_retry_sends_all_that_may_work_now(
    open_page: Callable[..., Visit], default_server: Server, tmp_path: Path
) -> None:
    visit = open_page(f"{default_server.url}/", expect_errors=True)
    full = {"title": "Something went wrong here", "detail": "See the log.", "code": "InternalError"}
    visit.page.route("**/detect?*", lambda route: route.fulfill(status=500, body=json.dumps(full)))
    visit.drop(*make_photos(tmp_path, 3))
    expect(visit.page.locator("#totals")).to_contain_text("3 failed")
    visit.page.unroute("**/detect?*")
    visit.page.click("#retry")
    expect(visit.page.locator("#totals")).to_contain_text("in 3 pictures")
    expect(visit.page.locator("#totals")).not_to_contain_text("failed")
