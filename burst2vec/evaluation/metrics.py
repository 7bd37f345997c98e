"""Metrics of the ExVo multi-task challenge (Baird et al., 2022), and the score that joins them.

Conventions
-----------
`truth` comes first, then `prediction`; both cover the same bursts in the same order. Emotion intensities are
arrays (bursts, outputs) in [0, 1], ages are in years, classes are names or indices. What cannot be scored
(nothing to compare, a missing value, shapes that differ) raises ValueError.

Metrics
-------
`ccc` for intensities (Eq. 1), `mae` for a scalar in its own unit, `uar` for classes, `s_mtl` for the three
together. `macro_f1` is reported for corpora of many classes. `score` picks the metric by a task's kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import f1_score, recall_score

from burst2vec.corpora.corpus import Task

METRIC_NAMES = {"intensities": "CCC", "scalar": "MAE", "classes": "UAR"}
"""The metric of each kind of task."""

S_MTL_KINDS = ("intensities", "classes", "scalar")
"""The kinds of task that `s_mtl` joins, one of each, in the order of its arguments and of Table 2."""


def ccc(truth: ArrayLike, prediction: ArrayLike, variance_ddof: int = 0) -> float:
    """Concordance correlation coefficient in [-1, 1], the mean over the outputs (Eq. 1).

    `truth` and `prediction` are (bursts,) or (bursts, outputs). A constant prediction scores 0, unless the
    truth is the same constant: equal inputs score 1. `variance_ddof` is the challenge's 1 only to show what
    its script's mixture (variances over n-1, covariance over n) does; here every moment is divided by n.

    >>> ccc([1, 2, 3], [1, 2, 3])
    1.0
    >>> ccc([1, 2, 3], [2, 2, 2])
    0.0

    Source: Lin (1989); Eq. 1 of the paper.
    """
    return float(ccc_of_each(truth, prediction, variance_ddof).mean())


def ccc_of_each(truth: ArrayLike, prediction: ArrayLike, variance_ddof: int = 0) -> np.ndarray:
    """The concordance correlation coefficient of each output, (outputs,), as in `ccc`."""
    truth, prediction = _numbers(truth, prediction)
    if len(truth) <= variance_ddof:
        raise ValueError(f"ccc: variances over n-{variance_ddof} need more than {len(truth)} burst")
    mean_truth, mean_prediction = truth.mean(axis=0), prediction.mean(axis=0)
    covariance = ((truth - mean_truth) * (prediction - mean_prediction)).mean(axis=0)
    spread = truth.var(axis=0, ddof=variance_ddof) + prediction.var(axis=0, ddof=variance_ddof)
    distance = spread + (mean_truth - mean_prediction) ** 2
    # A constant covaries with nothing: 1 where both are the same constant, else 0, free of rounding.
    varies = (np.ptp(truth, axis=0) > 0) & (np.ptp(prediction, axis=0) > 0)
    agree = np.atleast_1d((truth == prediction).all(axis=0)).astype(float)
    return np.divide(2 * covariance, distance, out=agree, where=np.atleast_1d(varies))


def mae(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Mean absolute error, in the unit of the inputs (Eq. 3).

    >>> mae([20, 30], [21, 27])
    2.0
    """
    truth, prediction = _numbers(truth, prediction)
    return float(np.abs(truth - prediction).mean())


def uar(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Unweighted average recall in [0, 1]: the mean recall over the classes that occur in `truth`.

    Guessing scores 1 / classes, however frequent a class is. Both are (bursts,) or (bursts, 1), names or
    indices.

    >>> uar(["China", "China", "USA"], ["China", "USA", "USA"])
    0.75

    Source: Schuller et al. (2010).
    """
    truth, prediction = _classes(truth, prediction)
    return float(recall_score(truth, prediction, labels=np.unique(truth), average="macro", zero_division=0))


def macro_f1(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Mean F1 score in [0, 1] over the classes of `truth`; a class that is never predicted scores 0."""
    truth, prediction = _classes(truth, prediction)
    return float(f1_score(truth, prediction, labels=np.unique(truth), average="macro", zero_division=0))


def s_mtl(ccc: ArrayLike, uar: ArrayLike, mae: ArrayLike) -> float | np.ndarray:
    """The challenge's main score: the harmonic mean of CCC, UAR and 1 / MAE, with the MAE in years.

    3 / (1/CCC + 1/UAR + MAE), a float, or for arrays an array. Where CCC or UAR is not above 0 the score is 0, the
    limit of the harmonic mean; it is NaN where one of the three is.

    Source: Baird et al. (2022); it reproduces every row of the paper's Table 2.
    """
    ccc, uar, mae = (np.asarray(part, np.float64) for part in (ccc, uar, mae))
    if (mae < 0).any():
        raise ValueError(f"s_mtl: the MAE is {mae.min():g}; it cannot be negative")
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(np.minimum(ccc, uar) > 0, 3 / (1 / ccc + 1 / uar + mae), 0.0)
    score = np.where(np.isnan(ccc + uar + mae), np.nan, score)
    return score if score.ndim else score.item()


def score(task: Task, truth: pd.DataFrame, predictions: pd.DataFrame) -> float:
    """The task's metric: mean CCC, MAE in the scalar's unit, or UAR.

    Both tables have the burst's `file` as index and the task's columns. Bursts without a label are left out;
    NaN where no burst has one. Raises ValueError where a labelled burst has no prediction.
    """
    known, guessed = aligned(task, truth, predictions)
    if known.empty:
        return float("nan")
    return metric(task)(known, guessed)


def sign(metric: str) -> int:
    """1 where a greater value of the metric is better, -1 where a smaller one is, as for the errors.

    `metric` is a name of `METRIC_NAMES`, a column of `metric_columns`, or `s_mtl`.

    >>> sign("age_mae"), sign("UAR"), sign("s_mtl")
    (-1, 1, 1)
    """
    return -1 if metric.lower().rpartition("_")[2] == "mae" else 1


def has_s_mtl(tasks: Iterable[Task]) -> bool:
    """Whether the tasks are one of each kind that `s_mtl` joins."""
    return sorted(task.kind for task in tasks) == sorted(S_MTL_KINDS)


def metric_columns(tasks: Iterable[Task]) -> dict[str, Task]:
    """The tasks by their metric's column, in Table 2's order: `emo_ccc`, `cou_uar`, `age_mae` for ExVo."""
    ordered = sorted(tasks, key=lambda task: S_MTL_KINDS.index(task.kind))
    short = {task.name[:3] for task in ordered}
    names = {task.name: task.name[:3] if len(short) == len(ordered) else task.name for task in ordered}
    return {f"{names[task.name]}_{METRIC_NAMES[task.kind].lower()}": task for task in ordered}


def metric(task: Task) -> Callable[[ArrayLike, ArrayLike], float]:
    """The metric function (truth, prediction) of the task's kind."""
    return {"intensities": ccc, "scalar": mae, "classes": uar}[task.kind]


def aligned(task: Task, truth: pd.DataFrame, predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The task's columns of `truth` and `predictions`, for the same labelled bursts in the same order."""
    columns = list(task.columns)
    absent = [c for c in columns if c not in predictions]
    if absent:
        raise ValueError(f"predictions: column {absent[0]!r} of task {task.name} is missing")
    known = truth.loc[task.labelled(truth), columns]
    lacking = known.index.difference(predictions.index)
    if len(lacking):
        raise ValueError(f"predictions: burst {lacking[0]!r} is missing; {len(lacking)} of {len(known)} are")
    guessed = predictions.loc[known.index, columns]
    empty = guessed.index[guessed.isna().any(axis=1)]
    if len(empty):
        raise ValueError(f"predictions: burst {empty[0]!r} has no value for task {task.name}")
    return known, guessed


def _numbers(truth: ArrayLike, prediction: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    try:
        truth, prediction = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    except (ValueError, TypeError):
        raise ValueError("truth or prediction holds text; expected numbers") from None
    _check(truth, prediction)
    for name, values in (("truth", truth), ("prediction", prediction)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds a value that is missing or infinite; leave such bursts out")
    return truth, prediction


def _classes(truth: ArrayLike, prediction: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    _check(truth, prediction)
    truth, prediction = truth.reshape(len(truth)), prediction.reshape(len(truth))
    for name, values in (("truth", truth), ("prediction", prediction)):
        if pd.isna(values).any():
            raise ValueError(f"{name} holds a missing class; leave such bursts out")
    return truth, prediction


def _check(truth: np.ndarray, prediction: np.ndarray) -> None:
    if truth.shape != prediction.shape:
        raise ValueError(f"truth has shape {truth.shape} and prediction {prediction.shape}; they must agree")
    if not truth.size:
        raise ValueError("there is no burst to score")
