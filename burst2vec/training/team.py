"""Several processes, one for each GPU, that compute each batch together and come to what one process comes to.

Every process holds the whole model and embeds its share of a batch. The embeddings are then brought together, and every
process computes the losses of the whole batch: a concordance over 32 bursts is not the mean of two over 16. What the
losses ask of its own share each process carries back through its backbone, and those gradients are added up.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors


class Team:
    """This process among those that torchrun has started for one training."""

    def __init__(self, device: torch.device):
        from accelerate import PartialState

        self._state = PartialState(cpu=device.type == "cpu")
        self.rank, self.size = self._state.process_index, self._state.num_processes
        self.device = self._state.device
        self._counts: Sequence[int] = ()

    def bring_together(self, own: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
        """The rows of all processes, (sum of counts, features), of which `own` has this process's and `counts` the
        number of each. No gradient flows through it."""
        from accelerate.utils import gather

        self._counts, most = counts, max(counts)
        padded = torch.nn.functional.pad(own, (0, 0, 0, most - len(own)))
        return torch.cat([rows[:n] for rows, n in zip(gather(padded).split(most), counts, strict=True)])

    def own_of(self, rows: torch.Tensor) -> torch.Tensor:
        """This process's own among rows in the order that `bring_together` gave them last."""
        return rows.split(list(self._counts))[self.rank]

    def add_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replaces the parameters' gradients by their sums over all processes."""
        self._flatly(torch.distributed.all_reduce, parameters)

    def agree(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replaces the parameters' gradients by the first process's, from which unlike devices' differ in rounding."""
        self._flatly(functools.partial(torch.distributed.broadcast, src=0), parameters)

    @staticmethod
    def _flatly(collect: Callable[[torch.Tensor], object], parameters: Sequence[torch.nn.Parameter]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = _flatten_dense_tensors(gradients)
        collect(flat)
        for gradient, found in zip(gradients, _unflatten_dense_tensors(flat, gradients), strict=True):
            gradient.copy_(found)

    def share(self, rows: np.ndarray) -> np.ndarray:
        """This process's share of some rows."""
        return rows[self.rank::self.size]

    def join_shares(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What all processes found for their shares of some rows, each (rows, ...), in the order of these."""
        from accelerate.utils import gather_object

        shares = gather_object([found])
        total = sum(len(next(iter(share.values()))) for share in shares)
        joined = {name: np.empty((total, *array.shape[1:]), array.dtype) for name, array in found.items()}
        for name, (rank, share) in itertools.product(found, enumerate(shares)):
            joined[name][rank::self.size] = share[name]
        return joined

    def of_the_first(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the first process found; all must have found something."""
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([found])[0]

    def any(self, flag: bool) -> bool:
        """Whether any process says so. All must ask."""
        said = torch.tensor(float(flag), device=self.device)
        torch.distributed.all_reduce(said, torch.distributed.ReduceOp.MAX)
        return bool(said)

    def wait(self) -> None:
        """Returns when all processes have come here."""
        self._state.wait_for_everyone()


def launched() -> bool:
    """Whether this process is one of several that torchrun has started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1
