"""Who does not see, point or use a large screen is not left out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.visit import Visit
from tests.server import Server, serve

LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}


def violations(page: Page, node_modules: Path) -> list[str]:
    """Of axe's rules; its script comes in from the side, which the page's policy forbids pages."""
    page.evaluate((node_modules / "axe-core" / "axe.min.js").read_text())
    found: Any = page.evaluate("axe.run()")
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_no_violation_in_any_state(
    open_page: Callable[..., Visit],
    server: Server,
    node_modules: Path,
    scene_photos: Path,
    tmp_path: Path,
    look: str,
) -> None:
    visit = open_page(f"{server.url}/", expect_errors=True, reduced_motion="reduce", **LOOKS[look])
    page = visit.page
    expect(page.locator("#labels")).to_be_visible()
    page.click("#labels summary")
    assert violations(page, node_modules) == []
    visit.drop(scene_photos / "bus.jpg", scene_photos / "dog.jpg")
    visit.answered()
    expect(page.locator("#strip .badge").nth(1)).not_to_have_text("…")
    page.locator("#objects button").first.click()
    assert violations(page, node_modules) == []
    page.get_by_role("button", name="Zoom in").click()
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(Error()); }")
    page.click(".actions [data-do=live]")
    expect(page.locator("#noticeText")).to_contain_text("The camera does not open")
    page.click("#export summary")
    assert violations(page, node_modules) == []
    page.keyboard.press("Escape")
    expect(page.locator("[data-export=zip]")).to_be_hidden()
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    visit.drop(bad)
    expect(page.locator("#problem")).to_be_visible()
    assert violations(page, node_modules) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_no_violation_where_a_key_is_asked_for(
    open_page: Callable[..., Visit], node_modules: Path
) -> None:
    with serve(None, api_keys="open sesame") as server:
        page = open_page(f"{server.url}/", expect_errors=True).page
        page.fill("#key", "wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#wrongKey")).not_to_be_empty()
        assert violations(page, node_modules) == []


def test_by_keyboard_alone(visit: Visit) -> None:
    page = visit.page
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.sample?.includes('astronaut')"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    visit.answered()
    page.locator("#confidence").focus()
    page.keyboard.press("End")
    expect(page.locator("#value")).to_have_text("95%")
    page.keyboard.press("Home")
    expect(page.locator("#value")).to_have_text("5%")
    page.locator("#objects button").first.focus()
    expect(page.locator("#boxes .chosen")).to_have_count(1)
    page.keyboard.press("Space")
    expect(page.locator("#objects [aria-pressed=true]")).to_have_count(1)
    page.locator("#tabJson").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tabCurl")).to_be_focused()
    expect(page.locator("#code")).to_contain_text("curl")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#tabPython")).to_have_attribute("aria-selected", "true")


def test_a_screen_reader_is_told(visit: Visit, bus: Path) -> None:
    status = visit.page.get_by_role("status").last
    visit.drop(bus)
    expect(status).to_contain_text("4 × person")  # noqa: RUF001
    visit.set_confidence(0.95)
    expect(status).to_contain_text("No objects.")
    expect(visit.page.get_by_role("img", name="bus.jpg. No objects.")).to_be_visible()
    slider = visit.page.get_by_role("slider", name="Confidence above")
    expect(slider).to_have_attribute("aria-valuetext", "95%")


def test_on_a_phone_a_photo_can_be_taken(open_page: Callable[..., Visit], server: Server) -> None:
    page = open_page(f"{server.url}/", **LOOKS["phone"]).page
    with page.expect_file_chooser() as chooser:
        page.click("#welcome [data-do=photograph]")
    assert chooser.value.element.get_attribute("capture") == "environment"
