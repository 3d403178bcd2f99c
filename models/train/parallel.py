"""Data-parallel training: several processes train the same network, each on a part of every batch.

On a CPU, processes with one thread each wait for each other once a step, and the threads of one
process at every layer. ``torchrun`` starts them. Gradients are averaged at every step, so all have
the same weights; each normalises with its own pictures.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

LONGEST_WAIT = timedelta(hours=2)
"""For the first process to decode photos or to validate."""


class GroupError(ValueError):
    """The processes cannot share this run; the message says why."""


@dataclass(frozen=True)
class Group:
    """The processes of a run; by default this one alone."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process validates and writes the files."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all processes have called it."""
        if self.size > 1:
            distributed.barrier()

    def leave(self) -> None:
        """After the last use, since a process that ends within its group may be aborted."""
        self.wait()
        if self.size > 1:
            distributed.destroy_process_group()

    def average(self, values: Sequence[Tensor]) -> None:
        """Replaces every tensor by its mean over all processes."""
        if self.size == 1:
            return
        flat = torch.cat([value.reshape(-1) for value in values])
        distributed.all_reduce(flat)
        flat /= self.size
        parts = flat.split([value.numel() for value in values])
        for value, mean in zip(values, parts, strict=True):
            value.copy_(mean.view(value.shape))

    def share(self, batch: int) -> int:
        """This process's part of ``batch`` pictures. Raises GroupError if there is a rest."""
        if batch % self.size:
            raise GroupError(f"--batch {batch} cannot be shared by {self.size} processes")
        return batch // self.size


ALONE = Group()


def started_by_torchrun() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def check_kind(device: str) -> None:
    """Raises GroupError if several processes cannot share a device of this kind, such as "cuda"."""
    if started_by_torchrun() and device != "cpu":
        raise GroupError("several processes can only train on CPUs; add --device cpu")


def join(device: torch.device) -> Group:
    """The group that torchrun started this process in. Raises GroupError unless it is for CPUs."""
    if not started_by_torchrun():
        return ALONE
    check_kind(device.type)
    distributed.init_process_group("gloo", timeout=LONGEST_WAIT)
    return Group(distributed.get_rank(), distributed.get_world_size())
