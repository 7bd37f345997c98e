"""What the study of silent choices found (`studies.choices`), as tables and sentences. Nothing is trained here."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from burst2vec.report.effects import (
    effect_in_words,
    effects_cells,
    least_in_words,
    metrics_of,
    read_effects,
    strength,
)
from burst2vec.report.words import counted, listed, number

PAPERS = ("means alone", "last layer's means as they are", "best weights by emotion", "no adversary")
"""The ways that the paper has itself: it averages over time, stops by emotion, and has variants without the adversary.

All others make a choice otherwise that it leaves open.
"""


def pairs(content: Mapping, open: bool | None = None) -> dict[tuple[str, str], str]:
    """The names of the choices by way and what it is compared with, those with the clearest effects first.

    With `open` they are ways of making a choice that the paper leaves open, or else those that it has itself.
    """
    effects = read_effects(content)
    reference = dict(zip(effects["way"], effects["reference"], strict=True))
    return {(way, reference[way]): way for way in strength(effects).index
            if open is None or open == (way not in PAPERS)}


def choices_cells(content: Mapping, open: bool) -> pd.DataFrame:
    """The effects of making choices otherwise that the paper leaves open, or else of the ways that it has itself.

    They are HTML, the clearest first.
    """
    texts = {pair: f"{way}<small>in place of {content['instead'][way]}</small>"
             for pair, way in pairs(content, open).items()}
    return effects_cells(read_effects(content), texts, "Choice")


def describe_choices(content: Mapping) -> str:
    """What the choices cost that the paper leaves open, in a few sentences."""
    effects = read_effects(content)
    asked = effects[~effects["way"].isin(PAPERS)]
    clear = asked[asked["verdict"] != ""]
    ways, decided = asked["way"].nunique(), clear["way"].nunique()
    said = [f"Of {counted(ways, 'way')} of making such a choice otherwise, {counted(decided, 'changes', 'change')} "
            f"{_any(asked)} by more than other speakers and other seeds would."]
    if decided:
        said.append(f"The clearest: {_listed_effects(content, clear)}.")
        gains = [f"*{way}*" for way in dict.fromkeys(clear.loc[clear["verdict"] == "gains", "way"])]
        if gains and len(gains) < decided:
            said.append(f"{listed(gains)} alone {'gains' if len(gains) == 1 else 'gain'} something.")
    if decided < ways:
        least = least_in_words(asked)
        said.append(f"For {'the others' if decided else 'all'} this study cannot tell" + (
            f"; of a typical one it would have found differences from {least}." if least else ", having one seed."))
    return " ".join(said + _failures(content))


def summarise_choices(content: Mapping) -> str:
    """A sentence on how many ways cost or gain something, those that the paper has itself included."""
    effects = read_effects(content)
    clear = effects[effects["verdict"] != ""]
    if clear.empty:
        return "Of no way can this study tell that it changes a score by more than other speakers and seeds would."
    ways = {kind: list(dict.fromkeys(clear.loc[clear["verdict"] == kind, "way"])) for kind in ("costs", "gains")}
    verbs = {"costs": ("costs", "cost"), "gains": ("gains", "gain")}
    parts = [f"{counted(len(own), *verbs[kind])} something" for kind, own in ways.items() if own]
    return (f"Of {counted(effects['way'].nunique(), 'way')} {' and '.join(parts)} in {_any(effects)}, by more than "
            "other speakers and seeds would explain.")


def conclude_choices(content: Mapping) -> str:
    """What the study lets the discussion say, as plain text."""
    effects = read_effects(content)
    asked = effects[~effects["way"].isin(PAPERS)]
    clear = asked[asked["verdict"] != ""]
    said = (f"on synthetic bursts, with a backbone that stays as it is, {clear['way'].nunique()} of "
            f"{counted(asked['way'].nunique(), 'way')} of making a choice otherwise that the paper leaves open changed "
            f"{_any(asked)} beyond speakers and seeds")
    costly = clear[(clear["verdict"] == "costs") & (clear["metric"] != "s_mtl")]
    if costly.empty:
        return said
    return f"{said}; clearest was the cost of: {strength(costly).index[0]}"


def describe_mix(content: Mapping) -> str:
    """A sentence on the share of each layer in the learnt mix, or nothing where there was none."""
    if not content.get("mix"):
        return ""
    shares = [f"{number(100 * share, 0)} % of {'its input' if place == 0 else f'layer {place}'}"
              for place, share in enumerate(content["mix"].values())]
    return f"The learnt mix took of the Transformer {listed(shares)} (mean of the seeds; it began with equal shares)."


def _listed_effects(content: Mapping, clear: pd.DataFrame, most: int = 3) -> str:
    """The largest effects, one of each way, in words."""
    said = []
    for way in strength(clear).index[:most]:
        own = clear[clear["way"] == way]
        own = own[own["metric"] != "s_mtl"] if own["metric"].nunique() > 1 else own
        row = own.loc[(own["difference"].abs() / own["least"]).idxmax()]
        said.append(f"*{way}* in place of {content['instead'][way]} {effect_in_words(row)}")
    return "; ".join(said)


def _any(effects: pd.DataFrame) -> str:
    """What counts as a change, in words: the intervals hold together for the ways of a metric, not over the metrics."""
    many = len(metrics_of(effects))
    return "its one metric" if many == 1 else f"at least one of {many} metrics (intervals hold together within each)"


def _failures(content: Mapping) -> list[str]:
    """A sentence on the trainings that failed, or none."""
    failed = [f"{counted(count, 'training')} with *{way}*" for way, count in content.get("diverged", {}).items()]
    return [f"Failed, as their losses were no longer finite: {listed(failed)}."] if failed else []
