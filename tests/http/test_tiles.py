"""``tiles=auto`` through HTTP: what it finds, and what it may cost others."""

import io
import os
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
from tests.http.client import (
    Wire,
    detections,
    drawn,
    full,
    is_answered,
    post,
    problem,
    until_begun,
)
from tests.http.scripted import WHITE
from tests.http.tasks import SIDE, write_task
from tests.server import Server, serve
from tests.stand_ins import spots

LARGE, AUTO = (130, 100), {"tiles": "auto"}
"""With an input of 64 x 64 such a picture has six tiles."""
HUGE = (210, 210)
"""As many tiles as there may be: sixteen."""


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
    """The waiting is compared with the other picture's turns, which are what is waited for."""
    slow = drawn(*LARGE, WHITE)
    ones = [inference_ms(post(narrow, drawn(colour=WHITE))) for _ in range(3)]
    head = {"Content-Length": str(len(slow)), "X-Request-Id": "paused"}
    with Wire(narrow) as wire, Wire(narrow) as other:
        wire.head("POST", "/detect?tiles=auto", head).send(slow[:-1])
        other.head("POST", "/detect?tiles=auto", {**head, "X-Request-Id": "other"}).send(slow[:-1])
        until_begun(narrow, 2)
        for one in (wire, other):  # so that both begin at the same moment
            one.send(slow[-1:])
        answer, of_other = wire.response(), other.response()
    assert inference_ms(answer) > 4 * min(ones)
    line = narrow.logged("paused")
    assert sum(line["stages"].values()) <= 1.01 * line["ms"]
    assert line["stages"]["wait"] > 0.5 * inference_ms(of_other)


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
def one_at_a_time(scripted_model: Path) -> Iterator[Server]:
    """One image at a time, and one may wait."""
    with serve(scripted_model, concurrency="1", queue="1", threads="1") as server:
        yield server


@pytest.fixture
def narrow(one_at_a_time: Server) -> Server:
    """The same, with all places free: a tile that runs keeps its place when its client leaves."""
    eventually(lambda: one_at_a_time.figure("spotter_images_running ") == 0)
    return one_at_a_time


def begin(server: Server, wire: Wire, picture: bytes, request_id: str) -> None:
    """Sends a picture that is searched in tiles, and waits until it has begun."""
    head = {"Content-Length": str(len(picture)), "X-Request-Id": request_id}
    wire.head("POST", "/detect?tiles=auto", head).send(picture)
    eventually(lambda: server.figure("spotter_images_running ") == 1 or is_answered(wire))


def test_another_image_is_answered_between_two_tiles(narrow: Server) -> None:
    """Each tile of a white picture takes long, and a black picture no time.

    The log has them in the order in which they ended. If tiles had no pauses, the large picture
    would come first each time; a busy machine may stop this process for as long once.
    """
    slow = drawn(*HUGE, WHITE)
    for number in range(5):
        with Wire(narrow) as wire:
            begin(narrow, wire, slow, f"slow-{number}")
            headers = {"X-Request-Id": f"quick-{number}"}
            assert post(narrow, drawn(), headers=headers).status_code == 200
            narrow.logged(f"quick-{number}")
        narrow.logged(f"slow-{number}")
        ended = [line["id"] for line in narrow.log() if line["message"] == "request"]
        if ended.index(f"quick-{number}") < ended.index(f"slow-{number}"):
            return
    pytest.fail("The other image had to wait for all tiles.")


def test_the_tiles_of_one_picture_hold_one_place(narrow: Server) -> None:
    slow = drawn(*LARGE, WHITE)
    head = {"Content-Length": str(len(slow))}
    for _ in range(5):
        with Wire(narrow) as one, Wire(narrow) as two:
            for wire in (one, two):
                wire.head("POST", "/detect?tiles=auto", head).send(slow)
            eventually(lambda: full(narrow) or is_answered(one) or is_answered(two))
            status = post(narrow, drawn()).status_code
            too_late = is_answered(one) or is_answered(two)
            assert [wire.response().status_code for wire in (one, two)] == [200, 200]
        if not too_late:
            break
    assert status == 503
    assert post(narrow, drawn()).status_code == 200


def test_a_client_that_leaves_has_no_further_tiles_looked_at(narrow: Server) -> None:
    """Of the seventeen views only that goes on which was being looked at when it left."""
    before = cpu_seconds(narrow)
    for _ in range(3):
        assert post(narrow, drawn(colour=WHITE)).status_code == 200
    one_view = (cpu_seconds(narrow) - before) / 3
    spent = []
    for number in range(5):  # a busy machine may keep this process from leaving at once
        before = cpu_seconds(narrow)
        with Wire(narrow) as wire:
            begin(narrow, wire, drawn(*HUGE, WHITE), f"leaves-{number}")
        assert narrow.logged(f"leaves-{number}")["gone"] is True
        eventually(lambda: narrow.figure("spotter_images_running ") == 0)
        spent.append((cpu_seconds(narrow) - before) / one_view)
        if spent[-1] < 4:
            return
    pytest.fail(f"It went on for {spent} views.")


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
