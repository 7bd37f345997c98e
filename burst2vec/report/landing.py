"""What the landing page says of the run at hand, as plain text that it can quote in its sentences."""

from __future__ import annotations

import pandas as pd

from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus
from burst2vec.report.in_short import order_in_words, score_in_words
from burst2vec.report.sentences import initial_weights
from burst2vec.report.tables.table2 import best_system, main_metric
from burst2vec.report.words import counted, listed

KINDS = {"Baseline": "the baseline", r"V\d+": "the best variant of Burst2Vec", "[A-Z]": "the best ensemble"}
"""The kinds of systems that are compared, by a pattern of their codes."""


def sentences(corpus: Corpus, params: Params, table: pd.DataFrame, intervals: pd.DataFrame) -> dict[str, str]:
    """The texts by name: corpus_in_words, backbones_in_words and finding.

    `table` is Table 2 (`scores.table2`), and `intervals` that of `results.intervals.score_intervals`.
    """
    return {"corpus_in_words": corpus_in_words(corpus), "backbones_in_words": backbones_in_words(params),
            "finding": finding(table, intervals)}


def corpus_in_words(corpus: Corpus) -> str:
    """What the bursts are, where a sentence says what they were measured on."""
    if not corpus.synthetic:
        return f"the recordings of {corpus.name}"
    real = [part.name for part in corpus.parts if not part.synthetic]
    also = f" and the recordings of {listed(real)}" if real else ""
    return f"synthetic bursts, which a synthesiser made with their labels{also}"


def backbones_in_words(params: Params) -> str:
    """What the backbones are, whether they have heard anything before, and whether they are left as they are."""
    left = ""
    if params.head_steps:
        every = 0 < params.max_steps <= params.head_steps
        left = " and left as they are" + ("" if every else f" in the first {counted(params.head_steps, 'step')}")
    return f"{initial_weights(vars(params))}{left}"


def finding(table: pd.DataFrame, intervals: pd.DataFrame) -> str:
    """The best trained system on validation, the best of each other kind, and which of them speakers resolve from it.

    An order holds for one seed of each system, and the best are chosen by the scores themselves, which is said with it.
    A score is the main one of the table. Without labels there is nothing to say but that.
    """
    metric, rows = main_metric(table), table[table["split"] == "val"]
    here = intervals[(intervals["split"] == "val") & (intervals["metric"] == metric)].set_index("code")
    best = best_system(rows, metric)
    if best is None or best not in here.index:
        return "No system has a score."
    said, others = [f"{best} is the best trained system, with {score_in_words(here.loc[best])}"], []
    for kind, words in KINDS.items():
        first = best_system(rows[rows["code"].str.fullmatch(kind)], metric)
        if first and not pd.Series([best]).str.fullmatch(kind).any():
            said.append(f"{words} {'has' if first == kind else f'is {first}, with'} {score_in_words(here.loc[first])}")
            others.append(first)
    if not others:
        return f"{'; '.join(said)}."
    order = order_in_words(best, others, [code for code in others if here["best"][code]])
    return (f"{'; '.join(said)}. {order} All these are scores of each one's first seed, and the best were chosen by "
            "them; claims use all seeds.")
