"""The switch for small things: all pictures are asked for again, with tiles or without."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.http.tasks import write_task
from tests.page.visit import Visit
from tests.server import Server, serve
from tests.stand_ins import spots


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(spots.write_model(tmp_path_factory.mktemp("spots") / "spots.onnx")) as server:
        yield server


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "one.png"
    path.write_bytes(spots.picture())
    return path


def test_the_switch_finds_small_things(
    open_page: Callable[..., Visit], server: Server, tmp_path: Path
) -> None:
    photos = [tmp_path / "one.png", tmp_path / "two.png"]
    for photo in photos:
        photo.write_bytes(spots.picture())
    visit = open_page(f"{server.url}/")
    headline = visit.page.locator("#headline")
    visit.drop(*photos)
    expect(headline).to_have_text("No objects")
    expect(visit.page.locator("#totals")).to_have_text("No objects in 2 pictures.")
    assert len(visit.asked()) == 2
    visit.page.get_by_label("Find small things, too").check()
    expect(headline).not_to_contain_text("No objects")
    expect(visit.page.locator("#boxes .box").first).to_be_visible()
    expect(visit.page.locator("#totals")).not_to_contain_text("still to come")
    assert [request.url.endswith("&tiles=auto") for request in visit.asked()] == [False] * 2 + [
        True
    ] * 2
    visit.page.click("#tabCurl")
    expect(visit.page.locator("#code")).to_contain_text("&tiles=auto")
    visit.page.get_by_label("Find small things, too").uncheck()
    expect(headline).to_have_text("No objects")
    expect(visit.page.locator("#code")).not_to_contain_text("tiles")


def test_the_saved_picture_has_them_too(
    open_page: Callable[..., Visit], server: Server, photo: Path
) -> None:
    visit = open_page(f"{server.url}/")
    visit.drop(photo)
    visit.answered()
    visit.page.check("#tiles")
    expect(visit.page.locator("#boxes .box").first).to_be_visible()
    with visit.page.expect_download():
        visit.page.click("#save")
    assert visit.asked()[-1].url.endswith("&tiles=auto")


def test_an_answer_that_is_on_its_way_does_not_count(
    open_page: Callable[..., Visit], server: Server, photo: Path
) -> None:
    visit = open_page(f"{server.url}/")
    held: list[Route] = []
    visit.page.route("**/detect?*", lambda route: held.append(route), times=1)
    visit.drop(photo)
    visit.page.wait_for_selector("#stage.busy")
    while not held:
        visit.page.wait_for_timeout(20)
    visit.page.check("#tiles")
    held[0].continue_()
    expect(visit.page.locator("#boxes .box").first).to_be_visible()
    assert [request.url.endswith("&tiles=auto") for request in visit.asked()] == [False, True]


def test_a_classifier_has_no_such_switch(open_page: Callable[..., Visit], tmp_path: Path) -> None:
    with serve(write_task(tmp_path, "classify")) as server:
        visit = open_page(f"{server.url}/")
        expect(visit.page.locator("#model")).to_contain_text("2 labels")
        expect(visit.page.locator("#closer")).to_have_attribute("hidden", "")
