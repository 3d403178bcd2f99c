"""The settings of a run. Its checkpoint keeps them, and ``--resume`` uses them again."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.vision.description import Description
from models.train import defaults


class Settings(BaseModel):
    """Options have the same names. ``progressive`` and ``warm_up`` are as in the schedule."""

    model_config = ConfigDict(frozen=True)

    imgsz: int = defaults.SIDE
    batch: int = defaults.BATCH
    stored_side: int = defaults.STORED_SIDE
    epochs: float | None = defaults.EPOCHS
    hours: float | None = None
    rate: float = defaults.RATE
    decay: float = defaults.DECAY
    mosaic: float = defaults.MOSAIC
    mixup: float = defaults.MIXUP
    guided: float = defaults.GUIDED
    qat: bool = False
    calibrate: bool = False
    progressive: bool = True
    warm_up: int = defaults.WARM_UP
    name: str
    license: str = defaults.LICENSE
    iou: float | None = None
    agnostic_iou: float | None = None


def settle(
    options: argparse.Namespace,
    kept: Mapping[str, Any],
    labels: int,
    before: Description | None,
    *,
    fine_tuning: bool,
) -> Settings:
    """The options that are given, else what the resumed run had, else defaults.

    ``kept`` are the settings of the resumed run, or empty. ``before`` describes the file of
    ``--from``; a run that continues its schedule is not ``fine_tuning``.
    """
    usual: dict[str, Any] = {"name": f"spotter-n{labels}"}
    if before:
        usual |= {"iou": before.iou, "agnostic_iou": before.agnostic_iou}
        usual |= {"warm_up": defaults.FINE_WARM_UP}
    if fine_tuning:
        usual |= {"rate": defaults.FINE_RATE, "progressive": False}
    given = {
        name: value
        for name in Settings.model_fields
        if (value := getattr(options, name, None)) is not None
    }
    if "epochs" in given or "hours" in given:  # one without the other is the only end
        given = {"epochs": None, "hours": None, **given}
    return Settings(**{**usual, **kept, **given})
