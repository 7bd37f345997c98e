"""The intervals of the scores in Table 2, and which differences between its systems speakers can tell from none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from burst2vec.corpora.corpus import Corpus
from burst2vec.evaluation.bootstrap import RESAMPLES, Replicates, bootstrap, intervals, scored_splits
from burst2vec.evaluation.metrics import sign
from burst2vec.evaluation.trivial import is_trivial, trivial_predictions
from burst2vec.results.scores import ensemble_gains


def score_intervals(corpus: Corpus, predictions: dict[str, pd.DataFrame], resamples: int = RESAMPLES,
                    seed: int = 0) -> pd.DataFrame:
    """A table with one row for each system, labelled split and metric: code, split, metric, estimate, low, high, best.

    `predictions` holds the systems' tables by code; the audio-free baselines that do not draw at random are added.
    `low` and `high` bound the 95 % interval over speakers, `best` says whether the system is the best trained one by
    this metric or is not resolved from it (`unresolved`). Other seeds are not in these intervals.
    """
    found = []
    for split in scored_splits(corpus):
        truth = corpus.split(split)
        boot = bootstrap(corpus.tasks, truth, predictions | trivial_predictions(corpus, truth), resamples, seed)
        table = intervals(boot, split)
        best = unresolved(boot)
        found.append(table.assign(best=[pair in best for pair in zip(table["code"], table["metric"], strict=True)]))
    columns = ["code", "split", "metric", "estimate", "low", "high", "best"]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def unresolved(boot: Replicates, level: float = 0.95) -> set[tuple[str, str]]:
    """The pairs (code, metric) of trained systems that are best by a metric, or whose distance from the best may be 0.

    It may be where the interval over speakers of the difference, both systems on the same resamples, contains 0. The
    best is chosen by these very scores, so that a system that is resolved from it is one for these speakers, and some
    more of them would be so by chance among equals.
    """
    trained = boot.estimates[[not is_trivial(code) for code, _ in boot.estimates.index]]
    found = set()
    for metric, scores in trained.groupby(level="metric"):
        turned = sign(str(metric)) * scores
        best, codes = turned.idxmax()[0], list(scores.index.get_level_values("code"))
        drawn = boot.replicates.xs(metric, axis=1, level="metric")[codes].to_numpy()
        ahead = sign(str(metric)) * (drawn[:, [codes.index(best)]] - drawn)
        low = boot.interval(ahead, level)[0]
        found |= {(code, str(metric)) for code, bound in zip(codes, low, strict=True) if code == best or bound <= 0}
    return found


def gain_intervals(corpus: Corpus, predictions: dict[str, pd.DataFrame], table: pd.DataFrame,
                   ensembles: Mapping[str, Sequence[str]], resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """The gains of `scores.ensemble_gains` on validation, each with its 95 % interval over speakers.

    `table` is Table 2 (`scores.table2`). The columns added are over_best_low, over_best_high, over_mean_low and
    over_mean_high. The members stay the same on every resample: the one that is best in the table, and all of them.
    """
    gains = ensemble_gains(table, ensembles)
    if gains.empty:
        return gains
    boot = bootstrap(corpus.tasks, corpus.split("val"), predictions, resamples, seed)
    bounds = []
    for row in gains.itertuples():
        turned = sign(row.metric) * boot.replicates.xs(row.metric, axis=1, level="metric")
        members = list(ensembles[row.ensemble])
        best = (sign(row.metric) * boot.estimates[[(code, row.metric) for code in members]]).idxmax()[0]
        gap = [turned[row.ensemble] - turned[best], turned[row.ensemble] - turned[members].mean(axis=1)]
        bounds.append([bound for drawn in gap for bound in boot.interval(drawn.to_numpy())])
    columns = ["over_best_low", "over_best_high", "over_mean_low", "over_mean_high"]
    return gains.join(pd.DataFrame(bounds, columns=columns))
