"""One step of training: a batch's loss, its gradients, and Adam (appendix C).

A batch may be computed in parts, one after the other or by several processes at once. Only the backbone is: its
embeddings of all parts come together before the losses, since a concordance over a batch is not the mean of those over
its parts. What is random is drawn anew at each step, from the seed, the step's number and the part's.
"""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint
from tqdm.auto import tqdm

from burst2vec.audio.waveform import SAMPLE_RATE
from burst2vec.machine.hardware import OutOfMemory, lacks_memory, says_what_lacks_memory
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.losses import objective
from burst2vec.training.batches import Batch
from burst2vec.training.team import Team


class Learner:
    """A model with its optimiser: `step` learns from one batch.

    `params` is a `config.Params`; `precision` an autocast context; `steps` those of the whole training, over which the
    learning rate may decay; `team` the `team.Team` that computes each batch together.
    """

    def __init__(self, model: Burst2Vec, params, precision: contextlib.AbstractContextManager | None = None,
                 steps: int = 0, team: Team | None = None):
        self.model, self.params, self.steps, self.team = model, params, steps, team
        self.precision = precision or contextlib.nullcontext()
        self.learned = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(self.learned, lr=params.learning_rate, fused=True)
        self.iteration = 0
        if params.gradient_checkpointing:
            backbone = model.backbone.model  # whose method has another name in older releases of transformers
            enable = getattr(backbone, "activation_checkpointing_enable", None) or backbone.gradient_checkpointing_enable
            enable({"use_reentrant": False})
        self.compiled = params.compile_layers and compile_layers(model)

    def step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Learns from a batch: every term of its loss before the update, by name. The device is not waited for.

        Raises `hardware.OutOfMemory`.
        """
        parts, terms = self.params.accumulate, None
        while terms is None:
            try:
                terms = self._differentiate(batch, parts)
            except RuntimeError as error:
                parts = self._give_way(error, batch, parts)
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate
        with says_what_lacks_memory("for what Adam keeps of each weight", "take a smaller backbone, or a device with more memory"):
            self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.iteration += 1
        return {name: term.detach() for name, term in terms.items()}

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        left = 1 - self.iteration / self.steps if self.params.learning_rate_decay == "linear" else 1
        return self.params.learning_rate * left

    def _differentiate(self, batch: Batch, parts: int) -> dict[str, torch.Tensor]:
        """The loss's terms; leaves its gradient with the weights."""
        with self.precision:
            own, embedded = self._embed(batch, parts)
            self._reseed(-1)
            terms = objective(self.model, self.model.branch(embedded), batch.task, batch.targets,
                              self.params.alpha_discriminator, self.params.alpha_adversarial)
        terms["total"].backward()
        if self.team:
            own.backward(self.team.own_of(embedded.grad))
            own_share = set(self.model.backbone.parameters())
            self.team.add_gradients([p for p in self.learned if p in own_share])
            self.team.agree([p for p in self.learned if p not in own_share])
        return terms

    def _embed(self, batch: Batch, parts: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The embeddings (bursts, features) of this process's share of the batch, and of the whole batch."""
        ranks = self.team.size if self.team else 1
        shares = np.array_split(np.arange(len(batch.rows)), parts * ranks)
        first = self.team.rank * parts if self.team else 0
        found = []
        for number in range(first, first + parts):
            self._reseed(number)
            waveforms, lengths = part_of(batch, shares[number], self.model.independent and parts * ranks > 1)
            # One part's activations at a time are kept; they are computed again on the way back.
            embedded = (self.model.embed(waveforms, lengths) if parts == 1 else
                        checkpoint(self.model.embed, waveforms, lengths, use_reentrant=False))
            found.append(embedded[:len(shares[number])])
        own = torch.cat(found)
        if not self.team:
            return own, own
        counts = [sum(map(len, shares[rank * parts:(rank + 1) * parts])) for rank in range(ranks)]
        return own, self.team.bring_together(own.detach(), counts).requires_grad_()

    def _reseed(self, part: int) -> None:
        key = (self.params.seed, self.iteration, part + 1)
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1))

    def _give_way(self, error: RuntimeError, batch: Batch, parts: int) -> int:
        """In how many parts the batch is to be tried again. Raises the error, or OutOfMemory, where that is no help."""
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
            "frames" if batch.waveforms.dim() == 3 else f"samples ({longest / SAMPLE_RATE:.1f} s)")
        more = min(2 * parts, len(batch.rows))
        if self.params.out_of_memory == "split" and more > parts and not self.team:
            tqdm.write(f"iteration {self.iteration + 1}: out of memory with {what}; computed in {more} parts instead")
            return more
        split = " or out_of_memory: split" * (self.params.out_of_memory == "stop" and not self.team)
        raise OutOfMemory(f"out of memory at iteration {self.iteration + 1}, in a batch of {what}; set accumulate: "
                          f"{more}{split}, or gradient_checkpointing: true; the training then goes on") from error


def part_of(batch: Batch, places: np.ndarray, shorten: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The waveforms and lengths at consecutive `places` of a batch, padded to the longest of them only if they are to
    be shortened. Where there are no places, one burst stands there, so that the backbone has something to compute."""
    start, stop = (places[0], places[-1] + 1) if len(places) else (0, 1)
    longest = batch.sizes[start:stop].max() if shorten else batch.waveforms.shape[1]
    return batch.waveforms[start:stop, :longest], batch.lengths[start:stop]


def compile_layers(model: Burst2Vec, undo: bool = False) -> bool:
    """Has the Transformer's layers compiled when they are first used, or no longer; gives which. Compiled once for all
    lengths: the convolutions around them are left alone, as torch cannot do so with these."""
    for layer in model.backbone.model.encoder.layers:
        if undo:
            layer._compiled_call_impl = None
        else:
            layer.compile(dynamic=True)
    return not undo


def fails_to_compile(error: RuntimeError) -> bool:
    """Whether an error is the compiler's, not the model's."""
    return isinstance(error, torch._dynamo.exc.TorchDynamoException)
