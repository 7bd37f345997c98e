"""Early stopping (Table 3): which validation is the best, by the metric of one task."""

from __future__ import annotations

import math

from burst2vec.corpora.corpus import Corpus, CorpusError, Task
from burst2vec.evaluation import metrics


def check_early_stopping_task(corpus: Corpus, name: str) -> None:
    """Raises CorpusError where parameter `early_stopping_task` names a task that the corpus does not pose."""
    if not corpus.poses(name):
        raise CorpusError(f"parameter early_stopping_task is {name!r}; this corpus poses "
                          + ", ".join(task.name for task in corpus.tasks))


def improves(task: Task, score: float, best: float | None) -> bool:
    """Whether a validation metric of a task is better than the `best` so far, which is None before the first.

    A greater CCC or UAR is better, and a smaller error. NaN never is.
    """
    if math.isnan(score) or best is None:
        return not math.isnan(score)
    sign = metrics.sign(metrics.METRIC_NAMES[task.kind])
    return sign * score > sign * best
