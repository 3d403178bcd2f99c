"""GET /docs in a browser, and what the document behind it says."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.errors import PUBLIC_ERRORS
from tests.page.visit import Visit
from tests.server import Server

OPERATION = "#operations-detect-detect"
NOT_OF_DETECT = {"NotFound", "MethodNotAllowed", "BadRequest", "Forbidden"}


@pytest.fixture
def docs(server: Server, open_page: Callable[..., Visit]) -> Page:
    """Ready to try as it opens: nothing is clicked first."""
    return open_page(f"{server.url}/docs").page


def execute(page: Page) -> str:
    page.click(f"{OPERATION} .execute")
    live = page.locator(f"{OPERATION} .live-responses-table")
    expect(live.locator(".response-col_status").last).to_contain_text("200")
    return live.locator(".response-col_description pre").first.inner_text()


@pytest.mark.parametrize("kind", ["multipart/form-data", "application/octet-stream"])
def test_a_photo_can_be_uploaded(docs: Page, server: Server, bus: Path, kind: str) -> None:
    docs.select_option(f"{OPERATION} .opblock-section-request-body select", kind)
    docs.set_input_files(f"{OPERATION} input[type=file]", bus)
    docs.fill(f"{OPERATION} tr[data-param-name=confidence] input", "0.5")
    expected = server.detect(bus.read_bytes(), confidence=0.5).json()
    assert json.loads(execute(docs)) == expected


def test_the_first_screen_is_the_operation_and_not_the_table_of_errors(docs: Page) -> None:
    docs.set_viewport_size({"width": 1280, "height": 800})
    expect(docs.locator(f"{OPERATION} .parameters-container")).to_be_attached()
    place = docs.locator(f"{OPERATION} .opblock-summary").bounding_box()
    assert place is not None
    assert place["y"] < 400
    table = docs.locator(".info details table")
    expect(table).to_be_hidden()
    docs.click(".info details summary")
    expect(table).to_be_visible()


def test_a_link_to_another_operation_opens_that_one(
    server: Server, open_page: Callable[..., Visit]
) -> None:
    page = open_page(f"{server.url}/docs#/model/model").page
    expect(page.locator("#operations-model-model")).to_have_class(re.compile("is-open"))
    expect(page.locator(OPERATION)).not_to_have_class(re.compile("is-open"))


def test_every_error_stands_there_with_an_example(server: Server) -> None:
    document = server.client.get("/openapi.json").json()
    for error in PUBLIC_ERRORS:
        assert f"| `{error.__name__}` | {error.status} |" in document["info"]["description"]
    operation = document["paths"]["/detect"]["post"]
    examples: dict[str, Any] = {}
    for status, answer in operation["responses"].items():
        for content in answer["content"].values():
            for name, example in content.get("examples", {}).items():
                assert example["value"]["status"] == int(status)
                examples[name] = example["value"]
    documented = {error.__name__ for error in PUBLIC_ERRORS} - NOT_OF_DETECT
    assert examples.keys() == documented


def test_every_parameter_is_described_with_its_range(server: Server) -> None:
    operation = server.client.get("/openapi.json").json()["paths"]["/detect"]["post"]
    parameters = {one["name"]: one for one in operation["parameters"]}
    assert all(one["description"] for one in parameters.values())
    for name in ("confidence", "iou", "max_detections"):
        assert {"minimum", "maximum"} <= parameters[name]["schema"].keys()
