"""Early stopping (Table 3): which validation is the best, and whether a model has collapsed."""

from __future__ import annotations

import math

import pandas as pd

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation import metrics


def improves(task: Task, score: float, best: float | None) -> bool:
    """Whether a validation metric of a task is better than the `best` so far, which is None before the first.

    A greater CCC or UAR is better, and a smaller error. NaN never is.
    """
    if math.isnan(score) or best is None:
        return not math.isnan(score)
    sign = metrics.sign(metrics.METRIC_NAMES[task.kind])
    return sign * score > sign * best


CONSTANT = 1e-3
"""The standard deviation of predictions, as a share of their range, below which they are taken for a constant."""


def has_collapsed(task: Task, predictions: pd.DataFrame) -> bool:
    """Whether all bursts get the same prediction for a task, or nearly so: then the model has learnt a constant."""
    values = predictions[list(task.columns)]
    if task.kind == "classes":
        return bool((values.nunique() == 1).all())
    spread = 1.0 if task.kind == "intensities" else task.high - task.low
    return bool((values.std(ddof=0) < CONSTANT * spread).all())
