"""The metrics of the ExVo multi-task challenge (Baird et al., 2022), and the score that combines them.

Conventions
-----------
`truth` is the first argument and `prediction` the second; both cover the same bursts in the same order. Emotion
intensities are arrays (bursts, outputs) in [0, 1], ages are in years, and classes are names or indices. Input that
cannot be scored (no burst, a missing value, shapes that differ) raises ValueError.

Metrics
-------
`ccc` scores intensities (Eq. 1), `mae` a scalar in its own unit, `uar` classes, and `s_mtl` combines the three.
`macro_f1` is reported for corpora of many classes. `score` chooses the metric by the kind of a task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import f1_score, recall_score

from burst2vec.corpora.corpus import Task

METRIC_NAMES = {"intensities": "CCC", "scalar": "MAE", "classes": "UAR"}
"""The name of the metric of each kind of task."""

S_MTL_KINDS = ("intensities", "classes", "scalar")
"""The kinds of task that `s_mtl` combines, one of each, in the order of its arguments and of Table 2."""


def ccc(truth: ArrayLike, prediction: ArrayLike, variance_ddof: int = 0) -> float:
    """The concordance correlation coefficient in [-1, 1], averaged over the outputs (Eq. 1).

    `truth` and `prediction` are (bursts,) or (bursts, outputs). A constant prediction scores 0, unless the truth is
    the same constant: equal inputs score 1. All moments are divided by n. The challenge's own script divides the
    variances by n-1 and the covariance by n; `variance_ddof=1` does the same, to show what that changes.

    >>> ccc([1, 2, 3], [1, 2, 3])
    1.0
    >>> ccc([1, 2, 3], [2, 2, 2])
    0.0

    Source: Lin (1989); Eq. 1 of the paper.
    """
    return float(ccc_of_each(truth, prediction, variance_ddof).mean())


def ccc_of_each(truth: ArrayLike, prediction: ArrayLike,
                variance_ddof: int = 0) -> np.ndarray:
    """The concordance correlation coefficient of each output, (outputs,); see `ccc`."""
    truth, prediction = _numbers(truth, prediction)
    if len(truth) <= variance_ddof:
        raise ValueError(
            f"ccc: variances over n-{variance_ddof} need more than {len(truth)} burst")
    mean_truth, mean_prediction = truth.mean(axis=0), prediction.mean(axis=0)
    covariance = ((truth - mean_truth) * (prediction - mean_prediction)).mean(axis=0)
    variances = (truth.var(axis=0, ddof=variance_ddof)
                 + prediction.var(axis=0, ddof=variance_ddof))
    distance = variances + (mean_truth - mean_prediction) ** 2
    # A constant has no covariance: the score is exactly 1 where both are the same
    # constant, and exactly 0 elsewhere.
    varies = (np.ptp(truth, axis=0) > 0) & (np.ptp(prediction, axis=0) > 0)
    agree = np.atleast_1d((truth == prediction).all(axis=0)).astype(float)
    return np.divide(2 * covariance, distance, out=agree, where=np.atleast_1d(varies))


def mae(truth: ArrayLike, prediction: ArrayLike) -> float:
    """The mean absolute error, in the unit of the inputs (Eq. 3).

    >>> mae([20, 30], [21, 27])
    2.0
    """
    truth, prediction = _numbers(truth, prediction)
    return float(np.abs(truth - prediction).mean())


def uar(truth: ArrayLike, prediction: ArrayLike) -> float:
    """The unweighted average recall in [0, 1]: the mean over the classes in `truth`.

    Guessing scores 1 / classes, however frequent each class is. Both arguments are
    (bursts,) or (bursts, 1) and hold class names or indices.

    >>> uar(["China", "China", "USA"], ["China", "USA", "USA"])
    0.75

    Source: Schuller et al. (2010).
    """
    truth, prediction = _classes(truth, prediction)
    return float(recall_score(truth, prediction, labels=np.unique(truth),
                              average="macro", zero_division=0))


def macro_f1(truth: ArrayLike, prediction: ArrayLike) -> float:
    """The mean F1 score in [0, 1] over the classes of `truth`; a class that is never predicted scores 0."""
    truth, prediction = _classes(truth, prediction)
    return float(f1_score(truth, prediction, labels=np.unique(truth), average="macro", zero_division=0))


@overload
def s_mtl(ccc: float, uar: float, mae: float) -> float: ...


@overload
def s_mtl(ccc: np.ndarray, uar: np.ndarray, mae: np.ndarray) -> np.ndarray: ...


def s_mtl(ccc: ArrayLike, uar: ArrayLike, mae: ArrayLike) -> float | np.ndarray:
    """The challenge's main score, the harmonic mean of CCC, UAR and 1 / MAE in years.

    It is 3 / (1/CCC + 1/UAR + MAE), a float for numbers and an array for arrays. Where
    CCC or UAR is not above 0 the score is 0, the limit of the harmonic mean. It is NaN
    where one of the three is NaN. Raises ValueError for a negative MAE.

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
    """The metric of a task: the mean CCC, the MAE in the unit of the scalar, or the UAR.

    Both tables are indexed by `file` and have the columns of the task. Bursts without a label are left out, and the
    result is NaN where no burst has one. Raises ValueError where a labelled burst has no prediction.
    """
    known, guessed = aligned(task, truth, predictions)
    if known.empty:
        return float("nan")
    return metric(task)(known, guessed)


def sign(metric: str) -> int:
    """1 where a greater value of the metric is better, and -1 where a smaller one is, as for an error.

    `metric` is a name in `METRIC_NAMES`, a column of `metric_columns`, or `s_mtl`.

    >>> sign("age_mae"), sign("UAR"), sign("s_mtl")
    (-1, 1, 1)
    """
    return -1 if metric.lower().rpartition("_")[2] == "mae" else 1


def has_s_mtl(tasks: Iterable[Task]) -> bool:
    """Whether the tasks are one of each kind that `s_mtl` combines."""
    return sorted(task.kind for task in tasks) == sorted(S_MTL_KINDS)


def metric_columns(tasks: Iterable[Task]) -> dict[str, Task]:
    """The tasks by the column of their metric, in the order of Table 2: `emo_ccc`, `cou_uar`, `age_mae` for ExVo."""
    ordered = sorted(tasks, key=lambda task: S_MTL_KINDS.index(task.kind))
    short = {task.name[:3] for task in ordered}
    names = {task.name: task.name[:3] if len(short) == len(ordered) else task.name for task in ordered}
    return {f"{names[task.name]}_{METRIC_NAMES[task.kind].lower()}": task for task in ordered}


def metric(task: Task) -> Callable[[ArrayLike, ArrayLike], float]:
    """The function (truth, prediction) that computes the metric of a task."""
    return {"intensities": ccc, "scalar": mae, "classes": uar}[task.kind]


def aligned(task: Task, truth: pd.DataFrame, predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns of a task in `truth` and in `predictions`, for the same labelled bursts in the same order.

    Raises ValueError where a column, a labelled burst or a value is missing from `predictions`.
    """
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
