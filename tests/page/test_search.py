"""Photos of the bucket, found on the page by what they show."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from app.events.table import Table
from tests.aws.conftest import aws_environment, cloud, results
from tests.events.results import Results
from tests.events.rows import add
from tests.http.scripted import write_model
from tests.page.visit import Visit
from tests.server import Server, serve

__all__ = ["aws_environment", "cloud", "results"]


def test_photos_are_found(
    open_page: Callable[..., Visit], results: Results, tmp_path: Path
) -> None:
    table = Table(results.table)
    for number in range(25):
        add(table, f"in/{number:02}.jpg", {"dog": 0.9 - number / 100})
    add(table, "in/<b>.jpg", {"dog": 0.95, "person": 0.9}, altText="A dog & a <b>person</b>.")
    with serve(write_model(tmp_path / "m.onnx"), table=results.table) as server:
        page = open_page(f"{server.url}/", expect_errors=True).page
        page.fill("#query", "Dog")
        page.keyboard.press("Enter")
        hits = page.locator("#hits li")
        expect(hits).to_have_count(20)
        expect(hits.first).to_contain_text("photos/in/<b>.jpg")
        expect(hits.first).to_contain_text("95%")
        expect(hits.first).to_contain_text("A dog & a <b>person</b>.")
        page.click("#more")
        expect(hits).to_have_count(26)
        expect(page.locator("#more")).to_be_hidden()
        expect(page.locator("#searched")).to_have_text("26 photos")
        page.fill("#query", "dog, -person")
        page.click("#search button.primary")
        expect(hits.first).to_contain_text("in/00.jpg")
        page.fill("#query", "zebra")
        page.keyboard.press("Enter")
        expect(page.locator("#searched")).to_have_text("No photos")
        expect(hits).to_have_count(0)
        page.fill("#query", "-person")
        page.keyboard.press("Enter")
        expect(page.locator("#searched")).to_contain_text("label")


def test_without_a_table_there_is_no_box(open_page: Callable[..., Visit], server: Server) -> None:
    page = open_page(f"{server.url}/").page
    expect(page.locator("#model")).to_contain_text("label")
    expect(page.locator("#search")).to_be_hidden()
