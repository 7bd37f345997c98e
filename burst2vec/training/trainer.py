"""Training (appendix C, Table 3): one task a batch, Adam, early stopping on the validation metric of one task."""

from __future__ import annotations

import contextlib
import math
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from burst2vec.audio.packed import Packed
from burst2vec.audio.store import Store
from burst2vec.config import ParameterError, Params
from burst2vec.corpora.corpus import Corpus, deciding_task
from burst2vec.evaluation import metrics
from burst2vec.evaluation.predictions import tabulate
from burst2vec.machine.hardware import arithmetic, autocast, choose_device, keep_memory
from burst2vec.machine.interruption import Interrupted, Request, interruptible
from burst2vec.machine.progress import progress_bar, step_line
from burst2vec.models.burst2vec import Burst2Vec, build
from burst2vec.models.inference import Embedded, embed_once, infer
from burst2vec.models.packing import has_batch_norm
from burst2vec.training.batches import Feed, plan
from burst2vec.training.checkpoints import Checkpoints
from burst2vec.training.early_stopping import has_collapsed, improves
from burst2vec.training.events import Events
from burst2vec.training.history import History
from burst2vec.training.identity import changed_circumstances, identity
from burst2vec.training.launch import launch
from burst2vec.training.seeding import seed_everything
from burst2vec.training.source import encodes_once, length_multiple, open_source
from burst2vec.training.state import Progress, encode, outcome, restore
from burst2vec.training.step import Learner
from burst2vec.training.team import Team, join_team, launched
from burst2vec.training.trained import Trained, TrainingError, Weights, copy_weights


def train(corpus: Corpus, store: Store, params: Params, folder: Path | None = None) -> Trained:
    """The Burst2Vec that `params` describe, trained on the corpus, with its best weights.

    `store` holds the waveforms of the corpus. Checkpoints go to `folder`, where one is given, and an interrupted
    training resumes from the last of them; they stay until `systems.folders.write_system`. Where `params.processes` are
    several, each process opens the corpus anew.

    Raises CorpusError where the corpus does not pose `early_stopping_task`, ParameterError where `head_steps` has
    embeddings computed once that depend on their batch, TrainingError where losses, predictions or weights are no
    longer finite, `hardware.OutOfMemory`, `checkpoints.ResumptionError` where the folder cannot be used, and
    `interruption.Interrupted` on Ctrl-C or SIGTERM.
    """
    deciding_task(corpus.tasks, params.early_stopping_task)  # refuses a name before anything is done
    if params.head_steps and not (params.padding == "exact" and params.pooling == "real"):
        raise ParameterError(f"parameter head_steps is {params.head_steps}; expected 0 with padding: {params.padding} "
                             f"and pooling: {params.pooling}, where the embedding of a burst depends on its batch")
    device = choose_device(params.device)
    if params.processes > 1 and not launched():
        return _train_in_processes(corpus, store, params, folder, device)
    team = join_team(device)
    keep_memory()
    with arithmetic(team.device, params.deterministic):
        seed_everything(params.seed)
        model = _untrained(corpus, params).to(team.device)
        checkpoints = Checkpoints(folder, identity(corpus, store, params)) if folder else None
        return _Training(model, corpus, store, params, team, checkpoints).run()


def train_heads(corpus: Corpus, embedded: Embedded, params: Params) -> Trained:
    """The same as `train`, from embeddings of the corpus's bursts that `embed_once` has computed before.

    Trainings that begin with the same backbone and let it be thus share what takes longest. Raises ParameterError
    unless all `max_steps` are `head_steps`, and ValueError where a burst is not embedded.
    """
    deciding_task(corpus.tasks, params.early_stopping_task)
    if not 0 < params.max_steps <= params.head_steps:
        raise ParameterError(f"parameter head_steps is {params.head_steps}; expected max_steps ({params.max_steps}) or "
                             "more, since a backbone does not learn from embeddings")
    team = join_team(choose_device(params.device))
    with arithmetic(team.device, params.deterministic):
        seed_everything(params.seed)
        return _Training(_untrained(corpus, params).to(team.device), corpus, embedded, params, team, None).run()


def _train_in_processes(corpus: Corpus, store: Store, params: Params, folder: Path | None,
                        device: torch.device) -> Trained:
    """Trains in several processes; their last checkpoint has the trained model."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = folder or Path(scratch)
        launch(params, folder)
        checkpoint = Checkpoints(folder, identity(corpus, store, params)).read()
    if checkpoint is None or not checkpoint.state["finished"]:
        raise Interrupted("training stopped; start the same run again and it goes on")
    return outcome(_untrained(corpus, params).to(device), checkpoint)


def _untrained(corpus: Corpus, params: Params) -> Burst2Vec:
    """The model that is trained on the corpus, which knows whether it will have heard synthetic bursts alone."""
    model = build(params, corpus.tasks)
    model.heard = "synthetic" if corpus.wholly_synthetic else ""
    return model


class _Training:
    """One training: the loop, and the state that its steps, validations and checkpoints share."""

    def __init__(self, model: Burst2Vec, corpus: Corpus, store: Store | Embedded, params: Params, team: Team,
                 checkpoints: Checkpoints | None):
        self.model, self.corpus, self.store, self.params = model, corpus, store, params
        self.team, self.checkpoints = team, checkpoints
        self.precision = autocast(params.precision, team.device)
        self.deciding = deciding_task(corpus.tasks, params.early_stopping_task)
        self.steps = params.max_epochs * len(plan(corpus, params, 1))
        if params.max_steps:
            self.steps = min(self.steps, params.max_steps)
        self.learner = Learner(model, params, self.precision, self.steps, team)
        self.progress, self.history = Progress(), History()
        self.best_weights: Weights = {}
        self.events: Events | None = None
        self.started = self.saved = time.perf_counter()

    def run(self) -> Trained:
        """Trains, or goes on from the last checkpoint, to the end."""
        with self._locked(), interruptible() as request:
            with self.team.first_then_others():
                self._resume()
            if not self.progress.finished:
                with self._events():
                    self._learn(request)
                self.progress.finished = True
                self._save()
            self._count_seconds()
            if request.wanted and self.checkpoints:
                raise Interrupted("training has finished, and its checkpoint is written; start the same run again for "
                                  "what follows", request.wanted)
        checkpoint = encode(self.progress, self.history, self.learner, self.best_weights)
        return outcome(self.model, checkpoint)

    def _learn(self, request: Request) -> None:
        """The loop: plan an epoch, learn from its batches, validate and keep the best weights, stop."""
        whole = self._feed()
        heads = self._embedded(whole)
        self.model.train()
        for epoch in range(self.progress.epoch, self.params.max_epochs + 1):
            self.progress.epoch = epoch
            batches = whole.plan(epoch)
            done = self.progress.place
            for task, rows in progress_bar(batches[done:], desc=f"Epoch {epoch}", unit="batch", leave=False,
                                           initial=done, total=len(batches)):
                feed = heads if self.learner.iteration < self.params.head_steps else whole
                batch = feed.batch(task, rows)
                terms = self.learner.step(batch)
                self.progress.place += 1
                self.history.add_step(self.learner.iteration, batch, terms)
                if self.learner.iteration == self.params.head_steps:
                    self._count_seconds()
                    self.progress.head_seconds = self.progress.seconds
                last = self.learner.iteration == self.steps
                if last or self.learner.iteration % self.params.validate_every == 0:
                    self._validate(feed.source)
                    if last or self._ends_early():
                        return
                self._save_when_due(request)
            self.progress.place = 0

    def _feed(self) -> Feed:
        """The batches of the training, from bursts as far computed and as near to the device as memory allows."""
        if isinstance(self.store, Embedded):
            return Feed(self.corpus, self.store, self.params, self.team.device)
        rows = np.flatnonzero(self.corpus.table["split"].isin(["train", "val"]))
        if self.progress.encoded is None:
            self.progress.encoded = encodes_once(self.model, self.store.lengths[rows], self.params, self.team)
        encoded = self.progress.encoded
        source = open_source(self.model, self.store, rows, self.params, self.team, self.precision, encoded)
        multiple = length_multiple(self.model, encoded, self.params)
        grouped = self.model.independent and not has_batch_norm(self.model.backbone)
        return Feed(self.corpus, source, self.params, self.team.device, multiple, grouped)

    def _embedded(self, feed: Feed) -> Feed:
        """The same batches of bursts that the backbone, which has not learnt yet, has embedded once and for all.

        Before the first step the model learns from them how embeddings are standardised, where it does that. The feed
        is returned as it is where the backbone learns from now on.
        """
        scale = self.model.standardisation if self.learner.iteration == 0 else None
        if self.learner.iteration >= self.params.head_steps and scale is None:
            return feed
        rows = np.flatnonzero(self.corpus.table["split"].isin(["train", "val"]))
        source = self.store if isinstance(self.store, Embedded) else embed_once(
            self.model, feed.source, rows, self.store.lengths, self.params.inference_batch_size, self.precision)
        if not source.sizes[rows].all():
            raise ValueError(f"no embedding is there of {(source.sizes[rows] == 0).sum()} of {len(rows)} bursts")
        if scale is not None:
            train, _ = source.batch(np.flatnonzero(self.corpus.table["split"] == "train"))
            examples = self.team.broadcast({"pooled": train.cpu().numpy()})["pooled"]
            scale.fit(torch.from_numpy(examples))
        return Feed(self.corpus, source, self.params, self.team.device)

    def _validate(self, source: Packed | Store) -> None:
        """Adds losses and metrics to the history, and keeps the weights where they are the best so far."""
        started = time.perf_counter()
        iteration, epoch = self.learner.iteration, self.progress.epoch
        self._read_losses()
        self.history.add_losses(iteration, epoch)
        predictions, truth = self._predict(source), self.corpus.split("val")
        if not np.isfinite(predictions.select_dtypes("number")).all(axis=None):
            raise self._diverged(f"the predictions of iteration {iteration} are not finite numbers")
        for task in self.corpus.tasks:
            score = metrics.score(task, truth, predictions)
            self.history.add_score(iteration, epoch, task.name, metrics.METRIC_NAMES[task.kind], score)
            if task == self.deciding and improves(task, score, self.progress.best_score):
                self.progress.best_score, self.progress.best_iteration = score, iteration
                self.best_weights = copy_weights(self.model)
        if not self.best_weights:  # no validation was worth keeping yet: the present weights are the best known
            self.best_weights = copy_weights(self.model)
        if self.params.collapse_patience:
            collapsed = has_collapsed(self.deciding, predictions)
            self.progress.collapsed = self.progress.collapsed + 1 if collapsed else 0
        self.progress.validation_seconds += time.perf_counter() - started
        if self.team.leads:
            self._tell()
        if self.events:
            self.events.add([row for row in self.history.rows if row[0] == iteration])

    def _tell(self) -> None:
        """Writes a line about the last validation: how far the training is, its losses and metrics, the time left."""
        iteration = self.learner.iteration
        self._count_seconds()
        best = ", the best so far" if iteration == self.progress.best_iteration else ""
        told = (f"{self.history.last_line()}{best}; {tqdm.format_interval(self.progress.seconds)} so far"
                f"{self._time_left()}")
        tqdm.write(step_line(self.params.variant or "training", iteration, self.steps, told))

    def _time_left(self) -> str:
        """How long the training goes on at most; empty where the backbone, which takes longer, has not learnt yet."""
        heads = self.params.head_steps if self.params.head_steps < self.steps else 0
        done = self.learner.iteration - heads
        if done <= 0:
            return ""
        seconds = self.progress.seconds - self.progress.head_seconds
        return f", {tqdm.format_interval(seconds * (self.steps - self.learner.iteration) / done)} left at most"

    def _predict(self, source: Packed | Store) -> pd.DataFrame:
        """The predictions for the validation split, the same in every process."""
        rows = np.flatnonzero(self.corpus.table["split"] == "val")
        # Each process predicts its share, unless the neighbours in a batch change what is predicted for a burst.
        own = self.team.share(rows) if self.model.independent else rows
        outputs = infer(self.model, source, own, self.store.lengths[own], self.params.inference_batch_size,
                        self.precision)
        outputs = self.team.gather_shares(outputs) if self.model.independent else self.team.broadcast(outputs)
        return tabulate(outputs, self.corpus.tasks, self.corpus.table.iloc[rows])

    def _ends_early(self) -> bool:
        """Whether the last validations leave no hope of better ones."""
        # Of what the backbone will add nothing is known before it has begun to learn.
        waited = self.learner.iteration - max(self.progress.best_iteration, self.params.head_steps)
        if collapsed := self.progress.collapsed >= (self.params.collapse_patience or math.inf):
            tqdm.write(f"training stops after step {self.learner.iteration}: in {self.progress.collapsed} validations "
                       f"in a row all bursts got the same prediction for {self.deciding.name}; a lower learning_rate, "
                       "warmup_steps or max_gradient_norm may help")
        return collapsed or waited >= self.params.patience * self.params.validate_every

    def _save_when_due(self, request: Request) -> None:
        """Writes a checkpoint where it is time for one, and stops the training where somebody asks for that."""
        iteration = self.learner.iteration
        stops = self.team.agrees_to_stop(request.wanted is not None, iteration)
        due = time.perf_counter() - self.saved >= 60 * self.params.checkpoint_minutes
        if self.checkpoints and (stops or due):
            self._save()
        if stops:
            self.team.wait()  # until the checkpoint is written: torchrun ends all processes when the first ends
            on = ("; its checkpoint is written, start the same run again and it goes on from there" if self.checkpoints
                  else "; there is no folder for checkpoints, its work is lost")
            raise Interrupted(f"training stopped after iteration {iteration}{on}", request.wanted or signal.SIGINT)

    def _save(self) -> None:
        """Writes a checkpoint, unless losses or weights are no longer finite."""
        started = time.perf_counter()
        self._read_losses()
        if not torch.stack([p.isfinite().all() for p in self.learner.trainable]).all():
            raise self._diverged(f"the weights are not finite numbers after iteration {self.learner.iteration}")
        self._count_seconds()
        if self.checkpoints and self.team.leads:
            checkpoint = encode(self.progress, self.history, self.learner, self.best_weights)
            self.checkpoints.write(self.learner.iteration, checkpoint)
        if self.progress.finished:
            self.team.wait()
        self.saved = time.perf_counter()
        self.progress.checkpoint_seconds += self.saved - started

    def _resume(self) -> None:
        """Goes on from the last checkpoint, where there is one."""
        checkpoint = self.checkpoints.read(self.params.restart) if self.checkpoints else None
        if self.checkpoints is None or checkpoint is None:
            return
        self.progress, self.history, self.best_weights = restore(checkpoint, self.learner)
        self.started -= self.progress.seconds
        if self.progress.finished:
            return
        tqdm.write(f"going on after iteration {self.learner.iteration}, from the checkpoint in "
                   f"{self.checkpoints.folder}")
        for line in changed_circumstances(checkpoint.state["circumstances"]):
            tqdm.write(line)

    def _locked(self) -> contextlib.AbstractContextManager:
        """Keeps others from training in the folder of the checkpoints."""
        return self.checkpoints.locked() if self.checkpoints and self.team.leads else contextlib.nullcontext()

    @contextlib.contextmanager
    def _events(self) -> Iterator[None]:
        """Has the validations of the block written for TensorBoard, where that is asked for."""
        if self.params.tensorboard and self.team.leads:
            self.events = Events(self.params, self.learner.iteration)
        try:
            yield
        finally:
            if self.events:
                self.events.close()

    def _count_seconds(self) -> None:
        self.progress.seconds = time.perf_counter() - self.started

    def _read_losses(self) -> None:
        """Reads the losses since the last validation from the device, which is not waited for at every step."""
        diverged = self.history.read_losses()
        if diverged:
            files = ", ".join(self.corpus.table.index[diverged.rows])
            raise self._diverged(f"the loss of task {diverged.task} is {diverged.terms['total']} at iteration "
                                 f"{diverged.iteration}, on bursts {files}")

    def _diverged(self, what: str) -> TrainingError:
        kept = f". Checkpoints from before are kept in {self.checkpoints.folder}" if self.checkpoints else ""
        return TrainingError(f"{what}; try a lower learning_rate or precision: float32, as a run of another name "
                             f"(-p run NAME){kept}")
