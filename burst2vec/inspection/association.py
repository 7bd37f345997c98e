"""How the labels of a corpus are associated, and what association chance alone would show (section 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats.contingency import association

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.inspection.description import categories


def correlation_ratio(values: ArrayLike, groups: ArrayLike) -> float:
    """Eta squared, the share of the variance of `values` that lies between `groups`; both are (bursts,).

    It is NaN where all values are the same.

    >>> correlation_ratio([1, 1, 3, 3], ["a", "a", "b", "b"])
    1.0
    """
    values, codes = np.asarray(values, np.float64), np.unique(np.asarray(groups), return_inverse=True)[1]
    means = np.bincount(codes, values) / np.bincount(codes)
    whole = values.var()
    return float(((means[codes] - values.mean()) ** 2).mean() / whole) if whole > 0 else float("nan")


def cramers_v(a: ArrayLike, b: ArrayLike) -> float:
    """Returns Cramér's V, which is 0 where the categories `a` and `b` are independent and 1 where one decides the
    other.

    Both are (bursts,). It is NaN where either is always the same.
    """
    codes_a, codes_b = (np.unique(np.asarray(x), return_inverse=True)[1] for x in (a, b))
    shape = codes_a.max() + 1, codes_b.max() + 1
    if min(shape) < 2:
        return float("nan")
    counts = np.bincount(codes_a * shape[1] + codes_b, minlength=shape[0] * shape[1]).reshape(shape)
    return float(association(counts, method="cramer"))


def associations(corpus: Corpus, table: pd.DataFrame, repeats: int = 200, seed: int = 0) -> pd.DataFrame:
    """How far each pair of tasks is associated in `table`, one row for each measure.

    The measures are the correlation ratio for a scalar and another task, and Cramér's V between the `categories` for
    any pair. The columns are the `value`, and what a small corpus shows by chance: the mean (`by_chance`) and the 95th
    percentile (`at_most`) of the measure over `repeats`, in each of which the labels of one task are exchanged as
    `exchanges` does.
    """
    rng, rows = np.random.default_rng(seed), []
    for place, first in enumerate(corpus.tasks):
        for second in corpus.tasks[place + 1:]:
            rows += _pair(first, second, table, repeats, rng)
    columns = ["labels", "measure", "value", "by_chance", "at_most"]
    return pd.DataFrame(rows, columns=columns).set_index(["labels", "measure"])


def _pair(first: Task, second: Task, table: pd.DataFrame, repeats: int,
          rng: np.random.Generator) -> list[tuple]:
    known = table[first.labelled(table) & second.labelled(table)]
    a, b = (categories(task, known).astype(str).to_numpy() for task in (first, second))
    speakers = known["speaker"].fillna(pd.Series(known.index, known.index)).to_numpy()
    names, rows = f"{_label(first)} × {_label(second)}", []
    if "scalar" in (first.kind, second.kind):
        scalar, other = (first, b) if first.kind == "scalar" else (second, a)
        values = known[scalar.columns[0]].to_numpy()
        found = _against_chance(correlation_ratio, values, other, speakers, repeats, rng)
        rows.append((names, "correlation ratio η²", *found))
    rows.append((names, "Cramér's V", *_against_chance(cramers_v, a, b, speakers, repeats, rng)))
    return rows


def _against_chance(measure: Callable, a: np.ndarray, b: np.ndarray, speakers: np.ndarray, repeats: int,
                    rng: np.random.Generator) -> tuple[float, float, float]:
    """The measure of `a` and `b`, and its mean and its 95th percentile when `b` is exchanged."""
    chance = [measure(a, b[order]) for order in exchanges(b, speakers, repeats, rng)]
    return measure(a, b), float(np.mean(chance)), float(np.quantile(chance, 0.95))


def exchanges(labels: np.ndarray, speakers: np.ndarray, repeats: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yields random orders (bursts,) of `labels` (bursts, ...), which keep their distribution but not their bursts.

    Speakers exchange their labels, so that all bursts of a speaker still share one. Where the labels of a speaker vary,
    single bursts exchange theirs.
    """
    codes = np.unique(speakers, return_inverse=True)[1]
    first_of_each = np.unique(codes, return_index=True)[1]
    if not (labels == labels[first_of_each][codes]).all():  # no trait of the speaker
        codes = first_of_each = np.arange(len(labels))
    for _ in range(repeats):
        yield rng.permutation(first_of_each)[codes]


def _label(task: Task) -> str:
    return {"intensities": f"strongest {task.name}", "scalar": task.name, "classes": task.name}[task.kind]
