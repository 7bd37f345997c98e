"""The metrics of Table 2 as functions of sums over bursts.

CCC, UAR and MAE depend on a set of bursts only through a few sums. The sums of each speaker are computed once.
Resampling the speakers, or leaving one out, then adds rows instead of reading the bursts again.

| kind | summed over the bursts | metric |
|---|---|---|
| intensities | 1, and for each output t, t², p, p², tp (t is the truth, p the prediction) | mean CCC (Eq. 1) |
| classes | for each class, the bursts that belong to it, and those of them that are predicted correctly | UAR |
| scalar | 1 and the absolute error | MAE |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.metrics import aligned, has_s_mtl, metric_columns, s_mtl

ROUNDING = 1e-12
"""A variance below this share of the mean square of the values counts as that of a constant."""


@dataclass(frozen=True)
class SpeakerSums:
    """The sums of several systems: `values` (speakers, systems, features), with a row for each speaker.

    `codes` names the systems, and `tasks` holds the tasks by the column of their metric. Where no speaker is known, a
    row belongs to a single burst; `clusters` says which, "speakers" or "bursts". The sums of a task that a system does
    not predict are NaN.
    """

    values: np.ndarray
    codes: tuple[str, ...]
    tasks: Mapping[str, Task]
    clusters: str

    @property
    def names(self) -> list[str]:
        """The columns of the metrics as in Table 2, with `s_mtl` where there is one task of each kind."""
        return [*self.tasks, *(["s_mtl"] if has_s_mtl(self.tasks.values()) else [])]

    def add(self, weights: np.ndarray) -> np.ndarray:
        """The sums over the speakers, weighted by `weights` (draws, speakers), as (draws, systems, features)."""
        flat = self.values.reshape(len(self.values), -1)
        return (weights @ flat).reshape(len(weights), *self.values.shape[1:])

    def metrics(self, totals: np.ndarray) -> np.ndarray:
        """The metrics of the sums `totals` (..., features), as (..., names); NaN where there is nothing to score."""
        edges = np.cumsum([num_features(task) for task in self.tasks.values()])[:-1]
        parts = zip(self.tasks.values(), np.split(totals, edges, axis=-1), strict=True)
        scores = [metric_of_sums(task, part) for task, part in parts]
        if "s_mtl" in self.names:
            scores.append(s_mtl(*scores))
        return np.stack(scores, axis=-1)


def sum_by_speaker(tasks: Iterable[Task], truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame]) -> SpeakerSums:
    """The sums of every system over the bursts of `truth`, which holds rows of a corpus table.

    `predictions` holds the systems' tables by code. A burst that lacks the label of a task takes no part in that task,
    and a task without any label is left out. A burst without a speaker counts as a speaker of its own. Raises
    ValueError where a labelled burst has no prediction, and for fewer than two speakers.
    """
    columns = {column: task for column, task in metric_columns(tasks).items() if task.labelled(truth).any()}
    truth = truth[np.any([task.labelled(truth) for task in columns.values()], axis=0)] if columns else truth[:0]
    speakers = speaker_indices(truth)
    if len(truth) == 0 or speakers.max() == 0:
        raise ValueError(f"labelled bursts of {min(len(truth), 1)} speaker: what varies between speakers needs two or "
                         f"more")
    systems = [np.hstack([_summed(task, truth, table, speakers) for task in columns.values()])
               for table in predictions.values()]
    return SpeakerSums(np.stack(systems, axis=1), tuple(predictions), columns,
                       "speakers" if truth["speaker"].notna().any() else "bursts")


def speaker_indices(truth: pd.DataFrame) -> np.ndarray:
    """The index of the speaker of each burst, (bursts,), in the order in which the speakers appear.

    A burst without a speaker gets an index of its own, whatever the name of its file.
    """
    names = truth["speaker"].astype(object)
    alone = pd.Series([(file,) for file in truth.index], truth.index, dtype=object)  # no tuple is a speaker's name
    return pd.factorize(names.where(names.notna(), alone))[0]


def speaker_membership(speakers: np.ndarray) -> csr_array:
    """The sparse 0-1 matrix (speakers, bursts) whose product with burst features sums them by speaker."""
    shape = speakers.max() + 1, len(speakers)
    return csr_array((np.ones(len(speakers)), (speakers, np.arange(len(speakers)))), shape)


def encode(task: Task, table: pd.DataFrame) -> np.ndarray:
    """The labels of `table` as numbers, (bursts, columns): `Task.labels`, where a class takes a column as well."""
    labels = task.labels(table)
    return labels[:, None] if labels.ndim == 1 else labels


def num_features(task: Task) -> int:
    """The number of sums that the metric of the task needs."""
    return {"intensities": 1 + 5 * len(task.columns), "classes": 2 * len(task.classes), "scalar": 2}[task.kind]


def burst_features(task: Task, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """The terms of the sums, (bursts, features), for labels and predictions (bursts, columns) as `encode` gives them.

    Intensities are centred on the mean of the truth, because a small variance would be lost in large squares.
    """
    if task.kind == "classes":
        of_class = truth == np.arange(len(task.classes))
        return np.hstack([of_class, of_class & (truth == prediction)]).astype(float)
    one, centre = np.ones((len(truth), 1)), truth.mean(axis=0)
    t, p = truth - centre, prediction - centre
    return np.hstack([one, t, t * t, p, p * p, t * p] if task.kind == "intensities" else [one, np.abs(t - p)])


def metric_of_sums(task: Task, sums: np.ndarray) -> np.ndarray:
    """The metric of the task (...) from summed burst features (..., features); NaN where no burst was summed."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"intensities": _ccc, "classes": _uar, "scalar": _mae}[task.kind](sums)


def _ccc(sums: np.ndarray) -> np.ndarray:
    t, tt, p, pp, tp = np.split(sums[..., 1:] / sums[..., :1], 5, axis=-1)
    varies = np.minimum(tt - t * t, pp - p * p) > ROUNDING * (tt + pp)
    distance = tt + pp - 2 * t * p  # both variances and the squared distance of the means
    # As in `metrics.ccc`, a constant scores 1 where the other is the same constant, and 0 elsewhere. NaN stays NaN.
    constant = (distance <= ROUNDING * (tt + pp)) + 0 * distance
    return np.where(varies, 2 * (tp - t * p) / distance, constant).mean(axis=-1)


def _uar(sums: np.ndarray) -> np.ndarray:
    bursts, right = np.split(sums, 2, axis=-1)
    return np.where(bursts > 0, right / bursts, 0).sum(axis=-1) / (bursts > 0).sum(axis=-1)


def _mae(sums: np.ndarray) -> np.ndarray:
    return sums[..., 1] / sums[..., 0]


def _summed(task: Task, truth: pd.DataFrame, predictions: pd.DataFrame, speakers: np.ndarray) -> np.ndarray:
    """The features of one system and task by speaker, (speakers, features); NaN where the predictions lack the task."""
    membership = speaker_membership(speakers)
    if not set(task.columns) & set(predictions):
        return np.full((membership.shape[0], num_features(task)), np.nan)
    known, guessed = aligned(task, truth, predictions)
    return membership[:, task.labelled(truth)] @ burst_features(task, encode(task, known), encode(task, guessed))
