"""The training run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from models.common.labels import fold
from models.train.augment import Batch, Pictures, Recipe, recolour
from models.train.canvas import formats
from models.train.checkpoint import Average, restore, save
from models.train.defaults import DECAY, RATE
from models.train.distillation.features import Adapters
from models.train.distillation.loss import distillation_loss
from models.train.distillation.teacher import Teacher
from models.train.evaluate import Scores, evaluate
from models.train.image_cache import ImageStore
from models.train.loss import detection_loss
from models.train.net import Detector
from models.train.optimizer import Optimizers
from models.train.parallel import ALONE, Group
from models.train.precision import autocast
from models.train.repeat_factor import repeat_factors
from models.train.sampler import Orders
from models.train.samples import Sample
from models.train.schedule import Place, Schedule
from models.train.signals import ignore_stop, on_stop
from models.train.threads import roam

VALIDATION_SHARE = 0.05
"""Validation takes at most about this share of the time."""
CLIP = 10.0
"""Longer gradients are clipped to this norm."""
BAR = "{percentage:5.1f}%|{bar:20}| {elapsed}<{remaining} {postfix}"


@dataclass(frozen=True)
class Part:
    """The photos of one split, and their pixels."""

    samples: tuple[Sample, ...]
    store: ImageStore


@dataclass(frozen=True)
class Options:
    schedule: Schedule
    recipe: Recipe = field(default_factory=Recipe)
    batch: int = 32
    """Pictures per step of this process."""
    rate: float = RATE
    decay: float = DECAY
    warm_up: int = 300
    """Number of steps."""
    qat: bool = False
    """Whether kernels are rounded in training, see ``fake_quantization``."""
    seed: int = 0
    workers: int = 1
    save_minutes: float = 5.0
    export_minutes: float = 30.0


class ResumeError(ValueError):
    """The checkpoint has other labels, or only one of the two runs has a teacher."""


class Run:
    """Trains a detector; ``folder`` holds its checkpoints and its history."""

    def __init__(
        self,
        detector: Detector,
        labels: tuple[str, ...],
        train: Part,
        val: Part,
        options: Options,
        folder: Path,
        device: torch.device,
        teacher: Teacher | None = None,
        group: Group = ALONE,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """``settings`` are kept in the checkpoint, for ``--resume``."""
        self.detector = detector
        self.group = group
        self.teacher = teacher
        for parameter in detector.to(device).parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.detector.round_kernels(on=options.qat)
        self.average = Average(self.detector)
        self.labels = labels
        self.settings = dict(settings or {})
        self.train_part, self.val_part = train, val
        self.options = options
        self.folder = folder
        self.device = device
        self.schedule = options.schedule
        self.adapters = (
            Adapters(detector.architecture.neck, teacher.channels).to(device) if teacher else None
        )
        learning = [self.detector, *([self.adapters] if self.adapters else [])]
        self.optimizers = Optimizers(nn.ModuleList(learning), options.rate, options.decay)
        self.step = 0
        self.seen = 0
        self.seconds = 0.0
        self.best = -1.0
        self.history: list[dict[str, Any]] = []
        self._recent: list[tuple[float, float]] = []
        self._asked_to_stop = False
        self._stopped = False

    @property
    def _seed(self) -> int:
        """Each process makes other pictures."""
        return self.options.seed + self.group.rank

    def _bar(self) -> tqdm:
        return tqdm(total=100.0, bar_format=BAR, disable=not self.group.leads)

    @property
    def epochs(self) -> float:
        return self.seen / len(self.train_part.samples)

    @property
    def progress(self) -> float:
        return self.schedule.progress(self.seconds, self.epochs)

    @property
    def ended(self) -> bool:
        return self.schedule.ended(self.seconds, self.epochs)

    @property
    def place(self) -> Place:
        return Place(self.seconds, self.epochs, self.progress)

    def save(self, name: str = "last.pt") -> None:
        if not self.group.leads:
            return
        state = {
            "labels": list(self.labels),
            "settings": self.settings,
            "architecture": self.detector.architecture.model_dump(mode="json"),
            "detector": self.detector.state_dict(),
            "average": self.average.detector.state_dict(),
            "average_steps": self.average.steps,
            "adapters": self.adapters.state_dict() if self.adapters else None,
            "optimizers": self.optimizers.state_dict(),
            "step": self.step,
            "seen": self.seen,
            "seconds": self.seconds,
            "progress": self.progress,
            "best": self.best,
            "best_side": self.schedule.side,
            "history": self.history,
        }
        save(self.folder / name, state)

    def resume(self, name: str = "last.pt") -> None:
        """Raises ResumeError if the checkpoint does not fit this run."""
        state = restore(self.folder / name, self.device)
        if list(map(fold, state["labels"])) != list(map(fold, self.labels)):
            raise ResumeError(f"{self.folder / name} has other labels; use --from instead")
        if (state["adapters"] is None) != (self.adapters is None):
            without = "without" if self.adapters else "with"
            raise ResumeError(f"{self.folder / name} was trained {without} --teacher; do the same")
        self.detector.load_state_dict(state["detector"])
        self.average.detector.load_state_dict(state["average"])
        self.average.steps = state["average_steps"]
        if self.adapters:
            self.adapters.load_state_dict(state["adapters"])
        self.optimizers.load_state_dict(state["optimizers"])
        self.step, self.seen, self.seconds = state["step"], state["seen"], state["seconds"]
        self.history = state["history"]
        if state["best_side"] == self.schedule.side:  # scores of other sides are not comparable
            self.best = state["best"]
        self.go_on_from(Place(self.seconds, self.epochs, state["progress"]))

    def go_on_from(self, place: Place) -> None:
        """Continues the schedule at ``place``; see ``Schedule``."""
        self.seconds = place.seconds
        self.seen = round(place.epochs * len(self.train_part.samples))
        self.schedule = self.schedule.going_on(place)

    def best_detector(self) -> Detector:
        """The averaged weights with the best result on the validation photos."""
        place = self.folder / "best.pt"
        if place.is_file():
            self.average.detector.load_state_dict(restore(place, self.device)["average"])
        return self.average.detector

    def go(self, on_export: Callable[[Detector], None] | None = None) -> bool:
        """Trains to the end of the schedule; False if the process was asked to stop earlier."""
        exported = saved = validated = self.seconds
        cost = 0.0
        measured = self.step if self.history else None
        whole = int(self.epochs)
        with on_stop(self._stop), self._bar() as bar:
            last = time.monotonic()
            for batch in () if self.ended else self._loader():
                if self._stopped or self.ended:
                    break
                box, score = self._learn(batch)
                now = time.monotonic()
                self.seconds += now - last
                last = now
                self._agree()
                self._show(bar, box, score)
                if int(self.epochs) > whole:
                    whole = int(self.epochs)
                    if self.seconds - validated >= cost / VALIDATION_SHARE:
                        cost = self._validated()
                        measured = self.step
                        validated = self.seconds
                if self.seconds - saved >= self.options.save_minutes * 60:
                    saved = self.seconds
                    self.save()
                if on_export and self.seconds - exported >= self.options.export_minutes * 60:
                    exported = self.seconds
                    if self.group.leads:
                        on_export(self.average.detector)
        if not self._stopped and measured != self.step:
            self._validated()
        self.save()
        return not self._stopped

    def _learn(self, batch: Batch) -> tuple[float, float]:
        options = self.options
        rate = options.rate * self.schedule.rate(self.progress, self.step, options.warm_up)
        self.optimizers.rate = rate
        dice = torch.Generator().manual_seed(self._seed * 1_000_003 + self.step)
        images = recolour(batch.images.to(self.device, non_blocking=True), dice)
        images = images.contiguous(memory_format=torch.channels_last)
        guidance = self.schedule.guidance(self.progress)
        asked = self.teacher.ask(images) if self.teacher and guidance > 0 else None
        self.detector.train()
        with autocast(self.device):
            levels = self.detector.pyramid(images)
            raw = self.detector.head(levels)
        loss = detection_loss(raw, batch.targets.to(self.device))
        total = loss.total
        if asked and self.adapters:
            soft = asked(raw)
            with autocast(self.device):
                features = self.adapters(levels, soft.features)
            total = total + guidance * (distillation_loss(raw, soft) + features)
        self.optimizers.clear()
        torch.autograd.backward(total)
        self.group.average([p.grad for p in self.optimizers.parameters() if p.grad is not None])
        nn.utils.clip_grad_norm_(self.detector.parameters(), CLIP)
        self.optimizers.step()
        self.average.update(self.detector)
        self.step += 1
        self.seen += len(images) * self.group.size
        return float(loss.box), float(loss.score)

    def _show(self, bar: tqdm, box: float, score: float) -> None:
        self._recent.append((box, score))
        bar.n = round(100 * self.progress, 2)
        if self.step % 20 == 0:
            means = np.mean(self._recent[-200:], axis=0)
            best = f" best {self.best:.3f}" if self.best >= 0 else ""
            bar.set_postfix_str(
                f"epoch {self.epochs:.1f} box {means[0]:.3f} score {means[1]:.3f}{best}"
            )

    def _agree(self) -> None:
        """All processes have the same time, and stop at the same step."""
        state = torch.tensor([self.seconds, self._asked_to_stop], dtype=torch.float64)
        self.group.average([state])
        self.seconds, self._stopped = float(state[0]), bool(state[1] > 0)

    def _validated(self) -> float:
        """Validates in the first process; seconds that it took, alike in all processes."""
        before = time.monotonic()
        if self.group.leads:
            self.validate()
        seconds = torch.tensor([time.monotonic() - before])
        self.group.average([seconds])
        return float(seconds)

    def validate(self) -> Scores:
        part, side = self.val_part, self.schedule.side
        scores = evaluate(
            self.average.detector, part.samples, part.store, self.labels, side, device=self.device
        )
        recent = np.mean(self._recent, axis=0) if self._recent else np.full(2, np.nan)
        self._recent.clear()
        entry = {
            "epoch": self.epochs,
            "side": side,
            "hours": self.seconds / 3600,
            "rate": self.optimizers.rate,
            "box": float(recent[0]),
            "score": float(recent[1]),
            "map50": scores.map50,
            "map": scores.map,
        }
        self.history.append({key: round(value, 6) for key, value in entry.items()})
        (self.folder / "history.json").write_text(json.dumps(self.history, indent=1), "utf-8")
        tqdm.write(f"epoch {self.epochs:.1f}: mAP50 {scores.map50:.3f}, mAP50-95 {scores.map:.3f}")
        if scores.map >= self.best:  # without objects to validate on, the last weights are best
            self.best = scores.map
            self.save("best.pt")
        return scores

    def _loader(self) -> DataLoader:
        options = self.options
        samples, store = self.train_part.samples, self.train_part.store
        return DataLoader(
            Pictures(samples, store),
            batch_size=None,
            sampler=Orders(
                repeat_factors(samples),
                formats(store.shapes),
                options.batch,
                self.schedule,
                options.recipe,
                lambda: self.progress,
                (options.seed, self.step),
                self.group.rank,
            ),
            num_workers=options.workers,
            prefetch_factor=4 if options.workers else None,
            worker_init_fn=_start_worker,
            pin_memory=self.device.type == "cuda",
        )

    def _stop(self) -> None:
        self._asked_to_stop = True


def _start_worker(_number: int) -> None:
    """In a process that prepares pictures: the run ends it after its last step."""
    roam()
    ignore_stop()
