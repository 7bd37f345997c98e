"""Whether two systems differ by more than chance on one task, with the paper's tests (section 5).

Emotion and age: Student's independent two-sample t-test. Country: Cochran's Q. The paper does not say which
samples its t-tests compare; here they are each burst's absolute error, for emotion its mean over the ten
intensities. `of="predictions"` compares the predicted values themselves, the other reading.

Three things to know when reading the marks. The t-test takes its samples as independent, although both
systems heard the same bursts, so it overlooks differences that a paired test would find; Cochran's Q is
paired. Both take the bursts as independent, although a speaker's share one age and country, so both are too
sure. And as in the paper no correction is made for the number of tests: of twenty comparisons between equals
one is expected to be marked.
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
LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """A test's name, its statistic and p-value, and the number `n` of bursts that it compares."""

    test: str
    statistic: float
    p_value: float
    n: int

    @property
    def significant(self) -> bool:
        """Whether the p-value is at most 0.05, the paper's level."""
        return self.p_value <= LEVEL


def compare(task: Task, truth: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame,
            of: str = "errors") -> Comparison:
    """The comparison of two systems' predictions `a` and `b` on the labelled bursts of `truth`.

    Classes: Cochran's Q on which bursts each system gets right, Q and its chi-square p-value (Cochran, 1950).
    Otherwise: Student's t-test on the bursts' absolute `errors` or on the `predictions` (Student, 1908).
    Systems that agree on every burst give statistic 0 and p-value 1. Raises ValueError for fewer than two
    labelled bursts.
    """
    return compare_samples(task, samples(task, truth, a, of), samples(task, truth, b, of))


def compare_systems(
    tasks: Iterable[Task], truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
    references: Iterable[str] = REFERENCES, of: str = "errors",
) -> pd.DataFrame:
    """One row for each system, reference and task: system, reference, task, test, statistic, p_value, n,
    significant.

    A system is not compared with itself; references without predictions and tasks without labels are left
    out.
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


def samples(task: Task, truth: pd.DataFrame, predictions: pd.DataFrame, of: str = "errors") -> pd.Series:
    """What a test compares, for each labelled burst: for classes whether the prediction is right (bool),
    otherwise its absolute error or the prediction itself, the mean over the task's outputs in their unit."""
    if of not in ("errors", "predictions"):
        raise ValueError(f"the t-test compares 'errors' or 'predictions', not {of!r}")
    known, guessed = aligned(task, truth, predictions)
    if task.kind == "classes":
        return (known == guessed).all(axis=1)
    return ((known - guessed).abs() if of == "errors" else guessed).mean(axis=1)


def compare_samples(task: Task, a: ArrayLike, b: ArrayLike) -> Comparison:
    """`compare` for two systems' `samples`, (bursts,) each: Cochran's Q for classes, otherwise Student's t-test."""
    a, b = np.asarray(a), np.asarray(b)
    if len(a) < 2:
        raise ValueError(f"task {task.name}: a test needs two labelled bursts or more; there are {len(a)}")
    return _cochran(a, b) if task.kind == "classes" else _student(a, b)


def _student(a: np.ndarray, b: np.ndarray) -> Comparison:
    if np.ptp(a) == 0 and np.ptp(b) == 0:  # no variance to divide by: the two agree throughout or never
        sign = float(np.sign(a[0] - b[0]))
        return Comparison("Student's t", sign * np.inf if sign else 0.0, 0.0 if sign else 1.0, len(a))
    result = ttest_ind(a, b, equal_var=True)
    return Comparison("Student's t", float(result.statistic), float(result.pvalue), len(a))


def _cochran(a: np.ndarray, b: np.ndarray) -> Comparison:
    if (a == b).all():  # Q is 0 / 0
        return Comparison("Cochran's Q", 0.0, 1.0, len(a))
    result = cochrans_q(np.column_stack([a, b]))
    return Comparison("Cochran's Q", float(result.statistic), float(result.pvalue), len(a))
