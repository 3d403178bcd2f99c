"""The soak itself, for seconds: that it counts what it should, and would see a leak."""

import asyncio
import os
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.harness.load import raw_request
from benchmarks.harness.process import run
from benchmarks.harness.trend import slope
from benchmarks.soak import Soak, soak
from tests.http.client import drawn
from tests.http.scripted import RED

pytestmark = pytest.mark.load

MB = 1_000_000


def noisy(per_second: float, seconds: int = 1800) -> Soak:
    """A soak whose memory wanders, as that of an allocator does, and grows besides."""
    chance = random.Random(1)
    found = Soak(idle=100 * MB, seconds=seconds)
    wandering = 0.0
    for at in range(0, seconds, 2):
        wandering = 0.9 * wandering + chance.gauss(0, MB)
        found.times.append(float(at))
        found.resident.append(round(150 * MB + wandering + per_second * at))
        found.descriptors.append(9)
    found.statuses = Counter({200: 1000})
    return found


def test_what_only_wanders_is_flat() -> None:
    growth = noisy(0).growth()
    assert growth.low < 0 < growth.high
    assert growth.is_flat
    assert noisy(0).facts()["rss_slope_mb_per_hour"] == pytest.approx(0, abs=30)


@pytest.mark.parametrize("bytes_an_image", [500, 2000])
def test_a_leak_is_seen_through_the_noise(bytes_an_image: int) -> None:
    """At thirty images a second."""
    growth = noisy(30 * bytes_an_image).growth()
    assert not growth.is_flat
    assert growth.low < 30 * bytes_an_image < growth.high


def test_a_slope_and_its_interval() -> None:
    """Of eight points, with a noise that goes to and fro."""
    values = [2.0 * at + (0.5 if at % 2 else -0.5) for at in range(8)]
    found = slope(range(8), values, block=1)
    assert found.value == pytest.approx(2, abs=0.15)
    assert 0.15 < found.high - found.value < 0.3
    with pytest.raises(ValueError, match="too few"):
        slope([0, 1, 2], [1, 2, 3], block=1)


def test_a_soak_of_seconds(scripted_model: Path) -> None:
    images = [drawn(), drawn(30, 40, encoding="JPEG"), b"no image", drawn()[:60]]
    settings = {"SPOTTER_MODEL": str(scripted_model)}
    with run([sys.executable, "-m", "app"], settings, os.sched_getaffinity(0)) as server:
        requests = [raw_request("/detect", image) for image in images]
        found = asyncio.run(soak(server, requests, load=0.3, seconds=8, every=0.1))
        assert found.statuses.keys() == {200, 415, 422}
        assert found.statuses.total() > 100
        assert not found.errors
        assert found.idle > 30 * MB
        assert found.facts()["requests"] == found.statuses.total()
        bad = asyncio.run(
            soak(server, [raw_request("/detect", drawn(colour=RED))], load=0.1, seconds=0.1)
        )
        assert bad.errors["500 at first"] == 1
