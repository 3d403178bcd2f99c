"""``tiles=auto`` through HTTP: what it finds, and what it may cost others."""

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from app.vision.tiles.grid import MOST_TILES
from tests.eventually import eventually
from tests.http.client import Wire, detections, drawn, full, post, problem
from tests.http.scripted import WHITE
from tests.http.tasks import SIDE, write_task
from tests.server import Server, serve
from tests.stand_ins import spots

LARGE, AUTO = (130, 100), {"tiles": "auto"}
"""With an input of 64 x 64 such a picture has six tiles."""


@pytest.fixture(scope="module")
def spotting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(spots.write_model(tmp_path_factory.mktemp("spots") / "spots.onnx")) as server:
        yield server


def test_small_things_are_found_with_tiles_and_not_without(spotting: Server) -> None:
    assert detections(post(spotting, spots.picture())) == []
    assert detections(post(spotting, spots.picture(), params={"tiles": "none"})) == []
    found = detections(post(spotting, spots.picture(), params=AUTO))
    for x, y in spots.SPOTS:
        boxes = [item["boundingBox"] for item in found]
        assert any(
            abs(left + width / 2 - x) <= spots.SPOT_SIDE
            and abs(top + height / 2 - y) <= spots.SPOT_SIDE
            for left, top, width, height in boxes
        )
    limited = detections(post(spotting, spots.picture(), params={**AUTO, "max_detections": 3}))
    assert limited == found[:3]


def test_they_are_drawn(spotting: Server) -> None:
    def bright(**params: Any) -> int:
        answer = post(spotting, spots.picture(), params=params, headers={"Accept": "image/png"})
        assert answer.status_code == 200
        pixels = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"))
        return int((pixels > 60).sum())

    assert bright(**AUTO) > 1.5 * bright()


def test_the_stages_count_all_views_and_their_pauses_as_waiting(narrow: Server) -> None:
    slow = drawn(*LARGE, WHITE)
    # The machine itself may hold one of them up.
    one = min(inference_ms(post(narrow, drawn(colour=WHITE))) for _ in range(3))
    head = {"Content-Length": str(len(slow)), "X-Request-Id": "paused"}
    with Wire(narrow) as wire, Wire(narrow) as other:
        wire.head("POST", "/detect?tiles=auto", head).send(slow)
        other.head("POST", "/detect?tiles=auto", {"Content-Length": str(len(slow))}).send(slow)
        answer, _ = wire.response(), other.response()
    assert inference_ms(answer) > 4 * one
    line = narrow.logged("paused")
    assert sum(line["stages"].values()) <= 1.01 * line["ms"]
    assert line["stages"]["wait"] > 0.5 * line["stages"]["inference"]  # the other one's turns


def inference_ms(answer: httpx.Response) -> float:
    stages = dict(part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
    assert list(stages) == ["decode", "preprocess", "inference", "postprocess"]
    return float(stages["inference"])


@pytest.mark.parametrize("value", ["yes", "", "4"])
def test_other_values_are_refused(spotting: Server, value: str) -> None:
    detail = problem(
        post(spotting, spots.picture(), params={"tiles": value}), 422, "InvalidParameter"
    )
    assert "'none' or 'auto'" in detail


def test_a_model_of_whole_pictures_has_no_use_for_tiles(tmp_path: Path) -> None:
    with serve(write_task(tmp_path, "classify")) as server:
        detail = problem(post(server, drawn(), params=AUTO), 422, "InvalidParameter")
        assert "finds no objects. Leave tiles out" in detail
        assert post(server, drawn(), params={"tiles": "none"}).status_code == 200


def test_masks_keypoints_and_corners_lie_where_the_tile_lies(tmp_path: Path) -> None:
    """Each view of 64 x 64 pixels has the same answer, so all of them have to be in place."""
    picture = drawn(2 * SIDE, SIDE)
    for task in ("segment", "pose", "obb"):
        with serve(write_task(tmp_path, task)) as server:
            params = {**AUTO, **({"masks": "polygons"} if task == "segment" else {})}
            found = detections(post(server, picture, params=params))
            assert len(found) > 4
            for item in found:
                x, y, width, height = item["boundingBox"]
                if task == "segment":
                    # The left half of each box.
                    (ring,) = item["polygons"]
                    assert min(ring)[0] == pytest.approx(x, abs=1)
                    assert max(ring)[0] == pytest.approx(x + width / 2, abs=width / 10)
                    assert {round(row) for _, row in ring} == {round(y), round(y + height)}
                elif task == "pose":
                    nose, _ = item["keypoints"]
                    assert nose["x"] == pytest.approx(x + width / 4, abs=1)
                    assert nose["y"] == pytest.approx(y + height * 3 / 8, abs=1)
                else:
                    xs, ys = zip(*item["corners"], strict=True)
                    assert min(xs) == pytest.approx(x, abs=0.1)
                    assert max(ys) == pytest.approx(y + height, abs=0.1)
            if task == "segment":
                runs = detections(post(server, picture, params={**AUTO, "masks": "rle"}))
                for item in runs:
                    counts = item["rle"]["counts"].encode()
                    left, _, width, _ = coco.toBbox({"size": [SIDE, 2 * SIDE], "counts": counts})
                    assert left == pytest.approx(item["boundingBox"][0], abs=1)
                    assert width == pytest.approx(item["boundingBox"][2] / 2, abs=2)


@pytest.fixture(scope="module")
def narrow(scripted_model: Path) -> Iterator[Server]:
    """One image at a time, and one may wait."""
    with serve(scripted_model, concurrency="1", queue="1", threads="1") as server:
        yield server


def test_another_image_is_answered_between_two_tiles(narrow: Server) -> None:
    """Each tile of a white picture takes long, and a black picture no time."""
    slow = drawn(*LARGE, WHITE)
    head = {"Content-Length": str(len(slow))}
    with Wire(narrow) as wire:
        wire.head("POST", "/detect?tiles=auto", head).send(slow)
        time.sleep(0.1)
        assert post(narrow, drawn()).status_code == 200
        assert not wire.is_answered(), "the other image had to wait for all tiles"
        assert wire.response().status_code == 200


def test_the_tiles_of_one_picture_hold_one_place(narrow: Server) -> None:
    slow = drawn(*LARGE, WHITE)
    head = {"Content-Length": str(len(slow))}
    with Wire(narrow) as one, Wire(narrow) as two:
        for wire in (one, two):
            wire.head("POST", "/detect?tiles=auto", head).send(slow)
        eventually(lambda: full(narrow))
        assert post(narrow, drawn()).status_code == 503
        assert [wire.response().status_code for wire in (one, two)] == [200, 200]
    assert post(narrow, drawn()).status_code == 200


def test_a_client_that_leaves_has_no_further_tiles_looked_at(narrow: Server) -> None:
    """Of the seven views only that goes on which was being looked at."""
    slow = drawn(*LARGE, WHITE)
    before, began = cpu_seconds(narrow), time.monotonic()
    assert post(narrow, slow, params=AUTO).status_code == 200
    whole, view = cpu_seconds(narrow) - before, (time.monotonic() - began) / 7
    with Wire(narrow) as wire:
        wire.head("POST", "/detect?tiles=auto", {"Content-Length": str(len(slow))}).send(slow)
        time.sleep(view / 2)
    time.sleep(view)
    left = cpu_seconds(narrow)
    time.sleep(4 * view)
    assert cpu_seconds(narrow) - left < 2 * whole / 7
    eventually(lambda: '"gone": true' in narrow.output())


def cpu_seconds(server: Server) -> float:
    times = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def test_tiles_that_could_never_be_held_are_refused(tmp_path: Path) -> None:
    """The memory of all requests is ten bodies."""
    model = spots.write_model(tmp_path / "spots.onnx")
    with serve(model, max_body_bytes="20000") as server:
        detail = problem(post(server, spots.picture(), params=AUTO), 413, "ImageTooLarge")
        assert "The tiles of this image take 0.3 MB" in detail
        assert post(server, spots.picture()).status_code == 200


def test_the_document_says_how_many_tiles_there_are(spotting: Server) -> None:
    document = spotting.client.get("/openapi.json").json()
    parameters = document["paths"]["/detect"]["post"]["parameters"]
    (tiles,) = (one for one in parameters if one["name"] == "tiles")
    assert tiles["schema"]["enum"] == ["none", "auto"]
    assert tiles["schema"]["default"] == "none"
    assert str(MOST_TILES) in tiles["description"]
