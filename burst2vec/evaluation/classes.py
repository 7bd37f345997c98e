"""The scores of a task of classes, on average and class by class, with intervals over speakers.

UAR, macro-F1 and the recall of a class depend on a set of bursts only through three counts of each class: the bursts
that belong to it, those that are given it, and those for which both is so. They are counted for each speaker once;
resampling the speakers (`bootstrap`) then adds rows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.bootstrap import RESAMPLES, draw_speakers, expanded_percentiles
from burst2vec.evaluation.confusion import scores
from burst2vec.evaluation.metrics import aligned
from burst2vec.evaluation.speaker_sums import speaker_indices, speaker_membership


def score_classes(task: Task, truth: pd.DataFrame, predictions: pd.DataFrame, resamples: int = RESAMPLES,
                  seed: int = 0) -> pd.DataFrame:
    """UAR, macro-F1, and the recall of each class, a row each.

    The columns are metric, class, bursts, speakers, estimate, low and high. `truth` holds rows of a corpus's table.
    `class` is empty for UAR and macro-F1; a class without a labelled burst is left out. `bursts` and `speakers` count
    those of the class. `low` and `high` bound the 95 % interval of a bootstrap over speakers; they are NaN for a class
    of a single speaker. A burst of unknown speaker counts as a speaker of its own. Raises ValueError where a labelled
    burst has no prediction, and for fewer than two speakers.
    """
    known, guessed = aligned(task, truth, predictions)
    speakers = speaker_indices(truth.loc[known.index])
    if len(set(speakers)) < 2:
        raise ValueError(f"task {task.name}: labelled bursts of {len(set(speakers))} speaker; intervals over speakers "
                         "need two or more")
    true, named = (task.labels(labels)[:, None] == np.arange(len(task.classes)) for labels in (known, guessed))
    sums = speaker_membership(speakers) @ np.hstack([true, named, true & named]).astype(float)
    estimates = _scores(sums.sum(axis=0))
    replicates = np.concatenate([_scores(drawn @ sums) for drawn in draw_speakers(len(sums), resamples, seed)])
    bursts, of_class = true.sum(axis=0), (sums[:, :len(task.classes)] > 0).sum(axis=0)
    table = pd.DataFrame({
        "metric": ["UAR", "macro-F1", *["recall"] * len(task.classes)], "class": ["", "", *task.classes],
        "bursts": [len(known)] * 2 + list(bursts), "speakers": [len(sums)] * 2 + list(of_class),
        "estimate": estimates, "low": np.nan, "high": np.nan})
    for row in table.index[table["speakers"] > 1]:
        table.loc[row, ["low", "high"]] = expanded_percentiles(replicates[:, row], table["speakers"][row])
    return table[table["bursts"] > 0].reset_index(drop=True)


def _scores(counts: np.ndarray) -> np.ndarray:
    """UAR, macro-F1 and the recall of each class (..., 2 + classes), from the three counts (..., 3 × classes)."""
    found = scores(*np.split(counts, 3, axis=-1))
    return np.concatenate([found["uar"][..., None], found["macro_f1"][..., None], found["recall"]], axis=-1)
