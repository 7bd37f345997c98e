"""False-positive rates: how often each test finds a difference between equal systems, on the speakers of a corpus.

A test at the level of 5 % promises to find a difference in at most 5 % of such cases. There are three null hypotheses,
three ways to draw pairs of systems that are equally good by construction, although their predictions for the bursts of
one speaker are correlated:

- `swapped`: two real systems, swapped for a random half of the speakers. Their errors are real; only which of the two
  systems is which has become random.
- `guessed`: two systems that recognise the speaker and nothing else. Each gives the bursts of a speaker the labels of
  the bursts of a random speaker. This is the extreme case: in age and country, all bursts of a speaker are right or
  wrong together.
- `unlike`: two systems of equal score that reach it in different ways. One shrinks its intensities and scalars towards
  the mean, and the other overshoots; one predicts the class of a random half of the speakers correctly, and the other
  that of equally many bursts at random. The corpus is then the population, in which both score exactly the same, and
  speakers are drawn from it with replacement, as many as it has.

Under the first two, swapping the systems for a speaker does not change the distribution of anything; under the third it
does. Where a metric is a CCC, a test over bursts compares absolute errors or predictions instead. To find the `unlike`
systems different is then not a mistake of the test, but an answer to another question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binomtest, ttest_rel

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
from burst2vec.machine.progress import progress_bar

DRAWS = 499
"""The number of resamples and of sign flips within one test. P-values are then multiples of 1/500, as 5 % is."""
HEARD = 0.75
"""The weight of the true label in the predictions of the `unlike` systems; the rest is a guess."""
SHRUNK = 0.3
"""The factor by which the first of the `unlike` systems shrinks its predictions towards the mean."""


@dataclass(frozen=True)
class Pair:
    """The predictions `a` and `b` of two systems for one task, and the labels `known`.

    All three are (bursts, columns), as `speaker_sums.encode` gives them. `speakers` (bursts,) are the indices of the
    bursts' speakers.
    """

    task: Task
    known: np.ndarray
    a: np.ndarray
    b: np.ndarray
    speakers: np.ndarray


Pairs = dict[str, Pair]
"""The pairs of all tasks by the column of their metric. Speakers have the same indices in all of them."""


def false_positives(tasks: Iterable[Task], truth: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame,
                    repeats: int = 1000, seed: int = 0) -> pd.DataFrame:
    """The share of `repeats` pairs of equal systems that each test finds to differ at the level of 5 %.

    The table has one row for each metric, null hypothesis and test: metric, null, test, rate, low, high. `low` and
    `high` bound the 95 % interval of the rate (Clopper and Pearson, 1934). `a` and `b` are the predictions of the
    systems that are `swapped`. `s_mtl`, for which there is no test over bursts, has rows for the tests over speakers
    alone. Raises ValueError for fewer than two speakers.
    """
    pairs, rng = read_pairs(tasks, truth, a, b), np.random.default_rng(seed)
    nulls: dict[str, tuple[Callable[[Pairs, np.random.Generator], Pairs], Pairs]] = {
        "swapped": (draw_swapped, pairs), "guessed": (draw_guessed, pairs),
        "unlike": (draw_resampled, make_unlike(pairs, rng))}
    rows = []
    for null, (draw, of_null) in nulls.items():
        found = pd.DataFrame([rejections(draw(of_null, rng), seed=n)
                              for n in progress_bar(range(repeats), desc=null, leave=False)])
        rows += [(metric, null, test, *_share(times, repeats)) for (metric, test), times in found.sum().items()]
    table = pd.DataFrame(rows, columns=["metric", "null", "test", "rate", "low", "high"])
    return table.sort_values("metric", key=lambda m: m.map([*pairs, "s_mtl"].index), kind="stable", ignore_index=True)


def read_pairs(tasks: Iterable[Task], truth: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame) -> Pairs:
    """The pairs that two systems' predictions, `a` and `b`, form on the labelled bursts of `truth`.

    Raises ValueError where these bursts are of fewer than two speakers.
    """
    columns = {metric: task for metric, task in metric_columns(tasks).items() if task.labelled(truth).any()}
    truth = truth[np.any([task.labelled(truth) for task in columns.values()], axis=0)]
    speakers = speaker_indices(truth)
    if speakers.max() == 0:
        raise ValueError("labelled bursts of 1 speaker: what varies between speakers needs two or more")
    pairs = {}
    for metric, task in columns.items():
        labelled = task.labelled(truth)
        of_a, of_b = (encode(task, aligned(task, truth, table)[1]) for table in (a, b))
        pairs[metric] = Pair(task, encode(task, truth[labelled]), of_a, of_b, speakers[labelled])
    return pairs


def rejections(pairs: Pairs, draws: int = DRAWS, seed: int = 0) -> dict[tuple[str, str], bool]:
    """Whether each test finds, at the level of 5 %, that the two systems differ, by metric and test."""
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
    """One sentence for each test: the range of its rates, and the cases in which its rate is certainly above 5 %."""
    said = []
    for test, rows in rates.groupby("test", sort=False):
        above = rows[rows["low"] > LEVEL]
        where = ", ".join(f"{row.metric} ({row.null}: {100 * row.rate:.0f} %)" for row in above.itertuples())
        said.append(f"{test}: {100 * rows['rate'].min():.1f} to {100 * rows['rate'].max():.1f} %; "
                    + (f"above 5 % by more than chance for {where}." if where else "nowhere above 5 % by more than "
                       "chance."))
    return said


def intraclass_correlation(values: np.ndarray, speakers: np.ndarray) -> float:
    """The share of the variance of `values` (bursts,) that lies between `speakers` (bursts,).

    It is near 0 where the bursts of one speaker differ as much as those of different speakers, and 1 where they are all
    alike; the estimate may fall a little below 0. It is made from the mean squares of a one-way analysis of variance,
    and is NaN where nothing varies or where no speaker has two bursts.

    Source: Donner (1986).
    """
    groups = pd.Series(values, dtype=float).groupby(speakers)
    means, sizes = groups.transform("mean"), groups.size()
    if np.ptp(values) == 0 or len(sizes) == len(values):
        return float("nan")
    between = ((means - np.mean(values)) ** 2).sum() / (len(sizes) - 1)
    within = ((values - means) ** 2).sum() / (len(values) - len(sizes))
    return float((between - within) / (between + (bursts_per_speaker(speakers) - 1) * within))


def bursts_per_speaker(speakers: np.ndarray) -> float:
    """The mean number of bursts of a speaker that the analysis of variance uses where the numbers differ."""
    sizes = np.unique(speakers, return_counts=True)[1]
    return float((sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(sizes) - 1))


def speaker_effects(tasks: Iterable[Task], truth: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """How strongly the bursts of a speaker share their errors: metric, samples, icc, design_effect.

    `samples` says what is analysed: "errors" are the absolute errors of `a` (for classes, whether it is right), and
    "differences" are those of `a` less those of `b`, which is what a paired test compares. `icc` is their intraclass
    correlation. The `design_effect`, 1 + (m - 1) × icc for m bursts of each speaker, is the factor by which the
    correlation inflates the variance of a mean over bursts (Donner, 1986).
    """
    rows = []
    for metric, task in ((m, t) for m, t in metric_columns(tasks).items() if t.labelled(truth).any()):
        of_a, of_b = (samples(task, truth, table, of="errors").to_numpy(float) for table in (a, b))
        speakers = speaker_indices(truth[task.labelled(truth)])
        for name, values in {"errors": of_a, "differences": of_a - of_b}.items():
            icc = intraclass_correlation(values, speakers)
            rows.append((metric, name, icc, 1 + (bursts_per_speaker(speakers) - 1) * icc))
    return pd.DataFrame(rows, columns=["metric", "samples", "icc", "design_effect"])


def _burst_rejections(pair: Pair) -> dict[str, bool]:
    """The verdicts of the tests that treat bursts as independent."""
    if pair.task.kind == "classes":  # Cochran's Q is paired already
        of_a, of_b = ((pair.known == prediction).all(axis=1) for prediction in (pair.a, pair.b))
        return {"Cochran's Q, bursts": compare_samples(pair.task, of_a, of_b).significant}
    of_a, of_b = (np.abs(pair.known - prediction).mean(axis=1) for prediction in (pair.a, pair.b))
    predictions = compare_samples(pair.task, pair.a.mean(axis=1), pair.b.mean(axis=1))
    return {"Student's t of predictions, bursts": predictions.significant,
            "Student's t of errors, bursts": compare_samples(pair.task, of_a, of_b).significant,
            "paired t of errors, bursts": bool((of_a != of_b).any() and ttest_rel(of_a, of_b).pvalue <= LEVEL)}


def _summed(pairs: Pairs) -> SpeakerSums:
    """The sums by speaker of the two systems, under the codes a and b."""
    speakers, values = _speakers(pairs), []
    for pair in pairs.values():
        of_task = np.zeros((speakers, 2, num_features(pair.task)))
        for n, prediction in enumerate((pair.a, pair.b)):
            found = speaker_membership(pair.speakers) @ burst_features(pair.task, pair.known, prediction)
            of_task[:len(found), n] = found
        values.append(of_task)
    tasks = {metric: pair.task for metric, pair in pairs.items()}
    return SpeakerSums(np.concatenate(values, axis=2), ("a", "b"), tasks, "speakers")


def _speakers(pairs: Pairs) -> int:
    return 1 + max(pair.speakers.max() for pair in pairs.values())


def draw_swapped(pairs: Pairs, rng: np.random.Generator) -> Pairs:
    """The pairs with their systems swapped for a random half of the speakers, the same speakers in all tasks."""
    swapped, swap = {}, rng.integers(2, size=_speakers(pairs)).astype(bool)
    for metric, pair in pairs.items():
        of_burst = swap[pair.speakers][:, None]
        swapped[metric] = replace(pair, a=np.where(of_burst, pair.b, pair.a), b=np.where(of_burst, pair.a, pair.b))
    return swapped


def draw_guessed(pairs: Pairs, rng: np.random.Generator) -> Pairs:
    """Pairs of two systems that each give the bursts of a speaker the labels of a random speaker's bursts."""
    return {metric: replace(pair, a=_guess(pair, rng), b=_guess(pair, rng)) for metric, pair in pairs.items()}


def _guess(pair: Pair, rng: np.random.Generator) -> np.ndarray:
    """Predictions that give the bursts of a speaker the labels of some labelled speaker's bursts, in turn."""
    speakers = np.unique(pair.speakers, return_inverse=True)[1]
    order, sizes = np.argsort(speakers, kind="stable"), np.bincount(speakers)
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(speakers), int)  # of a burst among those of its speaker
    rank[order] = np.arange(len(speakers)) - starts[speakers[order]]
    donor = rng.integers(len(sizes), size=len(sizes))[speakers]
    return pair.known[order[starts[donor] + rank % sizes[donor]]]


def draw_resampled(pairs: Pairs, rng: np.random.Generator) -> Pairs:
    """The pairs on speakers drawn with replacement, the same in all tasks; each has two bursts or more."""
    speakers = _speakers(pairs)
    bursts = {metric: _bursts_by_speaker(pair, speakers) for metric, pair in pairs.items()}
    while True:
        drawn = rng.integers(speakers, size=speakers)
        rows = {metric: [of_speaker[n] for n in drawn] for metric, of_speaker in bursts.items()}
        if min(sum(map(len, found)) for found in rows.values()) > 1:
            return {metric: _take(pair, rows[metric]) for metric, pair in pairs.items()}


def _bursts_by_speaker(pair: Pair, speakers: int) -> list[np.ndarray]:
    order = np.argsort(pair.speakers, kind="stable")
    return np.split(order, np.cumsum(np.bincount(pair.speakers, minlength=speakers))[:-1])


def _take(pair: Pair, rows: Sequence[np.ndarray]) -> Pair:
    """The pair on the bursts `rows` of each drawn speaker; a speaker that is drawn twice becomes two speakers."""
    taken = np.concatenate(rows)
    speakers = np.repeat(np.arange(len(rows)), [len(found) for found in rows])
    return Pair(pair.task, pair.known[taken], pair.a[taken], pair.b[taken], speakers)


def make_unlike(pairs: Pairs, rng: np.random.Generator) -> Pairs:
    """Pairs of two systems that score exactly the same on all bursts and reach their score in different ways."""
    return {metric: (_unlike_classes if pair.task.kind == "classes" else _unlike_spreads)(pair, rng)
            for metric, pair in pairs.items()}


def _unlike_spreads(pair: Pair, rng: np.random.Generator) -> Pair:
    """Predictions that are shrunk towards the mean, and predictions that overshoot, with the same score."""
    heard, mean = HEARD * pair.known + (1 - HEARD) * _guess(pair, rng), pair.known.mean(axis=0)

    def spread(factor: float) -> np.ndarray:
        return mean + factor * (heard - mean)

    def score(factor: float) -> float:
        return float(metric_of_sums(pair.task, burst_features(pair.task, pair.known, spread(factor)).sum(axis=0)))
    over = brentq(lambda factor: score(factor) - score(SHRUNK), 1, 50, xtol=1e-12)
    return replace(pair, a=spread(SHRUNK), b=spread(over))


def _unlike_classes(pair: Pair, rng: np.random.Generator) -> Pair:
    """Predictions that are right for half of the speakers, and for equally many bursts of each class at random."""
    wrong = (pair.known + 1) % len(pair.task.classes)
    right = rng.permutation(1 + pair.speakers.max())[pair.speakers][:, None] % 2 == 0
    other = np.zeros_like(right)
    for name in np.unique(pair.known):
        of_class = np.flatnonzero(pair.known == name)
        other[rng.permutation(of_class)[:right[of_class].sum()]] = True
    return replace(pair, a=np.where(right, pair.known, wrong), b=np.where(other, pair.known, wrong))


def _share(times: int, trials: int) -> tuple[float, float, float]:
    """The rate of `times` in `trials` and the bounds of its 95 % interval."""
    interval = binomtest(int(times), trials).proportion_ci()
    return times / trials, interval.low, interval.high
