"""Predictors that hear nothing. Without their rows a table of results is not honest.

| code | prediction | uses a true label |
|---|---|---|
| Constant | the training mean intensities, the training median age, the most frequent country | no |
| Country median | the training median age of the burst's true country | yes |
| Chance | the labels of training bursts drawn at random | no |

In general: every scalar's median within the true class of the corpus's first task of classes, named after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.metrics import metric, score

MODELS = {"Constant": "mean, median, majority of training", "Chance": "labels of random training bursts"}


@dataclass(frozen=True)
class Trivial:
    """A predictor's code, what it predicts, whether it uses a true label, and its metric for each task."""

    code: str
    model: str
    uses_truth: bool
    scores: dict[str, float]


def trivial_rows(corpus: Corpus, split: str, seed: int = 0) -> list[Trivial]:
    """The trivial predictors on one split; a score is NaN where a prediction or label is missing."""
    truth, rows = corpus.split(split), []
    for code, table in trivial_predictions(corpus, truth).items():
        predicted = [task for task in corpus.tasks if set(task.columns) <= set(table)]
        scores = dict.fromkeys((task.name for task in corpus.tasks), np.nan)
        scores |= {task.name: score(task, truth.loc[table.index], table) for task in predicted}
        rows.append(Trivial(code, MODELS.get(code, "told the true class"), code not in MODELS, scores))
    return [*rows, Trivial("Chance", MODELS["Chance"], False, chance_scores(corpus, split, seed=seed))]


def trivial_predictions(corpus: Corpus, truth: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The predictions, by code, of those trivial predictors that answer without drawing at random."""
    found = {"Constant": predict_constant(corpus, truth.index)}
    if {"classes", "scalar"} <= {task.kind for task in corpus.tasks}:
        group = next(task for task in corpus.tasks if task.kind == "classes")
        found[f"{group.name.capitalize()} median"] = predict_group_median(corpus, truth, group)
    return found


def is_trivial(code: str) -> bool:
    """Whether a code in Table 2 is a trivial predictor's rather than a trained system's."""
    return code in ("Constant", "Chance") or code.endswith(" median")


def predict_constant(corpus: Corpus, files: pd.Index) -> pd.DataFrame:
    """One and the same prediction for each of `files`: what the training labels are on average.

    Intensities: their mean, the constant of least squared error. Scalars: the median, the constant of least
    absolute error. Classes: the most frequent.
    """
    train = corpus.split("train")
    centres = {column: _centre(task, train[column]) for task in corpus.tasks for column in task.columns}
    return pd.DataFrame(centres, index=files)


def predict_group_median(corpus: Corpus, truth: pd.DataFrame, group: Task) -> pd.DataFrame:
    """Each scalar's training median within the true class of `group`, for the bursts of `truth` whose class
    is known.

    A class without a training label gets the median of all.
    """
    column, train = group.columns[0], corpus.split("train")
    known = truth[column].dropna()
    scalars = [task.columns[0] for task in corpus.tasks if task.kind == "scalar"]
    medians = train.groupby(column)[scalars].median()
    told = {scalar: known.map(medians[scalar]).fillna(train[scalar].median()) for scalar in scalars}
    return pd.DataFrame(told, index=known.index)


def chance_scores(corpus: Corpus, split: str, repeats: int = 100, seed: int = 0) -> dict[str, float]:
    """Each task's mean metric over `repeats` draws in which a burst gets the label of a random training
    burst.

    The draws keep the labels' distribution and, among the intensities, their correlations. NaN for a task
    whose labels are withheld.
    """
    rng, scores = np.random.default_rng(seed), {}
    for task in corpus.tasks:
        train, truth = (task.labels(rows[task.labelled(rows)]) for rows in map(corpus.split, ("train", split)))
        draws = (train[rng.integers(len(train), size=len(truth))] for _ in range(repeats))
        scores[task.name] = np.mean([metric(task)(truth, d) for d in draws]).item() if len(truth) else np.nan
    return scores


def _centre(task: Task, labels: pd.Series) -> float | str:
    if task.kind == "classes":
        return labels.mode().iloc[0]
    return labels.mean() if task.kind == "intensities" else labels.median()
