"""How sure a metric is: intervals by bootstrap over speakers.

The bursts of one speaker are not independent: they share a voice, an age and a country. Another sample of the
population would be other speakers, so whole speakers are drawn with replacement, as many as there are, and every metric
is computed again (Davison and Hinkley, 1997; for speech Bisani and Ney, 2004). Where no speaker is known, bursts are
drawn, and intervals come out too narrow by what a speaker's bursts share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.speaker_sums import SpeakerSums, speaker_indices, sum_by_speaker

RESAMPLES = 10_000
FEW = 10
"""Below so many speakers, an interval holds the truth noticeably less often than it says."""
CHUNK = 4_000_000
"""How many numbers of a matrix of draws there are at a time: 32 MB."""


@dataclass(frozen=True)
class Replicates:
    """The metrics of several systems on one set of bursts, and again on every resample of its speakers.

    `estimates` and the columns of `replicates` (resamples, systems × metrics) are indexed by (code, metric). A row is
    one resample for all systems, so that a difference of two columns is paired. `clusters` says what was drawn,
    "speakers" or "bursts", and `speakers` how many there are.
    """

    estimates: pd.Series
    replicates: pd.DataFrame
    clusters: str
    speakers: int

    def interval(self, replicates: np.ndarray, level: float = 0.95) -> np.ndarray:
        """The bounds (2, ...) of an interval from replicates (resamples, ...) of any function of the metrics."""
        return expanded_percentiles(replicates, self.speakers, level)


def scored_splits(corpus: Corpus) -> list[str]:
    """Those of val and test that have labels."""
    return [s for s in ("val", "test") if any(task.labelled(corpus.split(s)).any() for task in corpus.tasks)]


def speakers_in_words(tasks: Iterable[Task], truth: pd.DataFrame) -> str:
    """A sentence on how many speakers there are in all and of each class, and one for each reason to take intervals for
    too narrow: bursts without a speaker, and fewer than `FEW` speakers."""
    tasks = list(tasks)
    truth = truth[np.any([task.labelled(truth) for task in tasks], axis=0)]
    who, unknown = pd.Series(speaker_indices(truth), truth.index), truth["speaker"].isna().sum()
    counts = {"all": who.nunique()}
    for task in (task for task in tasks if task.kind == "classes"):
        counts |= who.groupby(truth[task.columns[0]]).nunique().to_dict()
    drawn = "bursts" if unknown == len(truth) else "speakers"
    classes = ", ".join(f"{name} {count}" for name, count in counts.items() if name != "all")
    said = [f"{counts['all']} {drawn}" + (f" ({classes})." if classes else ".")]
    if unknown:
        said.append(f"**{unknown} of {len(truth)} bursts have no speaker** and are drawn by themselves, as if each had "
                    f"one of its own: the intervals are too narrow.")
    if few := [name for name, count in counts.items() if count < FEW]:
        said.append(f"**Fewer than {FEW} speakers** ({', '.join(few)}): such intervals hold the truth in clearly "
                    f"fewer than 95 % of cases.")
    return " ".join(said)


def bootstrap(tasks: Iterable[Task], truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
              resamples: int = RESAMPLES, seed: int = 0) -> Replicates:
    """Every metric of Table 2 of each system (`predictions` by code) on the bursts of `truth` and on its resamples.

    A metric that a system has no predictions for is left out, as is a task without labels. In the rare resample
    without any label of a task, its metric is NaN. Raises ValueError for fewer than two speakers.
    """
    return bootstrap_sums(sum_by_speaker(tasks, truth, predictions), resamples, seed)


def bootstrap_sums(sums: SpeakerSums, resamples: int = RESAMPLES, seed: int = 0) -> Replicates:
    """`bootstrap` for sums that are there already."""
    index = pd.MultiIndex.from_product([sums.codes, sums.names], names=["code", "metric"])
    speakers = len(sums.values)
    estimates = pd.Series(sums.metrics(sums.values.sum(axis=0)).ravel(), index).dropna()
    found = [sums.metrics(sums.add(counts)) for counts in draw_speakers(speakers, resamples, seed)]
    replicates = pd.DataFrame(np.concatenate(found).reshape(resamples, -1), columns=index)
    return Replicates(estimates, replicates[estimates.index], sums.clusters, speakers)


def draw_speakers(speakers: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """How often each speaker is in a resample, (draws, speakers), piece by piece; the same for the same numbers."""
    rng = np.random.default_rng(seed)
    for size in pieces(draws, speakers):
        drawn = rng.integers(speakers, size=(size, speakers)) + speakers * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(float)


def pieces(draws: int, speakers: int) -> list[int]:
    """How many of the draws to make at a time, so that memory stays bounded."""
    step = max(1, CHUNK // max(speakers, 1000))
    return [min(step, draws - start) for start in range(0, draws, step)]


def expanded_percentiles(replicates: np.ndarray, speakers: int, level: float = 0.95) -> np.ndarray:
    """The bounds (2, ...) between which the middle of the replicates (resamples, ...) lies, a little more than `level`.

    Plain percentiles are too narrow for few speakers, since a sample varies less than its population, and the spread
    is itself an estimate. The percentiles are moved outwards by what this does to a mean: a factor
    sqrt(n / (n - 1)) and Student's t with n - 1 degrees of freedom in place of the normal distribution.

    Source: Hesterberg (2015).
    """
    z = np.sqrt(speakers / (speakers - 1)) * t.ppf((1 + level) / 2, speakers - 1)
    return np.nanquantile(replicates, norm.cdf([-z, z]), axis=0)


def intervals(replicates: Replicates, split: str, level: float = 0.95) -> pd.DataFrame:
    """One row for each system and metric: code, split, metric, estimate, low, high."""
    low, high = replicates.interval(replicates.replicates.to_numpy(), level)
    table = replicates.estimates.rename("estimate").reset_index().assign(low=low, high=high)
    table.insert(1, "split", split)
    return table
