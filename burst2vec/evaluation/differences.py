"""Whether two systems differ by more than the choice of speakers explains, beside the paper's own tests.

Three answers to one question, each for the metric itself rather than for errors that stand in for it:

- an interval of the difference, by bootstrap over speakers, both systems on the same resample;
- a p-value by permutation of signs: if two systems score equally, a speaker's part in their difference is as likely to
  speak for the one as for the other. On every draw the parts of a random half of the speakers change their sign; p is
  how often the mean is then at least as many standard errors from 0 as the observed one, which counts as a draw too
  (Phipson and Smyth, 2010). The p-values of a table are corrected together (Holm, 1979);
- an effect size, the difference in units of how much it varies from speaker to speaker: Cohen's d for paired samples
  (1988). With n speakers, the difference is about effect × sqrt(n) standard errors from 0.

Where a metric is no mean, a speaker's part in it is the speaker's jackknife pseudo-value (Miller, 1974).

To exchange the systems themselves on a speaker would ask for more than equal scores: that they are alike in all else
too. One that shrinks its predictions and one that overshoots are not, whatever they score. The sign of a part need not
be a coin toss either, since parts may be skewed; but counted in standard errors their mean behaves nearly as if it
were, and exactly so where they are symmetric. The exception is S_MTL of systems whose CCC is about 0: it is 0 on one
side and rises steeply on the other, pseudo-values cannot follow, and equals are often found different.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.bootstrap import CHUNK, RESAMPLES, bootstrap_sums, draw_speakers, pieces, scored_splits
from burst2vec.evaluation.significance import LEVEL, REFERENCES, compare_systems
from burst2vec.evaluation.speaker_sums import SpeakerSums, sum_by_speaker

COLUMNS = ["system", "reference", "split", "metric", "difference", "low", "high", "p_value", "p_holm", "significant",
           "effect", "effect_low", "effect_high", "paper_p", "paper_significant", "verdicts"]

TIE = 1e-9
"""Means that differ by no more than this, in the metric's unit, differ by rounding."""


def differences(corpus: Corpus, predictions: Mapping[str, pd.DataFrame], references: Sequence[str] = REFERENCES,
                resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """One row for each labelled split, pair of a system and a reference, and metric, with the columns in `COLUMNS`.

    `difference` is the system's metric less the reference's, in the metric's own unit: a negative one of an MAE is an
    improvement. `low` and `high` bound its 95 % interval. `p_holm` is corrected for all rows of the table, and
    `significant` where it is at most 0.05; `paper_p` is not corrected, as in the paper, and missing for `s_mtl`, which
    the paper does not test. `verdicts` is "agree", "ours only" or "paper only" (significant). Two references are
    compared once. No p-value is below 1 / (`resamples` + 1): a table of more than `resamples` / 20 rows, in which the
    correction multiplies the smallest by the number of rows, has nothing significant.
    """
    parts = [_of_split(corpus.tasks, corpus.split(split), predictions, references, resamples, seed).assign(split=split)
             for split in scored_splits(corpus)]
    table = pd.concat(parts, ignore_index=True)
    table["p_holm"] = multipletests(table["p_value"], LEVEL, method="holm")[1] if len(table) else []
    table["significant"] = table["p_holm"] <= LEVEL
    table["paper_significant"] = (table["paper_p"] <= LEVEL).astype("boolean").mask(table["paper_p"].isna())
    table["verdicts"] = _verdicts(table["significant"], table["paper_significant"])
    return table[COLUMNS]


def distinct_pairs(codes: Iterable[str], references: Sequence[str]) -> list[tuple[str, str]]:
    """Each system with each reference that there is, two references once."""
    codes, order = list(codes), {code: rank for rank, code in enumerate(references)}
    return [(s, r) for s in codes for r in references if r in codes and order.get(s, len(order)) > order[r]]


def flip_p_values(sums: SpeakerSums, pairs: Sequence[tuple[str, str]], draws: int = RESAMPLES,
                  seed: int = 0) -> np.ndarray:
    """The two-sided p-values of the sign-flip test by speaker, (pairs, metrics); NaN where one does not answer.

    The statistic is the mean of the flipped parts over its standard error. Signs leave the sum of squares as it is, so
    that a mean farther from 0 is also more standard errors from 0, and means can be compared. Where a metric cannot do
    without one of the speakers, the p-value is 1.
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
    """The sign of each speaker, (draws, speakers) of 1 and -1, piece by piece; the same for the same numbers."""
    rng = np.random.default_rng(seed)
    for size in pieces(draws, speakers):
        yield 1.0 - 2 * rng.integers(2, size=(size, speakers), dtype=np.int8)


def pseudo_values(sums: SpeakerSums) -> np.ndarray:
    """Each speaker's part in each metric, (speakers, systems, metrics).

    Of n speakers: n times the metric of all, less n - 1 times that of all the others. Their mean is the metric but for
    a small bias; where each speaker has as many bursts, those of an MAE are the speakers' own errors.
    """
    speakers, totals = len(sums.values), sums.values.sum(axis=0)
    pieces = np.array_split(sums.values, max(1, sums.values.size // CHUNK))
    others = np.concatenate([sums.metrics(totals - piece) for piece in pieces])
    return speakers * sums.metrics(totals) - (speakers - 1) * others


def _of_split(tasks: Iterable[Task], truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
              references: Sequence[str], resamples: int, seed: int) -> pd.DataFrame:
    sums, pairs = sum_by_speaker(tasks, truth, predictions), distinct_pairs(predictions, references)
    system, reference = ([sums.codes.index(pair[side]) for pair in pairs] for side in (0, 1))
    scores, parts = sums.metrics(sums.values.sum(axis=0)), pseudo_values(sums)
    known = ~np.isnan(scores[system] - scores[reference])  # (pairs, metrics): those that both answer
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
    """The standardised `difference` (cells,), and that of each resample, (resamples, cells): its `gaps` in units of the
    spread of the drawn speakers' `parts` (speakers, cells)."""
    speakers = len(parts)
    parts = parts - parts.mean(axis=0)
    variances = [counts @ parts**2 / speakers - (counts @ parts / speakers) ** 2
                 for counts in draw_speakers(speakers, len(gaps), seed)]
    spread = np.sqrt(np.maximum(np.concatenate(variances), 0) * speakers / (speakers - 1))
    return _ratio(difference, parts.std(axis=0, ddof=1)), _ratio(gaps, spread)


def _ratio(difference: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """0 where the difference is 0 for every speaker."""
    # Where no speaker differs from another there is no spread to compare with.
    ratio = np.divide(difference, spread, out=np.full_like(spread, np.nan), where=spread > 1e-12)
    return np.where(np.abs(difference) < 1e-12, 0.0, ratio)


def _paper_p_values(tasks: Mapping[str, Task], truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
                    references: Sequence[str]) -> pd.DataFrame:
    """The paper's tests: system, reference, metric, paper_p."""
    rows = []
    for metric, task in tasks.items():
        answering = {code: table for code, table in predictions.items() if set(task.columns) <= set(table)}
        rows.append(compare_systems([task], truth, answering, references).assign(metric=metric))
    return pd.concat(rows)[["system", "reference", "metric", "p_value"]].rename(columns={"p_value": "paper_p"})


def _verdicts(ours: pd.Series, papers: pd.Series) -> pd.Series:
    """Where the two verdicts differ, and how; empty where the paper makes no test."""
    words = {(True, False): "ours only", (False, True): "paper only"}
    pairs = zip(ours, papers, strict=True)
    return pd.Series(["" if pd.isna(p) else words.get((bool(o), bool(p)), "agree") for o, p in pairs], ours.index)
