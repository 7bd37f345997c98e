"""Training (appendix C, Table 3): one task a batch, Adam, early stopping on the validation metric of one task."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from burst2vec.audio.packed import Packed, resident
from burst2vec.audio.store import WaveformStore
from burst2vec.corpora.corpus import Corpus, CorpusError, Task
from burst2vec.evaluation import metrics
from burst2vec.evaluation.predictions import tabulate
from burst2vec.machine.hardware import arithmetic, autocast, choose_device, keep_memory
from burst2vec.machine.interruption import Interrupted, Request, interruptible
from burst2vec.models.burst2vec import Burst2Vec, build
from burst2vec.models.encoding import encodable, encode_once, encoding_fits
from burst2vec.models.inference import infer
from burst2vec.training.batches import Batch, Feed, plan
from burst2vec.training.checkpoints import Checkpoint, Checkpoints
from burst2vec.training.identity import circumstances, identity
from burst2vec.training.launch import launch
from burst2vec.training.step import Learner
from burst2vec.training.team import Team, launched
from burst2vec.training.trained import HISTORY, Trained


class TrainingError(RuntimeError):
    """Training that cannot go on; the message says when, on which bursts, and what to try."""


def seed_everything(seed: int) -> None:
    """Seeds what draws at random in training; batches are seeded by their own generator."""
    np.random.seed(seed)
    torch.manual_seed(seed)


def better(task: Task, score: float, best: float | None) -> bool:
    """Whether a validation metric improves on the best so far: errors fall, the others rise. NaN never does."""
    if np.isnan(score) or best is None:
        return not np.isnan(score)
    sign = metrics.sign(metrics.METRIC_NAMES[task.kind])
    return sign * score > sign * best


def train(corpus: Corpus, store: WaveformStore, params, folder: Path | None = None) -> Trained:
    """Burst2Vec trained on the corpus as `params` (a `config.Params`) say, with its best weights restored.

    With a `folder` its checkpoints go there, and a training that was interrupted goes on from the last of them; they stay
    until `write_system`. Where `params.processes` are several, each opens the corpus anew.

    Raises CorpusError where the corpus does not pose `early_stopping_task`, TrainingError where the loss is no longer
    finite, `hardware.OutOfMemory`, `checkpoints.ResumptionError` where the folder cannot be used, and
    `interruption.Interrupted` on Ctrl-C or SIGTERM.
    """
    if not corpus.poses(params.early_stopping_task):
        raise CorpusError(f"parameter early_stopping_task is {params.early_stopping_task!r}; this corpus poses "
                          + ", ".join(t.name for t in corpus.tasks))
    device = choose_device(params.device)
    if params.processes > 1 and not launched():
        return _train_together(corpus, store, params, folder, device)
    team = Team(device) if launched() else None
    device = team.device if team else device
    keep_memory()
    with arithmetic(device, params.deterministic):
        seed_everything(params.seed)
        model = build(params, corpus.tasks).to(device)
        checkpoints = Checkpoints(folder, identity(corpus, store, params)) if folder else None
        return _Run(model, corpus, store, params, autocast(params.precision, device), checkpoints, team).go()


def _train_together(corpus: Corpus, store: WaveformStore, params, folder: Path | None, device: torch.device) -> Trained:
    """What `train` does, by several processes; the outcome is in their last checkpoint."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = folder or Path(scratch)
        launch(params, folder)
        checkpoint = Checkpoints(folder, identity(corpus, store, params)).read()
    if checkpoint is None or not checkpoint.state["finished"]:
        raise Interrupted("training stopped; start the same run again and it goes on")
    model = build(params, corpus.tasks).to(device)
    return _outcome(model, checkpoint.tensors, checkpoint.state, autocast(params.precision, device))


AGAINST_NAN = "try a lower learning_rate or precision: float32, as a run of another name (-p run NAME)"

def multiple(model: Burst2Vec, encoded: bool | None, params) -> int:
    """What padded lengths are multiples of: in frames where bursts are encoded, else in samples. Only where padding changes
    nothing. Eight frames suit a GPU's products of matrices; of waveforms there are fewer lengths to plan convolutions for."""
    if not model.independent:
        return 1
    frames = params.length_multiple or (8 if next(model.parameters()).device.type == "cuda" else 1)
    return frames if encoded or frames == 1 else frames * model.backbone.hop


@dataclass
class _Progress:
    """Where a training stands, besides its weights and optimiser. Ready for JSON."""

    iteration: int = 0
    epoch: int = 1
    place: int = 0  # in the epoch: batches that have been learnt from
    best: float | None = None
    best_iteration: int = 0
    seconds: float = 0.0
    validation_seconds: float = 0.0
    checkpoint_seconds: float = 0.0
    finished: bool = False
    encoded: bool | None = None  # whether there was room to keep the encoded bursts
    rows: list[tuple] = dataclasses.field(default_factory=list)


class _Run:
    """One training: the state that its steps, validations and checkpoints share."""

    def __init__(self, model: Burst2Vec, corpus: Corpus, store: WaveformStore, params, precision,
                 checkpoints: Checkpoints | None = None, team: Team | None = None):
        self.model, self.corpus, self.store, self.params, self.precision = model, corpus, store, params, precision
        self.checkpoints, self.team = checkpoints, team
        self.device = next(model.parameters()).device
        steps = params.max_epochs * len(plan(corpus, store.lengths, params, 1))
        self.learner = Learner(model, params, precision, steps, team)
        self.progress = _Progress()
        self.best_weights: dict[str, torch.Tensor] = {}
        self.recent: list[tuple[str, np.ndarray, float, dict[str, torch.Tensor | float]]] = []
        self.started = self.checkpointed = time.perf_counter()

    def go(self) -> Trained:
        writes = self.checkpoints and not (self.team and self.team.rank)
        with self.checkpoints.locked() if writes else contextlib.nullcontext(), interruptible() as request:
            if self.team and self.team.rank:
                self.team.wait()  # until the folder is ours, and cleared of what is given up
            self._resume()
            if self.team and not self.team.rank:
                self.team.wait()
            if self.team:
                self.team.wait()  # until all have read
            if not self.progress.finished:
                self._learn(request)
                self.progress.finished = True
                self._checkpoint()
            self.progress.seconds = self._seconds()
            if request.wanted and self.checkpoints:
                raise Interrupted("training has finished, and its checkpoint is written; start the same run again for what "
                                  "follows", request.wanted)
        return _outcome(self.model, self._tensors(), dataclasses.asdict(self.progress), self.precision)

    def _learn(self, request: Request) -> None:
        source = self._source()
        self.feed = Feed(self.corpus, source, self.params, self.device,
                         multiple(self.model, self.progress.encoded, self.params))
        self.model.train()
        for batch in self._batches():
            self._step(batch)
            if self.progress.iteration % self.params.validate_every == 0:
                self._validate()
                if self._patience_spent():
                    return
            self._pause(request)
        if self.recent:
            self._validate()

    def _source(self) -> Packed | WaveformStore:
        """The bursts of training and validation, as near to the device and as far computed as can be."""
        heard = np.flatnonzero(self.corpus.table["split"].isin(["train", "val"]))
        backbone, processes = self.model.backbone, self.team.size if self.team else 1
        if self.params.encode_once and encodable(backbone):
            if self.progress.encoded is None:  # once for the whole training: both ways do not round alike
                self.progress.encoded = encoding_fits(backbone, self.store.lengths[heard], processes)
                if self.team:
                    self.progress.encoded = not self.team.any(not self.progress.encoded)
            if self.progress.encoded:
                return encode_once(backbone, self.store, heard, self.params.batch_size, self.precision)
            tqdm.write("encode_once: there is no room for the encoded bursts; they are encoded anew in every epoch")
        source = resident(self.store, heard, self.device, processes)
        if source is self.store:
            tqdm.write("there is no room for the waveforms beside the model; each batch is read from the store")
        return source

    def _batches(self) -> Iterator[Batch]:
        for number in range(self.progress.epoch, self.params.max_epochs + 1):
            dealt = self.feed.plan(number)
            first = self.progress.place if number == self.progress.epoch else 0
            for place in tqdm(range(first, len(dealt)), desc=f"Epoch {number}", unit="batch", leave=False, initial=first,
                              total=len(dealt)):
                self.progress.epoch, self.progress.place = number, place + 1
                yield self.feed.batch(*dealt[place])

    def _step(self, batch: Batch) -> None:
        terms = self.learner.step(batch)
        self.progress.iteration = self.learner.iteration
        self.recent.append((batch.task.name, batch.rows, batch.padding, terms))

    def _validate(self) -> None:
        started = time.perf_counter()
        self._record_losses()
        found = self._predict()
        if not np.isfinite(found.select_dtypes("number")).all(axis=None):
            raise TrainingError(f"the predictions of iteration {self.progress.iteration} are not finite numbers; "
                                f"{AGAINST_NAN}{self._kept()}")
        truth = self.corpus.split("val")
        for task in self.corpus.tasks:
            score = metrics.score(task, truth, found)
            self._record("validation", task.name, metrics.METRIC_NAMES[task.kind], score)
            if task.name == self.params.early_stopping_task and better(task, score, self.progress.best):
                self.progress.best, self.progress.best_iteration = score, self.progress.iteration
                self._keep_weights()
        if not self.best_weights:  # no validation was worth keeping yet: the present weights are the best known
            self._keep_weights()
        self.progress.validation_seconds += time.perf_counter() - started

    def _predict(self) -> pd.DataFrame:
        """Predictions for validation, each process hearing its share."""
        rows = np.flatnonzero(self.corpus.table["split"] == "val")
        shared = self.team and self.model.independent  # else its neighbours in a batch change what a burst is given
        own = self.team.share(rows) if shared else rows
        outputs = infer(self.model, self.feed.source, own, self.store.lengths[own], self.params.inference_batch_size,
                        self.precision)
        if self.team:  # all are to find the same, or some would stop before others
            outputs = self.team.join_shares(outputs) if shared else self.team.of_the_first(outputs)
        return tabulate(outputs, self.corpus.tasks, self.corpus.table.iloc[rows])

    def _keep_weights(self) -> None:
        self.best_weights = {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def _record(self, stage: str, task: str, term: str, value: float) -> None:
        self.progress.rows.append((self.progress.iteration, self.progress.epoch, stage, task, term, float(value)))

    def _record_losses(self) -> None:
        """Means of the loss terms since the last validation. Read from the device here, not at every step."""
        self._read_losses()
        values = [(task, term, value) for task, _, _, terms in self.recent for term, value in terms.items()]
        values += [(task, "padding", padding) for task, _, padding, _ in self.recent]
        means = pd.DataFrame(values, columns=["task", "term", "value"]).groupby(["task", "term"], sort=False).mean()
        for (task, term), value in means["value"].items():
            self._record("train", task, term, value)
        self.recent.clear()

    def _read_losses(self) -> None:
        """Brings the recent losses from the device. Raises TrainingError where one is no finite number."""
        waiting = [value for *_, terms in self.recent for value in terms.values() if isinstance(value, torch.Tensor)]
        read = iter(torch.stack(waiting).tolist() if waiting else ())
        for number, (task, rows, padding, terms) in enumerate(self.recent):
            terms = {name: next(read) if isinstance(value, torch.Tensor) else value for name, value in terms.items()}
            self.recent[number] = task, rows, padding, terms
            if not np.isfinite(terms["total"]):
                first = self.progress.iteration - len(self.recent) + number + 1
                files = ", ".join(self.corpus.table.index[rows])
                raise TrainingError(f"the loss of task {task} is {terms['total']} at iteration {first}, on bursts {files}; "
                                    f"{AGAINST_NAN}{self._kept()}")

    def _kept(self) -> str:
        return f". Checkpoints from before are kept in {self.checkpoints.folder}" if self.checkpoints else ""

    def _pause(self, request: Request) -> None:
        """Writes a checkpoint where one is due, and ends the run where somebody asks for it."""
        wanted = request.wanted is not None
        if self.team and (self.device.type == "cpu" or self.progress.iteration % 16 == 0):
            wanted = self.team.any(wanted)
        elif self.team:
            wanted = False  # all processes end at the same step
        due = time.perf_counter() - self.checkpointed >= 60 * self.params.checkpoint_minutes
        if self.checkpoints and (wanted or due):
            self._checkpoint()
        if wanted:
            if self.team:
                self.team.wait()  # for the checkpoint: torchrun ends all processes when the first ends
            on = ("; its checkpoint is written, start the same run again and it goes on from there" if self.checkpoints
                  else "; there is no folder for checkpoints, its work is lost")
            raise Interrupted(f"training stopped after iteration {self.progress.iteration}{on}", request.wanted or 2)

    def _checkpoint(self) -> None:
        started = time.perf_counter()
        self._read_losses()
        if not torch.stack([p.isfinite().all() for p in self.learner.learned]).all():
            raise TrainingError(f"the weights are not finite numbers after iteration {self.progress.iteration}; "
                                f"{AGAINST_NAN}{self._kept()}")
        progress = dataclasses.replace(self.progress, seconds=self._seconds())
        recent = [(task, rows.tolist(), padding, terms) for task, rows, padding, terms in self.recent]
        if self.checkpoints and not (self.team and self.team.rank):
            self.checkpoints.write(progress.iteration,
                                   Checkpoint(self._tensors(), {**dataclasses.asdict(progress), "recent": recent,
                                                                "circumstances": circumstances()}))
        if self.team and progress.finished:
            self.team.wait()
        self.checkpointed = time.perf_counter()
        self.progress.checkpoint_seconds += self.checkpointed - started

    def _tensors(self) -> dict[str, torch.Tensor]:
        """The best weights and, of a training that is to go on, its present ones and what Adam knows of them."""
        best = {f"best.{name}": value for name, value in self.best_weights.items()}
        if self.progress.finished:
            return best
        adam = {f"adam.{number}.{name}": value for number, of in self.learner.optimiser.state_dict()["state"].items()
                for name, value in of.items()}
        return {**best, **{f"now.{name}": value for name, value in self.model.state_dict().items()}, **adam}

    def _resume(self) -> None:
        found = self.checkpoints.read(self.params.restart) if self.checkpoints else None
        if found is None:
            return
        state = {f.name: found.state[f.name] for f in dataclasses.fields(_Progress)}
        self.progress = _Progress(**{**state, "rows": [tuple(row) for row in state["rows"]]})
        self.started -= self.progress.seconds
        self.best_weights = {k: v.to(self.device) for k, v in _named(found.tensors, "best.").items()}
        if self.progress.finished:
            return
        tqdm.write(f"going on after iteration {self.progress.iteration}, from the checkpoint in {self.checkpoints.folder}")
        for name, now in circumstances().items():
            if (was := found.state["circumstances"].get(name)) != now:
                tqdm.write(f"{name} was {was} and is {now}: what follows will differ, at first in the last bits")
        self.recent = [(task, np.array(rows), padding, terms) for task, rows, padding, terms in found.state["recent"]]
        self.model.load_state_dict(_named(found.tensors, "now."))
        adam: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in _named(found.tensors, "adam.").items():
            number, _, term = name.partition(".")
            adam.setdefault(int(number), {})[term] = value
        groups = self.learner.optimiser.state_dict()["param_groups"]
        self.learner.optimiser.load_state_dict({"state": adam, "param_groups": groups})
        self.learner.iteration = self.progress.iteration

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _patience_spent(self) -> bool:
        waited = self.progress.iteration - self.progress.best_iteration
        return waited >= self.params.patience * self.params.validate_every


def _named(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _outcome(model: Burst2Vec, tensors: Mapping[str, torch.Tensor], state: Mapping, precision) -> Trained:
    """The trained model that a finished checkpoint holds."""
    model.load_state_dict(_named(tensors, "best."))
    seconds = max(state["seconds"], 1e-9)
    summary = {
        "iterations": state["iteration"], "epochs": state["epoch"], "best_iteration": state["best_iteration"],
        "seconds": round(seconds, 1), "validation_share": round(state["validation_seconds"] / seconds, 3),
        "checkpoint_share": round(state["checkpoint_seconds"] / seconds, 3),
        "parameters": sum(p.numel() for p in model.parameters()), "device": str(next(model.parameters()).device),
        "encoded_once": bool(state["encoded"]),
        **{f"backbone_{name}": value for name, value in model.backbone.record().items()},
    }
    return Trained(model.eval(), pd.DataFrame(state["rows"], columns=HISTORY), summary, precision)
