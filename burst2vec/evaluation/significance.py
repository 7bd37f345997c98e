"""The paper's own significance tests between two systems on one task (section 5), and what they compare.

Emotion and age are tested with Student's independent two-sample t-test, the country with Cochran's Q. The paper does
not say which samples its t-tests compare. Its marks cannot come from tests on errors (`results.marks` shows why), so
the default compares the predictions themselves: for emotion the mean of the predicted intensities of each burst.
`of="errors"` compares each burst's absolute error instead, for emotion its mean over the intensities.

Five points matter for reading the marks:

- A t-test on predictions asks whether two systems predict different values on average, not whether one of them is
  better. A system that is shifted but no worse is marked, and one that is better without a shift is not.
- The t-test treats its samples as independent, although both systems were given the same bursts. It therefore misses
  differences that a paired test would find.
- Cochran's Q with two systems is McNemar's test without continuity correction: it is paired, and compares on how many
  bursts only the one and only the other system is right. It is a test of accuracy, in which a frequent country counts
  more, while the column that it marks shows the UAR, in which every country counts the same.
- All of the tests treat bursts as independent, although the bursts of a speaker share one age and one country. The
  p-values are therefore too small (see `false_positives`).
- As in the paper, the number of tests is not corrected for: of twenty comparisons between equal systems, one is
  expected to be marked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import ttest_ind
from statsmodels.stats.contingency_tables import cochrans_q

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.metrics import aligned

REFERENCES = ("V1", "V4", "V6")
"""The systems from which the marks of the paper's Table 2 say that others differ."""
COMPARISONS = (("V2", "V1"), ("V5", "V4"), ("V6", "V4"), ("V7", "V6"),
               *((ensemble, reference) for ensemble in "ABC" for reference in REFERENCES))
"""The pairs (system, reference) that the paper compares, on validation and on each task.

They are the pairs of section 5 and the ensembles. That the paper tested no others follows from its marks: V3, whose UAR
is 0.066 below that of V1 on 19,396 bursts, has no mark at all.
"""
LEVEL = 0.05
"""The level of significance, which is the paper's."""


@dataclass(frozen=True)
class Comparison:
    """The name of a test, its statistic and p-value, and the number `n` of bursts that it compares."""

    test: str
    statistic: float
    p_value: float
    n: int

    @property
    def significant(self) -> bool:
        """Whether the p-value is at most 0.05, the paper's level."""
        return self.p_value <= LEVEL


def compare(task: Task, truth: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame,
            of: str = "predictions") -> Comparison:
    """The comparison of two systems' predictions, `a` and `b`, on the labelled bursts of `truth`.

    For classes this is Cochran's Q on which bursts each system gets right, with its chi-square p-value (Cochran, 1950).
    For other tasks it is Student's t-test on the `predictions` of the bursts or on their absolute `errors` (Student,
    1908). Systems whose samples agree on every burst give the statistic 0 and the p-value 1. Raises ValueError for
    fewer than two labelled bursts.
    """
    return compare_samples(task, samples(task, truth, a, of), samples(task, truth, b, of))


def compare_systems(
    tasks: Iterable[Task], truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
    references: Iterable[str] = REFERENCES, of: str = "predictions",
) -> pd.DataFrame:
    """A table with one row for each system, reference and task.

    Its columns are system, reference, task, test, statistic, p_value, n and significant. A system is not compared with
    itself, and references without predictions and tasks without labels are left out. `of` is that of `compare`.
    """
    rows = []
    for task in (t for t in tasks if t.labelled(truth).any()):
        sampled = {code: samples(task, truth, table, of) for code, table in predictions.items()}
        for system, reference in ((s, r) for s in sampled for r in references if s != r and r in sampled):
            result = compare_samples(task, sampled[system], sampled[reference])
            rows.append({"system": system, "reference": reference, "task": task.name,
                         **dataclasses.asdict(result), "significant": result.significant})
    columns = ["system", "reference", "task", "test", "statistic", "p_value", "n", "significant"]
    return pd.DataFrame(rows, columns=columns).astype({"significant": bool})  # also where there is no row


def samples(task: Task, truth: pd.DataFrame, predictions: pd.DataFrame, of: str = "predictions") -> pd.Series:
    """The values that a test compares, one for each labelled burst.

    For classes this is whether the prediction is right (bool). For other tasks it is the prediction itself or its
    absolute error, averaged over the outputs of the task, in their unit. Raises ValueError for another `of`.
    """
    if of not in ("errors", "predictions"):
        raise ValueError(f"the t-test compares 'errors' or 'predictions', not {of!r}")
    known, guessed = aligned(task, truth, predictions)
    if task.kind == "classes":
        return (known == guessed).all(axis=1)
    return ((known - guessed).abs() if of == "errors" else guessed).mean(axis=1)


def compare_samples(task: Task, a: ArrayLike, b: ArrayLike) -> Comparison:
    """The same as `compare`, from the `samples` of two systems, (bursts,) each."""
    a, b = np.asarray(a), np.asarray(b)
    if len(a) < 2:
        raise ValueError(f"task {task.name}: a test needs two labelled bursts or more; there are {len(a)}")
    return _cochran(a, b) if task.kind == "classes" else _student(a, b)


def _student(a: np.ndarray, b: np.ndarray) -> Comparison:
    if np.ptp(a) == 0 and np.ptp(b) == 0:  # there is no variance to divide by: the samples agree throughout or never
        sign = float(np.sign(a[0] - b[0]))
        return Comparison("Student's t", sign * np.inf if sign else 0.0, 0.0 if sign else 1.0, len(a))
    result = ttest_ind(a, b, equal_var=True)
    return Comparison("Student's t", float(result.statistic), float(result.pvalue), len(a))


def _cochran(a: np.ndarray, b: np.ndarray) -> Comparison:
    if (a == b).all():  # Q would be 0 / 0
        return Comparison("Cochran's Q", 0.0, 1.0, len(a))
    result = cochrans_q(np.column_stack([a, b]))
    return Comparison("Cochran's Q", float(result.statistic), float(result.pvalue), len(a))
