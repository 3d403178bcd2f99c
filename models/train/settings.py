"""The settings of a run. Its checkpoint keeps them, and ``--resume`` uses them again."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.vision.description import Description
from models.train.defaults import (
    BATCH,
    DECAY,
    EPOCHS,
    FINE_RATE,
    FINE_WARM_UP,
    GUIDED,
    LICENSE,
    MIXUP,
    MOSAIC,
    RATE,
    SIDE,
    STORED_SIDE,
    WARM_UP,
)


class Settings(BaseModel):
    """Options have the same names. ``progressive`` and ``warm_up`` are as in the schedule."""

    model_config = ConfigDict(frozen=True)

    imgsz: int = SIDE
    batch: int = BATCH
    stored_side: int = STORED_SIDE
    epochs: float | None = EPOCHS
    hours: float | None = None
    rate: float = RATE
    decay: float = DECAY
    mosaic: float = MOSAIC
    mixup: float = MIXUP
    guided: float = GUIDED
    qat: bool = False
    calibrate: bool = False
    progressive: bool = True
    warm_up: int = WARM_UP
    name: str
    license: str = LICENSE
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
    defaults: dict[str, Any] = {"name": f"spotter-n{labels}"}
    if before:
        defaults |= {"iou": before.iou, "agnostic_iou": before.agnostic_iou}
        defaults |= {"warm_up": FINE_WARM_UP}
    if fine_tuning:
        defaults |= {"rate": FINE_RATE, "progressive": False}
    given = {
        name: value
        for name in Settings.model_fields
        if (value := getattr(options, name, None)) is not None
    }
    if "epochs" in given or "hours" in given:  # one without the other is the only end
        given = {"epochs": None, "hours": None, **given}
    return Settings(**{**defaults, **kept, **given})
