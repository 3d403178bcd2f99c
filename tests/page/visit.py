"""One visit of a page: what the tests do there, and what it must never do."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request

LIMIT_MS = 180_000
"""Playwright's own limits are little for a browser on a machine that is busy."""

_DROP = """async ([files, kind]) => {
  const data = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
    data.items.add(new File([bytes], name));
  }
  for (const type of kind === "paste" ? ["paste"] : ["dragenter", "dragover", "drop"]) {
    const options = { bubbles: true, cancelable: true };
    document.body.dispatchEvent(
      kind === "paste"
        ? new ClipboardEvent(type, { ...options, clipboardData: data })
        : new DragEvent(type, { ...options, dataTransfer: data }),
    );
  }
}"""

# Boxes follow the size of their frame before the next frame is painted.
_BOXES = """async () => {
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const frame = document.querySelector("#frame").getBoundingClientRect();
  return [...document.querySelectorAll("#boxes .box")]
    .map((box) => {
      const { x, y, width, height } = box.querySelector(".edge").getBBox();
      const place = [x / frame.width, y / frame.height, width / frame.width, height / frame.height];
      return [Number(box.dataset.index), box.querySelector("text").textContent, place];
    })
    .sort((a, b) => a[0] - b[0]);
}"""


def new_page(browser: Browser) -> Page:
    page = browser.new_page()
    page.set_default_timeout(LIMIT_MS)
    return page


@dataclass
class Visit:
    page: Page
    expect_errors: bool = False
    """Whether the browser may report requests that failed; nothing else, ever."""
    console: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(LIMIT_MS)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", self._on_error)
        self.page.on("request", self._on_request)

    def _on_request(self, request: Request) -> None:
        self.requests.append(request)

    def _on_console(self, message: ConsoleMessage) -> None:
        failed = ("the server responded with a status of", "Failed to load resource: net::ERR_")
        answer = any(text in message.text for text in failed)
        if message.type in ("error", "warning") and not (answer and self.expect_errors):
            self.console.append(message.text)

    def _on_error(self, error: Error) -> None:
        self.console.append(str(error))

    def check(self) -> None:
        assert not self.console
        assert self.requests
        for request in self.requests:
            parts = urlsplit(request.url)
            assert parts.scheme in ("blob", "data") or parts.hostname == "127.0.0.1", request.url

    def drop(self, *files: Path, paste: bool = False) -> None:
        contents = [[file.name, base64.b64encode(file.read_bytes()).decode()] for file in files]
        self.page.evaluate(_DROP, [contents, "paste" if paste else "drop"])

    def answered(self) -> None:
        """Waits for the boxes of the picture that is shown."""
        self.page.wait_for_selector("#work.answered #frame:visible")

    def boxes(self) -> list[tuple[int, str, list[float]]]:
        """As they are drawn: index, label's text, place relative to the picture."""
        found: Any = self.page.evaluate(_BOXES)
        return [(index, text, place) for index, text, place in found]

    def asked(self) -> list[Request]:
        return [request for request in self.requests if "/detect" in request.url]

    def set_confidence(self, value: float) -> None:
        self.page.locator("#confidence").fill(str(value))
