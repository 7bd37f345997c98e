"""`Baseline ComParE`: the challenge's multi-task network on acoustic functionals (Baird et al., 2022).

    features (batch, 6373), standardised
      -> trunk               (batch, 128), then (batch, 64), each with layer norm and leaky ReLU
      -> heads               (batch, outputs), one for each task, with a hidden layer of 32

Written anew after the published description. Unlike Burst2Vec it learns all tasks from one batch, hears audio
only through openSMILE's features, predicts scalars in their own unit, and is stopped by the challenge's
score.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional
from tqdm.auto import tqdm

from burst2vec.corpora.corpus import Corpus, CorpusError, Task
from burst2vec.evaluation import metrics
from burst2vec.evaluation.predictions import tabulate
from burst2vec.machine.hardware import choose_device
from burst2vec.training.trained import HISTORY, Trained
from burst2vec.training.trainer import TrainingError, seed_everything

FIRST_LOG_VARIANCE = -0.33
"""Where each task's s of `combine` starts."""


class ComParENetwork(nn.Module):
    """The challenge's network for any number and kind of tasks, with the standardisation of its features.

    `mean` and `scale` (features,) standardise. `log_variances` holds a learnable s for each task, `combine`
    uses them.
    """

    def __init__(self, tasks: Sequence[Task], mean: torch.Tensor, scale: torch.Tensor):
        super().__init__()
        self.tasks = tuple(tasks)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.trunk = nn.Sequential(nn.Linear(len(mean), 128), nn.LayerNorm(128), nn.LeakyReLU(),
                                   nn.Linear(128, 64), nn.LayerNorm(64), nn.LeakyReLU())
        self.heads = nn.ModuleDict({task.name: _head(task) for task in tasks})
        self.log_variances = nn.ParameterDict(
            {task.name: nn.Parameter(torch.tensor(FIRST_LOG_VARIANCE)) for task in tasks})

    def forward(self, features: torch.Tensor) -> dict[str, torch.Tensor]:
        """Each task's output (batch, outputs) from features (batch, features): intensities, logits, or a
        scalar in its own unit."""
        shared = self.trunk((features - self.mean) * self.scale)
        return {name: head(shared) for name, head in self.heads.items()}


def _head(task: Task) -> nn.Sequential:
    last = [nn.Sigmoid()] if task.kind == "intensities" else []
    return nn.Sequential(nn.Linear(64, 32), nn.LeakyReLU(), nn.Linear(32, task.outputs), *last)


def standardisation(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and inverse standard deviation, float32 (features,) each, of training features (bursts, features).

    A feature that never changes has the inverse 0 and so becomes 0, whatever it is elsewhere.
    """
    deviation = features.std(axis=0, dtype=np.float64)
    varies = features.max(axis=0) > features.min(axis=0)
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=varies)
    return features.mean(axis=0, dtype=np.float64).astype(np.float32), scale.astype(np.float32)


def build(corpus: Corpus, features: np.ndarray) -> ComParENetwork:
    """An untrained network for the corpus and its features (bursts, features). Seed first: its weights are
    drawn here.

    A scalar's output starts at its training mean: from 0 years, the squared error of the age would be all
    that a small corpus's few steps reduce.
    """
    train = (corpus.table["split"] == "train").to_numpy()
    mean, scale = standardisation(np.asarray(features[train]))
    model = ComParENetwork(corpus.tasks, torch.from_numpy(mean), torch.from_numpy(scale))
    for task in corpus.tasks:
        if task.kind == "scalar":
            nn.init.constant_(model.heads[task.name][2].bias, corpus.table.loc[train, task.columns[0]].mean())
    return model


def task_loss(task: Task, output: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The challenge's loss of one task, a scalar: the sum over the intensities of their mean squared errors,
    the cross-entropy in nats, or the mean squared error in the scalar's unit squared."""
    if task.kind == "classes":
        return functional.cross_entropy(output, truth)
    return (output - truth).square().mean(0).sum()


def combine(losses: dict[str, torch.Tensor], log_variances: nn.ParameterDict) -> torch.Tensor:
    """The tasks' losses weighted by their learnt uncertainty: the sum of L / (2 exp(s)) + s / 2 (Kendall et
    al., 2018)."""
    return sum(loss / (2 * log_variances[name].exp()) + log_variances[name] / 2
               for name, loss in losses.items())


def train(corpus: Corpus, features: np.ndarray, params) -> Trained:
    """The network trained on features (bursts, features) as the `baseline_` values of `params` say, with the
    weights of its best epoch.

    Raises CorpusError where `early_stopping_task` is needed and not posed by the corpus.
    """
    started, device = time.perf_counter(), choose_device(params.device)
    _check(corpus, params.early_stopping_task)
    seed_everything(params.seed)
    model = build(corpus, features).to(device)
    optimiser = torch.optim.Adam(model.parameters(), params.baseline_learning_rate,
                                 weight_decay=params.baseline_weight_decay, fused=True)
    data = _Bursts(corpus, features, "train", device)
    rows, best, kept, weights, iteration = [], -np.inf, (0, 0), _copy(model), 0
    for epoch in tqdm(range(1, params.baseline_max_epochs + 1), desc="Training", unit="epoch", leave=False):
        steps = [_step(model, optimiser, data, batch) for batch in data.batches(params.baseline_batch_size)]
        iteration += len(steps)
        scores = validate(model, corpus, features)
        rows += _records(corpus.tasks, iteration, epoch, steps, scores)
        if (quality := criterion(corpus.tasks, scores, params.early_stopping_task)) > best:
            best, kept, weights = quality, (epoch, iteration), _copy(model)
        if epoch - kept[0] >= params.baseline_patience:
            break
    model.load_state_dict(weights)
    summary = {"iterations": iteration, "epochs": epoch, "best_iteration": kept[1],
               "seconds": round(time.perf_counter() - started, 1), "device": str(device),
               "parameters": sum(p.numel() for p in model.parameters())}
    return Trained(model.eval(), pd.DataFrame(rows, columns=HISTORY), summary)


def loss_weights(history: pd.DataFrame) -> pd.Series:
    """The weight 1 / (2 exp(s)) of each task's loss (index) in the last epoch of a history."""
    rows = history[history["term"] == "log_variance"]
    last = rows[rows["epoch"] == rows["epoch"].max()].set_index("task")["value"]
    return (1 / (2 * np.exp(last))).rename("weight")


def criterion(tasks: Sequence[Task], scores: dict[str, float], early_stopping_task: str) -> float:
    """By what training is stopped, the higher the better: S_MTL where the corpus poses one task of each kind,
    otherwise the metric of `early_stopping_task`, errors with a minus."""
    if "S_MTL" in scores:
        return scores["S_MTL"]
    kind = next(task.kind for task in tasks if task.name == early_stopping_task)
    return metrics.sign(metrics.METRIC_NAMES[kind]) * scores[early_stopping_task]


def validate(model: ComParENetwork, corpus: Corpus, features: np.ndarray) -> dict[str, float]:
    """Each task's metric on validation by its name, and `S_MTL` where the corpus poses one task of each
    kind."""
    found, truth = predict(model, corpus, features, ("val",)), corpus.split("val")
    scores = {task.name: metrics.score(task, truth, found) for task in corpus.tasks}
    if metrics.has_s_mtl(corpus.tasks):
        by_kind = {task.kind: scores[task.name] for task in corpus.tasks}
        scores["S_MTL"] = metrics.s_mtl(by_kind["intensities"], by_kind["classes"], by_kind["scalar"])
    return scores


@torch.inference_mode()
def predict(model: ComParENetwork, corpus: Corpus, features: np.ndarray,
            splits: Sequence[str] = ("val", "test")) -> pd.DataFrame:
    """The network's predictions for every burst of `splits`, in the form of `predictions.predict`."""
    rows, device = np.flatnonzero(corpus.table["split"].isin(splits)), model.mean.device
    parts = np.array_split(rows, -(-len(rows) // 1024))
    found = [model(torch.tensor(features[part], device=device)) for part in parts]
    outputs = {task.name: torch.cat([f[task.name] for f in found]).cpu().numpy() for task in model.tasks}
    for task in model.tasks:
        if task.kind == "scalar":  # `tabulate` takes scalars as Burst2Vec's heads put them out, 0-1 scaled
            outputs[task.name] = (outputs[task.name].astype(np.float64) - task.low) / (task.high - task.low)
    return tabulate(outputs, model.tasks, corpus.table.iloc[rows])


class _Bursts:
    """One split's features and truths as tensors, and which of its bursts carry which label."""

    def __init__(self, corpus: Corpus, features: np.ndarray, split: str, device: torch.device):
        rows = np.flatnonzero(corpus.table["split"] == split)
        table = corpus.table.iloc[rows]
        self.features = torch.tensor(features[rows], device=device)
        self.truth, self.labelled = {}, {}
        for task in corpus.tasks:
            labels = torch.tensor(task.labels(table), device=device)
            self.truth[task.name] = labels.float() if labels.is_floating_point() else labels
            self.labelled[task.name] = torch.tensor(task.labelled(table), device=device)

    def batches(self, size: int) -> Sequence[torch.Tensor]:
        """Every burst once, in random order."""
        return torch.randperm(len(self.features)).to(self.features.device).split(size)


def _step(model: ComParENetwork, optimiser: torch.optim.Optimizer, data: _Bursts,
          batch: torch.Tensor) -> dict[tuple, float]:
    """One step down the combined loss of a batch; returns its terms. A burst without a task's label does not
    count there."""
    outputs, losses = model(data.features[batch]), {}
    for task in model.tasks:
        known = data.labelled[task.name][batch]
        if known.any():
            truth = data.truth[task.name][batch][known]
            losses[task.name] = task_loss(task, outputs[task.name][known], truth)
    total = combine(losses, model.log_variances)
    if not total.isfinite():
        raise TrainingError(f"the ComParE baseline's loss is {total.item()}; try a lower baseline_learning_rate")
    optimiser.zero_grad(set_to_none=True)
    total.backward()
    optimiser.step()
    terms = {(name, "loss"): loss for name, loss in losses.items()} | {("all", "total"): total}
    terms |= {(name, "log_variance"): s for name, s in model.log_variances.items()}
    return {term: value.item() for term, value in terms.items()}


def _records(tasks: Sequence[Task], iteration: int, epoch: int, steps: list[dict],
             scores: dict[str, float]) -> list[tuple]:
    """The rows of the history for one epoch: the terms' means over its steps, then the validation metrics.
    What concerns no single task has the task `all`."""
    names = {task.name: metrics.METRIC_NAMES[task.kind] for task in tasks}
    means = pd.DataFrame(steps).mean()
    rows = [(iteration, epoch, "train", task, term, value) for (task, term), value in means.items()]
    for name, value in scores.items():
        task, term = (name, names[name]) if name in names else ("all", name)
        rows.append((iteration, epoch, "validation", task, term, value))
    return rows


def _copy(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _check(corpus: Corpus, early_stopping_task: str) -> None:
    if not metrics.has_s_mtl(corpus.tasks) and not corpus.poses(early_stopping_task):
        raise CorpusError(f"parameter early_stopping_task is {early_stopping_task!r}; this corpus poses "
                          + ", ".join(task.name for task in corpus.tasks))
