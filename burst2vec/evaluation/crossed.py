"""Confidence intervals of differences between variants, over speakers and seeds at once.

A variant is one way of training. Each of its seeds gives one trained system, and all systems are scored on the same
speakers: seeds and speakers are crossed. A difference between two variants means something only where it exceeds what
other speakers and other seeds would have changed.

The model. With seed s, variant v scores on a sample of n speakers

    m(v, s) = μ(v) + A(v) + B(v, s) + C(v, s).

μ(v) is the mean over all speakers and seeds. A(v) is the deviation of this sample of speakers, the same for all seeds
and correlated between variants. B(v, s) is the deviation of the seed: normal, independent between seeds and variants,
with a variance of the variant's own. C(v, s) is the interaction of the seed with the sample of speakers. The score of a
variant is the mean over its seeds, and the interval is one of μ(a) - μ(b), from two parts:

- Speakers: the bootstrap over speakers of the difference between the means over the seeds, with all systems on the same
  resample. It covers A and C.
- Seeds: the mean over S seeds has the standard error s / sqrt(S), where s is the standard deviation of the scores over
  the seeds of that variant (S - 1 degrees of freedom). Its margin is that standard error times its own quantile of
  Student's t: 4.3 for three seeds, 12.7 for two. It covers B, and C once more, so the interval is slightly too wide.

The parts are independent, so the squares of their margins are added, on either side of the estimate (the method of
variance estimates recovery, Zou and Donner, 2008). For normal deviations such an interval has at least its nominal
coverage, however few seeds there are and however much the variances differ (Banerjee, 1960). Resampling the seeds would
not: the bootstrap of three values misses a third of their variance, and does not know that the rest is an estimate.

With one seed there is no estimate of s. Then the interval is one over speakers alone and too narrow, and nothing that
is claimed of a variant, rather than of one trained system, can be decided.

A seed draws the initial weights, the batches and the dropout. The training corpus is the same for all seeds. An
ensemble shares the seeds of its members, so that the two are positively correlated, which this model leaves out:
intervals of an ensemble's gain over a member are too wide rather than too narrow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.bootstrap import RESAMPLES, Replicates, bootstrap_sums, expanded_percentiles
from burst2vec.evaluation.metrics import sign
from burst2vec.evaluation.speaker_sums import SpeakerSums, sum_by_speaker
from burst2vec.evaluation.trivial import is_trivial

POWER = 0.8
"""The customary power of a test: the probability with which it finds a difference that is there."""


@dataclass(frozen=True)
class Contrast:
    """A difference between two variants, above 0 where the first is better, with its two sources of uncertainty.

    `replicates` (resamples,) is the difference on resamples of the `speakers`. `seed_errors` (variants,) are the
    standard errors of the variants' means over their seeds, NaN for one seed, and `seed_degrees` (variants,) their
    degrees of freedom.
    """

    difference: float
    replicates: np.ndarray
    speakers: int
    seed_errors: np.ndarray
    seed_degrees: np.ndarray

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The bounds (low, high) of the difference; variants with one seed are treated as if seeds changed nothing."""
        margin = self._seed_margin((1 + level) / 2)
        low, high = expanded_percentiles(self.replicates, self.speakers, level)
        below, above = abs(self.difference - low), abs(high - self.difference)
        return float(low + below - np.hypot(below, margin)), float(high - above + np.hypot(above, margin))

    def least_detectable(self, speakers: int | None = None, seeds: bool = True, power: float = POWER,
                         level: float = 0.95) -> float:
        """The smallest true difference whose interval would exclude 0 with the given power.

        It is (t(0.975) + t(0.8)) × the standard error, where the squares of both sources are added, each with its own
        quantiles of Student's t. `speakers` scales the part of the speakers to another number of them, as if they
        varied as much. Without `seeds` the seeds are treated as if they changed nothing; with them the result is NaN
        where a variant has one seed.
        """
        if seeds and np.isnan(self.seed_errors).any():
            return float("nan")
        number = speakers or self.speakers
        spread = np.nanstd(self.replicates) * np.sqrt(self.speakers / (self.speakers - 1))
        error = spread * np.sqrt(self.speakers / number)
        return float(sum(np.hypot(t.ppf(quantile, number - 1) * error, self._seed_margin(quantile) if seeds else 0.0)
                         for quantile in ((1 + level) / 2, power)))

    def _seed_margin(self, quantile: float) -> float:
        """The root of the sum of the variants' squared margins; a variant without a known variance adds nothing."""
        known = self.seed_errors > 0
        margins = t.ppf(quantile, self.seed_degrees[known]) * self.seed_errors[known]
        return float(np.sqrt((margins**2).sum()))


@dataclass(frozen=True)
class Crossed:
    """The scores of variants over their seeds, and on resamples of the speakers.

    `means` holds, by (code, metric), the mean over the seeds of each variant, and the same mean on every resample.
    `variances` and `seeds` hold, by (code, metric), the variance of the score over the seeds (n - 1) and their number.
    The variance is NaN for one seed, and 0 for an audio-free baseline, which has no seed.
    """

    means: Replicates
    variances: pd.Series
    seeds: pd.Series

    def contrast(self, first: str, second: str, metric: str, factor: float = 1.0) -> Contrast:
        """How much better the first variant is than `factor` times the second, on one metric.

        Raises KeyError where a variant does not have the metric.
        """
        a, b, turn, means = (first, metric), (second, metric), sign(metric), self.means
        variances = np.array([self.variances[a], factor**2 * self.variances[b]])
        seeds = np.array([self.seeds[a], self.seeds[b]])
        return Contrast(turn * float(means.estimates[a] - factor * means.estimates[b]),
                        turn * (means.replicates[a].to_numpy() - factor * means.replicates[b].to_numpy()),
                        means.speakers, np.sqrt(variances / seeds), seeds - 1)

    def alone(self, code: str, metric: str) -> Contrast:
        """The score of a variant, as a difference from nothing: so it has the interval of one."""
        where = code, metric
        error = np.sqrt(self.variances[where] / self.seeds[where])
        return Contrast(float(self.means.estimates[where]), self.means.replicates[where].to_numpy(),
                        self.means.speakers, np.array([error]), np.array([self.seeds[where] - 1]))

    def with_one_seed(self, codes: Iterable[str], metric: str) -> list[str]:
        """Those of the variants whose variance over seeds is unknown, because they have one seed."""
        return [code for code in codes if np.isnan(self.variances[code, metric])]


def cross(tasks: Iterable[Task], truth: pd.DataFrame, predictions: Mapping[str, Mapping[int, pd.DataFrame]],
          resamples: int = RESAMPLES, seed: int = 0) -> Crossed:
    """The scores of variants on the bursts of `truth`, over their seeds and on resamples of their speakers.

    `predictions` holds tables of predictions by code and seed. Raises ValueError for fewer than two speakers.
    """
    systems, variant_of = by_system(predictions)
    return over_seeds(bootstrap_sums(sum_by_speaker(tasks, truth, systems), resamples, seed), variant_of)


def by_system(predictions: Mapping[str, Mapping[int, pd.DataFrame]]) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """Tables of predictions by code and seed as tables by system, and the variant of each system."""
    named = [(f"{code}, seed {number}", code, table) for code, of_seeds in predictions.items()
             for number, table in of_seeds.items()]
    return {system: table for system, _, table in named}, {system: code for system, code, _ in named}


def cross_sums(sums: SpeakerSums, variants: Sequence[str], resamples: int = RESAMPLES, seed: int = 0) -> Crossed:
    """The same as `cross`, from sums by speaker; `variants` names the variant of each system of `sums`."""
    return over_seeds(bootstrap_sums(sums, resamples, seed), dict(zip(sums.codes, variants, strict=True)))


def over_seeds(drawn: Replicates, variant_of: Mapping[str, str], seedless: Collection[str] | None = None) -> Crossed:
    """The scores of variants from those of their systems, each of which `variant_of` says the variant of.

    No seed changes the variants that are `seedless`, which have one system each: the audio-free baselines without this.
    """
    codes, metrics = (drawn.estimates.index.get_level_values(level) for level in ("code", "metric"))
    index = pd.MultiIndex.from_arrays([codes.map(variant_of), metrics], names=["code", "metric"])
    scores = drawn.estimates.set_axis(index).groupby(level=["code", "metric"], sort=False)
    replicates = drawn.replicates.set_axis(index, axis=1).T.groupby(level=["code", "metric"], sort=False).mean().T
    variances = scores.var()
    codes = variances.index.get_level_values("code")
    variances[codes.map(is_trivial) if seedless is None else codes.isin(seedless)] = 0.0
    return Crossed(Replicates(scores.mean(), replicates, drawn.clusters, drawn.speakers), variances, scores.size())
