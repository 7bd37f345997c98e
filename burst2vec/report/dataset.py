"""Sentences and captions of the dataset's page, in Markdown, whose wording depends on the corpus."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from burst2vec.corpora.corpus import SPLIT_WORDS, Corpus, Task
from burst2vec.evaluation.metrics import METRIC_NAMES, score
from burst2vec.evaluation.trivial import predict_constant
from burst2vec.inspection.acoustics import PUBLISHED, compare
from burst2vec.inspection.description import categories, clock
from burst2vec.report.words import counted, listed, number

NEAR_ZERO = 0.1
"""The intensity below which a burst hardly shows an emotion."""


def caption_labels(scalar: Task, classes: Task, table: pd.DataFrame) -> str:
    """The caption of the figure of a scalar by class: how far the classes' medians lie apart."""
    known = table.dropna(subset=[scalar.columns[0], classes.columns[0]])
    medians = known.groupby(classes.columns[0])[scalar.columns[0]].median().sort_values()
    low, high = medians.iloc[[0, -1]]
    apart = (f"The median {scalar.name} of bursts is {number(low, 1)}{_unit(scalar)} in {medians.index[0]} and "
             f"{number(high, 1)}{_unit(scalar)} in {medians.index[-1]}")
    return (f"{apart}: {scalar.name} and {classes.name} in training and validation together, the paper's Figure 1. "
            f"Above, how many bursts each band of {scalar.name} holds; below, how the bursts of each {classes.name} "
            "are spread over the bands.")


def caption_durations(seconds: np.ndarray, splits: pd.Series) -> str:
    """The caption of the figure of durations (bursts,): how long half of the bursts of each split are at most."""
    there = [split for split in SPLIT_WORDS if (splits == split).any()]
    medians = [f"{np.median(seconds[(splits == split).to_numpy()]):.2f} s in {SPLIT_WORDS[split]}"
               for split in there]
    return (f"Half of the bursts are shorter than {listed(medians)}; one in a hundred is longer than "
            f"{np.quantile(seconds, 0.99):.1f} s. Durations of the bursts in each split.")


def caption_frequencies(task: Task, table: pd.DataFrame) -> str:
    """The caption of the figure of frequencies: the most and the least frequent category."""
    shares = 100 * categories(task, table).value_counts(normalize=True)
    what = {"intensities": "as the strongest of a burst", "classes": "as the class of a burst",
            "scalar": f"as the band of {task.name}"}[task.kind]
    return (f"{shares.index[0]} is the most frequent, {what}, with {shares.iloc[0]:.0f} % of the bursts, and "
            f"{shares.index[-1]} the least, with {shares.iloc[-1]:.1f} %. In training and validation.")


def caption_intensities(task: Task, table: pd.DataFrame) -> str:
    """The caption of the figure of intensities: how many of them are near 0."""
    labels = table.loc[task.labelled(table), list(task.columns)].to_numpy()
    return (f"Of all intensities, {100 * (labels < NEAR_ZERO).mean():.0f} % are below {NEAR_ZERO:g}, and "
            f"{100 * (labels >= 1).mean():.0f} % are 1, the strongest of their burst. Percent of the bursts in bins of "
            "a tenth, in training and validation.")


def caption_acoustics(measured: pd.DataFrame, published: pd.DataFrame = PUBLISHED) -> str:
    """The caption of the figure of acoustics: how many medians lie between the published quartiles."""
    found = compare(measured, published).dropna(subset=["median", "published_q25", "published_q75"])
    within = found["median"].between(found["published_q25"], found["published_q75"]).sum()
    return (f"Of {counted(len(found), 'median')} of this corpus, {counted(within, 'lies', 'lie')} between the "
            "quartiles that were published for real bursts, where these are known. Marks are medians and lines "
            "quartiles of a sample of this corpus and of Anikin and Persson (2017), for each kind of burst and sex.")


def scalar_and_classes(tasks: Iterable[Task], associated: pd.DataFrame) -> str:
    """How far a scalar and classes, such as age and country, hang together; empty where not both are posed or nothing
    is known of it.

    `associated` is the table of `association.associations`.
    """
    by_kind = {task.kind: task.name for task in tasks}
    pair, measure = (by_kind.get("scalar"), by_kind.get("classes")), "correlation ratio η²"
    for names in (pair, pair[::-1]):
        key = f"{names[0]} × {names[1]}", measure
        if key in associated.index:
            value, at_most = associated.loc[key, "value"], associated.loc[key, "at_most"]
            if not np.isfinite([value, at_most]).all():
                return ""
            follows = "so one label can be learnt from the other" if value > at_most else "no more than chance shows"
            return (f"Before a sound is heard, {100 * value:.0f} % of the variance of {pair[0]} lies between the "
                    f"classes of {pair[1]} (by chance, up to {100 * at_most:.0f} % in 95 of 100 cases), {follows}.")
    return ""


def in_short(corpus: Corpus, seconds: np.ndarray, associated: pd.DataFrame) -> str:
    """The page's answer: how much there is, how the labels hang together, and what an answer without audio scores.

    `seconds` (bursts,) are the durations, and `associated` is the table of `association.associations`.
    """
    table = corpus.table
    speakers = table["speaker"].nunique()
    by_whom = f" by {counted(speakers, 'speaker')}" if speakers else ", whose speakers are not known"
    val = corpus.split("val")
    constant = predict_constant(corpus, val.index)
    scores = [f"{task.name} {METRIC_NAMES[task.kind]} {number(score(task, val, constant), 2)}{_unit(task)}"
              for task in corpus.tasks if task.labelled(val).any()]
    return " ".join(filter(None, [
        f"What is there to learn from? {counted(len(table), 'burst')}{by_whom}, {clock(seconds.sum())} in all (hours, "
        "minutes, seconds).",
        scalar_and_classes(corpus.tasks, associated),
        f"An answer that is the same for every burst reaches {listed(scores)} on validation, and no score means "
        "anything that is not set beside it."]))


def _unit(task: Task) -> str:
    return f" {task.unit}" if task.unit else ""
