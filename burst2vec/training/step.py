"""One step of training: the loss of a batch, its gradients, and the update by Adam (appendix C).

A batch may be computed in parts, one after the other or by several processes at once. Only the backbone computes
parts: their embeddings are joined before the losses, since the concordance of a batch is not the mean of the
concordances of its parts. What is random is drawn anew in each step, from the seed, the number of the step and the
number of the part.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint
from tqdm.auto import tqdm

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.audio.packed import to_device
from burst2vec.config import Params
from burst2vec.machine.hardware import OutOfMemory, explain_out_of_memory, lacks_memory
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.losses import objective
from burst2vec.training.batches import Batch
from burst2vec.training.seeding import seed_part
from burst2vec.training.team import Team

HEADS = 0
"""The number under which `seed_part` seeds all that follows the embeddings; the parts of the backbone follow from 1."""


class Learner:
    """A model and its optimiser; `step` learns from one batch.

    `precision` is an autocast context. `steps` is the number of steps of the whole training, over which the learning
    rate may decay. `team` is the team of processes that compute each batch together; without it this process is alone.
    """

    def __init__(self, model: Burst2Vec, params: Params, precision: contextlib.AbstractContextManager | None = None,
                 steps: int = 0, team: Team | None = None):
        self.model, self.params, self.steps = model, params, steps
        self.team = team or Team(next(model.parameters()).device)
        self.precision = precision or contextlib.nullcontext()
        self.trainable = [p for p in model.parameters() if p.requires_grad]
        in_backbone = set(model.backbone.parameters())
        self._backbone_parameters = [p for p in self.trainable if p in in_backbone]
        self._other_parameters = [p for p in self.trainable if p not in in_backbone]
        peaks = params.learning_rate, params.head_learning_rate or params.learning_rate
        parts = self._backbone_parameters, self._other_parameters
        groups = [{"params": part, "peak": peak} for part, peak in zip(parts, peaks, strict=True)]
        self.optimiser = torch.optim.Adam(groups, lr=params.learning_rate, fused=True)
        self.iteration = 0
        if params.gradient_checkpointing:
            backbone = model.backbone.model
            enable = (getattr(backbone, "activation_checkpointing_enable", None)
                      or backbone.gradient_checkpointing_enable)  # its name in older releases of transformers
            enable({"use_reentrant": False})
        self.compiled = params.compile_layers and compile_layers(model)

    def step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Learns from a batch, and returns every term of its loss before the update, by name.

        The device is not waited for. Raises `hardware.OutOfMemory`.
        """
        parts, terms = self.params.accumulate, None
        while terms is None:
            try:
                terms = self._differentiate(batch, parts)
            except RuntimeError as error:
                parts = self._recover(error, batch, parts)
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * self.schedule
        if self.params.max_gradient_norm:
            torch.nn.utils.clip_grad_norm_(self.trainable, self.params.max_gradient_norm)
        with explain_out_of_memory("for what Adam keeps of each weight",
                                   "take a smaller backbone, or a device with more memory"):
            self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.iteration += 1
        return {name: term.detach() for name, term in terms.items()}

    @property
    def schedule(self) -> float:
        """The share of its full value that the learning rate of the next step has.

        It rises and falls anew after the steps of which the backbone has no part.
        """
        heads = min(self.params.head_steps, self.steps)
        first, last = (0, heads) if self.iteration < heads else (heads, self.steps)
        done = self.iteration - first
        left = 1 - done / (last - first) if self.params.learning_rate_decay == "linear" else 1
        warm = (done + 1) / self.params.warmup_steps if self.params.warmup_steps else 1
        return min(left, warm)

    def _differentiate(self, batch: Batch, parts: int) -> dict[str, torch.Tensor]:
        """The terms of the loss; their total leaves its gradients in the weights.

        Every process computes `parts` of the batch.
        """
        several = parts * self.team.size
        # Every part gets short bursts and long ones, and so about the same work.
        places = [np.arange(part, len(batch.rows), several) for part in range(several)]
        counts = [sum(map(len, places[start:start + parts])) for start in range(0, several, parts)]
        targets = batch.targets if several == 1 else batch.targets[
            to_device(np.concatenate(places), self.team.device)]
        with self.precision:
            own = self._embed(batch, places, parts)
            embedded = self.team.gather(own, counts)
            self._seed(HEADS)
            terms = objective(self.model, self.model.branch(embedded),
                              batch.task, targets,
                              self.params.alpha_discriminator,
                              self.params.alpha_adversarial)
        terms["total"].backward()
        # In its backbone each process has the gradients of its own share of the batch,
        # behind it those of the whole batch.
        self.team.sum_gradients(self._backbone_parameters)
        self.team.broadcast_gradients(self._other_parameters)
        return terms

    def _embed(self, batch: Batch, places: Sequence[np.ndarray], parts: int) -> torch.Tensor:
        """The embeddings (bursts, features) of this process's share of a batch: `parts` of the `places` of all."""
        first = self.team.rank * parts
        if batch.feed.embedded:
            return batch.embeddings(np.concatenate(places[first:first + parts]))
        embeddings = []
        for number, part in enumerate(places[first:first + parts], first):
            self._seed(HEADS + 1 + number)
            # The backbone must have something to compute, in a part without a burst too.
            groups = batch.groups(part if len(part) else np.zeros(1, int))
            # Only one part's activations are kept at a time; they are computed again in the backward pass.
            embedded = (self.model.embed(groups) if parts == 1 else
                        checkpoint(self.model.embed, groups, use_reentrant=False))
            embeddings.append(embedded[:len(part)])
        return torch.cat(embeddings)

    def _seed(self, part: int) -> None:
        seed_part(self.params.seed, self.iteration, part)

    def _recover(self, error: RuntimeError, batch: Batch, parts: int) -> int:
        """The number of parts in which to try a batch again after an error in `parts` parts.

        Raises the error, or OutOfMemory, where trying again is no help.
        """
        self.optimiser.zero_grad(set_to_none=True)
        if self.compiled and fails_to_compile(error):
            tqdm.write(f"compile_layers: true is not to be had here ({' '.join(str(error).split())[:200]}); "
                       "training without")
            self.compiled = compile_layers(self.model, undo=True)
            return parts
        if not lacks_memory(error):
            raise error
        longest = batch.sizes.max()
        what = f"{len(batch.rows)} bursts of task {batch.task.name}, the longest of {longest} " + (
            "frames" if batch.feed.encoded else f"samples ({longest / SAMPLE_RATE:.1f} s)")
        more, alone = min(2 * parts, len(batch.rows)), self.team.size == 1
        if self.params.out_of_memory == "split" and more > parts and alone:
            tqdm.write(f"iteration {self.iteration + 1}: out of memory with {what}; computed in {more} parts instead")
            return more
        split = " or out_of_memory: split" if self.params.out_of_memory == "stop" and alone else ""
        raise OutOfMemory(f"out of memory at iteration {self.iteration + 1}, in a batch of {what}; set accumulate: "
                          f"{more}{split}, or gradient_checkpointing: true; the training then goes on") from error


def compile_layers(model: Burst2Vec, undo: bool = False) -> bool:
    """Has the layers of the Transformer compiled at their first use, or with `undo` no longer; returns which.

    They are compiled once for all lengths. The convolutions around them are not compiled, since torch cannot compile
    these for all lengths at once.
    """
    for layer in model.backbone.model.encoder.layers:
        if undo:
            layer._compiled_call_impl = None
        else:
            layer.compile(dynamic=True)
    return not undo


def fails_to_compile(error: RuntimeError) -> bool:
    """Whether an error comes from the compiler, and not from the model."""
    return isinstance(error, torch._dynamo.exc.TorchDynamoException)
