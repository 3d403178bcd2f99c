"""The content security policy in a browser: the pages keep it, what is put into them does not."""

import pytest
from playwright.sync_api import Browser

from tests.eventually import eventually
from tests.page.visit import new_page
from tests.server import Server

RECORD = """window.broken = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.broken.push(event.effectiveDirective);
});"""
PUT_IN = """() => {
  document.body.insertAdjacentHTML("beforeend", `
    <img src="x" onerror="window.ran = true">
    <img src="https://elsewhere.example/x.png">
    <iframe src="https://elsewhere.example/"></iframe>
    <object data="https://elsewhere.example/x"></object>
    <link rel="stylesheet" href="https://elsewhere.example/x.css">
    <form action="https://elsewhere.example/" id="put-in"></form>`);
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  document.body.append(script);
  document.querySelector("#put-in").submit();
  setTimeout(() => eval("window.ran = true"));  // what the test itself calls may do so
  return fetch("https://elsewhere.example/", { method: "POST" }).catch(() => null);
}"""
REFUSED = {
    *("script-src-attr", "script-src-elem", "script-src", "img-src", "frame-src", "object-src"),
    *("style-src-elem", "form-action", "connect-src"),
}


@pytest.mark.parametrize(("path", "whole"), [("/", "h1"), ("/docs", "#operations-detect-detect")])
def test_the_pages_keep_it_and_nothing_else_does(
    browser: Browser, server: Server, path: str, whole: str
) -> None:
    page = new_page(browser)
    page.add_init_script(RECORD)
    page.goto(f"{server.url}{path}")
    page.wait_for_selector(whole)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.broken") == []
    page.evaluate(PUT_IN)
    # There is no waiting for a condition without eval.
    eventually(lambda: set(page.evaluate("window.broken")) >= REFUSED)
    assert page.evaluate("window.ran") is None
    page.close()


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_no_page_may_frame_them(browser: Browser, server: Server, path: str) -> None:
    page = new_page(browser)
    page.goto("about:blank")
    page.set_content(f'<iframe src="{server.url}{path}"></iframe>')
    page.wait_for_load_state("networkidle")
    frame = page.frames[-1]
    assert frame != page.main_frame
    assert "Spotter" not in frame.content()
    page.close()
