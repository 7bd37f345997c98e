"""What `studies/curve.json` holds, as tables and sentences: systems that learn from ever more speakers. Nothing is
trained here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from burst2vec.evaluation.bootstrap import RESAMPLES
from burst2vec.evaluation.crossed import Crossed
from burst2vec.report.answers import PRETRAINED, RANDOM, confusions_of, cross_confusions, read
from burst2vec.report.voices import BAR
from burst2vec.report.words import DASH, counted, interval, number

BURST2VEC = "Burst2Vec"
"""How the names of systems begin whose random weights each draw has anew."""

METRIC = "macro_f1"
"""The score that the page shows."""


@dataclass(frozen=True)
class Curve:
    """The scores of systems by the share of the training speakers that they learnt from.

    `speakers` has by share how many speakers these are. `scores` has the columns system, share, speakers, estimate, low
    and high: the mean macro-F1 over the draws, with the bounds of a 95 % interval over test speakers and draws. Draws
    are of one pool of training speakers, so that they overlap and the interval is too narrow for speakers of another;
    from the whole pool a linear reading is the same in all draws, and its interval is over test speakers alone.
    """

    speakers: Mapping[float, int]
    crossed: Crossed
    scores: pd.DataFrame


def read_curve(content: Mapping, resamples: int = RESAMPLES) -> Curve | None:
    """What the file of the study says of the systems and shares of which all draws are there; None where none is."""
    rows = pd.DataFrame(content["rows"])
    if rows.empty:
        return None
    truth, speakers = read(content["truth"]), read(content["speakers"])
    shares = {float(share): told["speakers"] for share, told in content["learnt"].items()}
    parts = rows.groupby(["system", "share"], sort=False)
    draws = parts.size().max()
    found = {key: confusions_of(truth, np.stack([read(text) for text in part["plain"]]), speakers,
                                len(content["corpus"]["classes"])) for key, part in parts if len(part) == draws}
    crossed = cross_confusions({_code(*key): each for key, each in found.items()}, [], resamples)
    table = []
    for system, share in found:
        alone = crossed.alone(_code(system, share), METRIC)
        table.append((system, share, shares[share], alone.difference, *alone.interval()))
    return Curve(shares, crossed,
                 pd.DataFrame(table, columns=["system", "share", "speakers", "estimate", "low", "high"]))


def _code(system: str, share: float) -> str:
    return f"{system}, {share:g} of the speakers"


def curve_cells(curve: Curve) -> pd.DataFrame:
    """A row for each system and a column for each number of training speakers, as HTML: macro-F1 above its interval."""
    cells: dict[str, dict[str, str]] = {}
    for row in curve.scores.itertuples():
        cells.setdefault(row.system, {})[f"{row.speakers} speakers"] = (
            f"{number(row.estimate)}<small>{interval(row.low, row.high)}</small>")
    return pd.DataFrame([{"System": system, **found} for system, found in cells.items()]).fillna(DASH)


def gains(curve: Curve) -> pd.DataFrame:
    """By how much the macro-F1 of each system with pre-trained weights exceeds that of the same with random ones, and
    that of ComParE: system, against, share, speakers, difference, low, high."""
    there, rows = set(curve.crossed.means.estimates.index.get_level_values("code")), []
    for row in curve.scores[curve.scores["system"].str.endswith(PRETRAINED)].itertuples():
        for against in (row.system.removesuffix(PRETRAINED) + RANDOM, BAR):
            if _code(against, row.share) in there:
                contrast = curve.crossed.contrast(_code(row.system, row.share), _code(against, row.share), METRIC)
                rows.append((row.system, against, row.share, row.speakers, contrast.difference, *contrast.interval()))
    return pd.DataFrame(rows, columns=["system", "against", "share", "speakers", "difference", "low", "high"])


def summarise_curve(curve: Curve) -> str:
    """Sentences on where pre-training pays: the gain of each pre-trained system at the fewest and the most speakers,
    and from how many speakers it scores above what the other reaches from all."""
    said = []
    for (system, against), part in gains(curve).groupby(["system", "against"], sort=False):
        few, many = part.loc[part["speakers"].idxmin()], part.loc[part["speakers"].idxmax()]
        sentence = (f"The gain of {system} over {against} is {_gain(few)} with "
                    f"{counted(few['speakers'], 'training speaker')}")
        if few["speakers"] != many["speakers"]:
            sentence += f", and {_gain(many)} with {many['speakers']}"
        said.append(f"{sentence}{_reservation(against)}.{_worth(curve, system, against)}")
    return " ".join(said)


def _gain(row: pd.Series) -> str:
    sure = "" if row["low"] > 0 or row["high"] < 0 else ", which cannot be told from none"
    return f"{number(row['difference'], signed=True)} ({interval(row['low'], row['high'], signed=True)}{sure})"


def _reservation(against: str) -> str:
    """What is to be said of a gain over a linear reading with random weights, which are the same in all draws."""
    one = against.endswith(RANDOM) and not against.startswith(BURST2VEC)
    return "; all draws read the same random weights, and others might say otherwise" if one else ""


def _worth(curve: Curve, system: str, against: str) -> str:
    """A sentence on the fewest speakers from whom a system scores above what another does from all.

    The intervals of the differences hold together for all numbers of speakers that are looked at (Bonferroni). Where
    none is certain, the fewest by the estimates are told as such; the sentence is empty where there are none either.
    """
    own, other = (curve.scores[curve.scores["system"] == name] for name in (system, against))
    most = other.loc[other["speakers"].idxmax()]
    fewer = own[own["speakers"] < most["speakers"]].sort_values("speakers")
    contrasts = [(row.speakers, curve.crossed.contrast(_code(system, row.share), _code(against, most["share"]), METRIC))
                 for row in fewer.itertuples()]
    for speakers, contrast in contrasts:
        low, high = contrast.interval(1 - 0.05 / len(contrasts))
        if low > 0:
            return (f" From {speakers} speakers it scores above {against} from {most['speakers']}, by "
                    f"{number(contrast.difference)} ({interval(low, high)}).")
    enough = [speakers for speakers, contrast in contrasts if contrast.difference >= 0]
    return (f" By the estimates alone, {enough[0]} speakers are enough for what {against} reaches from "
            f"{most['speakers']}; other speakers might say otherwise." if enough else "")
