"""What the files under `studies/` hold, as tables and sentences. Nothing is trained here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

from burst2vec.report.sentences import initial_weights
from burst2vec.report.words import DASH, counted, interval, listed, number

WAYS = {"random": "random", "windows": "sorted within windows of 5", "sorted": "sorted"}
"""What the ways of dealing batches are called, in their order."""


def read_study(folder: Path, name: str) -> dict | None:
    """The content of the file `name`.json of a folder of studies, or None where it has not been made."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def made_by(content: Mapping) -> str:
    """The command, the machine and the day of a record, in a sentence, as HTML."""
    where = content["environment"]
    return f"Made by <code>{content['command']}</code> on {where['Processor']}, {where['Date']}."


def batches_table(content: Mapping) -> pd.DataFrame:
    """The scores of the study of batches by way: task, metric, way, seeds, mean, sd and, against random batches, the
    difference with its 95 % interval (difference, low, high).

    The intervals are Student's over seeds, which are paired, since a seed draws the same weights for every way. Those
    of a task hold together (Bonferroni, for two ways against random batches).
    """
    rows = pd.DataFrame(content["rows"])
    found = []
    for (task, metric), part in rows.groupby(["task", "metric"], sort=False):
        values = part.pivot(index="seed", columns="way", values="value").dropna()
        for way in WAYS:
            low, difference, high = _paired(values[way] - values["random"])
            found.append((task, metric, way, len(values), values[way].mean(), values[way].std(), difference, low, high))
    return pd.DataFrame(found, columns=["task", "metric", "way", "seeds", "mean", "sd", "difference", "low", "high"])


def _paired(differences: pd.Series) -> tuple[float, float, float]:
    """The mean of differences between the bounds of its interval, which are NaN for fewer than two."""
    number, mean = len(differences), differences.mean()
    quantile = t.ppf(1 - 0.025 / (len(WAYS) - 1), number - 1) if number > 1 else np.nan
    margin = quantile * differences.std() / np.sqrt(number)
    return mean - margin, mean, mean + margin


def batches_cells(content: Mapping) -> pd.DataFrame:
    """The `batches_table` as the page shows it, as HTML: a row for each task and way, with the mean and the deviation
    of the seeds, and the difference from random batches above its interval."""
    rows = [(f"{row.task.capitalize()} {row.metric}", WAYS[str(row.way)], f"{number(row.mean)} ± {number(row.sd)}",
             DASH if row.way == "random" else f"{number(row.difference, signed=True)}"
                                              f"<small>{interval(row.low, row.high, signed=True)}</small>")
            for row in batches_table(content).itertuples()]
    return pd.DataFrame(rows, columns=["Metric", "Batches", "Mean ± deviation of the seeds",
                                       "Difference from random batches"])


def describe_making(content: Mapping) -> str:
    """A sentence, in Markdown, on the corpus and the backbone of a study's trainings, from what its file says.

    It gives the date, since a scale may have other settings today.
    """
    weights = initial_weights({"backbone_size": content["backbone_size"]})
    return (f"*Synthetic corpus: the trainings behind this page heard synthetic bursts (the scale "
            f"`{content['scale']}` as it was on {content['environment']['Date']}, variant {content['variant']}), and "
            f"their backbones were {weights}. The numbers say nothing about people.*")


def describe_batches(content: Mapping) -> str:
    """Sentences on the first task's metric in random batches, on how others differ from it, and what is certain."""
    random, others = _first_task(content)
    said = [f"After {counted(content['steps'], 'step')} the {random['metric']} of {random['task']} is "
            f"{number(random['mean'])} ± {number(random['sd'])} with random batches (mean and standard deviation of "
            f"{counted(int(random['seeds']), 'seed')})."]
    for way, row in others.iterrows():
        bounds = f" (95 % interval: {interval(row['low'], row['high'], signed=True)})" * bool(np.isfinite(row["low"]))
        said.append(f"With batches that are {WAYS[str(way)]} it differs by {number(row['difference'], signed=True)}"
                    f"{bounds}{'' if _is_clear(row) else ', which so few seeds cannot tell from none'}.")
    return " ".join(said)


def summarise_batches(content: Mapping) -> str:
    """A sentence that says whether the order of batches changes the first task's metric by more than its seeds do."""
    random, others = _first_task(content)
    clear = others[[_is_clear(row) for _, row in others.iterrows()]]
    metric = f"the {random['metric']} of {random['task']}"
    if clear.empty:
        return f"Sorting bursts by length does not change {metric} by more than the seeds leave open."
    said = listed([f"by {number(row['difference'], signed=True)} where they are {WAYS[str(way)]}"
                   for way, row in clear.iterrows()])
    return f"Sorting bursts by length changes {metric} {said}."


def _first_task(content: Mapping) -> tuple[pd.Series, pd.DataFrame]:
    """The rows of `batches_table` for the first task: that of random batches, and the others by way."""
    table = batches_table(content)
    first = table[table["task"] == table["task"].iloc[0]].set_index("way")
    return first.loc["random"], first.drop(index="random")


def _is_clear(row: pd.Series) -> bool:
    """Whether the interval of a difference leaves out 0."""
    return bool(row["low"] > 0 or row["high"] < 0)
