"""How often each test finds a difference between systems that do not differ, on the speakers of the corpus at hand.

A test at the level of 5 % promises to err in at most 5 % of such cases. Three ways to make pairs of systems that are
equally good by construction, although what they do to the bursts of one speaker hangs together:

- `swapped`: two real systems, swapped for a random half of the speakers. Their errors are as real as can be; only which
  of the two is which has become a matter of chance.
- `guessed`: two systems that hear who speaks and no more. Each gives a speaker's bursts the labels of the bursts of
  some speaker drawn at random. This is the extreme: in age and country a speaker's bursts are right or wrong together.
- `unlike`: two systems of equal score that get there in different ways. The one shrinks its intensities and values
  towards the mean, and the other overshoots; the one gets the classes of a random half of the speakers right, and the
  other those of as many bursts at random. The corpus is then the population, in which both score exactly alike, and as
  many speakers as it has are drawn from it, with replacement.

In the first two, exchanging the systems on a speaker changes nothing about the chances; in the third it does. A test
over bursts compares absolute errors where the metric is a CCC: that it finds the `unlike` systems different is not
wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binomtest, ttest_rel
from tqdm.auto import tqdm

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.bootstrap import draw_speakers, expanded_percentiles
from burst2vec.evaluation.differences import flip_p_values
from burst2vec.evaluation.metrics import aligned, metric_columns
from burst2vec.evaluation.significance import LEVEL, compare_samples, samples
from burst2vec.evaluation.speaker_sums import (
    SpeakerSums,
    burst_features,
    encode,
    metric_of_sums,
    num_features,
    speaker_indices,
    speaker_membership,
)

DRAWS = 499
"""Resamples and flips within one test: p-values are then multiples of 1/500, and 5 % is one of them."""
HEARD, SHRUNK = 0.75, 0.3
"""How much of a label the `unlike` systems hear, and how far the first is shrunk."""


@dataclass(frozen=True)
class Pair:
    """Two systems' predictions `a` and `b` of one task beside the labels `known`, each (bursts, columns) as in
    `speaker_sums.encode`, and the indices of the bursts' `speakers`, (bursts,)."""

    task: Task
    known: np.ndarray
    a: np.ndarray
    b: np.ndarray
    speakers: np.ndarray


Pairs = dict[str, Pair]
"""Pairs by their metric's column; speakers have the same indices in all of them."""


def false_positives(tasks: Iterable[Task], truth: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame,
                    repeats: int = 1000, seed: int = 0) -> pd.DataFrame:
    """The share of `repeats` pairs of equal systems that each test takes for different, at the level of 5 %.

    One row for each metric, null and test: metric, null, test, rate, low, high. `low` and `high` bound the 95 %
    interval of a share of so many trials (Clopper and Pearson, 1934). `a` and `b` are the systems that are `swapped`.
    `s_mtl`, for which there is no test over bursts, has rows for the tests over speakers. Raises ValueError for fewer
    than two speakers.
    """
    pairs, rng, rows = read_pairs(tasks, truth, a, b), np.random.default_rng(seed), []
    for null, draw in {"swapped": _swapped(pairs, rng), "guessed": _guessed(pairs, rng),
                       "unlike": _unlike(pairs, rng)}.items():
        found = pd.DataFrame([rejections(draw(), seed=n) for n in tqdm(range(repeats), null, leave=False)])
        rows += [(metric, null, test, *_share(times, repeats)) for (metric, test), times in found.sum().items()]
    table = pd.DataFrame(rows, columns=["metric", "null", "test", "rate", "low", "high"])
    return table.sort_values("metric", key=lambda m: m.map([*pairs, "s_mtl"].index), kind="stable", ignore_index=True)


def read_pairs(tasks: Iterable[Task], truth: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame) -> Pairs:
    """The predictions `a` and `b` for the labelled bursts of `truth`, task by task."""
    columns = {metric: task for metric, task in metric_columns(tasks).items() if task.labelled(truth).any()}
    truth = truth[np.any([task.labelled(truth) for task in columns.values()], axis=0)]
    speakers = speaker_indices(truth)
    if speakers.max() == 0:
        raise ValueError("labelled bursts of 1 speaker: what varies between speakers needs two or more")
    return {metric: Pair(task, encode(task, truth[task.labelled(truth)]),
                         *(encode(task, aligned(task, truth, table)[1]) for table in (a, b)),
                         speakers[task.labelled(truth)]) for metric, task in columns.items()}


def rejections(pairs: Pairs, draws: int = DRAWS, seed: int = 0) -> dict[tuple[str, str], bool]:
    """Which tests find, at the level of 5 %, that the systems of a pair differ, by metric and test."""
    found = {(metric, test): verdict for metric, pair in pairs.items()
             for test, verdict in _burst_rejections(pair).items()}
    sums = _summed(pairs)
    p_values = flip_p_values(sums, [("a", "b")], draws, seed)[0]
    drawn = np.concatenate([sums.metrics(sums.add(counts)) for counts in draw_speakers(len(sums.values), draws, seed)])
    low, high = expanded_percentiles(drawn[:, 0] - drawn[:, 1], len(sums.values), 1 - LEVEL)
    for n, metric in enumerate(sums.names):
        found[metric, "sign flips, speakers"] = bool(p_values[n] <= LEVEL)
        found[metric, "bootstrap, speakers"] = not low[n] <= 0 <= high[n]
    return found


def rates_in_words(rates: pd.DataFrame) -> list[str]:
    """A sentence for each test: between what its rates lie, and where it finds more than promised beyond doubt."""
    said = []
    for test, rows in rates.groupby("test", sort=False):
        above = rows[rows["low"] > LEVEL]
        where = ", ".join(f"{row.metric} ({row.null}: {100 * row.rate:.0f} %)" for row in above.itertuples())
        said.append(f"{test}: {100 * rows['rate'].min():.1f} to {100 * rows['rate'].max():.1f} %; "
                    + (f"above 5 % by more than chance for {where}." if where else "nowhere above 5 % by more than "
                       "chance."))
    return said


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


def _burst_rejections(pair: Pair) -> dict[str, bool]:
    """The tests that take bursts for independent."""
    right = pair.task.kind == "classes"
    of_a, of_b = ((pair.known == p).all(axis=1) if right else np.abs(pair.known - p).mean(axis=1)
                  for p in (pair.a, pair.b))
    paper = compare_samples(pair.task, of_a, of_b)
    found = {f"{paper.test}, bursts": paper.significant}
    if not right:  # Cochran's Q is paired already
        found["paired t, bursts"] = bool((of_a != of_b).any() and ttest_rel(of_a, of_b).pvalue <= LEVEL)
    return found


def _summed(pairs: Pairs) -> SpeakerSums:
    speakers, values = 1 + max(pair.speakers.max() for pair in pairs.values()), []
    for pair in pairs.values():
        of_task = np.zeros((speakers, 2, num_features(pair.task)))
        for n, prediction in enumerate((pair.a, pair.b)):
            found = speaker_membership(pair.speakers) @ burst_features(pair.task, pair.known, prediction)
            of_task[:len(found), n] = found
        values.append(of_task)
    tasks = {metric: pair.task for metric, pair in pairs.items()}
    return SpeakerSums(np.concatenate(values, axis=2), ("a", "b"), tasks, "speakers")


def _swapped(pairs: Pairs, rng: np.random.Generator) -> Callable[[], Pairs]:
    speakers = 1 + max(pair.speakers.max() for pair in pairs.values())

    def draw():
        swap = rng.integers(2, size=speakers).astype(bool)
        return {metric: _exchanged(pair, swap[pair.speakers][:, None]) for metric, pair in pairs.items()}
    return draw


def _exchanged(pair: Pair, swap: np.ndarray) -> Pair:
    return replace(pair, a=np.where(swap, pair.b, pair.a), b=np.where(swap, pair.a, pair.b))


def _guessed(pairs: Pairs, rng: np.random.Generator) -> Callable[[], Pairs]:
    guesses = {metric: _guess(pair, rng) for metric, pair in pairs.items()}
    return lambda: {metric: replace(pair, a=guesses[metric](), b=guesses[metric]()) for metric, pair in pairs.items()}


def _guess(pair: Pair, rng: np.random.Generator) -> Callable[[], np.ndarray]:
    """Draws predictions that give a speaker's bursts the labels of some labelled speaker's bursts, in turn."""
    speakers = np.unique(pair.speakers, return_inverse=True)[1]
    order, sizes = np.argsort(speakers, kind="stable"), np.bincount(speakers)
    starts = np.cumsum(sizes) - sizes
    place = np.empty(len(speakers), int)  # of a burst among its speaker's
    place[order] = np.arange(len(speakers)) - starts[speakers[order]]

    def guess():
        donor = rng.integers(len(sizes), size=len(sizes))[speakers]
        return pair.known[order[starts[donor] + place % sizes[donor]]]
    return guess


def _unlike(pairs: Pairs, rng: np.random.Generator) -> Callable[[], Pairs]:
    make = {"classes": _unlike_classes}
    pairs = {metric: make.get(pair.task.kind, _unlike_spreads)(pair, rng) for metric, pair in pairs.items()}
    speakers = 1 + max(pair.speakers.max() for pair in pairs.values())
    bursts = {metric: [np.flatnonzero(pair.speakers == n) for n in range(speakers)] for metric, pair in pairs.items()}

    def draw():
        while True:  # until every task has two bursts to test
            drawn = rng.integers(speakers, size=speakers)
            rows = {metric: [of_speaker[n] for n in drawn] for metric, of_speaker in bursts.items()}
            if min(sum(map(len, found)) for found in rows.values()) > 1:
                return {metric: _taken(pair, rows[metric]) for metric, pair in pairs.items()}
    return draw


def _taken(pair: Pair, rows: Sequence[np.ndarray]) -> Pair:
    """The bursts `rows` of each drawn speaker; a speaker that is drawn twice becomes two."""
    taken = np.concatenate(rows)
    speakers = np.repeat(np.arange(len(rows)), [len(found) for found in rows])
    return Pair(pair.task, pair.known[taken], pair.a[taken], pair.b[taken], speakers)


def _unlike_spreads(pair: Pair, rng: np.random.Generator) -> Pair:
    """Shrunk and overshooting predictions of equal score."""
    heard, mean = HEARD * pair.known + (1 - HEARD) * _guess(pair, rng)(), pair.known.mean(axis=0)

    def spread(factor):
        return mean + factor * (heard - mean)

    def score(factor):
        return float(metric_of_sums(pair.task, burst_features(pair.task, pair.known, spread(factor)).sum(axis=0)))
    over = brentq(lambda factor: score(factor) - score(SHRUNK), 1, 50, xtol=1e-12)
    return replace(pair, a=spread(SHRUNK), b=spread(over))


def _unlike_classes(pair: Pair, rng: np.random.Generator) -> Pair:
    """Right on all bursts of half of the speakers, and on as many bursts of each class at random."""
    wrong = (pair.known + 1) % len(pair.task.classes)
    right = rng.permutation(1 + pair.speakers.max())[pair.speakers][:, None] % 2 == 0
    other = np.zeros_like(right)
    for name in np.unique(pair.known):
        of_class = np.flatnonzero(pair.known == name)
        other[rng.permutation(of_class)[:right[of_class].sum()]] = True
    return replace(pair, a=np.where(right, pair.known, wrong), b=np.where(other, pair.known, wrong))


def _share(times: int, trials: int) -> tuple[float, float, float]:
    interval = binomtest(int(times), trials).proportion_ci()
    return times / trials, interval.low, interval.high
