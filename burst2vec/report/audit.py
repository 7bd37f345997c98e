"""Sentences of the audit and of the page of several corpora, in Markdown, whose wording depends on what was measured.

Each holds for every corpus and run: what was not measured is left out or said to be missing, and no difference is
called one unless its interval leaves out 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from burst2vec.audit.groups import decided, direction, told
from burst2vec.audit.origins import CREST
from burst2vec.audit.probes import REPEATS, above_floor
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.evaluation.metrics import METRIC_NAMES, metric_columns
from burst2vec.report.words import counted, interval, listed, number

AIMED = "specific, of another task"
"""The kind of reading (`probes.reading`) that the opponents of Eq. 7 are meant to lower."""

TOLD = {"score": "UAR", "chance": "blind guess"}
"""What the pages call the columns of a table of what is told (`origins.COLUMNS`)."""

ONE_SEED = "Each system is one training with one seed, and another seed gives another one."
"""How sure the answers are, beside their intervals over speakers."""


def read_by_probes(table: pd.DataFrame) -> str:
    """From how many representations of each system each task is read better than after any exchange of labels.

    `table` is that of `probes.Probed`.
    """
    above = above_floor(table).groupby([table["task"], table["code"]], sort=False)
    parts: dict[str, list[str]] = {}
    for (task, code), found in above:
        parts.setdefault(str(task), []).append(f"{int(found.sum())} of {len(found)} in {code}")
    return "; ".join(f"{task} from {listed(counts)}" for task, counts in parts.items())


def caption_probes(table: pd.DataFrame) -> str:
    """The caption of the figure of probes."""
    return ("Of the representations, a linear probe reads better than after any exchange of labels: "
            f"{read_by_probes(table)}. Each panel is a task, each row a representation, on validation; the skill is 0 "
            "for a constant answer and 1 for a perfect one. Lines are 95 % intervals over speakers; grey bars, the "
            "floor, reach from the lowest to the highest score after an exchange of labels: a mark on its grey bar has "
            "read nothing. Where the adversary did what Eq. 7 asks, a task's specific features tell their own task as "
            "before, and the others less.")


def about_floor() -> str:
    """How often a probe is above its whole floor where there is nothing to read."""
    return (f"Where there is nothing to read, a probe exceeds its whole floor once in {REPEATS + 1}. But the "
            "representations of one system hang together, and so do the errors of their probes.")


def clear_differences(compared: pd.DataFrame) -> str:
    """Which differences of `probes.compare_skills` have an interval that leaves out 0."""
    clear = compared[decided(compared)]
    found = listed([f"{row['task']} from features *{row['features']}*, {told(row)}" for _, row in clear.iterrows()])
    return (f"{counted(len(clear), 'difference')} of {len(compared)} "
            f"{'has' if len(clear) == 1 else 'have'} an interval that leaves out 0{f': {found}' if found else ''}.")


def aimed_at(compared: pd.DataFrame) -> str:
    """Whether features that are specific to another task hold less with an adversary, as a clause: "less of age …".

    Empty where no task has another beside it.
    """
    found: dict[str, list[str]] = {}
    for _, row in compared[compared["features"] == AIMED].iterrows():
        size = f"{number(row['difference'], 2)}, {interval(row['low'], row['high'], 2)}"
        found.setdefault(direction(row), []).append(f"{row['task']} ({size})")
    return listed([f"**{way}** of {listed(tasks)}" for way, tasks in found.items()])


def changed_by_adversary(compared: pd.DataFrame, first: str, second: str) -> str:
    """What the adversary of the system `first`, which `second` lacks, did to features specific to another task."""
    aimed = aimed_at(compared)
    if not aimed:
        return "There is one task, so no features are specific to another: the adversary's heads have nothing to do."
    return (f"In these two trainings, as far as a linear probe can tell, the features specific to another task hold "
            f"{aimed} with the adversary ({first}) than without it ({second}).")


def caption_groups(gaps: pd.DataFrame, what: str, of: str) -> str:
    """The caption's first sentence of a figure of pairs of systems by group: where their difference is a clear one.

    `gaps` is the table of `groups.contrast_groups`, `what` the metric and `of` the groups, in words.
    """
    said = []
    for pair, rows in gaps.groupby("pair", sort=False):
        clear = rows[decided(rows)]
        named = f" ({listed([str(group) for group in clear['group']])})" if len(clear) else ""
        said.append(f"in {len(clear)} of {len(rows)} {of}{named} between {listed(str(pair).split(' − '))}")
    return (f"The {what} differs clearly with and without the adversary {listed(said)}."
            if said else f"No {of} have speakers enough to compare the {what}.")


def owing(losses: pd.DataFrame, tasks: Iterable[Task], codes: Collection[str]) -> dict[str, list[str]]:
    """The systems among `codes` that lose beyond a constant answer on bursts without the bias, by task, with the loss.

    `losses` is the table of `twins.bias_losses`; a loss counts where its interval lies above 0.
    """
    clear = losses[losses["code"].isin(codes) & (losses["low"] > 0)]
    return {task.name: [f"{row['code']} {told(row, 'beyond_constant')}"
                        for _, row in clear[clear["metric"] == column].iterrows()]
            for column, task in metric_columns(tasks).items()}


def owed(losses: pd.DataFrame, tasks: Iterable[Task], codes: Collection[str]) -> str:
    """Which systems owe part of their score to the association, in a sentence for each task."""
    none = f"none of {counted(len(codes), 'system')}"
    return " ".join(f"In **{task}**, part of the score is owed to the association by {listed(found) or none}."
                    for task, found in owing(losses, tasks, codes).items())


def _owing_in_words(losses: pd.DataFrame, tasks: Iterable[Task], codes: Collection[str]) -> str:
    counts = [f"{len(found)} in {task}" for task, found in owing(losses, tasks, codes).items()]
    return f"Of {counted(len(codes), 'variant')}, {listed(counts)} lose clearly more than a constant answer loses"


def caption_losses(losses: pd.DataFrame, tasks: Iterable[Task], codes: Collection[str]) -> str:
    """The caption of the figure of losses without the bias."""
    return (f"{_owing_in_words(losses, tasks, codes)} on bursts whose age tells nothing of their country. Lines are "
            "95 % intervals over speakers; one that lies to the right of the dotted line tells of a loss. Mind the "
            "scale of each panel. The last row is told the true country and knows nothing else.")


def in_short(compared: pd.DataFrame | None, pair: Mapping[str, str], losses: pd.DataFrame | None,
             tasks: Iterable[Task], codes: Collection[str]) -> str:
    """The audit's answer: what the adversary did to the features, and what the scores owe to the bias.

    `compared` is the table of `probes.compare_skills` for the systems of `pair`, the one with the adversary first, or
    None where the run has no such pair; `losses` that of `twins.bias_losses` for the systems `codes`, or None for a
    corpus of which no twins can be made.
    """
    said = ["Did the adversary do what it is for?"]
    if compared is None or len(pair) < 2:
        said.append("This run has no two systems that differ in the adversary alone, so that stays open.")
    else:
        said.append(changed_by_adversary(compared, *pair))
    if losses is None:
        said.append("What the scores owe to the association of labels cannot be asked here: that takes speakers that "
                    "can be recorded again at another age.")
    else:
        said.append(f"{_owing_in_words(losses, tasks, codes)} on the same bursts made again without the bias.")
    return " ".join([*said, "Intervals are 95 % over speakers.", ONE_SEED])


# Several corpora --------------------------------------------------------------------------------------------

def in_short_corpora(corpus: Corpus, scores: pd.DataFrame, origins: pd.DataFrame) -> str:
    """The answer of the page of several corpora: what one model learns from them, and whether it hides the corpus.

    `scores` is the table of `scores.scores_by_corpus`, and `origins` that of `origins.tell_corpora`.
    """
    names = list(dict.fromkeys(corpus.table["corpus"]))
    found = [f"{row['task']} {METRIC_NAMES[corpus.task(row['task']).kind]} {number(row['score'])} where a constant "
             f"answer has {number(row['constant'])}" for row in scores[scores["split"] == "val"].to_dict("records")]
    shared, sound = (origins[origins["features"] == name].iloc[0] for name in ("shared", CREST))
    verb = "finds" if shared["told"] else "does not find"
    joint = "and" if shared["told"] == sound["told"] else "but"
    audible = "gives it away" if sound["told"] else "does not give it away"
    return (f"Can one model learn from {listed(names)} together? On validation it reaches {listed(found)}. A "
            f"classifier that is trained afresh {verb} the corpus in the shared features ({_uar(shared)}), {joint} one "
            f"number of the sound, the crest factor, {audible} ({_uar(sound)}). The floor is what the classifier "
            "reaches where speakers have exchanged their corpora, and this is one training with one seed.")


def _uar(row: pd.Series) -> str:
    return f"UAR {number(row['score'], 2)}, floor {interval(row['floor_low'], row['floor_high'], 2)}"
