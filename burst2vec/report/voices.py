"""What the study of real voices found (`studies.voices`), as tables and sentences. Nothing is trained here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from burst2vec.evaluation.confusion import METRICS, grouped, recalls
from burst2vec.report.answers import PRETRAINED, RANDOM, WAYS, Key, Recorded, code
from burst2vec.report.words import DASH, counted, interval, number

METRIC_NAMES = dict(zip(METRICS, ("macro-F1", "UAR"), strict=True))
"""What the scores are called."""

BAR = "ComParE"
"""The system that the others are to exceed: acoustic functionals, as in the challenge's baseline."""

QUESTIONS = {"pre-training": "What the weights of pre-training are worth",
             BAR: "Whether what learns goes beyond acoustic functionals",
             "speaker statistics": "What it is worth to have heard a speaker before"}
"""The questions that the systems were chosen to answer, by their names in `contrast_table`."""

_SINGLE = "Each backbone comes from a single pre-training, and another of the same kind might say otherwise."

def score_table(recorded: Recorded) -> pd.DataFrame:
    """A row for each system, with each score above its interval in small type, as HTML.

    The columns have two levels, the way and the metric.
    """
    cells = {("", "System"): {system: system for system in dict.fromkeys(recorded.scores["system"])}}
    for (way, metric), part in recorded.scores.groupby(["way", "metric"], sort=False):
        cells[WAYS[str(way)].capitalize(), METRIC_NAMES[str(metric)]] = {
            row.system: f"{number(row.estimate)}<small>{interval(row.low, row.high)}</small>"
            for row in part.itertuples()}
    return pd.DataFrame(cells).fillna(DASH).reset_index(drop=True)


def contrast_table(recorded: Recorded) -> pd.DataFrame:
    """The differences in macro-F1 that the systems were chosen to show, paired on each resample of the speakers:
    question, system, against, way, difference, low, high.

    The questions are what pre-training is worth, how Burst2Vec and the pre-trained backbones compare with ComParE, and
    what speaker statistics add.
    """
    rows = []
    for system, way in recorded.answers:
        if system.endswith(PRETRAINED):
            rows.append(("pre-training", system, system.removesuffix(PRETRAINED) + RANDOM, way))
        if system.startswith("Burst2Vec") or system.endswith(PRETRAINED):
            rows.append((BAR, system, BAR, way))
    pairs = [(*row, (row[1], row[3]), (row[2], row[3])) for row in rows]
    pairs += [("speaker statistics", system, "without", way, (system, way), (system, "plain"))
              for system, way in recorded.answers if way == "centred"]
    found = [(*told, *_difference(recorded, a, b)) for *told, a, b in pairs if {a, b} <= set(recorded.answers)]
    return pd.DataFrame(found, columns=["question", "system", "against", "way", "difference", "low", "high"])


def contrast_cells(recorded: Recorded) -> pd.DataFrame:
    """The `contrast_table` as the page shows it, as HTML: a row for each comparison, with a column for each way and the
    difference above its interval."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in contrast_table(recorded).itertuples():
        pair = f"{row.system}<small>{_against(row.against)}</small>"
        told = cells.setdefault((row.question, pair), dict.fromkeys(WAYS.values(), DASH))
        told[WAYS[row.way]] = (f"{number(row.difference, signed=True)}"
                               f"<small>{interval(row.low, row.high, signed=True)}</small>")
    rows = [{"System": system, **{way.capitalize(): text for way, text in told.items()}}
            for question in QUESTIONS for (asked, system), told in cells.items() if asked == question]
    return pd.DataFrame(rows, columns=["System", *(way.capitalize() for way in WAYS.values())])


def _against(system: str) -> str:
    """What a system is compared with, in words: another one, or itself without speaker statistics."""
    return "against itself without them" if system == "without" else f"against {system}"


def _difference(recorded: Recorded, first: Key, second: Key, level: float = 0.95) -> tuple[float, float, float]:
    """By how much the macro-F1 of the first exceeds that of the second, and the bounds of the interval."""
    contrast = recorded.crossed.contrast(code(first), code(second), "macro_f1")
    return contrast.difference, *contrast.interval(level)


def category_table(recorded: Recorded, key: Key) -> pd.DataFrame:
    """The categories by their recall, highest first: category, bursts, recall, and what is answered most often where
    the answer is wrong (`taken for`), with its share of the bursts."""
    whole, classes = recorded.confusions[key].sum(0), np.array(recorded.classes)
    bursts, wrong = whole.sum(1), whole - np.diag(np.diag(whole))
    table = pd.DataFrame({"category": classes, "bursts": bursts // len(recorded.answers[key]), "recall": recalls(whole),
                          "taken for": classes[wrong.argmax(1)], "share": wrong.max(1) / np.maximum(bursts, 1)})
    return table.sort_values("recall", ascending=False, kind="stable", ignore_index=True)


def confusion_shares(recorded: Recorded, key: Key) -> pd.DataFrame:
    """The share of each category's bursts (rows) that got each answer (columns), ordered by `confusion.grouped`."""
    whole, classes = recorded.confusions[key].sum(0), np.array(recorded.classes)
    order = grouped(whole)
    found = (whole / np.maximum(whole.sum(1, keepdims=True), 1))[order][:, order]
    return pd.DataFrame(found, classes[order], classes[order])


def examples(recorded: Recorded, key: Key, categories: Sequence[str]) -> pd.DataFrame:
    """For each category the first burst that is recognised and the first that is not, by the first seed and as far as
    there are: burst (its place in the study), category, answer."""
    rows = []
    for category in categories:
        answers = recorded.answers[key][0]
        own, right = recorded.truth == recorded.classes.index(category), answers == recorded.truth
        for kind in (own & right, own & ~right):
            rows += [(burst, category, recorded.classes[answers[burst]])
                     for burst in np.flatnonzero(kind)[:1]]
    return pd.DataFrame(rows, columns=["burst", "category", "answer"])


def describe_bursts(content: Mapping) -> str:
    """A sentence on whose bursts were answered, and on the command, the machine and the day."""
    told, where = content["corpus"], content["environment"]
    part = f", of its {told['split']} split alone" if told["split"] else ""
    left = told["left_out"]
    if left["speakers"]:
        part += (f", without the {counted(len(left['speakers']), 'speaker')} whom {', '.join(left['backbones'])} heard "
                 "in pre-training")
    return (f"Recorded on {counted(told['bursts'], 'burst')} of {counted(told['speakers'], 'speaker')} of "
            f"`{told['name']}`{part}, by `{content['command']}`, {where['Processor']}, GPU {where['GPU']}, "
            f"{where['Date']}, burst2vec {where['burst2vec']}.")


def covered(recorded: Recorded) -> str:
    """What the intervals are over, in words: the speakers, and the seeds where Burst2Vec has several."""
    seeds = {len(answers) for (system, _), answers in recorded.answers.items() if system.startswith("Burst2Vec")}
    if not seeds:
        return "over speakers"
    if max(seeds) == 1:
        return "over speakers alone, since Burst2Vec was trained with one seed"
    return f"over speakers and, of Burst2Vec{' where it has several' * (min(seeds) == 1)}, over seeds"


def describe_recipe(recorded: Recorded) -> str:
    """Sentences on what of Burst2Vec was trained, in how many steps and with how many seeds; empty where none was."""
    own = [name for name in recorded.settings if name.startswith("Burst2Vec")]
    seeds = {len(recorded.answers[name, "plain"]) for name in own}
    said = [f"Burst2Vec was trained with {counted(number_of, 'seed')}"
            + (", so that its intervals are over speakers alone." if number_of == 1 else ".")
            for number_of in sorted(seeds)]
    for steps in sorted({recorded.settings[name]["max_steps"] for name in own}):
        said.append(f"In all {steps:,} steps of a training the backbone stays as it is (`head_steps`), so that what "
                    "pre-training is worth holds for such trainings: longer ones of all weights may make up for some "
                    "of it.")
    return " ".join(said)


def describe(recorded: Recorded) -> str:
    """Sentences on the best system in each way: its scores, and what a guess would reach."""
    number_of, said = len(recorded.classes), []
    for way in (way for way in WAYS if any(each == way for _, each in recorded.answers)):
        key = recorded.best(way)
        uar = recorded.score(key, "uar")
        said.append(f"{WAYS[way].capitalize()}, **{key[0]}** has the highest macro-F1, "
                    f"{_estimated(recorded.score(key))}, {_picked(recorded, way)}. It recognises "
                    f"{100 * uar['estimate']:.0f} % of a category's bursts on average; a guess among {number_of} "
                    f"recognises {100 / number_of:.1f} %.")
    return " ".join(said)


def summarise(recorded: Recorded) -> str:
    """Sentences on the best system, and on how the best reading of a pre-trained backbone and the best Burst2Vec
    compare with ComParE in each way, and how sure that is.

    These are picked by the differences that are told. So their intervals hold together for all from which they are
    picked (Bonferroni).
    """
    best = recorded.best()
    said = [f"Asked which of {counted(len(recorded.classes), 'category', 'categories')} a burst is of, {best[0]} does "
            f"best on speakers that it has not heard: macro-F1 {_estimated(recorded.score(best))}, "
            f"{_picked(recorded)}{_by_chance(recorded)}."]
    rows = _against_bar(recorded)
    for _, alike in rows.groupby(rows["system"].str.startswith("Burst2Vec")):
        tops = [part.loc[part["difference"].idxmax()] for _, part in alike.groupby("way", sort=False)]
        sentence = "; ".join(f"{WAYS[top['way']]}, {top['system']} {_compared(top)}" for top in tops)
        said.append(f"{sentence[:1].upper()}{sentence[1:]}{max(_reservation(recorded, top) for top in tops)}.")
    if len(rows):
        said += [f"The intervals against {BAR} hold together for the {len(rows)} comparisons from which these were "
                 "picked."] * (len(rows) > 1) + [_SINGLE]
    return " ".join(said)


def _against_bar(recorded: Recorded) -> pd.DataFrame:
    """The rows of `contrast_table` that compare what is pre-trained with ComParE, with intervals that hold together."""
    table = contrast_table(recorded)
    rows = table[(table["question"] == BAR) & table["system"].str.endswith(PRETRAINED)].copy()
    for place, row in rows.iterrows():
        _, *bounds = _difference(recorded, (row["system"], row["way"]), (BAR, row["way"]), 1 - 0.05 / len(rows))
        rows.loc[place, ["low", "high"]] = bounds
    return rows


def summarise_best(recorded: Recorded) -> str:
    """A sentence on the best system, each burst answered by itself."""
    key = recorded.best()
    return (f"Highest is {key[0]}, at a macro-F1 of {_estimated(recorded.score(key))} with each burst by itself, "
            f"{_picked(recorded)}.")


def summarise_recalls(categories: pd.DataFrame) -> str:
    """A sentence on the categories of a `category_table` that are recognised best and worst."""
    first, last = categories.iloc[0], categories.iloc[-1]
    return (f"{first['category']} is recognised best, in {100 * first['recall']:.0f} % of its bursts, and "
            f"{last['category']} worst, in {100 * last['recall']:.0f} %.")


def summarise_confusion(categories: pd.DataFrame) -> str:
    """A sentence on the category of a `category_table` that is taken most often for one other."""
    row = categories.loc[categories["share"].idxmax()]
    return (f"The commonest confusion is of {row['category']}, of which {100 * row['share']:.0f} % of the bursts are "
            f"taken for {row['taken for']}.")


def _picked(recorded: Recorded, way: str = "plain") -> str:
    """From how many systems the best of one way is picked, and by what."""
    return f"the best of {counted(sum(each == way for _, each in recorded.answers), 'system')} by this very score"


def _estimated(score: pd.Series) -> str:
    return f"{number(score['estimate'])} ({interval(score['low'], score['high'])})"


def _by_chance(recorded: Recorded) -> str:
    """What a label drawn at random scores, where the study asked that."""
    key = ("Chance", "plain")
    return f", where chance scores {number(recorded.score(key)['estimate'])}" if key in recorded.answers else ""


def _compared(row: Any) -> str:
    """How a difference of `contrast_table` reads: above, below, or not to be told from none."""
    low, high = row["low"], row["high"]
    if low > 0 or high < 0:
        bounds = sorted((abs(low), abs(high)))
        where = "above" if row["difference"] > 0 else "below"
        return f"lies {number(abs(row['difference']))} ({interval(*bounds)}) {where} {row['against']}"
    return f"cannot be told from {row['against']} here ({interval(low, high, signed=True)})"


def _reservation(recorded: Recorded, row: Any) -> str:
    """What is to be said of a difference that holds for the weights of one seed alone; empty for others."""
    codes = [code((system, row["way"])) for system in (row["system"], row["against"]) if system != "without"]
    lone = recorded.crossed.with_one_seed(codes, "macro_f1")
    return "; one seed drew the weights, and another might say otherwise" if lone else ""


def describe_contrasts(recorded: Recorded, question: str) -> str:
    """A line of a list for each difference that answers a question of `contrast_table`, and whether it is certain.

    Where a side of it has weights that one seed drew, it holds for these weights, and there is no verdict.
    """
    table, said = contrast_table(recorded), []
    for _, row in table[table["question"] == question].iterrows():
        clear = row["low"] > 0 or row["high"] < 0
        said.append(f"- {row['system']}, {WAYS[row['way']]}: {number(row['difference'], signed=True)} "
                    f"{_against(row['against'])}, from {interval(row['low'], row['high'], signed=True)}"
                    + (_reservation(recorded, row) if clear else ", which cannot be told from none") + ".")
    return "\n".join(said)


def backbone_cells(recorded: Recorded, way: str = "plain") -> pd.DataFrame:
    """A row for each backbone, as HTML: the macro-F1 of its linear reading and of Burst2Vec on it, with random weights
    and its own, each above its interval."""
    rows = []
    for name in backbones(recorded):
        cells = {"Backbone": name}
        for reader, system in (("Linear reading", name), ("Burst2Vec", f"Burst2Vec on {name}")):
            for kind in (RANDOM, PRETRAINED):
                key = system + kind, way
                score = recorded.score(key) if key in recorded.answers else None
                cells[reader + kind] = DASH if score is None else (
                    f"{number(score['estimate'])}<small>{interval(score['low'], score['high'])}</small>")
        rows.append(cells)
    return pd.DataFrame(rows)


def backbones(recorded: Recorded) -> list[str]:
    """The names of the backbones that were read with their own weights."""
    return [system.removesuffix(PRETRAINED) for system, way in recorded.answers
            if way == "plain" and system.endswith(PRETRAINED) and not system.startswith("Burst2Vec")]


def summarise_backbones(recorded: Recorded) -> str:
    """Sentences on which pre-trained backbone a linear reader reads most from, and whether that is certain; empty for
    fewer than two.

    The best is picked by the score that is compared. So the intervals hold together for all pairs (Bonferroni).
    """
    keys = {name: (name + PRETRAINED, "plain") for name in backbones(recorded)}
    if len(keys) < 2:
        return ""
    best, *others = sorted(keys, key=lambda name: -recorded.score(keys[name])["estimate"])
    level = 1 - 0.05 / math.comb(len(keys), 2)
    found = {name: _difference(recorded, keys[best], keys[name], level) for name in others}
    clear = [name for name, (_, low, _) in found.items() if low > 0]
    less = [f"{number(found[name][0])} ({interval(*found[name][1:])}) more than from {name}" for name in clear]
    alike = [f"{name} ({interval(*found[name][1:], signed=True)})" for name in others if name not in clear]
    together = "; the intervals hold together for all pairs" * (len(keys) > 2)
    return (f"Of the pre-trained backbones, a linear reader reads most from {best}, "
            f"{_estimated(recorded.score(keys[best]))}"
            + (f": {' and '.join(less)}" if less else "") + "."
            + (f" It cannot be told from {' or '.join(alike)}." if alike else "")
            + f" It is the best of {len(keys)} by this very score{together}. {_SINGLE}")
