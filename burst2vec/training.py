"""Training (appendix C, Table 3): one task a batch, Adam, early stopping on the validation metric of one task."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from tqdm.auto import tqdm

from burst2vec import batches, metrics
from burst2vec.corpus import Corpus, CorpusError, Task
from burst2vec.encoding import EncodedStore, encodable, encode_once
from burst2vec.files import write_aside
from burst2vec.inference import choose_device, predict
from burst2vec.losses import objective
from burst2vec.model import Burst2Vec, build
from burst2vec.predictions import write_predictions
from burst2vec.store import WaveformStore

HISTORY = ["iteration", "epoch", "stage", "task", "term", "value"]
"""Columns of a history: at each validation, the mean of every loss term since the last one (stage `train`) and every
task's metric (stage `validation`). The term `padding` is the share of a batch that is padding."""


class TrainingError(RuntimeError):
    """Training that cannot go on; the message says when, on which bursts, and what to try."""


@dataclass(frozen=True)
class Trained:
    """A trained model with its best weights, its history, a summary of the run and of its backbone (flat, for JSON), and
    the arithmetic that its validations ran in."""

    model: torch.nn.Module
    history: pd.DataFrame
    summary: dict[str, float | int | str]
    precision: contextlib.AbstractContextManager | None = None


def seed_everything(seed: int) -> None:
    """Seeds what draws at random in training; batches are seeded by their own generator."""
    np.random.seed(seed)
    torch.manual_seed(seed)


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager:
    """The arithmetic that parameter `precision` names: `auto` is bfloat16 where the hardware multiplies in it."""
    native = (torch.cuda.is_bf16_supported(including_emulation=False) if device.type == "cuda"
              else torch.cpu._is_avx512_bf16_supported())
    wanted = precision == "bfloat16" or (precision == "auto" and native)
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def better(task: Task, score: float, best: float | None) -> bool:
    """Whether a validation metric improves on the best so far: errors fall, the others rise. NaN never does."""
    if np.isnan(score) or best is None:
        return not np.isnan(score)
    return score > best if metrics.HIGHER_IS_BETTER[task.kind] else score < best


def train(corpus: Corpus, store: WaveformStore, params) -> Trained:
    """Burst2Vec trained on the corpus as `params` (a `config.Params`) say, with its best weights restored.

    Raises CorpusError where the corpus does not pose `early_stopping_task`, and TrainingError where the loss is no
    longer finite.
    """
    if not corpus.poses(params.early_stopping_task):
        raise CorpusError(f"parameter early_stopping_task is {params.early_stopping_task!r}; this corpus poses "
                          + ", ".join(t.name for t in corpus.tasks))
    seed_everything(params.seed)
    device = choose_device(params.device)
    model = build(params, corpus.tasks).to(device)
    return _Run(model, corpus, store, params, autocast(params.precision, device)).go()


class _Run:
    """One training: the state that its steps and validations share."""

    def __init__(self, model: Burst2Vec, corpus: Corpus, store: WaveformStore, params, precision):
        self.model, self.corpus, self.params, self.precision = model, corpus, params, precision
        self.store = self._encoded(store) if params.encode_once and encodable(model.backbone) else store
        learned = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(learned, lr=params.learning_rate)
        steps = params.max_epochs * len(batches.plan(corpus, store.lengths, params, 1))
        last = 0.0 if params.learning_rate_decay == "linear" else 1.0
        self.schedule = torch.optim.lr_scheduler.LinearLR(self.optimiser, 1.0, last, total_iters=steps)
        self.device = learned[0].device
        self.rows: list[tuple] = []
        self.recent: list[tuple[str, np.ndarray, float, dict[str, torch.Tensor]]] = []
        self.iteration = 0
        self.best: float | None = None
        self.best_iteration = 0
        self.best_weights: dict[str, torch.Tensor] = {}
        self.validation_seconds = 0.0

    def _encoded(self, store: WaveformStore) -> EncodedStore:
        heard = np.flatnonzero(self.corpus.table["split"].isin(["train", "val"]))
        return encode_once(self.model.backbone, store, heard, 2 * self.params.batch_size, self.precision)

    def go(self) -> Trained:
        started = time.perf_counter()
        self.model.train()
        for number, batch in self._batches():
            self._step(batch)
            if self.iteration % self.params.validate_every == 0:
                self._validate(number)
                if self._patience_spent():
                    break
        if self.recent:
            self._validate(number)
        self.model.load_state_dict(self.best_weights)
        seconds = time.perf_counter() - started
        return Trained(self.model.eval(), pd.DataFrame(self.rows, columns=HISTORY), self._summary(number, seconds),
                       self.precision)

    def _batches(self) -> Iterator[tuple[int, batches.Batch]]:
        for number in range(1, self.params.max_epochs + 1):
            found = batches.epoch(self.corpus, self.store, self.params, number)
            for batch in tqdm(found, desc=f"Epoch {number}", unit="batch", leave=False):
                yield number, batch

    def _step(self, batch: batches.Batch) -> None:
        padding, batch = batch.padding, batch.to(self.device)
        with self.precision:
            representations = self.model.represent(batch.waveforms, batch.lengths)
            terms = objective(self.model, representations, batch.task, batch.targets,
                              self.params.alpha_discriminator, self.params.alpha_adversarial)
        self.optimiser.zero_grad(set_to_none=True)
        terms["total"].backward()
        self.optimiser.step()
        self.schedule.step()
        self.iteration += 1
        self.recent.append((batch.task.name, batch.rows, padding, {k: v.detach() for k, v in terms.items()}))

    def _validate(self, number: int) -> None:
        started = time.perf_counter()
        self._record_losses(number)
        found = predict(self.model, self.corpus, self.store, ("val",), 2 * self.params.batch_size, self.precision)
        if not np.isfinite(found.select_dtypes("number")).all(axis=None):
            raise TrainingError(f"the predictions of iteration {self.iteration} are not finite numbers; "
                                "try a lower learning_rate or precision: float32")
        truth = self.corpus.split("val")
        for task in self.corpus.tasks:
            score = metrics.score(task, truth, found)
            self.rows.append((self.iteration, number, "validation", task.name, metrics.METRIC_NAMES[task.kind], score))
            if task.name == self.params.early_stopping_task and better(task, score, self.best):
                self.best, self.best_iteration = score, self.iteration
                self.best_weights = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        if not self.best_weights:  # no validation was worth keeping yet: the present weights are the best known
            self.best_weights = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.validation_seconds += time.perf_counter() - started

    def _record_losses(self, number: int) -> None:
        """Means of the loss terms since the last validation. Read from the device here, not at every step."""
        values = [(task, term, v.item()) for task, _, _, terms in self.recent for term, v in terms.items()]
        values += [(task, "padding", padding) for task, _, padding, _ in self.recent]
        for task, rows, _, terms in self.recent:
            if not torch.isfinite(terms["total"]):
                files = ", ".join(self.corpus.table.index[rows])
                raise TrainingError(f"the loss of task {task} is {terms['total'].item()} by iteration {self.iteration}, "
                                    f"first on bursts {files}; try a lower learning_rate or precision: float32")
        means = pd.DataFrame(values, columns=["task", "term", "value"]).groupby(["task", "term"], sort=False).mean()
        for (task, term), value in means["value"].items():
            self.rows.append((self.iteration, number, "train", task, term, value))
        self.recent.clear()

    def _patience_spent(self) -> bool:
        return self.iteration - self.best_iteration >= self.params.patience * self.params.validate_every

    def _summary(self, epochs: int, seconds: float) -> dict[str, float | int | str]:
        return {
            "iterations": self.iteration, "epochs": epochs, "best_iteration": self.best_iteration,
            "seconds": round(seconds, 1), "validation_share": round(self.validation_seconds / seconds, 3),
            "parameters": sum(p.numel() for p in self.model.parameters()), "device": str(self.device),
            **{f"backbone_{name}": value for name, value in self.model.backbone.record().items()},
        }


def write_system(folder: Path, params, predictions: pd.DataFrame, trained: Trained | None = None,
                 corpus: Corpus | None = None) -> None:
    """Writes a system's folder, whole or not at all: parameters, predictions and, of a trained one, its history,
    summary and weights. A Burst2Vec's can be loaded by `pretrained`; its card tells of the `corpus`."""
    from burst2vec import card, pretrained  # here, as changing a card trains nothing again

    with write_aside(folder) as aside:
        aside.mkdir()
        (aside / "params.json").write_text(params.to_json(), encoding="utf-8")
        write_predictions(predictions, aside / "predictions.csv")
        if trained is None:
            return
        trained.history.to_csv(aside / "history.csv", index=False)
        (aside / "summary.json").write_text(json.dumps(trained.summary, indent=1))
        if isinstance(trained.model, Burst2Vec):
            trained.model.card = card.describe(trained.model, params.title or folder.name, corpus, predictions,
                                               tiny=params.backbone_size == "tiny")
            pretrained.write(trained.model, aside)
        else:
            weights = {k: v.cpu().contiguous() for k, v in trained.model.state_dict().items()}
            safetensors.torch.save_file(weights, aside / "model.safetensors")
