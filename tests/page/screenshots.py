"""Takes the pictures in docs/screenshots anew, of the shipped model.

python -m tests.page.screenshots
"""

import re
import shutil
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

from tests.server import REPOSITORY, serve

FOLDER = REPOSITORY / "docs" / "screenshots"
SAMPLES = REPOSITORY / "app" / "page" / "files" / "samples"
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}

LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": DESKTOP},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "device_scale_factor": 2, "is_mobile": True, "has_touch": True},
}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with serve() as server, sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        for name, look in LOOKS.items():
            take(browser, f"{server.url}/", name, look)
        browser.close()
        answer = server.client.post(
            "/detect",
            content=(SAMPLES / "astronaut.jpg").read_bytes(),
            headers={"Accept": "image/jpeg"},
        )
        (FOLDER / "boxes.jpg").write_bytes(answer.content)


def take(browser: Browser, url: str, name: str, look: dict[str, Any]) -> None:
    context = browser.new_context(reduced_motion="reduce", **look)
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#labels", state="visible")
    if name == "desktop":
        page.screenshot(path=FOLDER / "welcome.jpg", type="jpeg", quality=88)
    page.set_input_files("#files", [SAMPLES / "astronaut.jpg", SAMPLES / "cat.jpg"])
    badges = page.locator("#strip .badge")
    expect(badges).to_have_text([re.compile(r"\d+")] * 2)
    page.mouse.move(1, 1)
    page.wait_for_selector("#label option", state="attached")
    page.screenshot(path=FOLDER / f"{name}.jpg", type="jpeg", quality=88)
    context.close()


if __name__ == "__main__":
    main()
