"""Reads labels and preprocessing from a model's metadata and from files in its folder.

The sources are the metadata (``names`` in any form, sizes of LibreYOLO), Hugging Face's
``config.json`` and ``preprocessor_config.json``, and PaddleDetection's ``infer_cfg.yml``.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.errors import StartError
from app.vision.model.ultralytics import labels_of
from models.common.commands import CommandError

_NAMES = ("names", "class_names", "classes", "labels")
_NO_LABEL = re.compile(r"n/?a|", re.IGNORECASE)
_PILLOW_BICUBIC = 3
_CROPPED_BELOW = 384
"""Input side from which Hugging Face's ConvNeXT stretches pictures instead of cropping them."""
_FOLDERS_OF_MODELS = frozenset({"onnx", "models"})
"""Folders whose models are described in the parent folder."""


@dataclass(frozen=True)
class Hints:
    labels: tuple[str, ...] = ()
    numbers: tuple[int, ...] | None = None
    """The model's class number for each label, if they are not 0, 1, 2 and so on."""
    model_type: str = ""
    size: tuple[int, int] | None = None
    """Height and width of the input."""
    input: dict[str, Any] = field(default_factory=dict)
    """Settings of ``InputSpec`` from a preprocessor's file."""
    scores: str = ""
    """How a classifier's scores become probabilities: softmax or sigmoid."""
    license: str = ""
    sources: tuple[str, ...] = ()
    """Names of the sources, for display."""

    @property
    def says_input(self) -> bool:
        """Whether the preprocessing is known."""
        return "std" in self.input


def read(path: Path, stored: Mapping[str, str]) -> Hints:
    """Raises CommandError if a file in the model's folder cannot be read."""
    found = _of_metadata(stored)
    folders = [path.parent]
    if path.parent.name in _FOLDERS_OF_MODELS:
        folders.append(path.parent.parent)
    for name, of_file in (
        ("config.json", _of_config),
        ("preprocessor_config.json", _of_preprocessor),
        ("infer_cfg.yml", _of_paddle),
    ):
        beside = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if beside is not None:
            try:
                found = of_file(beside, found)
            except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError) as error:
                raise CommandError(
                    f"{beside} beside the model is not as expected ({error}); move it away and"
                    " give its settings as options."
                ) from error
    return found


def _of_metadata(stored: Mapping[str, str]) -> Hints:
    found = Hints(model_type=stored.get("model_family", ""), license=stored.get("license", ""))
    for key in _NAMES:
        if key in stored:
            try:
                labels = labels_of(stored[key])
            except StartError:
                labels = ()
            if labels and all(labels):
                found = replace(found, labels=labels, sources=(f"metadata '{key}'",))
                break
    for keys in (("imgsz_h", "imgsz_w"), ("imgsz", "imgsz"), ("input_size", "input_size")):
        sides = [re.findall(r"\d+", stored.get(key, "")) for key in keys]
        if all(sides):
            return replace(found, size=(int(sides[0][0]), int(sides[1][-1])))
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path} beside the model is not a JSON file.") from error
    return content if isinstance(content, dict) else {}


def _of_config(path: Path, found: Hints) -> Hints:
    content = _json(path)
    model_type = content.get("model_type")
    named = content.get("id2label")
    found = replace(
        found, model_type=model_type if isinstance(model_type, str) else found.model_type
    )
    found = _of_timm(content.get("pretrained_cfg"), replace(found, scores=_scores(content)), path)
    if not isinstance(named, dict) or not all(str(key).isdecimal() for key in named):
        return found
    by_number = {int(key): str(label).strip() for key, label in named.items()}
    numbers = tuple(n for n in sorted(by_number) if not _NO_LABEL.fullmatch(by_number[n]))
    plain = numbers == tuple(range(len(numbers)))
    return replace(
        found,
        labels=tuple(by_number[number] for number in numbers),
        numbers=None if plain else numbers,
        sources=(*found.sources, path.name),
    )


def _scores(config: dict[str, Any]) -> str:
    if config.get("problem_type") == "multi_label_classification":
        return "sigmoid"
    architectures = config.get("architectures") or []
    classifies = any(str(name).endswith("ForImageClassification") for name in architectures)
    return "softmax" if classifies or "pretrained_cfg" in config else ""


def _of_timm(config: object, found: Hints, path: Path) -> Hints:
    """Adds the input settings from a ``config.json`` of timm."""
    if not isinstance(config, dict) or not {"mean", "std", "input_size"} <= config.keys():
        return found
    height, width = map(int, config["input_size"][1:])
    settings: dict[str, Any] = {
        "mean": tuple(round(value * 255, 4) for value in config["mean"]),
        "std": tuple(round(value * 255, 4) for value in config["std"]),
        "channels": "rgb",
        "resample": "bicubic" if config.get("interpolation") == "bicubic" else "antialias",
        "fit": "stretch" if config.get("crop_mode") == "squash" else "crop",
        "shorter_side": int(min(height, width) / float(config.get("crop_pct") or 0.875)),
    }
    return replace(found, input=settings, size=(height, width), sources=(*found.sources, path.name))


def _of_preprocessor(path: Path, found: Hints) -> Hints:
    content = _json(path)
    scale = float(content.get("rescale_factor", 1 / 255)) if content.get("do_rescale", True) else 1
    mean, std = [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]
    if content.get("do_normalize", False):
        mean = content.get("image_mean") or [0.485, 0.456, 0.406]
        std = content.get("image_std") or [0.229, 0.224, 0.225]
    size = content.get("size")
    size = {"shortest_edge": size} if isinstance(size, int) else size
    settings: dict[str, Any] = {
        "mean": tuple(round(value / scale, 4) for value in mean),
        "std": tuple(round(value / scale, 4) for value in std),
        "channels": "rgb",
        "resample": "antialias",
    }
    if content.get("resample") == _PILLOW_BICUBIC:
        settings["resample"] = "bicubic"
    sides = found.size
    size = size if isinstance(size, dict) else {}
    cut = content.get("crop_size") if content.get("do_center_crop") else None
    cut = {"height": cut, "width": cut} if isinstance(cut, int) else cut
    if found.scores and "shortest_edge" in size:
        shortest = int(size["shortest_edge"])
        share = content.get("crop_pct")
        if not cut and share and shortest >= _CROPPED_BELOW:
            settings["fit"] = "stretch"
        else:
            settings["fit"] = "crop"
            settings["shorter_side"] = int(shortest / share) if share and not cut else shortest
        sides = (int(cut["height"]), int(cut["width"])) if cut else (shortest, shortest)
        return replace(found, input=settings, size=sides, sources=(*found.sources, path.name))
    if {"height", "width"} <= size.keys():
        settings["fit"] = "stretch"
        sides = int(size["height"]), int(size["width"])
    elif "shortest_edge" in size or "max_height" in size:
        # The picture is placed in the upper left corner; padding is 0 after the mean is subtracted.
        settings["fit"] = "corner"
        settings["pad_value"] = min(255, max(0, round(sum(settings["mean"]) / 3)))
        shortest = int(size.get("shortest_edge") or size["max_height"])
        longest = int(size.get("longest_edge") or size.get("max_width") or shortest)
        sides = shortest, min(longest, round(shortest * 5 / 3))
    pad = content.get("pad_size")
    if content.get("do_pad") and isinstance(pad, dict) and {"height", "width"} <= pad.keys():
        sides = int(pad["height"]), int(pad["width"])
    return replace(found, input=settings, size=sides, sources=(*found.sources, path.name))


def _of_paddle(path: Path, found: Hints) -> Hints:
    """Parses only the required lines, without a YAML parser."""
    text = path.read_text("utf-8", errors="replace")
    labels = re.search(r"^label_list:\s*\n((?:\s*- .*\n?)+)", text, re.MULTILINE)
    names = re.findall(r"- +(.+?)\s*$", labels[1], re.MULTILINE) if labels else []
    names = [name.strip("'\"") for name in names]
    settings: dict[str, Any] = {"channels": "rgb"}
    size = _numbers(text, "target_size")
    keeps = re.search(r"keep_ratio: *(\w+)", text)
    settings["fit"] = "corner" if keeps and keeps[1].lower() == "true" else "stretch"
    mean, std = _numbers(text, "mean"), _numbers(text, "std")
    plain = re.search(r"norm_type: *none", text) is not None
    scaled = re.search(r"is_scale: *false", text, re.IGNORECASE) is None
    factor = 255.0 if scaled else 1.0
    if len(mean) == len(std) == 3 and not plain:
        settings["mean"] = tuple(round(value * factor, 4) for value in mean)
        settings["std"] = tuple(round(value * factor, 4) for value in std)
    elif plain:
        settings["mean"], settings["std"] = (0.0, 0.0, 0.0), (factor,) * 3
    return replace(
        found,
        labels=tuple(names) or found.labels,
        size=(int(size[0]), int(size[1])) if len(size) == 2 else found.size,
        input=settings,
        sources=(*found.sources, path.name),
    )


def _numbers(text: str, key: str) -> list[float]:
    """The list after ``key``, on the same line or on lines of its own."""
    found = re.search(rf"\b{key}:\s*\[([^\]]*)\]", text) or re.search(
        rf"\b{key}:\s*\n((?:\s*- *[\d.]+\s*\n?)+)", text
    )
    return [float(value) for value in re.findall(r"\d+(?:\.\d+)?", found[1])] if found else []
