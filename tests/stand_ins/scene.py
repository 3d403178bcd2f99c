"""Two drawn photos, and a model of COCO's 80 labels that finds in them what they show.

The photos have names and sizes of photos that detectors are often tried on, and their objects
are where YOLOv8n finds them there. The model recognises a photo by its colour, blue or red, so that
its answers do not depend on the pixels of an object: tests of clients and of the page want known
answers, not a good detector.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

from models.common.labels import COCO


@dataclass(frozen=True)
class Object:
    label: str
    probability: float
    corners: tuple[float, float, float, float]
    """Left, top, right and bottom, in pixels."""


@dataclass(frozen=True)
class Scene:
    name: str
    size: tuple[int, int]
    colours: tuple[tuple[int, int, int], tuple[int, int, int]]
    """Of the upper and of the lower edge."""
    objects: tuple[Object, ...]


STREET = Scene(
    "bus.jpg",
    (810, 1080),
    ((120, 165, 235), (70, 80, 130)),
    (
        Object("person", 0.904, (671, 384, 810, 880)),
        Object("person", 0.887, (221, 407, 344, 856)),
        Object("person", 0.872, (50, 398, 244, 905)),
        Object("bus", 0.912, (35, 230, 795, 768)),
        Object("person", 0.413, (0, 550, 61, 867)),
        Object("stop sign", 0.182, (0, 255, 33, 326)),
        Object("handbag", 0.121, (230, 560, 330, 680)),
        Object("tie", 0.074, (130, 460, 160, 560)),
    ),
)
YARD = Scene(
    "dog.jpg",
    (768, 576),
    ((235, 150, 110), (120, 80, 60)),
    (
        Object("dog", 0.93, (130, 218, 309, 540)),
        Object("bicycle", 0.897, (132, 135, 568, 419)),
        Object("car", 0.638, (467, 76, 693, 172)),
        Object("truck", 0.447, (468, 75, 693, 172)),
        Object("potted plant", 0.157, (680, 100, 718, 140)),
    ),
)
SCENES = (STREET, YARD)
_CLEARLY = 0.03
"""How much more there is of one colour than of the other, of 1, in a scene."""


def write_photos(folder: Path) -> Path:
    """``bus.jpg`` and ``dog.jpg`` in ``folder``."""
    for scene in SCENES:
        _drawn(scene).save(folder / scene.name, quality=90)
    return folder


def write_annotations(folder: Path) -> None:
    """``annotations.json`` of the scenes, in COCO form."""
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, scene in enumerate(SCENES):
        width, height = scene.size
        images.append({"id": number, "file_name": scene.name, "width": width, "height": height})
        for item in scene.objects:
            left, top, right, bottom = item.corners
            box = {
                "category_id": COCO.index(item.label),
                "bbox": [left, top, right - left, bottom - top],
            }
            box |= {"id": len(annotations) + 1, "image_id": number, "iscrowd": 0}
            annotations.append(box | {"area": (right - left) * (bottom - top)})
    categories = [{"id": number, "name": label} for number, label in enumerate(COCO)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(document), "utf-8")


def _drawn(scene: Scene) -> Image.Image:
    width, height = scene.size
    upper, lower = (np.array(colour, np.float32) for colour in scene.colours)
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    rows = upper + share * (lower - upper)
    rough = np.random.default_rng(0).normal(0, 6, (height, width, 1))
    image = Image.fromarray(np.clip(rows + rough, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for number, item in enumerate(scene.objects):
        tone = tuple(int(part * (0.6 + 0.08 * (number % 4))) for part in scene.colours[1])
        draw.rounded_rectangle(item.corners, 12, fill=tone, outline=(30, 30, 40), width=3)
    return image


def write_model(path: Path) -> Path:
    """A file of the family yolov8 with dynamic sides and a few nodes."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["images", "sides"], ["channels"], keepdims=0),
            helper.make_node("Gather", ["channels", "red"], ["redness"], axis=1),
            helper.make_node("Gather", ["channels", "blue"], ["blueness"], axis=1),
            helper.make_node("Sub", ["redness", "blueness"], ["excess"]),
            helper.make_node("Neg", ["excess"], ["lack"]),
            helper.make_node("Greater", ["excess", "clearly"], ["is_red"]),
            helper.make_node("Greater", ["lack", "clearly"], ["is_blue"]),
            helper.make_node("Cast", ["is_red"], ["red_number"], to=TensorProto.INT64),
            helper.make_node("Cast", ["is_blue"], ["blue_number"], to=TensorProto.INT64),
            helper.make_node("Add", ["red_number", "red_number"], ["twice"]),
            helper.make_node("Add", ["twice", "blue_number"], ["scene"]),
            helper.make_node("Gather", ["tables", "scene"], ["shares"]),
            helper.make_node("Shape", ["images"], ["shape"]),
            helper.make_node("Gather", ["shape", "box_axes"], ["box_sides"]),
            helper.make_node("Cast", ["box_sides"], ["box_pixels"], to=TensorProto.FLOAT),
            helper.make_node("Concat", ["box_pixels", "ones"], ["column"], axis=0),
            helper.make_node("Reshape", ["column", "as_column"], ["scale"]),
            helper.make_node("Mul", ["shares", "scale"], ["output0"]),
        ],
        "scene",
        [helper.make_tensor_value_info("images", 1, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("output0", 1, [1, 4 + len(COCO), _columns()])],
        [
            numpy_helper.from_array(np.array([2, 3], np.int64), "sides"),
            numpy_helper.from_array(np.array(0, np.int64), "red"),
            numpy_helper.from_array(np.array(2, np.int64), "blue"),
            numpy_helper.from_array(np.array(_CLEARLY, np.float32), "clearly"),
            numpy_helper.from_array(_tables(), "tables"),
            numpy_helper.from_array(np.array([3, 2, 3, 2], np.int64), "box_axes"),
            numpy_helper.from_array(np.ones(len(COCO), np.float32), "ones"),
            numpy_helper.from_array(np.array([1, -1, 1], np.int64), "as_column"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    description = {
        "family": "yolov8",
        "name": path.stem,
        "labels": COCO,
        "input": {"size": [640, 640], "stride": 32},
        "license": "CC0-1.0",
    }
    helper.set_model_props(model, {"spotter": json.dumps(description)})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def _columns() -> int:
    return max(len(scene.objects) for scene in SCENES)


def _tables() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """(3, 4 + 80, columns): nothing, then each scene; boxes in shares of the picture."""
    tables = np.zeros((1 + len(SCENES), 4 + len(COCO), _columns()), np.float32)
    for table, scene in zip(tables[1:], SCENES, strict=True):
        width, height = scene.size
        for column, item in enumerate(scene.objects):
            left, top, right, bottom = item.corners
            centre = (left + right) / 2 / width, (top + bottom) / 2 / height
            table[:4, column] = *centre, (right - left) / width, (bottom - top) / height
            table[4 + COCO.index(item.label), column] = item.probability
    return tables
