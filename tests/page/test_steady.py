"""The page holds still while the slider is dragged and while many photos come at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.eventually import eventually
from tests.page.photos import ASTRONAUT, make_photos
from tests.page.visit import Visit
from tests.server import Server

# Moves the slider at each of 120 frames, up and down, but not past the astronaut, and records what
# each step shows.
_DRAG = """async () => {
  const slider = document.querySelector("#confidence");
  const seen = [];
  const first = document.querySelector("#boxes .box");
  const row = document.querySelector("#objects button");
  for (let step = 0; step < 120; step += 1) {
    await new Promise(requestAnimationFrame);
    slider.value = 0.05 + 0.4 * Math.abs(Math.sin(step / 20));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    for (const box of document.querySelectorAll("#boxes .box")) {
      seen.push(Number(getComputedStyle(box).opacity));
    }
  }
  const kept = first.isConnected && row.isConnected;
  return { seen, kept, running: document.getAnimations().length };
}"""

# Counts requests under way and full-size pictures that the page keeps addresses of.
_COUNT = """
window.counted = { now: 0, most: 0, urls: new Map() };
const { fetch } = window;
window.fetch = async (...request) => {
  const detects = String(request[0]).includes("detect?");
  if (detects) counted.most = Math.max(counted.most, (counted.now += 1));
  try {
    return await fetch(...request);
  } finally {
    if (detects) counted.now -= 1;
  }
};
const make = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  const url = make(blob);
  counted.urls.set(url, blob.size);
  return url;
};
const revoke = URL.revokeObjectURL;
URL.revokeObjectURL = (url) => {
  counted.urls.delete(url);
  revoke(url);
};
"""


def test_boxes_stay_opaque_while_the_slider_is_dragged(
    open_page: Callable[..., Visit], default_server: Server
) -> None:
    visit = open_page(f"{default_server.url}/")
    visit.drop(ASTRONAUT)
    visit.answered()
    visit.set_confidence(0.05)
    # The boxes of a new picture appear softly.
    eventually(lambda: visit.page.evaluate("document.getAnimations().length") == 0)
    drag: dict[str, Any] = visit.page.evaluate(_DRAG)
    assert len(drag["seen"]) >= 120
    assert set(drag["seen"]) == {1}
    assert drag["kept"]
    assert drag["running"] == 0
    assert len(visit.asked()) == 1


@pytest.mark.parametrize("count", [40])
def test_many_photos_at_once(
    open_page: Callable[..., Visit], default_server: Server, tmp_path: Path, count: int
) -> None:
    photos = make_photos(tmp_path, count, (2400, 1800))
    visit = open_page("about:blank")
    visit.page.add_init_script(_COUNT)
    visit.page.goto(f"{default_server.url}/")
    visit.page.set_input_files("#files", photos)
    page = visit.page
    expect(page.locator("#strip button")).to_have_count(count)
    expect(page.locator("#totals")).not_to_contain_text("still to come", timeout=600_000)
    expect(page.locator("#totals")).to_contain_text(f"in {count} pictures")
    expect(page.locator("#place")).to_have_text(f"1 of {count}")
    counted: dict[str, Any] = page.evaluate("counted")
    assert 1 <= counted["most"] <= 3
    sizes = sorted(page.evaluate("[...counted.urls.values()]"))
    assert len(sizes) == count + 1  # a small copy of each, and the picture that is shown
    assert sizes[-2] < 30_000
    thumbs = page.evaluate(
        "[...document.querySelectorAll('#strip img')].map((i) => i.naturalWidth * i.naturalHeight)"
    )
    assert max(thumbs) <= 200 * 150
    page.click("#clear")
    expect(page.locator("#welcome")).to_be_visible()
    assert page.evaluate("counted.urls.size") == 0
