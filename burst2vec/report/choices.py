"""What the study of silent choices found (`studies.choices`), as tables and sentences. Nothing is trained here."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from burst2vec.report.effects import (
    effect_in_words,
    effects_cells,
    least_in_words,
    read_effects,
    strength,
)
from burst2vec.report.words import counted, listed, number


def pairs(content: Mapping, open: bool | None = None) -> dict[tuple[str, str], str]:
    """The names of the choices by way and what it is compared with, those with the clearest effects first.

    With `open` they are those that the paper leaves open, or those that it does not.
    """
    effects = read_effects(content)
    reference = dict(zip(effects["way"], effects["reference"], strict=True))
    return {(way, reference[way]): way for way in strength(effects).index
            if open is None or content["open"][way] == open}


def choices_cells(content: Mapping, open: bool) -> pd.DataFrame:
    """The effects of the choices that the paper leaves open, or of the others, as HTML, the clearest first."""
    texts = {pair: f"{way}<small>in place of {content['instead'][way]}</small>"
             for pair, way in pairs(content, open).items()}
    return effects_cells(read_effects(content), texts, "Choice")


def describe_choices(content: Mapping) -> str:
    """What the choices cost that the paper leaves open, in three sentences."""
    effects = read_effects(content)
    asked = effects[effects["way"].map(content["open"])]
    clear = asked[asked["verdict"] != ""]
    ways, decided = asked["way"].nunique(), clear["way"].nunique()
    said = [f"Of {counted(ways, 'way')} of making such a choice otherwise, {counted(decided, 'changes', 'change')} a "
            "score by more than other speakers and other seeds would."]
    if decided:
        said.append(f"The clearest: {_listed_effects(content, clear)}.")
    if decided < ways:
        least = least_in_words(asked)
        said.append(f"For {'the others' if decided else 'all'} this study cannot tell" + (
            f"; of a typical one it would have found differences from {least}." if least else ", having one seed."))
    return " ".join(said + _failures(content))


def summarise_choices(content: Mapping) -> str:
    """A sentence on which choices cost and gain most."""
    effects = read_effects(content)
    clear = effects[effects["verdict"] != ""]
    if clear.empty:
        return "No choice changes a score by more than other speakers and seeds would."
    ways = {kind: list(dict.fromkeys(clear.loc[clear["verdict"] == kind, "way"])) for kind in ("costs", "gains")}
    parts = [f"{counted(len(ways['costs']), 'choice')} out of {effects['way'].nunique()} "
             f"{'costs' if len(ways['costs']) == 1 else 'cost'} something"] * bool(ways["costs"])
    parts += [f"{counted(len(ways['gains']), 'choice')} out of {effects['way'].nunique()} "
              f"{'gains' if len(ways['gains']) == 1 else 'gain'} something"] * bool(ways["gains"])
    return f"{' and '.join(parts)}, by more than other speakers and seeds would explain."


def conclude_choices(content: Mapping) -> str:
    """What the study lets the discussion say, as plain text."""
    effects = read_effects(content)
    asked = effects[effects["way"].map(content["open"])]
    clear = asked[asked["verdict"] != ""]
    said = (f"on synthetic bursts, with a backbone that stays as it is, {clear['way'].nunique()} of "
            f"{counted(asked['way'].nunique(), 'choice')} that the paper leaves open changed a score beyond speakers "
            "and seeds when made otherwise")
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


def _failures(content: Mapping) -> list[str]:
    """A sentence on the trainings that failed, or none."""
    failed = [f"{counted(count, 'training')} with *{way}*" for way, count in content.get("diverged", {}).items()]
    return [f"Failed, as their losses were no longer finite: {listed(failed)}."] if failed else []
