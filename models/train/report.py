"""Images that describe a run: its curves, and validation photos with detections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont

from app.vision.detections import Candidates
from app.vision.draw import colour_of
from models.train.canvas import input_of
from models.train.evaluate import detect
from models.train.image_cache import ImageStore, Pixels
from models.train.net import Detector
from models.train.samples import Sample

SHOWN = 0.3
"""Minimum score of a box on the contact sheet."""
COLUMNS, TILE = 5, 240
MARGIN = 4


def curves(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Plots losses, precision and learning rate over the hours of the run, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    hours = [entry["hours"] for entry in history]
    panels: dict[str, dict[str, str]] = {
        "Precision on the validation photos": {"map50": "mAP50", "map": "mAP50-95"},
        "Training loss": {"box": "box", "score": "score"},
        "Learning rate": {"rate": "rate"},
    }
    for axes, (title, lines) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        for key, label in lines.items():
            axes.plot(hours, [entry[key] for entry in history], label=label, marker=".", ms=3)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("hours", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
        if len(lines) > 1:
            axes.legend(fontsize=7)
        if "Loss" in title or "loss" in title:
            axes.set_yscale("log")
    figure.savefig(path, dpi=110)


def contact_sheet(
    detector: Detector,
    samples: Sequence[Sample],
    store: ImageStore,
    labels: Sequence[str],
    side: int,
    path: Path,
    *,
    device: torch.device,
    photos: int = 20,
) -> None:
    """Draws evenly spread validation photos with all boxes above ``SHOWN``."""
    step = max(1, len(samples) // photos)
    chosen = list(range(0, len(samples), step))[:photos]
    found = dict(detect(detector, store, input_of(side), device=device, only=chosen))
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (TILE + MARGIN), rows * (TILE + MARGIN)), "white")
    for place, i in enumerate(chosen):
        tile = _tile(store[i], found[i], labels)
        x, y = place % COLUMNS * (TILE + MARGIN), place // COLUMNS * (TILE + MARGIN)
        sheet.paste(tile, (x + (TILE - tile.width) // 2, y + (TILE - tile.height) // 2))
    sheet.save(path, quality=85)


def _tile(pixels: Pixels, found: Candidates, labels: Sequence[str]) -> Image.Image:
    image = Image.fromarray(pixels)
    image.thumbnail((TILE, TILE))
    canvas = ImageDraw.Draw(image)
    font = ImageFont.load_default(11)
    rows = zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True)
    for box, score, label in rows:
        if score < SHOWN:
            continue
        x0, y0, x1, y1 = (v * s for v, s in zip(box, image.size * 2, strict=True))
        colour = colour_of(label)
        canvas.rectangle((x0, y0, x1, y1), outline=colour, width=2)
        text = f"{labels[label]} {score:.2f}"
        canvas.rectangle(canvas.textbbox((x0 + 2, y0 + 1), text, font), fill=colour)
        canvas.text((x0 + 2, y0 + 1), text, "black", font)
    return image
