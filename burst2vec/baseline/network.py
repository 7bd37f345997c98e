"""`Baseline ComParE`: the challenge's multi-task network on acoustic functionals (Baird et al., 2022).

    features (batch, 6373), standardised
      -> trunk               (batch, 128), then (batch, 64), each with layer norm and leaky ReLU
      -> heads               (batch, outputs), one for each task, with a hidden layer of 32

It is written anew from the published description. Unlike Burst2Vec it learns all tasks from each batch, knows the
audio only through openSMILE's features, predicts scalars in their own unit, and is stopped early by the score of the
challenge.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task, deciding_task
from burst2vec.evaluation import metrics
from burst2vec.evaluation.predictions import tabulate
from burst2vec.machine.hardware import choose_device
from burst2vec.machine.progress import progress_bar
from burst2vec.training.history import HISTORY
from burst2vec.training.seeding import seed_everything
from burst2vec.training.trained import Trained, TrainingError, copy_weights

FIRST_LOG_VARIANCE = -0.33
"""The initial s of each task in `combine`."""


class ComParENetwork(nn.Module):
    """The challenge's network for any number and kind of tasks, with the standardisation of its features.

    `mean` and `scale` (features,) standardise the features. `log_variances` has a learnable s for each task,
    which `combine` uses.
    """

    mean: torch.Tensor
    scale: torch.Tensor

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
        """The output (batch, outputs) of each task, by name, from features (batch, features).

        Outputs are intensities, logits, or a scalar in its own unit.
        """
        shared = self.trunk((features - self.mean) * self.scale)
        return {name: head(shared) for name, head in self.heads.items()}


def _head(task: Task) -> nn.Sequential:
    last = [nn.Sigmoid()] if task.kind == "intensities" else []
    return nn.Sequential(nn.Linear(64, 32), nn.LeakyReLU(), nn.Linear(32, task.outputs), *last)


def standardisation(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the inverse standard deviation, float32 (features,), of training features (bursts, features).

    The inverse is 0 for a feature that is constant in training, which then is 0 after standardisation everywhere.
    """
    deviation = features.std(axis=0, dtype=np.float64)
    varies = features.max(axis=0) > features.min(axis=0)
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=varies)
    return features.mean(axis=0, dtype=np.float64).astype(np.float32), scale.astype(np.float32)


def build(corpus: Corpus, features: np.ndarray) -> ComParENetwork:
    """An untrained network for the corpus and its features (bursts, features).

    Seed first, since the weights are drawn here. The output of a scalar starts at its training mean: from 0 years,
    the few steps on a small corpus would reduce nothing but the squared error of the age.
    """
    train = (corpus.table["split"] == "train").to_numpy()
    mean, scale = standardisation(np.asarray(features[train]))
    model = ComParENetwork(corpus.tasks, torch.from_numpy(mean), torch.from_numpy(scale))
    for task in corpus.tasks:
        if task.kind == "scalar":
            bias = model.heads[task.name].get_parameter("2.bias")
            nn.init.constant_(bias, corpus.table.loc[train, task.columns[0]].mean())
    return model


def task_loss(task: Task, output: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The challenge's loss of one task, a scalar.

    It is the sum of the mean squared errors of the intensities, the cross-entropy in nats, or the mean squared
    error in the squared unit of the scalar.
    """
    if task.kind == "classes":
        return functional.cross_entropy(output, truth)
    return (output - truth).square().mean(0).sum()


def combine(losses: dict[str, torch.Tensor], log_variances: nn.ParameterDict) -> torch.Tensor:
    """The sum of the tasks' losses L, weighted by their learnt uncertainty: of L / (2 exp(s)) + s / 2.

    Source: Kendall et al. (2018).
    """
    weighted = (loss / (2 * log_variances[name].exp()) + log_variances[name] / 2 for name, loss in losses.items())
    return sum(weighted, torch.zeros(()))


def train(corpus: Corpus, features: np.ndarray, params: Params) -> Trained:
    """The network trained on features (bursts, features) as the `baseline_` parameters say, with its best weights.

    Raises CorpusError where `early_stopping_task` decides about early stopping and the corpus does not pose it, and
    TrainingError where the loss is no longer finite.
    """
    started, device = time.perf_counter(), choose_device(params.device)
    deciding = None if metrics.has_s_mtl(corpus.tasks) else deciding_task(corpus.tasks, params.early_stopping_task)
    seed_everything(params.seed)
    model = build(corpus, features).to(device)
    optimiser = torch.optim.Adam(model.parameters(), params.baseline_learning_rate,
                                 weight_decay=params.baseline_weight_decay, fused=True)
    bursts = _Bursts(corpus, features, "train", device)
    rows: list[tuple] = []
    iteration, best, best_epoch, best_iteration, best_weights = 0, -np.inf, 0, 0, copy_weights(model)
    for epoch in progress_bar(range(1, params.baseline_max_epochs + 1), desc="Training", unit="epoch", leave=False):
        steps = [_step(model, optimiser, bursts, batch) for batch in bursts.batches(params.baseline_batch_size)]
        iteration += len(steps)
        scores = validate(model, corpus, features)
        rows += _records(corpus.tasks, iteration, epoch, steps, scores)
        if (quality := criterion(scores, deciding)) > best:
            best, best_epoch, best_iteration, best_weights = quality, epoch, iteration, copy_weights(model)
        if epoch - best_epoch >= params.baseline_patience:
            break
    model.load_state_dict(best_weights)
    summary: dict[str, float | int | str] = {
        "iterations": iteration, "epochs": epoch, "best_iteration": best_iteration,
        "seconds": round(time.perf_counter() - started, 1), "device": str(device),
        "parameters": sum(p.numel() for p in model.parameters())}
    return Trained(model.eval(), pd.DataFrame(rows, columns=HISTORY), summary)


def loss_weights(history: pd.DataFrame) -> pd.Series:
    """The weight 1 / (2 exp(s)) of the loss of each task (index) in the last epoch of a history."""
    rows = history[history["term"] == "log_variance"]
    last = rows[rows["epoch"] == rows["epoch"].max()].set_index("task")["value"]
    return (1 / (2 * np.exp(last))).rename("weight")


def criterion(scores: dict[str, float], task: Task | None) -> float:
    """The score that decides about early stopping; a greater one is better.

    It is the metric of the deciding `task`, an error with a minus sign, or S_MTL where that is None.
    """
    if task is None:
        return scores["S_MTL"]
    return metrics.sign(metrics.METRIC_NAMES[task.kind]) * scores[task.name]


def validate(model: ComParENetwork, corpus: Corpus, features: np.ndarray) -> dict[str, float]:
    """The validation metric of each task, by name, and `S_MTL` where the corpus poses one task of each kind."""
    found, truth = predict(model, corpus, features, ("val",)), corpus.split("val")
    scores = {task.name: metrics.score(task, truth, found) for task in corpus.tasks}
    if metrics.has_s_mtl(corpus.tasks):
        by_kind = {task.kind: scores[task.name] for task in corpus.tasks}
        scores["S_MTL"] = metrics.s_mtl(by_kind["intensities"], by_kind["classes"], by_kind["scalar"])
    return scores


@torch.inference_mode()
def predict(model: ComParENetwork, corpus: Corpus, features: np.ndarray,
            splits: Sequence[str] = ("val", "test")) -> pd.DataFrame:
    """The network's predictions for every burst of `splits`, in the form of `predictions.tabulate`."""
    rows, device = np.flatnonzero(corpus.table["split"].isin(splits)), model.mean.device
    parts = np.array_split(rows, -(-len(rows) // 1024))
    found = [model(torch.tensor(features[part], device=device)) for part in parts]
    outputs = {task.name: torch.cat([f[task.name] for f in found]).cpu().numpy() for task in model.tasks}
    for task in model.tasks:
        if task.kind == "scalar":  # `tabulate` expects scalars scaled to 0-1, as Burst2Vec's heads give them
            outputs[task.name] = (outputs[task.name].astype(np.float64) - task.low) / (task.high - task.low)
    return tabulate(outputs, model.tasks, corpus.table.iloc[rows])


class _Bursts:
    """The features and labels of one split as tensors, and which of its bursts have which label."""

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
        """Batches of at most `size` places, which have every burst once in random order."""
        return torch.randperm(len(self.features)).to(self.features.device).split(size)


def _step(model: ComParENetwork, optimiser: torch.optim.Optimizer, bursts: _Bursts,
          batch: torch.Tensor) -> dict[tuple[str, str], float]:
    """Learns from the combined loss of a batch, and returns its terms by task and name.

    A burst without a label for a task does not count in the loss of that task.
    """
    outputs, losses = model(bursts.features[batch]), {}
    for task in model.tasks:
        known = bursts.labelled[task.name][batch]
        if known.any():
            truth = bursts.truth[task.name][batch][known]
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
    """The rows of the history for one epoch: the means of the terms over its steps, then the validation metrics.

    The task of what concerns all tasks is `all`.
    """
    names = {task.name: metrics.METRIC_NAMES[task.kind] for task in tasks}
    means = pd.DataFrame(steps).mean()
    rows = [(iteration, epoch, "train", task, term, value) for (task, term), value in means.items()]
    for name, value in scores.items():
        task, term = (name, names[name]) if name in names else ("all", name)
        rows.append((iteration, epoch, "validation", task, term, value))
    return rows
