"""The loop of a pre-training: find units, learn to guess what is masked, validate; and again on units of its own.

The weights of an iteration go on from those of the one before, unlike in Hsu et al. (2021), who drew them anew: where
there are hours and not weeks, no step is given away.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from burst2vec.audio.store import Store
from burst2vec.corpora.corpus import Corpus
from burst2vec.machine.hardware import arithmetic, autocast, choose_device, keep_memory
from burst2vec.machine.interruption import Interrupted, Request, interruptible
from burst2vec.models.backbone import Backbone, BackboneError
from burst2vec.models.hub import load_backbone
from burst2vec.pretraining.heard import Frames, divide, hours
from burst2vec.pretraining.objectives import ContrastiveTask, Learning, MaskedPrediction, Terms
from burst2vec.pretraining.recipe import Recipe, family_of, start
from burst2vec.pretraining.state import Standing, encode, identity, restore, standing_of
from burst2vec.pretraining.units import Describe, acoustic, contextual, find_units
from burst2vec.training.batches import deal
from burst2vec.training.checkpoints import Checkpoint, Checkpoints, Ways, unprefixed
from burst2vec.training.identity import changed_circumstances
from burst2vec.training.seeding import seed_everything, seed_part
from burst2vec.training.trained import TrainingError

HISTORY = ["iteration", "step", "train_loss", "loss", "accuracy", "constant", "perplexity"]
"""The columns of a history, which has a row for each validation. `train_loss` is the mean since the last one; all that
follows is of the speakers held out (`objectives.Terms`)."""

VALIDATIONS = 20
"""Validations in each iteration, evenly spread."""

HEARD_OUT = 256
"""The most bursts of held-out speakers that a validation hears."""

WARMUP = 0.08
"""The share of an iteration in which the learning rate rises to its highest value."""

MAX_NORM = 1.0
"""The norm to which longer gradients are shortened."""

DRAWN = 1 << 20
"""The numbers from which on `seed_part` seeds an iteration's task, and not a step of it."""


WAYS = Ways(elsewhere="name another folder: --out FOLDER", anew="give --restart")
"""What helps where the checkpoints of another pre-training are in the way."""


@dataclass(frozen=True)
class Pretrained:
    """A pre-trained backbone in evaluation mode, its `history` with the columns `HISTORY`, and its `record`.

    The record has, by name: family, iterations, steps, minutes, hours (learnt from) and held_out_hours.
    """

    backbone: Backbone
    history: pd.DataFrame
    record: dict[str, Any]


def pretrain(corpus: Corpus, store: Store, recipe: Recipe, folder: Path | None = None, device: str = "auto",
             checkpoint_minutes: float = 5.0, restart: bool = False, deterministic: bool = False) -> Pretrained:
    """The backbone that learns as `recipe` says from the training split of `corpus`, whose waveforms `store` holds.

    Checkpoints go to `folder`, where one is given, every `checkpoint_minutes` (0 for every step), and an interrupted
    pre-training resumes from the last; with `restart` it begins anew where that is damaged or another. On a GPU,
    `deterministic` gives the same bits each time, as a CPU does anyway.

    Raises CorpusError where the corpus has too few speakers, BackboneError where the checkpoint to start from cannot be
    used, TrainingError where the loss is no longer finite, `hardware.OutOfMemory`, `checkpoints.ResumptionError` where
    the folder cannot be used, and `interruption.Interrupted` on Ctrl-C or SIGTERM.
    """
    place = choose_device(device)
    keep_memory()
    learnt, held_out = divide(corpus, recipe.held_out, recipe.seed)
    with arithmetic(place, deterministic):
        seed_everything(recipe.seed)
        backbone = start(recipe).to(place)
        known = identity(backbone, store, learnt, held_out, recipe, place)
        checkpoints = Checkpoints(folder, known, WAYS) if folder else None
        return _Pretraining(backbone, store, learnt, held_out, recipe, checkpoints, checkpoint_minutes).run(restart)


class _Pretraining:
    """One pre-training: the loop, and the state that its steps, validations and checkpoints share."""

    def __init__(self, backbone: Backbone, store: Store, learnt: np.ndarray, held_out: np.ndarray, recipe: Recipe,
                 checkpoints: Checkpoints | None, checkpoint_minutes: float):
        self.backbone, self.store, self.recipe = backbone, store, recipe
        self.checkpoints, self.checkpoint_minutes = checkpoints, checkpoint_minutes
        self.device = next(backbone.parameters()).device
        self.precision = autocast(recipe.precision, self.device)
        self.family = family_of(backbone)
        self.iterations = recipe.iterations or (1 if self.family == "wav2vec2" or recipe.units_from else 2)
        self.rows = {"learnt": learnt, "held out": held_out}
        self.standing = Standing()
        self.units: np.ndarray | None = None
        self.losses = torch.zeros(2, dtype=torch.float64, device=self.device)  # the sum since a validation, and steps
        self.started = self.saved = time.perf_counter()

    def run(self, restart: bool) -> Pretrained:
        """Learns, or goes on from the last checkpoint, to the end."""
        locked = self.checkpoints.locked() if self.checkpoints else contextlib.nullcontext()
        with locked, interruptible() as request:
            found = self.checkpoints.read(restart) if self.checkpoints else None
            if found:
                self._resume(found)
            if not self.standing.finished:
                self._learn(request, found)
                self.standing.finished = True
                self._save()
        history = pd.DataFrame(self.standing.history, columns=HISTORY)
        return Pretrained(self.backbone.eval(), history, self._record())

    def _learn(self, request: Request, found: Checkpoint | None) -> None:
        """All iterations, or those that are left."""
        rows = np.sort(np.concatenate(list(self.rows.values())))
        self.frames = Frames(self.backbone, self.store, rows, self.precision)
        self.learnt, held_out = (self.frames.of(self.rows[name]) for name in ("learnt", "held out"))
        if not len(self.learnt) or not len(held_out):
            raise ValueError("pre-training: the bursts of the training speakers, or of those held out, are too short "
                             "to mask a part of; expected bursts of a fifth of a second or more")
        drawn = np.random.default_rng(self.recipe.seed).permutation(held_out)[:HEARD_OUT]
        self.held_out = np.sort(drawn)
        self._begin(found)
        while True:
            self._iterate(request)
            if self.standing.iteration == self.iterations:
                return
            self.standing.next_iteration()
            self.units = None
            self._begin(None)

    def _begin(self, found: Checkpoint | None) -> None:
        """The present iteration's units, task and optimiser, new or those of a checkpoint."""
        seed_part(self.recipe.seed, DRAWN, self.standing.iteration)
        task = self._task()
        self.learning = Learning(self.backbone, task).to(self.device)
        self.trainable = [p for p in self.learning.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(self.trainable, lr=self.recipe.learning_rate, betas=(0.9, 0.98), eps=1e-6,
                                           weight_decay=0.01, fused=True)
        if found:
            restore(found, self.learning, self.optimiser)

    def _task(self) -> MaskedPrediction | ContrastiveTask:
        recipe = self.recipe
        if self.family == "wav2vec2":
            return ContrastiveTask(self.backbone.config, recipe.units)
        if self.units is None:
            self.units = find_units(self._describe(), self.frames, self.learnt, recipe.units, recipe.seed)
        return MaskedPrediction(self.backbone.features, self.units, recipe.units, self.frames.places(self.learnt))

    def _describe(self) -> Describe:
        """What the present iteration's units are found in: MFCC, or the middle layer of a model that knows more."""
        first = self.standing.iteration == 1
        if first and self.recipe.units_from:
            teacher = load_backbone(self.recipe.units_from).to(self.device)
            heard = Frames(teacher, self.store, np.unique(self.frames.rows), self.precision)
            if not np.array_equal(heard.sizes, self.frames.sizes):
                raise BackboneError(f"backbone {self.recipe.units_from!r} hears other frames than the one that learns; "
                                    f"expected one whose frames begin every {self.backbone.hop} samples and are "
                                    f"{self.backbone.receptive_field} long, as of the same size")
            return contextual(teacher, heard, self.precision)
        if first and not self.recipe.checkpoint:
            return acoustic(self.backbone, self.store, self.frames)
        return contextual(self.backbone, self.frames, self.precision)

    def _iterate(self, request: Request) -> None:
        """The steps of one iteration, with its validations and checkpoints."""
        self.learning.train()
        self.began = time.perf_counter(), self._progress()
        for bursts in self._batches():
            self._step(bursts)
            done = self._progress()
            if done * VALIDATIONS >= self.standing.validations + 1:
                self.standing.validations = int(done * VALIDATIONS)
                self._validate()
            if done >= 1:
                return
            self._save_when_due(request)

    def _batches(self) -> Iterator[np.ndarray]:
        """The bursts of each batch, from the present step on without end; the order follows from seed and counters."""
        each = -(-len(self.learnt) // self.recipe.batch_size)
        while True:
            epoch, place = divmod(self.standing.step, each)
            rng = np.random.default_rng((self.recipe.seed, self.standing.iteration, epoch))
            yield from deal(self.learnt, self.recipe.batch_size, rng)[place:]

    def _step(self, bursts: np.ndarray) -> None:
        """Learns from a batch. The device is not waited for."""
        recipe, progress = self.recipe, self._progress()
        task = self.learning.task
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.learning_rate * schedule(progress)
        task.anneal((self.standing.iteration - 1 + progress) / self.iterations)
        rng = np.random.default_rng((recipe.seed, self.standing.iteration, self.standing.step, 1))
        seed_part(recipe.seed, self.standing.step, self.standing.iteration)
        batch = self.frames.batch(bursts, task.share, task.negatives, rng)
        terms = self.learning(batch, self.precision)
        terms["total"].backward()
        torch.nn.utils.clip_grad_norm_(self.trainable, MAX_NORM)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.losses += torch.stack([terms["loss"].detach().double(), self.losses.new_ones(())])
        self.standing.step += 1

    def _progress(self) -> float:
        """The share of the present iteration that is done, from 0 to 1: of its steps, or of its minutes if that is
        more."""
        recipe, self.standing.seconds = self.recipe, time.perf_counter() - self.started
        of_steps = self.standing.step / -(-recipe.steps // self.iterations) if recipe.steps else 0.0
        of_minutes = (self.standing.seconds / 60 / recipe.minutes * self.iterations - self.standing.iteration + 1
                      if recipe.minutes else 0.0)
        return min(1.0, max(of_steps, of_minutes, 0.0))

    def _validate(self) -> None:
        """Adds a row to the history, from held-out bursts under always the same masks."""
        total, steps = self.losses.tolist()
        if not math.isfinite(total):
            kept = f". Checkpoints from before are kept in {self.checkpoints.folder}" if self.checkpoints else ""
            raise TrainingError(f"the loss is no longer a finite number at step {self.standing.steps}; try a lower "
                                f"learning rate or precision float32{kept}")
        self.losses.zero_()
        heard = held_out_terms(self.learning, self.frames, self.held_out, self.recipe, self.precision)
        self.standing.history.append([self.standing.iteration, self.standing.steps, total / steps,
                                      *(heard[name] for name in HISTORY[3:])])
        self._tell(heard)

    def _tell(self, heard: dict[str, float]) -> None:
        """Writes a line about the last validation, with the time that is left at the present speed."""
        (since, before), done = self.began, self._progress()
        to_do = 1 - done + self.iterations - self.standing.iteration
        left = (time.perf_counter() - since) * to_do / max(done - before, 1e-9)
        rounds = f"iteration {self.standing.iteration} of {self.iterations}, " if self.iterations > 1 else ""
        tqdm.write(f"{self.family}: {rounds}step {self.standing.steps:,}, held-out loss {heard['loss']:.3f} "
                   f"(a constant guess {heard['constant']:.3f}), accuracy {heard['accuracy']:.3f}; "
                   f"{tqdm.format_interval(self.standing.seconds)} so far, {tqdm.format_interval(left)} left")

    def _save_when_due(self, request: Request) -> None:
        """Writes a checkpoint where it is time for one, and stops where somebody asks for that."""
        due = time.perf_counter() - self.saved >= 60 * self.checkpoint_minutes
        if request.wanted is None and not due:
            return
        self._save()
        if request.wanted is not None:
            on = ("; its checkpoint is written, start the same command again and it goes on from there"
                  if self.checkpoints else "; there is no folder for checkpoints, its work is lost")
            raise Interrupted(f"pre-training stopped after step {self.standing.steps}{on}", request.wanted)

    def _save(self) -> None:
        if not torch.stack([p.isfinite().all() for p in self.trainable]).all():
            raise TrainingError(f"the weights are not finite numbers after step {self.standing.steps}; try a lower "
                                "learning rate or precision float32")
        self._progress()
        if self.checkpoints:
            self.standing.losses = self.losses.tolist()
            checkpoint = encode(self.standing, self.learning, self.optimiser, self.units)
            self.checkpoints.write(self.standing.steps, checkpoint)
        self.saved = time.perf_counter()

    def _resume(self, found: Checkpoint) -> None:
        """Goes on from a checkpoint."""
        self.standing, self.units = standing_of(found)
        self.losses.copy_(torch.tensor(self.standing.losses, dtype=torch.float64))
        self.started = time.perf_counter() - self.standing.seconds
        if self.standing.finished:
            self.backbone.load_state_dict(unprefixed("now.backbone", found.tensors))
            return
        tqdm.write(f"going on after step {self.standing.steps:,}, from the last checkpoint")
        for line in changed_circumstances(found.state["circumstances"]):
            tqdm.write(line)

    def _record(self) -> dict[str, Any]:
        heard = {name: round(hours(self.store, rows), 2) for name, rows in self.rows.items()}
        return {"family": self.family, "iterations": self.iterations, "steps": self.standing.steps,
                "minutes": round(self.standing.seconds / 60, 1), "hours": heard["learnt"],
                "held_out_hours": heard["held out"]}


def schedule(progress: float) -> float:
    """The share of its highest value that the learning rate has, when that share of an iteration is done.

    It rises in a line while `WARMUP` of the iteration passes, and then falls in a line to zero.
    """
    return min((progress + 1e-3) / WARMUP, (1 - progress) / (1 - WARMUP), 1.0)


def held_out_terms(learning: Learning, frames: Frames, bursts: np.ndarray, recipe: Recipe,
                   precision: contextlib.AbstractContextManager) -> dict[str, float]:
    """The terms of the loss (`objectives.Terms`), averaged over the masked frames of those bursts.

    Masks and negatives follow from the seed, so they are always the same. `learning` is left in the mode that it was
    in.
    """
    rng, task, was_training = np.random.default_rng(recipe.seed), learning.task, learning.training
    learning.eval()
    found: list[Terms] = []
    counts: list[int] = []
    with torch.no_grad():
        for part in np.array_split(bursts, -(-len(bursts) // recipe.batch_size)):
            batch = frames.batch(part, task.share, task.negatives, rng)
            found.append(learning(batch, precision))
            counts.append(len(batch.bursts))
    learning.train(was_training)
    weights = np.array(counts) / sum(counts)
    means = {name: torch.stack([terms[name] for terms in found]).tolist() for name in found[0]}
    return {name: float(weights @ values) for name, values in means.items()}
