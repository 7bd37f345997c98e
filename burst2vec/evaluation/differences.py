"""Whether two systems differ by more than the choice of speakers explains, beside the paper's own tests.

There are three answers, each about the metric itself rather than about errors that stand in for it:

- An interval of the difference by bootstrap over speakers, with both systems on the same resample.
- A p-value from a sign-flip permutation test. If two systems score equally, the contribution of a speaker to their
  difference is as likely to favour the one as the other. Every draw flips the signs of the contributions of a random
  half of the speakers. The p-value is the share of draws, the observed one included, in which the mean contribution is
  at least as many standard errors from 0 as the observed mean (Phipson and Smyth, 2010).
- An effect size: the difference in units of its standard deviation over the speakers, which is Cohen's d for paired
  samples (1988). With n speakers, the difference is about effect × sqrt(n) standard errors from 0.

Holm's correction (1979) needs a family of tests that was chosen before the results were seen. Here it is the paper's
own: its comparisons (`significance.COMPARISONS`) on validation, one test for each task. S_MTL is not in the family,
because it is a function of the other three metrics, and neither are the test split and all other pairs. Rows outside
the family have intervals and uncorrected p-values, and no verdict.

Where a metric is not a mean, the contribution of a speaker is the speaker's jackknife pseudo-value (Miller, 1974).

To swap the systems themselves for a random half of the speakers would test a stronger hypothesis than equal scores:
that the systems are alike in every respect. A system that shrinks its predictions and one that overshoots are not
alike, even where they score equally. The contributions may be skewed, so that their signs are not exactly random; but
the studentised mean behaves nearly as if they were, and exactly so where the contributions are symmetric. The exception
is S_MTL of systems whose CCC is about 0. There S_MTL is 0 on one side and rises steeply on the other, the pseudo-values
cannot follow, and equal systems are often found to differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.bootstrap import CHUNK, RESAMPLES, bootstrap_sums, chunk_sizes, draw_speakers, scored_splits
from burst2vec.evaluation.significance import COMPARISONS, LEVEL, REFERENCES, compare_systems
from burst2vec.evaluation.speaker_sums import SpeakerSums, sum_by_speaker

COLUMNS = ["system", "reference", "split", "metric", "difference", "low", "high", "p_value", "family", "p_holm",
           "significant", "effect", "effect_low", "effect_high", "paper_p", "errors_p", "paper_significant", "verdicts"]
"""The columns of the table of `differences`."""

TIE = 1e-9
"""Means that differ by no more than this, in the unit of the metric, differ by rounding alone."""


def differences(corpus: Corpus, predictions: Mapping[str, pd.DataFrame], references: Sequence[str] = REFERENCES,
                resamples: int = RESAMPLES, seed: int = 0,
                comparisons: Collection[tuple[str, str]] = COMPARISONS) -> pd.DataFrame:
    """A table with one row for each labelled split, pair of a system and a reference, and metric.

    `predictions` holds the systems' tables by code. The columns are those of `COLUMNS`:

    - `difference` is the metric of the system less that of the reference, in the unit of the metric, so that a negative
      difference of an MAE is an improvement; `low` and `high` bound its 95 % interval over speakers.
    - `p_value` is that of the sign-flip test, uncorrected. `family` says whether the row is one of the tests that are
      corrected together: those of the pairs in `comparisons`, on validation, for each task. `p_holm` is corrected for
      them and NaN in other rows; `significant` is where it is at most 0.05.
    - `effect`, `effect_low` and `effect_high` are the effect size and its interval.
    - `paper_p` is the p-value of the paper's own test, whose t-tests compare predictions, and `errors_p` that of the
      same test on absolute errors. Neither is corrected, as in the paper, and both are NaN for `s_mtl`, which the paper
      does not test. `paper_significant` is where `paper_p` is at most 0.05.
    - `verdicts` compares the two ways of testing within the family: "agree", "ours only" or "paper only" (significant).

    A pair of two references is compared once. No p-value is below 1 / (`resamples` + 1).
    """
    parts = [_of_split(corpus.tasks, corpus.split(split), predictions, references, resamples, seed).assign(split=split)
             for split in scored_splits(corpus)]
    table = pd.concat(parts, ignore_index=True)
    pairs = zip(table["system"], table["reference"], strict=True)
    of_paper = np.array([pair in comparisons for pair in pairs], bool)
    table["family"] = of_paper & (table["split"] == "val") & (table["metric"] != "s_mtl")
    table["p_holm"] = np.nan
    if table["family"].any():
        tested = table.loc[table["family"], "p_value"]
        table.loc[table["family"], "p_holm"] = multipletests(tested, LEVEL, method="holm")[1]
    table["significant"] = table["p_holm"] <= LEVEL
    table["paper_significant"] = (table["paper_p"] <= LEVEL).astype("boolean").mask(table["paper_p"].isna())
    table["verdicts"] = _verdicts(table["significant"], table["paper_significant"]).where(table["family"], "")
    return table[COLUMNS]


def distinct_pairs(codes: Iterable[str], references: Sequence[str]) -> list[tuple[str, str]]:
    """Every system with every reference among `codes`; two references are paired once."""
    codes, order = list(codes), {code: rank for rank, code in enumerate(references)}
    return [(s, r) for s in codes for r in references if r in codes and order.get(s, len(order)) > order[r]]


def flip_p_values(sums: SpeakerSums, pairs: Sequence[tuple[str, str]], draws: int = RESAMPLES,
                  seed: int = 0) -> np.ndarray:
    """The two-sided p-values of the sign-flip test over speakers, (pairs, metrics).

    The statistic is the mean of the flipped contributions divided by its standard error. Signs do not change the sum of
    squares, so a mean that is farther from 0 is also more standard errors from 0, and comparing means is enough. The
    p-value is 1 where a metric is undefined without one of the speakers, and NaN where a system does not predict the
    task.
    """
    system, reference = ([sums.codes.index(pair[side]) for pair in pairs] for side in (0, 1))
    parts = pseudo_values(sums)
    gaps = (parts[:, system] - parts[:, reference]).reshape(len(parts), -1)
    observed, extreme = np.abs(gaps.mean(axis=0)), np.zeros(gaps.shape[1])
    for signs in draw_signs(len(gaps), draws, seed):
        nearer = np.abs(signs @ gaps / len(gaps)) < observed - TIE
        extreme += (~nearer).sum(axis=0)
    unknown = np.isnan(sums.metrics(sums.values.sum(axis=0)))
    p_values = ((1 + extreme) / (1 + draws)).reshape(len(pairs), -1)
    return np.where(unknown[system] | unknown[reference], np.nan, p_values)


def draw_signs(speakers: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Yields, chunk by chunk, a random sign for each speaker: (draws, speakers) of 1 and -1.

    The same arguments give the same signs.
    """
    rng = np.random.default_rng(seed)
    for size in chunk_sizes(draws, speakers):
        yield 1.0 - 2 * rng.integers(2, size=(size, speakers), dtype=np.int8)


def pseudo_values(sums: SpeakerSums) -> np.ndarray:
    """The contribution of each speaker to each metric, (speakers, systems, metrics): the jackknife pseudo-value.

    With n speakers it is n times the metric of all speakers, less n - 1 times the metric without that speaker. The mean
    of the pseudo-values is the metric, except for a small bias. Where all speakers have equally many bursts, the
    pseudo-values of an MAE are the errors of the individual speakers.
    """
    speakers, totals = len(sums.values), sums.values.sum(axis=0)
    chunks = np.array_split(sums.values, max(1, sums.values.size // CHUNK))
    others = np.concatenate([sums.metrics(totals - chunk) for chunk in chunks])
    return speakers * sums.metrics(totals) - (speakers - 1) * others


def _of_split(tasks: Iterable[Task], truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
              references: Sequence[str], resamples: int, seed: int) -> pd.DataFrame:
    """The rows of one split, without the columns that depend on the family."""
    sums, pairs = sum_by_speaker(tasks, truth, predictions), distinct_pairs(predictions, references)
    system, reference = ([sums.codes.index(pair[side]) for pair in pairs] for side in (0, 1))
    scores, parts = sums.metrics(sums.values.sum(axis=0)), pseudo_values(sums)
    known = ~np.isnan(scores[system] - scores[reference])  # (pairs, metrics): those that both systems predict
    if not known.any():
        return pd.DataFrame(columns=COLUMNS)
    boot = bootstrap_sums(sums, resamples, seed)
    every = pd.MultiIndex.from_product([sums.codes, sums.names])
    drawn = boot.replicates.reindex(columns=every).to_numpy().reshape(resamples, len(sums.codes), -1)
    difference, gaps, parts = ((a[:, system] - a[:, reference])[:, known] for a in (scores[None], drawn, parts))
    effect, effects = _effects(difference[0], gaps, parts, seed)
    index = pd.MultiIndex.from_tuples([(*pair, name) for pair in pairs for name in sums.names],
                                      names=["system", "reference", "metric"])
    table = index[known.ravel()].to_frame(index=False)
    table["difference"], table["effect"] = difference[0], effect
    table["low"], table["high"] = boot.interval(gaps)
    table["effect_low"], table["effect_high"] = boot.interval(effects)
    table["p_value"] = flip_p_values(sums, pairs, resamples, seed)[known]
    return table.merge(_paper_p_values(sums.tasks, truth, predictions, references), "left")


def _effects(difference: np.ndarray, gaps: np.ndarray, parts: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The effect size of each `difference` (cells,), and its replicates (resamples, cells).

    A replicate is the difference of a resample, in `gaps` (resamples, cells), in units of the standard deviation of the
    contributions `parts` (speakers, cells) of the drawn speakers.
    """
    speakers = len(parts)
    parts = parts - parts.mean(axis=0)
    variances = [counts @ parts**2 / speakers - (counts @ parts / speakers) ** 2
                 for counts in draw_speakers(speakers, len(gaps), seed)]
    spread = np.sqrt(np.maximum(np.concatenate(variances), 0) * speakers / (speakers - 1))
    return _ratio(difference, parts.std(axis=0, ddof=1)), _ratio(gaps, spread)


def _ratio(difference: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The difference divided by its spread: 0 where the difference is 0, and NaN where only the spread is."""
    ratio = np.divide(difference, spread, out=np.full_like(spread, np.nan), where=spread > 1e-12)
    return np.where(np.abs(difference) < 1e-12, 0.0, ratio)


def _paper_p_values(tasks: Mapping[str, Task], truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
                    references: Sequence[str]) -> pd.DataFrame:
    """The p-values of the paper's tests: system, reference, metric, paper_p (on predictions), errors_p (on errors)."""
    rows = []
    for metric, task in tasks.items():
        answering = {code: table for code, table in predictions.items() if set(task.columns) <= set(table)}
        paper, errors = (compare_systems([task], truth, answering, references, of) for of in ("predictions", "errors"))
        p_values = {"paper_p": paper["p_value"], "errors_p": errors["p_value"]}
        rows.append(paper[["system", "reference"]].assign(metric=metric, **p_values))
    return pd.concat(rows)


def _verdicts(ours: pd.Series, papers: pd.Series) -> pd.Series:
    """Whether the two verdicts agree, or which of them alone is significant; empty where the paper makes no test."""
    words = {(True, False): "ours only", (False, True): "paper only"}
    pairs = zip(ours, papers, strict=True)
    return pd.Series(["" if pd.isna(p) else words.get((bool(o), bool(p)), "agree") for o, p in pairs], ours.index)
