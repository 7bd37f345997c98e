"""Processes that compute each batch together, one for each GPU, and reach the result that one process reaches.

Every process holds the whole model and embeds its share of a batch. The embeddings are then gathered, and every process
computes the losses of the whole batch: the concordance of 32 bursts is not the mean of the concordances of 16 and 16.
Each process carries the gradient of its own embeddings back through its backbone, and these gradients are added up.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.nn import functional

STOP_INTERVAL = 16
"""Iterations between two occasions at which processes on GPUs agree to stop: agreeing waits for the device."""


class Team:
    """The processes that train together. In this class that is one process alone, and it computes on `device`.

    `rank` is the number of this process and `size` the number of all. All processes must call the same methods in the
    same order.
    """

    def __init__(self, device: torch.device):
        self.device, self.rank, self.size = device, 0, 1

    @property
    def leads(self) -> bool:
        """Whether this process is the first, which writes the checkpoints."""
        return self.rank == 0

    def gather(self, own: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
        """The rows of all processes (sum of `counts`, features), of which `own` are this process's.

        `counts` has the number of rows of each process. The gradient flows back to this process's own rows only.
        """
        return own

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replaces the gradients of the parameters by their sums over all processes."""

    def broadcast_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replaces the gradients of the parameters by those of the first process.

        Where the devices differ, the gradients of the others differ from these in rounding.
        """

    def share(self, rows: np.ndarray) -> np.ndarray:
        """This process's share of some rows."""
        return rows

    def gather_shares(self, outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of all rows, by name (rows, ...), from each process's `outputs` of its `share` of them."""
        return outputs

    def broadcast(self, outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of the first process."""
        return outputs

    def any(self, flag: bool) -> bool:
        """Whether the flag is true in any process."""
        return flag

    def agrees_to_stop(self, wanted: bool, iteration: int) -> bool:
        """Whether all processes stop after this iteration, since stopping is `wanted` in at least one of them."""
        return wanted

    def wait(self) -> None:
        """When all processes have called it."""

    @contextlib.contextmanager
    def first_then_others(self) -> Iterator[None]:
        """Runs the block in the first process before it runs in the others; ends when it has ended in all."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()
        self.wait()


class DistributedTeam(Team):
    """The team of the processes that torchrun has started, connected by `torch.distributed`.

    Each process computes on a GPU of its own where `device` is one, and otherwise on `device`.
    """

    def __init__(self, device: torch.device):
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        if not distributed.is_initialized():
            if device.type == "cuda":
                distributed.init_process_group("nccl", device_id=device)
            else:
                distributed.init_process_group("gloo")
        super().__init__(device)
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()

    def gather(self, own: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
        """The rows of all processes (sum of `counts`, features); see `Team.gather`."""
        return _Gather.apply(own, list(counts), self.rank)

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replaces the gradients of the parameters by their sums over all processes."""
        _collect_gradients(distributed.all_reduce, parameters)

    def broadcast_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replaces the gradients of the parameters by those of the first process."""
        _collect_gradients(functools.partial(distributed.broadcast, src=0), parameters)

    def share(self, rows: np.ndarray) -> np.ndarray:
        """This process's share of some rows: every `size`-th of them."""
        return rows[self.rank::self.size]

    def gather_shares(self, outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of all rows, by name (rows, ...), from each process's `outputs` of its `share` of them."""
        shares: list[Any] = [None] * self.size
        distributed.all_gather_object(shares, outputs)
        total = sum(len(next(iter(share.values()))) for share in shares)
        joined = {name: np.empty((total, *array.shape[1:]), array.dtype) for name, array in outputs.items()}
        for name, (rank, share) in itertools.product(outputs, enumerate(shares)):
            joined[name][rank::self.size] = share[name]
        return joined

    def broadcast(self, outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of the first process."""
        objects: list[Any] = [outputs]
        distributed.broadcast_object_list(objects, src=0)
        return objects[0]

    def any(self, flag: bool) -> bool:
        """Whether the flag is true in any process."""
        flags = torch.tensor(float(flag), device=self.device)
        distributed.all_reduce(flags, distributed.ReduceOp.MAX)
        return bool(flags)

    def agrees_to_stop(self, wanted: bool, iteration: int) -> bool:
        """Whether all processes stop after this iteration; on GPUs, which are waited for, asked now and then only."""
        asks = self.device.type != "cuda" or iteration % STOP_INTERVAL == 0
        return asks and self.any(wanted)

    def wait(self) -> None:
        """When all processes have called it."""
        distributed.barrier()


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: torch.Tensor, counts: list[int], rank: int) -> torch.Tensor:
        ctx.counts, ctx.rank = counts, rank
        padded = functional.pad(own, (0, 0, 0, max(counts) - len(own)))
        gathered = [torch.empty_like(padded) for _ in counts]
        distributed.all_gather(gathered, padded)
        return torch.cat([rows[:count] for rows, count in zip(gathered, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:  # type: ignore[override]
        return gradient.split(ctx.counts)[ctx.rank], None, None


def _collect_gradients(collective: Callable[[torch.Tensor], object], parameters: Sequence[torch.nn.Parameter]) -> None:
    """Applies a collective to the gradients of all parameters at once, in place."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:  # of a backbone that has no part in the step
        return
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    collective(flat)
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def launched() -> bool:
    """Whether torchrun has started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def join_team(device: torch.device) -> Team:
    """The team of this process: with the others that torchrun has started, or alone on `device`."""
    return DistributedTeam(device) if launched() else Team(device)
