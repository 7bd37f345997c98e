"""Audio-free baselines: predictors that do not use the recording. Without their rows a table of results is misleading.

| code | prediction | uses a true label |
|---|---|---|
| Constant | the training means of the intensities, the training median age, the most frequent country | no |
| Country median | the training median age within the burst's true country | yes |
| Chance | the labels of training bursts drawn at random | no |

On a corpus with other tasks, the second row is named after the corpus's first task of classes and predicts the median
of every scalar within the true class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.metrics import metric, score

MODELS = {"Constant": "mean, median, majority of training", "Chance": "labels of random training bursts"}
"""What the column *Model(s)* of Table 2 says of the baselines that use no true label."""


@dataclass(frozen=True)
class Trivial:
    """An audio-free baseline: its code, what it predicts, whether it uses a true label, and its score on each task."""

    code: str
    model: str
    uses_truth: bool
    scores: dict[str, float]


def trivial_rows(corpus: Corpus, split: str, seed: int = 0) -> list[Trivial]:
    """The audio-free baselines on one split; a score is NaN where the prediction or the labels are missing."""
    truth, rows = corpus.split(split), []
    for code, table in trivial_predictions(corpus, truth).items():
        predicted = [task for task in corpus.tasks if set(task.columns) <= set(table)]
        scores = dict.fromkeys((task.name for task in corpus.tasks), np.nan)
        scores |= {task.name: score(task, truth.loc[table.index], table) for task in predicted}
        rows.append(Trivial(code, MODELS.get(code, "told the true class"), code not in MODELS, scores))
    return [*rows, Trivial("Chance", MODELS["Chance"], False, chance_scores(corpus, split, seed=seed))]


def trivial_predictions(corpus: Corpus, truth: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The predictions, by code, of the audio-free baselines that do not draw at random."""
    found = {"Constant": predict_constant(corpus, truth.index)}
    if {"classes", "scalar"} <= {task.kind for task in corpus.tasks}:
        group = next(task for task in corpus.tasks if task.kind == "classes")
        found[f"{group.name.capitalize()} median"] = predict_group_median(corpus, truth, group)
    return found


def is_trivial(code: str) -> bool:
    """Whether a code of Table 2 belongs to an audio-free baseline rather than to a trained system."""
    return code in ("Constant", "Chance") or code.endswith(" median")


def predict_constant(corpus: Corpus, files: pd.Index) -> pd.DataFrame:
    """The same prediction for each of `files`: the average of the training labels.

    For intensities this is the mean, the constant with the least squared error. For scalars it is the median, the
    constant with the least absolute error. For classes it is the most frequent class.
    """
    train = corpus.split("train")
    centres = {column: _centre(task, train[column]) for task in corpus.tasks for column in task.columns}
    return pd.DataFrame(centres, index=files)


def predict_group_median(corpus: Corpus, truth: pd.DataFrame, group: Task) -> pd.DataFrame:
    """The training median of each scalar within the true class of `group`, for the bursts whose class is known.

    `truth` holds rows of a corpus table. A class without a training label gets the median of all training bursts.
    """
    column, train = group.columns[0], corpus.split("train")
    known = truth[column].dropna()
    scalars = [task.columns[0] for task in corpus.tasks if task.kind == "scalar"]
    medians = train.groupby(column)[scalars].median()
    told = {scalar: known.map(medians[scalar]).fillna(train[scalar].median()) for scalar in scalars}
    return pd.DataFrame(told, index=known.index)


def chance_scores(corpus: Corpus, split: str, repeats: int = 100, seed: int = 0) -> dict[str, float]:
    """The mean score of each task over `repeats` draws that give every burst the label of a random training burst.

    The draws keep the distribution of the labels and the correlations among the intensities. The score of a task whose
    labels are withheld is NaN.
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
