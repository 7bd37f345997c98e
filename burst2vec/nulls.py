"""How often each test finds a difference between systems that do not differ, on the speakers of the corpus at hand.

A test at the level of 5 % promises to err in at most 5 % of such cases. Two ways to make pairs of systems that are
equally good by construction, although what they do to the bursts of one speaker hangs together:

- `swapped`: two real systems, swapped for a random half of the speakers. Their errors are as real as can be; only which
  of the two is which has become a matter of chance.
- `guessed`: two systems that hear who speaks and no more. Each gives a speaker's bursts the labels of the bursts of
  some speaker drawn at random. This is the extreme: in age and country a speaker's bursts are right or wrong together.

In both, exchanging the two systems on a speaker changes nothing about the chances. The permutation test does just that,
and so keeps its promise by construction; the others are put to the test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from scipy.stats import binomtest, ttest_rel
from tqdm.auto import tqdm

from burst2vec.corpus import Task
from burst2vec.differences import swap_p_values
from burst2vec.metrics import aligned
from burst2vec.resampling import draw_speakers, expanded_percentiles
from burst2vec.significance import LEVEL, compare_samples, samples
from burst2vec.sums import SpeakerSums, burst_features, encode, speaker_indices, speaker_membership
from burst2vec.tables import metric_columns

DRAWS = 499
"""Resamples and swaps within one test: p-values are then multiples of 1/500, and 5 % is one of them."""


def false_positives(tasks: Iterable[Task], truth: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame,
                    repeats: int = 1000, seed: int = 0) -> pd.DataFrame:
    """The share of `repeats` pairs of equal systems that each test takes for different, at the level of 5 %.

    One row for each metric, null and test: metric, null, test, rate, low, high. `low` and `high` bound the 95 %
    interval of a share of so many trials (Clopper and Pearson, 1934). `a` and `b` are the systems that are `swapped`.
    """
    rows = []
    for metric, task in ((m, t) for m, t in metric_columns(tasks).items() if t.labelled(truth).any()):
        known, speakers = encode(task, truth[task.labelled(truth)]), speaker_indices(truth[task.labelled(truth)])
        real, rng = [encode(task, aligned(task, truth, table)[1]) for table in (a, b)], np.random.default_rng(seed)
        nulls = {"swapped": _swapped(*real, speakers, rng), "guessed": _guessed(known, speakers, rng)}
        for null, draw in nulls.items():
            found = [rejections(task, known, *draw(), speakers, seed=n)
                     for n in tqdm(range(repeats), f"{metric}, {null}", leave=False)]
            rows += [(metric, null, test, *_share(times, repeats)) for test, times in pd.DataFrame(found).sum().items()]
    return pd.DataFrame(rows, columns=["metric", "null", "test", "rate", "low", "high"])


def rejections(task: Task, known: np.ndarray, a: np.ndarray, b: np.ndarray, speakers: np.ndarray,
               draws: int = DRAWS, seed: int = 0) -> dict[str, bool]:
    """Which tests find, at the level of 5 %, that predictions `a` and `b` differ on the labels `known`.

    All three are (bursts, columns) as `sums.encode` gives them, `speakers` (bursts,) indices.
    """
    right = task.kind == "classes"
    of_a, of_b = ((known == p).all(axis=1) if right else np.abs(known - p).mean(axis=1) for p in (a, b))
    sums = SpeakerSums(_summed(task, known, (a, b), speakers), ("a", "b"), {task.name: task}, "speakers")
    paper = compare_samples(task, of_a, of_b)
    found = {f"{paper.test}, bursts": paper.significant}
    if not right:  # Cochran's Q is paired already
        found["paired t, bursts"] = bool((of_a != of_b).any() and ttest_rel(of_a, of_b).pvalue <= LEVEL)
    found["permutation, speakers"] = swap_p_values(sums, [("a", "b")], draws, seed).item() <= LEVEL
    drawn = [sums.metrics(sums.add(counts)) for counts in draw_speakers(len(sums.values), draws, seed)]
    low, high = expanded_percentiles(np.diff(np.concatenate(drawn), axis=1).ravel(), len(sums.values), 1 - LEVEL)
    return found | {"bootstrap, speakers": not low <= 0 <= high}


def intraclass_correlation(values: np.ndarray, speakers: np.ndarray) -> float:
    """The share of the variance of `values` (bursts,) that lies between `speakers` (bursts,): near 0 where a speaker's
    bursts are as different as those of different speakers, 1 where they are all alike. It may fall a little below 0.

    Estimated from the mean squares of a one-way analysis of variance. NaN where nothing varies, or where no speaker has
    two bursts. Source: Donner (1986).
    """
    groups = pd.Series(values, dtype=float).groupby(speakers)
    means, sizes = groups.transform("mean"), groups.size()
    if np.ptp(values) == 0 or len(sizes) == len(values):
        return float("nan")
    between = ((means - np.mean(values)) ** 2).sum() / (len(sizes) - 1)
    within = ((values - means) ** 2).sum() / (len(values) - len(sizes))
    return float((between - within) / (between + (bursts_per_speaker(speakers) - 1) * within))


def bursts_per_speaker(speakers: np.ndarray) -> float:
    """How many bursts a speaker has, in the mean that the analysis of variance asks for where numbers differ."""
    sizes = np.unique(speakers, return_counts=True)[1]
    return float((sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(sizes) - 1))


def speaker_effects(tasks: Iterable[Task], truth: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """How far a speaker's bursts share their errors: metric, samples, icc, design_effect.

    `samples` are the absolute errors of `a`, or how they differ from those of `b`, which is what a paired test sees;
    for classes, whether it is right. The `design_effect` is the factor by which the sharing widens the variance of a
    mean over bursts: 1 + (m - 1) × icc for m bursts of each speaker (Donner, 1986).
    """
    rows = []
    for metric, task in ((m, t) for m, t in metric_columns(tasks).items() if t.labelled(truth).any()):
        of_a, of_b = (samples(task, truth, table).to_numpy(float) for table in (a, b))
        speakers = speaker_indices(truth[task.labelled(truth)])
        for name, values in {"errors": of_a, "differences": of_a - of_b}.items():
            icc = intraclass_correlation(values, speakers)
            rows.append((metric, name, icc, 1 + (bursts_per_speaker(speakers) - 1) * icc))
    return pd.DataFrame(rows, columns=["metric", "samples", "icc", "design_effect"])


def _summed(task: Task, known: np.ndarray, pair: tuple[np.ndarray, np.ndarray], speakers: np.ndarray) -> np.ndarray:
    membership = speaker_membership(speakers)
    return np.stack([membership @ burst_features(task, known, prediction) for prediction in pair], axis=1)


def _swapped(a: np.ndarray, b: np.ndarray, speakers: np.ndarray, rng: np.random.Generator) -> Callable:
    def draw():
        swap = rng.integers(2, size=speakers.max() + 1).astype(bool)[speakers][:, None]
        return np.where(swap, b, a), np.where(swap, a, b)
    return draw


def _guessed(known: np.ndarray, speakers: np.ndarray, rng: np.random.Generator) -> Callable:
    order, sizes = np.argsort(speakers, kind="stable"), np.bincount(speakers)
    starts = np.cumsum(sizes) - sizes
    place = np.empty(len(speakers), int)  # of a burst among its speaker's
    place[order] = np.arange(len(speakers)) - starts[speakers[order]]

    def guess():
        donor = rng.integers(len(sizes), size=len(sizes))[speakers]
        return known[order[starts[donor] + place % sizes[donor]]]
    return lambda: (guess(), guess())


def _share(times: int, trials: int) -> tuple[float, float, float]:
    interval = binomtest(int(times), trials).proportion_ci()
    return times / trials, interval.low, interval.high
