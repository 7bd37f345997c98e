"""Captions of the figures of results, statistics and claims, in Markdown: the first sentence is what was found.

Each function takes the table that its figure draws. A finding is one of the numbers at hand, whichever way they turn.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.metrics import sign
from burst2vec.evaluation.significance import LEVEL
from burst2vec.evaluation.trivial import is_trivial
from burst2vec.report.figures.claims import NAMES
from burst2vec.report.figures.statistics import verdict_of
from burst2vec.report.in_short import verdicts_in_words
from burst2vec.report.words import counted, listed, metric_name, number
from burst2vec.results.runs import mean_discriminator_loss


def ensembles(gains: pd.DataFrame) -> str:
    """The caption of the ensembles beside their members; `gains` is the table of `scores.ensemble_gains`."""
    found = []
    for metric, rows in gains.groupby("metric", sort=False):
        found.append(f"{(rows['over_best'] > 0).sum()} of {len(rows)} in {metric_name(str(metric), 'markdown')}")
    return (f"How many ensembles beat the best of their members: {listed(found)}. Dots are members, diamonds "
            "ensembles, on validation; age is an error, so lower is better.")


def output_scores(scores: pd.DataFrame) -> str:
    """The caption of the heat map of `scores.score_each_output`."""
    means = scores.mean().sort_values()
    return (f"{means.index[-1]} is followed best and {means.index[0]} worst, with a CCC of {number(means.iloc[-1], 2)} "
            f"and {number(means.iloc[0], 2)} in the mean over the systems. Each number is the CCC of one system (row) "
            "on one emotion (column), on validation.")


def confusion(shares: pd.DataFrame, code: str) -> str:
    """The caption of the confusion matrix `shares` (`scores.confusion`) of the system `code`."""
    wrong = shares.where([[true != given for given in shares.columns] for true in shares.index]).stack()
    true, given = wrong.idxmax()
    if not wrong.max() > 0:
        return f"{code} takes no class for another on validation."
    return (f"What {code} confuses most is {true}, which it takes for {given} in {100 * wrong.max():.0f} % of the "
            "bursts. Rows are true classes and columns the answers, on validation, in percent of the true class.")


def errors_by_group(errors: pd.DataFrame, scalar: Task, group: str) -> str:
    """The caption of the errors in a scalar by group (`scores.errors_by_group`), beside the group's own median."""
    bars = errors[errors["code"].str.endswith(" median")].set_index("group")["error"]
    rows = errors[~errors["code"].map(is_trivial)]
    below, wholly = ((rows[column] < rows["group"].map(bars)).sum() for column in ("error", "high"))
    unit = f" ({scalar.unit})" if scalar.unit else ""
    return (f"In {below} of {len(rows)} pairs of system and {group} the error in {scalar.name}{unit} is below that of "
            f"the {group}'s own median, in {wholly} of them with its whole 95 % interval over speakers. Dots are "
            "systems on validation; the lines are audio-free baselines.")


def discriminator(history: pd.DataFrame, tasks: int) -> str:
    """The caption of the discriminator's loss; `history` is that of `runs.read_histories`."""
    late = mean_discriminator_loss(history).groupby("code", sort=False)["value"].last()
    said = listed([f"{code} {value:.3f}" for code, value in late.items()])
    return (f"At the end of training the discriminator loses, in nats, {said}; a blind guess among {tasks} tasks loses "
            f"{np.log(tasks):.3f}, the dotted line.")


def intervals(table: pd.DataFrame) -> str:
    """The caption of the intervals of one split; `table` is that of `bootstrap.intervals`."""
    found = []
    for metric, rows in table.groupby("metric", sort=False):
        bar, turn = rows.loc[rows["code"] == "Constant", "estimate"], sign(str(metric))
        trained = rows[~rows["code"].map(is_trivial)]
        if len(bar):
            worst = trained["low" if turn > 0 else "high"]
            found.append(f"{(turn * worst > turn * bar.iloc[0]).sum()} of {len(trained)} in "
                         f"{metric_name(str(metric), 'markdown')}")
    return (f"How many trained systems beat the audio-free *Constant* with their whole 95 % interval: "
            f"{listed(found)}. Dots are scores on validation with 95 % intervals over speakers; hollow ones are "
            "audio-free baselines. Overlapping intervals say little about a difference, since both systems heard the "
            "same speakers.")


def differences(table: pd.DataFrame) -> str:
    """The caption of the differences of one split; `table` is that of `differences.differences`."""
    counts = table[table["family"]].apply(verdict_of, axis=1).value_counts() if table["family"].any() else pd.Series()
    alone = "significant in the paper's test alone"
    by_speaker = int(counts.get("significant", 0) + counts.get("significant here alone", 0))
    return (f"Of {counted(int(table['family'].sum()), 'comparison')} that the paper makes, {by_speaker} "
            f"{'is' if by_speaker == 1 else 'are'} significant by speaker, and {int(counts.get(alone, 0))} in the "
            "paper's test over bursts alone. Each row is a system less a reference, on validation, with its 95 % "
            "interval over speakers; positive is better except for age, an error. An interval that leaves out 0 is not "
            "yet significant, because it is not corrected for the number of comparisons.")


def false_positives(rates: pd.DataFrame) -> str:
    """The caption of the rates of `false_positives.false_positives`."""
    worst, over_bursts = [], rates["test"].str.endswith("bursts")
    # To tell `unlike` systems apart is no mistake of a test over bursts: it may ask another question than the metric.
    for of_kind in (over_bursts & (rates["null"] != "unlike"), ~over_bursts):
        row = rates.loc[rates.loc[of_kind, "rate"].idxmax()]
        worst.append(f"{100 * row['rate']:.0f} % ({metric_name(row['metric'], 'markdown')}, {row['null']})")
    return (f"Tests over bursts find up to {worst[0]} of equal pairs (*swapped* or *guessed*) different, and tests "
            f"over speakers up to {worst[1]} of all equal pairs, where all promise {100 * LEVEL:g} %. Bars are 95 % "
            "intervals of a share; a test is honest on the dotted line or left of it, and far left of it safe but "
            "blind.")


def ledger(table: pd.DataFrame) -> str:
    """The caption of a ledger (`claims.ledger`)."""
    return (f"Of {counted(len(table), 'claim')} {verdicts_in_words(table)}. Drawn is the difference of the pair that "
            "holds least, with its 95 % interval over speakers and seeds, in three panels by unit. Right of 0 the "
            "numbers agree with the paper, left of it they disagree; a claim is decided only where the whole interval "
            "is clear of 0.")


def parts(contributions: pd.DataFrame) -> str:
    """The caption of the parts of S_MTL; `contributions` is the table of `sensitivity.decompose`."""
    shares = contributions.pivot(index=["a", "b"], columns="part", values="contribution")
    largest = shares.abs().idxmax(axis=1).map(NAMES).value_counts()
    said = listed([f"{name} in {count}" for name, count in largest.items()])
    return (f"The part of *S*<sub>MTL</sub> that moves most is {said} of {counted(len(shares), 'pair')}. Bars right of "
            "0 favour the first system and bars left of it the second; the diamond is their sum, the difference "
            "itself. Where long bars lie on both sides of a diamond near 0, the systems are good at different tasks "
            "and the score hides it.")


def seeds(scores: pd.DataFrame) -> str:
    """The caption of the scores by seed on validation; `scores` is the table of `seeds.score_seeds`."""
    rows = scores[scores["split"] == "val"]
    metric = "s_mtl" if "s_mtl" in set(rows["metric"]) else rows["metric"].iloc[0]
    of_codes = rows[rows["metric"] == metric].groupby("code")["value"]
    several = of_codes.size()[of_codes.size() > 1].index
    legend = ("Each dot is one seed of a variant on validation, the bar their mean, an open diamond a variant's only "
              "seed; age is an error, so lower is better.")
    if len(several) < 2:
        return f"Fewer than two systems have several seeds, so nothing is compared. {legend}"
    spans, means = (of_codes.max() - of_codes.min())[several], of_codes.mean()[several]
    return (f"By {metric_name(metric, 'markdown')}, seeds of one system lie up to {number(spans.max())} apart, and the "
            f"means of such systems {number(np.ptp(means))}. {legend}")
