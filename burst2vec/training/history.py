"""The history of a training: loss terms of its steps and metrics of its validations, as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from burst2vec.training.batches import Batch

HISTORY = ["iteration", "epoch", "stage", "task", "term", "value"]
"""The columns of a history. At each validation it has the mean of every loss term since the last one (stage `train`)
and the metric of every task (stage `validation`). The term `padding` is the share of a batch that is padding."""


@dataclass
class StepLosses:
    """The loss terms of one step by name, numbers or tensors that are still on the device, and the batch they are of.

    `rows` are those of the corpus table, and `padding` is the share of the batch that is padding.
    """

    iteration: int
    task: str
    rows: list[int]
    padding: float
    terms: dict[str, Any]


class History:
    """The rows of a history, and the losses of the steps since the last validation, which are not in a row yet."""

    def __init__(self, rows: Iterable[tuple] = (), recent: Iterable[StepLosses] = ()):
        self.rows, self.recent = list(rows), list(recent)

    def add_step(self, iteration: int, batch: Batch, terms: Mapping[str, torch.Tensor]) -> None:
        """Notes the loss terms of a step. The device is not waited for."""
        self.recent.append(StepLosses(iteration, batch.task.name, batch.rows.tolist(), batch.padding, dict(terms)))

    def read_losses(self) -> StepLosses | None:
        """Reads the losses since the last validation from the device, all at once.

        Returns those of the first step whose total is not a finite number, or None where all are finite.
        """
        waiting = [(step.terms, name) for step in self.recent for name, value in step.terms.items()
                   if isinstance(value, torch.Tensor)]
        values = torch.stack([terms[name] for terms, name in waiting]).tolist() if waiting else []
        for (terms, name), value in zip(waiting, values, strict=True):
            terms[name] = value
        return next((step for step in self.recent if not np.isfinite(step.terms["total"])), None)

    def add_losses(self, iteration: int, epoch: int) -> None:
        """Adds the means of the loss terms since the last validation, which must have been read."""
        values = [(step.task, name, value) for step in self.recent for name, value in step.terms.items()]
        values += [(step.task, "padding", step.padding) for step in self.recent]
        means = pd.DataFrame(values, columns=["task", "term", "value"]).groupby(["task", "term"], sort=False).mean()
        for (task, term), value in means["value"].items():
            self.rows.append((iteration, epoch, "train", task, term, float(value)))
        self.recent.clear()

    def add_score(self, iteration: int, epoch: int, task: str, metric: str, score: float) -> None:
        """Adds the metric of a task in a validation."""
        self.rows.append((iteration, epoch, "validation", task, metric, float(score)))

    def last_line(self) -> str:
        """The losses and the metric of each task in the last validation, in words."""
        last = self.table()[lambda rows: rows["iteration"] == self.rows[-1][0]]
        losses = last[(last["stage"] == "train") & (last["term"] == "total")]
        metrics = last[last["stage"] == "validation"]
        parts = [f"{row.task} {row.value:.3f}" for row in losses.itertuples()]
        parts = ["loss " + ", ".join(parts)] if parts else []
        return ", ".join(parts + [f"{row.task} {row.term} {row.value:.3f}" for row in metrics.itertuples()])

    def table(self) -> pd.DataFrame:
        """The history with the columns `HISTORY`."""
        return pd.DataFrame(self.rows, columns=HISTORY)

    def to_json(self) -> dict[str, list]:
        """The history ready for JSON, its losses read from the device."""
        self.read_losses()
        return {"rows": self.rows, "recent": [dataclasses.asdict(step) for step in self.recent]}

    @classmethod
    def from_json(cls, saved: Mapping[str, list]) -> History:
        """The history that `to_json` gave."""
        return cls(map(tuple, saved["rows"]), (StepLosses(**step) for step in saved["recent"]))
