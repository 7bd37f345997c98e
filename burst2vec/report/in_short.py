"""The box *In short* of the pages about ensembles, results, statistics and claims, in Markdown.

Each function says what a page asks, what came out and how sure that is, in two or three sentences. They hold for every
corpus and every run: whatever is not there is left out or said to be missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import SPLIT_WORDS
from burst2vec.evaluation.significance import LEVEL
from burst2vec.evaluation.trivial import is_trivial
from burst2vec.report.tables.table2 import best_system, main_metric
from burst2vec.report.words import counted, interval, listed, metric_name, number


def ensembles(gains: pd.DataFrame) -> str:
    """Whether joining systems gains anything; `gains` is the table of `results.intervals.gain_intervals`."""
    if gains.empty:
        return "No ensemble could be made: members of every one are missing from this run."
    metric = "s_mtl" if "s_mtl" in set(gains["metric"]) else gains["metric"].iloc[0]
    rows, name = gains[gains["metric"] == metric], metric_name(metric, "markdown")
    over_mean, over_best = ((rows[f"over_{kind}_low"] > 0).sum() for kind in ("mean", "best"))
    first = rows.loc[rows["over_best"].idxmax()]
    return (f"Is an average of systems better than they are? In {name} on validation, "
            f"{_of(over_mean, len(rows), 'ensemble is', 'ensembles are')} better than their members on average by more "
            f"than the choice of speakers explains, and {_of(over_best, len(rows), 'is', 'are')} better than the best "
            f"of their members. The largest gain over a best member is {number(first['over_best'], 3, signed=True)}, "
            f"of {first['ensemble']} ({interval(first['over_best_low'], first['over_best_high'], 3, signed=True)}). "
            "These are 95 % intervals over speakers; other seeds are asked for among [the claims](claims.ipynb).")


def results(table: pd.DataFrame, intervals: pd.DataFrame) -> str:
    """Which system is best, and how sure that is.

    `table` is Table 2 (`scores.table2`) and `intervals` that of `results.intervals.score_intervals`.
    """
    metric, said, known = main_metric(table), [], ("", "")
    for split in (split for split in ("val", "test") if split in set(intervals["split"])):
        best, score, order = standing(table, intervals, split)
        if best and (best, order) == known:
            said.append(f"On {SPLIT_WORDS[split]} the same holds, with {score}.")
        elif best:
            said.append(f"On {SPLIT_WORDS[split]} it is **{best}** with {score}. {order}".strip())
        known = best, order
    if not any(said):
        return "No system of this run has a score: there are no labels to score it by."
    return (f"Which system answers best, by {metric_name(metric, 'markdown')}? {' '.join(said)} The intervals are 95 % "
            "over speakers; what other seeds would change is asked among [the claims](claims.ipynb).")


def standing(table: pd.DataFrame, intervals: pd.DataFrame, split: str) -> tuple[str, str, str]:
    """The best system of a split by the main score, its score, and a sentence on how far it is ahead; empty texts where
    there is no score, and no such sentence where no other system was trained."""
    metric, rows = main_metric(table), table[table["split"] == split]
    here = intervals[(intervals["split"] == split) & (intervals["metric"] == metric)].set_index("code")
    best = best_system(rows, metric)
    if best is None or best not in here.index:
        return "", "", ""
    others = [code for code in rows["code"] if code in here.index and not is_trivial(code) and code != best]
    order = order_in_words(best, others, [code for code in others if here["best"][code]]) if others else ""
    return best, score_in_words(here.loc[best]), order


def order_in_words(best: str, others: Sequence[str], alike: Sequence[str]) -> str:
    """A sentence on which of the `others` are certainly behind the best: all but those that are `alike`."""
    if alike:
        return f"The choice of speakers alone could turn the order of {best} and {listed(alike, 'or')}."
    last = "the others are" if len(others) > 1 else f"{others[0]} is"
    return f"{last[:1].upper()}{last[1:]} behind {best} by more than the choice of speakers explains."


def score_in_words(row: pd.Series) -> str:
    """A score with its interval: 0.406 (0.367 to 0.451)."""
    return f"{number(row['estimate'])} ({interval(row['low'], row['high'])})"


def statistics(intervals: pd.DataFrame, differences: pd.DataFrame, rates: pd.DataFrame | None = None) -> str:
    """How sure the numbers are, and which tests can be trusted.

    The tables are those of `bootstrap.intervals`, `differences.differences` and, where speakers are known,
    `false_positives.false_positives`.
    """
    metrics = list(dict.fromkeys(intervals["metric"]))
    metric = "s_mtl" if "s_mtl" in metrics else metrics[0]
    rows = intervals[(intervals["metric"] == metric) & (intervals["split"] == "val")]
    rows = rows[~rows["code"].map(is_trivial)]
    said = ["How far would these scores move with other speakers, and do the paper's tests know it?"]
    if len(rows):
        wide, apart = (rows["high"] - rows["low"]).median(), np.ptp(rows["estimate"])
        said.append(f"A 95 % interval of {metric_name(metric, 'markdown')} on validation is {number(wide)} wide in the "
                    f"median, and the trained systems lie {number(apart)} apart.")
    family = differences[differences["verdicts"] != ""]
    if len(family):
        papers, ours = int(family["paper_significant"].sum()), int(family["significant"].sum())
        said.append(f"Of {counted(len(family), 'comparison')} that the paper makes, its tests over bursts call "
                    f"{papers} significant; tested by speaker and corrected for their number, "
                    f"{counted(ours, 'is', 'are')}.")
    if rates is not None and len(rates):
        said.append(_false_positives_in_words(rates))
    return " ".join(said)


def _false_positives_in_words(rates: pd.DataFrame) -> str:
    """How often tests over bursts, and the test that the verdicts rest on, tell equal systems apart."""
    # To tell `unlike` systems apart is no mistake of a test over bursts: it may ask another question than the metric.
    bursts = rates[rates["test"].str.endswith("bursts") & (rates["null"] != "unlike")]
    flips = rates[(rates["test"] == "sign flips, speakers") & (rates["metric"] != "s_mtl")]  # of which is no verdict
    worst = bursts.loc[bursts["rate"].idxmax()]
    return (f"A test over bursts tells two equal systems apart in up to {100 * worst['rate']:.0f} % of cases, "
            f"where it promises {100 * LEVEL:.0f} %; the sign flips over speakers, on which the verdicts rest, in at "
            f"most {100 * flips['rate'].max():.0f} %.")


def claims(ledgers: Mapping[str, pd.DataFrame], power: pd.DataFrame) -> str:
    """Which claims hold, and what *undecided* means here.

    `ledgers` holds `claims.ledger` by split, and `power` is the table of `power.detectable_differences`.
    """
    ledger, (beyond, known) = ledgers["val"], out_of_reach(power)
    said = [f"Which of {counted(len(ledger), 'statement')} about the paper's results would other speakers and other "
            f"seeds bear out? On validation {verdicts_in_words(ledger)}."]
    if known:
        said.append(f"Undecided is not refuted: {_of(beyond, known, 'effect is', 'effects are')} smaller than "
                    "what these speakers and seeds could have shown in four samples of five.")
    if "test" in ledgers:
        merged = ledger.merge(ledgers["test"], on="claim", suffixes=("", "_test"))
        unlike = int((merged["verdict"] != merged["verdict_test"]).sum())
        said.append(f"On test {counted(unlike, 'verdict is', 'verdicts are')} another." if unlike
                    else "On test every verdict is the same.")
    return " ".join(said)


def out_of_reach(power: pd.DataFrame) -> tuple[int, int]:
    """How many of the paper's effects are smaller than what this run could have shown, and of how many that is known.

    `power` is the table of `power.detectable_differences`.
    """
    known = power.dropna(subset=["detectable"])
    return int((known["paper"] < known["detectable"]).sum()), len(known)


def verdicts_in_words(ledger: pd.DataFrame) -> str:
    """How many claims have each verdict, and which ones are decided; plain text without a full stop."""
    verdicts = ledger["verdict"].value_counts()
    said = []
    for verdict in ("supported", "contradicted"):
        names = list(ledger.loc[ledger["verdict"] == verdict, "claim"])
        listing = f" ({listed([f'“{name}”' for name in names])})" if 0 < len(names) <= 3 else ""
        said.append(f"{counted(len(names), 'is', 'are') if names else 'none is'} {verdict}{listing}")
    undecided = int(sum(count for verdict, count in verdicts.items() if str(verdict).startswith("undecided")))
    single = int(verdicts.get("undecided (one seed)", 0))
    said.append(f"{counted(undecided, 'is', 'are')} undecided"
                + (f" ({single} of them for want of a second seed)" if single else ""))
    said.append(f"{counted(int(verdicts.get('not tested', 0)), 'is', 'are')} not tested")
    return listed(said)


def _of(count: int, whole: int, one: str, several: str) -> str:
    """A count out of a whole with its verb: none of 3 ensembles is, 1 of 3 ensembles is, 2 of 3 ensembles are."""
    noun = several.split()[:-1]
    verb = one.split()[-1] if count < 2 else several.split()[-1]
    return " ".join([f"{count or 'none'} of", f"{whole:,}", *noun, verb])
