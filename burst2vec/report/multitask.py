"""What the study of multi-task learning found (`studies.multitask`), as tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from burst2vec.report.effects import amount, bounds, describe_least, effect_in_words, effects_cells, read_effects
from burst2vec.report.words import listed, metric_name, number

FAIR = {("three models of 200 steps", "all tasks"): "as many steps of every task, 200",
        ("three models", "all tasks, 1,800 steps"): "as many steps of every task, 600",
        ("three models", "all tasks"): "as many steps of every model, 600",
        ("three models", "all tasks, adversary"): "as many steps of every model, beside an adversary"}
"""The comparisons of three models with one, and what is equal in each."""

UNEQUAL = "Three models also have three projections and three shared extractors, so more weights."
"""What no comparison of three models with one makes equal."""


def question(content: Mapping, name: str) -> pd.DataFrame:
    """The effects that answer a question, with their verdicts."""
    effects = read_effects(content)
    return effects[effects["question"] == name]


def pairs(content: Mapping, name: str) -> dict[tuple[str, str], str]:
    """The pairs of systems of a question, with a text for each."""
    found = question(content, name)[["way", "reference"]].drop_duplicates()
    return {(way, reference): f"{way} − {reference}" for way, reference in found.itertuples(index=False)}


def question_cells(content: Mapping, name: str) -> pd.DataFrame:
    """The effects that answer a question, as HTML: a row for each pair of systems."""
    texts = {pair: f"{pair[0]}<small>against {pair[1]}</small>" for pair in pairs(content, name)}
    return effects_cells(question(content, name), texts, "Systems")


def describe_sharing(content: Mapping) -> str:
    """Whether one model of all tasks or three of one each answer better, in sentences."""
    effects = question(content, "one or three")
    said = []
    for (way, reference), equal in FAIR.items():
        own = effects[(effects["way"] == way) & (effects["reference"] == reference)]
        if len(own):
            said.append(f"With {equal}, {_outcome(own)}.")
    return " ".join([*said, UNEQUAL, describe_least(effects)])


def summarise_sharing(content: Mapping) -> str:
    """A sentence on one model of all tasks against three that had as many steps of every task."""
    (way, reference), equal = next(iter(FAIR.items()))
    effects = question(content, "one or three")
    return f"With {equal}, {_outcome(effects[(effects['way'] == way) & (effects['reference'] == reference)])}."


def answer(content: Mapping) -> str:
    """Whether one model or three answer better where they have had as many steps of every task, and what learnt weights
    change, in a few sentences."""
    effects, said = question(content, "one or three"), []
    for (way, reference), equal in list(FAIR.items())[:2]:
        own = effects[(effects["way"] == way) & (effects["reference"] == reference)]
        said.append(f"With {equal}, {_outcome(own)}.")
    return " ".join([*said, UNEQUAL, summarise_weights(content)])


def summarise_weights(content: Mapping) -> str:
    """A sentence on whether a learnt weighting of the tasks answers better than equal weights."""
    effects = question(content, "learnt or fixed")
    clear = effects[effects["verdict"] != ""]
    if clear.empty:
        return "Learnt weights of the tasks change no score by as much as this study could tell from none."
    found = listed([f"*{row['way']}* {effect_in_words(row)}" for row in clear.to_dict("records")])
    return f"Against equal weights {found}."


def describe_weights(content: Mapping) -> str:
    """What the learnt weights of the tasks are, what they change, and what would have been found, in sentences."""
    said = [f"The learnt weights of *{way}* ended at {_shares(shares)}." for way, shares in content["weights"].items()]
    return " ".join([*said, summarise_weights(content), describe_least(question(content, "learnt or fixed"))])


def conclude_multitask(content: Mapping) -> str:
    """What the study lets the discussion say of the three tasks, as plain text."""
    effects = question(content, "one or three")
    effects, said = effects[effects["metric"] != "s_mtl"], []
    for (way, reference), equal in list(FAIR.items())[:2]:
        own = effects[(effects["way"] == way) & (effects["reference"] == reference)]
        said.append(f"with {equal}, {_outcome(own)}")
    said.append("three models also have more weights")
    return f"on synthetic bursts, with a backbone that stays as it is: {'; '.join(said)}"


def _outcome(effects: pd.DataFrame) -> str:
    """Who is better in which metric, in words, of effects of three models against one."""
    better = {"gains": "three models are better in", "costs": "one model is better in"}
    said = []
    for verdict, words in better.items():
        rows = effects[effects["verdict"] == verdict]
        if len(rows):
            said.append(f"{words} {listed([_amount(row) for row in rows.to_dict('records')])}")
    left = [metric_name(metric, "markdown") for metric in effects.loc[effects["verdict"] == "", "metric"]]
    if not said:
        return "no metric tells one model from three"
    return " and ".join(said) + (f", while {listed(left)} cannot tell" if left else "")


def _amount(row: Mapping) -> str:
    """A metric with the size and the interval of its effect."""
    metric = row["metric"]
    turned = row if row["difference"] >= 0 else {**row, "low": -row["high"], "high": -row["low"]}
    return f"{metric_name(metric, 'markdown')} (by {amount(metric, abs(row['difference']))}; {bounds(turned)})"


def _shares(shares: Mapping[str, float]) -> str:
    """The shares of the tasks in their weights, in words."""
    return listed([f"{number(100 * share, 0)} % for {task}" for task, share in shares.items()])
