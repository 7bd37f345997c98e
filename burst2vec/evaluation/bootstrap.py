"""Confidence intervals of the metrics by a bootstrap over speakers.

The bursts of one speaker are not independent: they share a voice, an age and a country. Another sample of the
population would consist of other speakers. The bootstrap therefore draws whole speakers with replacement, as many as
there are, and computes every metric again (Davison and Hinkley, 1997; for speech Bisani and Ney, 2004). Where no
speaker is known, it draws bursts, and the intervals come out too narrow by what the bursts of a speaker share.
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
"""The default number of resamples."""
FEW = 10
"""Below this number of speakers, an interval covers the true value noticeably less often than its level says."""
CHUNK = 4_000_000
"""The largest number of elements that a matrix of draws holds at a time, which takes 32 MB."""


@dataclass(frozen=True)
class Replicates:
    """The metrics of several systems on one set of bursts, and on every resample of its speakers.

    `estimates` and the columns of `replicates` (resamples, systems × metrics) are indexed by (code, metric). One row
    of `replicates` is the same resample for all systems, so the difference of two columns is paired. `clusters` says
    what was resampled, "speakers" or "bursts", and `speakers` is their number.
    """

    estimates: pd.Series
    replicates: pd.DataFrame
    clusters: str
    speakers: int

    def interval(self, replicates: np.ndarray, level: float = 0.95) -> np.ndarray:
        """The bounds (2, ...) of an interval for any function of the metrics, given its replicates (resamples, ...)."""
        return expanded_percentiles(replicates, self.speakers, level)


def scored_splits(corpus: Corpus) -> list[str]:
    """The splits among val and test that have labels."""
    return [s for s in ("val", "test") if any(task.labelled(corpus.split(s)).any() for task in corpus.tasks)]


def speakers_in_words(tasks: Iterable[Task], truth: pd.DataFrame) -> str:
    """A paragraph that says how many speakers there are, in all and in each class.

    One more sentence follows for each reason why the intervals are too narrow: bursts without a speaker, and groups of
    fewer than `FEW` speakers.
    """
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
    """Every metric of Table 2 of each system on the bursts of `truth`, and on resamples of their speakers.

    `predictions` holds the systems' tables by code. A metric for which a system has no predictions is left out, and so
    is a task without labels. In the rare resample that has no label of a task, the metric of that task is NaN. Raises
    ValueError for fewer than two speakers.
    """
    return bootstrap_sums(sum_by_speaker(tasks, truth, predictions), resamples, seed)


def bootstrap_sums(sums: SpeakerSums, resamples: int = RESAMPLES, seed: int = 0) -> Replicates:
    """The same as `bootstrap`, from sums by speaker that have already been computed."""
    index = pd.MultiIndex.from_product([sums.codes, sums.names], names=["code", "metric"])
    speakers = len(sums.values)
    estimates = pd.Series(sums.metrics(sums.values.sum(axis=0)).ravel(), index).dropna()
    found = [sums.metrics(sums.add(counts)) for counts in draw_speakers(speakers, resamples, seed)]
    replicates = pd.DataFrame(np.concatenate(found).reshape(resamples, -1), columns=index)
    return Replicates(estimates, replicates[estimates.index], sums.clusters, speakers)


def draw_speakers(speakers: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Yields, chunk by chunk, how often each speaker occurs in a resample, (draws, speakers).

    The same arguments give the same draws.
    """
    rng = np.random.default_rng(seed)
    for size in chunk_sizes(draws, speakers):
        drawn = rng.integers(speakers, size=(size, speakers)) + speakers * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(float)


def chunk_sizes(draws: int, speakers: int) -> list[int]:
    """The sizes of the chunks in which draws are made, so that memory stays bounded."""
    step = max(1, CHUNK // max(speakers, 1000))
    return [min(step, draws - start) for start in range(0, draws, step)]


def expanded_percentiles(replicates: np.ndarray, speakers: int, level: float = 0.95) -> np.ndarray:
    """The bounds (2, ...) of a percentile interval of `replicates` (resamples, ...), widened for few speakers.

    Plain percentiles are too narrow for few speakers, because a sample varies less than its population and its spread
    is itself an estimate. The percentiles are moved outwards by the correction that is exact for the mean of a normal
    sample: a factor sqrt(n / (n - 1)), and Student's t with n - 1 degrees of freedom instead of the normal
    distribution.

    Source: Hesterberg (2015).
    """
    z = np.sqrt(speakers / (speakers - 1)) * t.ppf((1 + level) / 2, speakers - 1)
    return np.nanquantile(replicates, norm.cdf([-z, z]), axis=0)


def intervals(replicates: Replicates, split: str, level: float = 0.95) -> pd.DataFrame:
    """A table with one row for each system and metric: code, split, metric, estimate, low, high."""
    low, high = replicates.interval(replicates.replicates.to_numpy(), level)
    table = replicates.estimates.rename("estimate").reset_index().assign(low=low, high=high)
    table.insert(1, "split", split)
    return table
