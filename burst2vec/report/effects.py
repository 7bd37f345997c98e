"""What one way of training gains or costs against another, as the records of `studies.comparison` hold it: verdicts,
tables and sentences.

An effect is a difference between two ways in one metric, above 0 where the first is better. It is told from none where
its interval over speakers and seeds leaves out 0; of a way with one seed it never is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from burst2vec.evaluation.metrics import sign
from burst2vec.report.words import counted, interval, listed, metric_name, number


def read_effects(content: Mapping) -> pd.DataFrame:
    """The effects of a record, with `verdict`: `gains`, `costs`, or nothing where the study cannot tell; and with
    `together`: for how many comparisons of a metric the intervals hold together."""
    found = pd.DataFrame(content["effects"])
    families = [name for name in ("question", "table", "metric") if name in found]
    found["together"] = found.groupby(families)["way"].transform("size")
    found["verdict"] = [{1: "gains", -1: "costs", 0: ""}[direction(row)] for row in found.to_dict("records")]
    return found


def direction(row: Mapping) -> int:
    """1 where an effect is above 0 beyond its interval, -1 where it is below, and else 0, as it always is with one
    seed, whose error is unknown.

    >>> direction({"low": 0.1, "high": 0.3, "least": 0.1}), direction({"low": 0.1, "high": 0.3, "least": None})
    (1, 0)
    """
    if row["least"] is None or not np.isfinite(row["least"]):
        return 0
    return int(row["low"] > 0) - int(row["high"] < 0)


def metrics_of(effects: pd.DataFrame) -> list[str]:
    """The metrics of some effects, in their order."""
    return list(dict.fromkeys(effects["metric"]))


def digits(metric: str) -> int:
    """How many decimals a difference in a metric is shown with.

    >>> digits("age_mae"), digits("emo_ccc")
    (2, 3)
    """
    return 2 if sign(metric) < 0 else 3


def named(metric: str, where: str = "html") -> str:
    """The name of a metric, of an error with its unit.

    >>> named("age_mae"), named("emo_ccc")
    ('Age-MAE (years)', 'Emo-CCC')
    """
    return metric_name(metric, where) + (f" ({unit(metric).strip()})" if unit(metric) else "")


LEGEND = ("Small: 95 % intervals over speakers and seeds, which hold together in each metric; bold: 0 is outside. Last "
          "column: the smallest differences that would have been found, in the order of the metrics.")
"""What is said below a table of `effects_cells`."""


def effect_cell(row: Mapping) -> str:
    """An effect above its interval, as HTML; in bold where it is told from none."""
    said = number(row["difference"], digits(row["metric"]), signed=True)
    return f"{f'<b>{said}</b>' if row['verdict'] else said}<small>{bounds(row)}</small>"


def verdict_cell(rows: pd.DataFrame) -> str:
    """What one way gains and costs, in words, as HTML.

    >>> verdict_cell(pd.DataFrame({"metric": ["emo_ccc", "age_mae"], "verdict": ["costs", ""]}))
    'costs Emo-CCC'
    """
    clear = {kind: [metric_name(metric) for metric in rows.loc[rows["verdict"] == kind, "metric"]]
             for kind in ("costs", "gains")}
    return "; ".join(f"{kind} {listed(metrics)}" for kind, metrics in clear.items() if metrics) or "undecided"


def least_cell(rows: pd.DataFrame) -> str:
    """The smallest differences that would have been found, in the order of the metrics.

    >>> least_cell(pd.DataFrame({"metric": ["emo_ccc", "age_mae"], "least": [0.0123, 0.2]}))
    '0.012 / 0.20'
    """
    return " / ".join(number(row.least, digits(str(row.metric))) for row in rows.itertuples())


def effects_cells(effects: pd.DataFrame, ways: Mapping[tuple[str, str], str], first: str) -> pd.DataFrame:
    """A row for each pair of ways that `ways` has a text for, as HTML: its text, in a column named `first`, its
    verdict, its effect in every metric and the smallest differences that would have been found.
    """
    rows = []
    for (way, reference), text in ways.items():
        own = effects[(effects["way"] == way) & (effects["reference"] == reference)]
        by_metric = {named(row["metric"]): effect_cell(row) for row in own.to_dict("records")}
        rows.append({first: text, "Verdict": verdict_cell(own), **by_metric, "Would have been found": least_cell(own)})
    return pd.DataFrame(rows)


def strength(effects: pd.DataFrame) -> pd.Series:
    """By way the largest of its effects in units of the smallest that would have been found, largest first."""
    share = effects["difference"].abs() / effects["least"].astype(float)
    return share.fillna(0.0).groupby(effects["way"], sort=False).max().sort_values(ascending=False, kind="stable")


def amount(metric: str, value: float, signed: bool = False) -> str:
    """A size in a metric, with the unit of an error.

    >>> amount("age_mae", 0.25), amount("emo_ccc", 0.25, signed=True)
    ('0.25 years', '+0.250')
    """
    return number(value, digits(metric), signed) + unit(metric)


def unit(metric: str) -> str:
    """The unit of a metric, after a space; nothing for one that has none."""
    return " years" * (sign(metric) < 0)


def bounds(row: Mapping) -> str:
    """The interval of an effect, in words."""
    return interval(row["low"], row["high"], digits(row["metric"]), signed=True)


def effect_in_words(row: Mapping) -> str:
    """What a way gains or costs in one metric, with its interval, in Markdown.

    >>> effect_in_words({"metric": "age_mae", "difference": -0.25, "low": -0.4, "high": -0.1, "verdict": "costs",
    ...                  "together": 24})
    'costs 0.25 years of Age-MAE (interval of the difference, 95 % for 24 comparisons together: −0.40 to −0.10)'
    """
    metric, level = row["metric"], "95 %"
    if row["together"] > 1:
        level += f" for {row['together']} comparisons together"
    return (f"{row['verdict'] or 'changes'} {amount(metric, abs(row['difference']))} of "
            f"{metric_name(metric, 'markdown')} (interval of the difference, {level}: {bounds(row)})")


def least_in_words(effects: pd.DataFrame) -> str:
    """The smallest differences that would have been found in each metric, their median over the effects, as text."""
    medians = effects.assign(least=effects["least"].astype(float)).groupby("metric", sort=False)["least"].median()
    said = [f"{amount(str(metric), value)} of {metric_name(str(metric), 'markdown')}"
            for metric, value in medians.items() if np.isfinite(value)]
    return listed(said)


def describe_least(effects: pd.DataFrame) -> str:
    """A sentence on the smallest differences that would have been found, or on why there are none."""
    least = least_in_words(effects)
    if not least:
        return "With one seed no difference can be told from none."
    return f"Differences from {least} would have been found."


def means_cells(content: Mapping, ways: Sequence[str], first: str) -> pd.DataFrame:
    """The mean and the standard deviation over the seeds of each way, a row for each of `ways` and a column for each
    metric, as text; and a row for the audio-free baseline *Constant*."""
    scores = pd.DataFrame(content["scores"])
    rows: list[dict] = []
    for way in ways:
        found = scores[scores["way"] == way].groupby("metric", sort=False)["value"].agg(["mean", "std"])
        rows.append({first: way, **{named(str(metric)): f"{number(mean, digits(str(metric)))} ± "
                                                        f"{number(spread, digits(str(metric)))}"
                                    for metric, mean, spread in found.itertuples()}})
    constant = {named(metric): number(value, digits(metric)) for metric, value in content["constant"].items()}
    return pd.DataFrame([*rows, {first: "<i>Constant</i>", **constant}])


def describe_floor(content: Mapping, way: str) -> str:
    """A sentence on the metrics in which a way is no better than a constant guess, or nothing where it is in all."""
    scores = pd.DataFrame(content["scores"])
    means = scores[scores["way"] == way].groupby("metric", sort=False)["value"].mean()
    below = [str(metric) for metric, mean in means.items()
             if sign(str(metric)) * (mean - content["constant"][metric]) <= 0]
    if not below:
        return ""
    said = [f"{metric_name(metric, 'markdown')} ({amount(metric, means[metric])} against "
            f"{amount(metric, content['constant'][metric])})" for metric in below]
    return f"In {listed(said)}, *{way}* is no better than a constant guess."


def describe_trainings(content: Mapping) -> str:
    """A sentence, in Markdown, on the corpus and the seeds behind a record, from what it says."""
    corpus, speakers = content["corpus"], content["corpus"]["speakers"]
    seeds = pd.DataFrame(content["scores"]).groupby("way")["seed"].nunique()
    had = counted(seeds.max(), "seed")
    had = had if seeds.min() == seeds.max() else f"{seeds.min()} to {had}"
    return (f"*Synthetic corpus: the trainings behind this page heard synthetic bursts (`synthetic_seed: "
            f"{corpus['synthetic_seed']}`, {corpus['synthetic_train']} bursts of {speakers['train']} speakers, and as "
            f"test {corpus['synthetic_test']} of {speakers['test']} others), which chose no setting of the report and "
            f"are scored on no other page than those of studies. Each way has {had}, at the scale "
            f"`{content['scale']}` as it was on {content['environment']['Date']}. The numbers say nothing about "
            "people.*")
