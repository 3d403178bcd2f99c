"""Zoom and pan by buttons, keys, wheel, mouse and touch."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import FloatRect, Page, expect

from tests.eventually import eventually
from tests.page.photos import ASTRONAUT, CAT
from tests.page.visit import Visit
from tests.server import Server


@pytest.fixture
def page(open_page: Callable[..., Visit], default_server: Server) -> Page:
    visit = open_page(f"{default_server.url}/", viewport={"width": 1280, "height": 900})
    visit.drop(ASTRONAUT, CAT)
    visit.answered()
    # What is written under the picture may move it.
    expect(visit.page.locator("#totals")).to_contain_text("in 2 pictures")
    expect(visit.page.locator("#label option")).not_to_have_count(0)
    return visit.page


def box(page: Page, selector: str) -> FloatRect:
    found = page.locator(selector).bounding_box()
    assert found is not None
    return found


def press_until(page: Page, key: str, holds: Callable[[], bool]) -> None:
    """A browser may drop a key while it still scrolls softly for the one before."""

    def pressed_and_holds() -> bool:
        page.keyboard.press(key)
        return holds()

    eventually(pressed_and_holds)


def until(page: Page, condition: str) -> None:
    """Playwright's own waiting needs eval, which the page's policy forbids."""
    eventually(lambda: bool(page.evaluate(condition)))


def test_buttons_and_keys(page: Page) -> None:
    stage, frame = box(page, "#stage"), box(page, "#frame")
    page.get_by_role("button", name="Zoom in").click()
    page.keyboard.press("+")
    expect(page.locator("#zoomed")).to_have_text("225%")
    assert box(page, "#stage") == stage
    assert box(page, "#frame")["width"] == pytest.approx(2.25 * frame["width"], abs=1)
    # Boxes grow with the picture, labels stay as they are.
    edge = "document.querySelector('#boxes .edge').getBBox().width"
    until(page, f"{edge} > {frame['width']}")
    assert page.evaluate("document.querySelector('.tag rect').getBBox().height") == 22
    page.keyboard.press("-")
    expect(page.locator("#zoomed")).to_have_text("150%")
    page.keyboard.press("0")
    expect(page.locator("#zoomed")).to_have_text("100%")
    assert box(page, "#frame") == frame
    for _ in range(12):
        page.keyboard.press("+")
    expect(page.locator("#zoomed")).to_have_text("800%")


def test_the_wheel_keeps_what_is_under_the_pointer(page: Page) -> None:
    frame = box(page, "#frame")
    x, y = frame["x"] + 0.3 * frame["width"], frame["y"] + 0.6 * frame["height"]
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    expect(page.locator("#zoomed")).not_to_have_text("100%")
    larger = box(page, "#frame")
    assert larger["width"] > 1.5 * frame["width"]
    assert (x - larger["x"]) / larger["width"] == pytest.approx(0.3, abs=0.01)
    assert (y - larger["y"]) / larger["height"] == pytest.approx(0.6, abs=0.01)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=4)
    page.mouse.up()
    moved = box(page, "#frame")
    assert moved["x"] - larger["x"] == pytest.approx(60, abs=2)
    assert moved["y"] - larger["y"] == pytest.approx(40, abs=2)
    expect(page.locator("#objects [aria-pressed=true]")).to_have_count(0)  # a drag picks nothing
    page.mouse.wheel(0, 2000)
    expect(page.locator("#zoomed")).to_have_text("100%")
    assert page.evaluate("scrollY") == 0
    page.mouse.wheel(0, 200)  # nothing is left to make smaller
    until(page, "scrollY > 0")


def test_keys_move_the_picture_when_it_is_zoomed(page: Page) -> None:
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.locator("#stage").focus()
    before = box(page, "#frame")
    press_until(page, "ArrowDown", lambda: box(page, "#frame")["y"] < before["y"])
    press_until(page, "ArrowRight", lambda: box(page, "#frame")["x"] < before["x"])
    expect(page.locator("#place")).to_have_text("1 of 2")
    page.click("#next")
    expect(page.locator("#zoomed")).to_have_text("100%")


def test_two_fingers(open_page: Callable[..., Visit], default_server: Server) -> None:
    look: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    visit = open_page(f"{default_server.url}/", is_mobile=True, **look)
    visit.page.set_input_files("#files", ASTRONAUT)
    visit.answered()
    frame = box(visit.page, "#frame")
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    client = visit.page.context.new_cdp_session(visit.page)

    def touch(kind: str, *apart: float) -> None:
        points = [{"x": x + side * d, "y": y, "id": side} for d in apart for side in (-1, 1)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 30)
    for apart in (40, 50, 60):
        touch("touchMove", apart)
    touch("touchEnd")
    expect(visit.page.locator("#zoomed")).to_have_text("200%")
    assert visit.page.evaluate("visualViewport.scale") == 1
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
