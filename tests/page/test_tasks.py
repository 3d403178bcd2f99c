"""What the page draws of masks, keypoints, turned boxes, and labels of the whole picture."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.http.client import drawn
from tests.http.tasks import SIDE, write_task
from tests.page.visit import Visit
from tests.server import serve


@pytest.fixture
def shown(open_page: Callable[..., Visit], tmp_path: Path) -> Callable[[str], Page]:
    """The page of a server for a task, with one picture."""
    photo = tmp_path / "photo.png"
    photo.write_bytes(drawn(SIDE, SIDE))

    def shown(task: str) -> Page:
        with serve(write_task(tmp_path, task)) as server:
            visit = open_page(f"{server.url}/")
            visit.page.wait_for_selector("#labels:visible")  # the model is known
            visit.drop(photo)
            visit.answered()
        return visit.page

    return shown


def path_of(page: Page, which: str) -> str:
    return page.locator(f"#boxes .box {which}").get_attribute("d") or ""


def test_masks(shown: Callable[[str], Page]) -> None:
    page = shown("segment")
    path = path_of(page, "path:not(.joints)")
    assert path.startswith("M")
    assert path.endswith("Z")
    assert set(path.strip("MZ").split("L")) == {"16,32", "16,96", "64,32", "64,96"}
    page.locator("#tabCurl").click()
    assert "&masks=polygons" in page.locator("#code").inner_text()


def test_keypoints(shown: Callable[[str], Page]) -> None:
    page = shown("pose")
    assert path_of(page, ".joints") == "M56,60L56,60"  # the tail is unsure
    assert path_of(page, "path:not(.joints)") == ""


def test_turned_boxes(shown: Callable[[str], Page]) -> None:
    page = shown("obb")
    assert path_of(page, "path:not(.joints)") == "M54,84L74,84L74,44L54,44Z"
    edge = page.locator("#boxes .box .edge")
    assert edge.evaluate("edge => getComputedStyle(edge).visibility") == "hidden"


def test_labels_of_the_whole_picture(shown: Callable[[str], Page]) -> None:
    page = shown("classify")
    assert page.locator("#headline").inner_text() == "1 label"
    assert page.locator("#objects .label").all_inner_texts() == ["dog"]
    assert page.locator("#boxes .box").count() == 0
    page.locator("#confidence").fill("0.1")
    assert page.locator("#objects .label").all_inner_texts() == ["dog", "cat"]
    assert '"classifications"' in page.locator("#code").inner_text()
