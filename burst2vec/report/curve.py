"""What `studies/curve.json` holds, as tables and sentences: systems that learn from ever more speakers. Nothing is
trained here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from burst2vec.evaluation.bootstrap import RESAMPLES
from burst2vec.evaluation.crossed import Crossed
from burst2vec.report.voices import BAR, PRETRAINED, RANDOM, confusions_of, cross_confusions, read
from burst2vec.report.words import DASH, counted, interval, number

METRIC = "macro_f1"
"""The score that the page shows."""


@dataclass(frozen=True)
class Curve:
    """The scores of systems by the share of the training speakers that they learnt from.

    `speakers` has by share how many speakers these are. `scores` has the columns system, share, speakers, estimate, low
    and high: the mean macro-F1 over the draws, with the bounds of a 95 % interval over test speakers and draws.
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
    found = {key: confusions_of(truth, [read(text) for text in part["plain"]], speakers,
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
    and among how many speakers more, with random weights, it is worth as much."""
    said = []
    for (system, against), part in gains(curve).groupby(["system", "against"], sort=False):
        few, many = part.loc[part["speakers"].idxmin()], part.loc[part["speakers"].idxmax()]
        sentence = f"{system} exceeds {against} by {_gain(few)} with {counted(few['speakers'], 'training speaker')}"
        if few["speakers"] != many["speakers"]:
            sentence += f", and by {_gain(many)} with {many['speakers']}"
        said.append(sentence + "." + _worth(curve, system, against))
    return " ".join(said)


def _gain(row: pd.Series) -> str:
    sure = "" if row["low"] > 0 or row["high"] < 0 else ", which cannot be told from none"
    return f"{number(row['difference'], signed=True)} ({interval(row['low'], row['high'], signed=True)}{sure})"


def _worth(curve: Curve, system: str, against: str) -> str:
    """A sentence on the fewest speakers from whom a system learns as much as another from all; empty where it does not
    from fewer."""
    own, other = (curve.scores[curve.scores["system"] == name] for name in (system, against))
    most = other.loc[other["speakers"].idxmax()]
    enough = own[(own["estimate"] >= most["estimate"]) & (own["speakers"] < most["speakers"])]
    return (f" From {enough['speakers'].min()} speakers it learns as much as {against} from {most['speakers']}."
            if len(enough) else "")
