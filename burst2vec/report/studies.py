"""What the files under `studies/` hold, as tables and sentences. Nothing is trained here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

WAYS = {"random": "random", "windows": "sorted within windows of 5", "sorted": "sorted"}
"""What the ways of dealing batches are called, in their order."""


def read_study(folder: Path, name: str) -> dict | None:
    """The content of the file `name`.json of a folder of studies, or None where it has not been made."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


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


def describe_batches(content: Mapping) -> str:
    """Sentences on the first task's metric in random batches, on how others differ from it, and what is certain."""
    table = batches_table(content)
    first = table[table["task"] == table["task"].iloc[0]].set_index("way")
    random = first.loc["random"]
    said = [f"After {content['steps']} steps the {random['metric']} of {random['task']} is {random['mean']:.3f} ± "
            f"{random['sd']:.3f} with random batches (mean and standard deviation of {random['seeds']:.0f} seeds)."]
    for way, row in first.drop(index="random").iterrows():
        clear = row["low"] > 0 or row["high"] < 0
        said.append(f"With batches that are {WAYS[str(way)]} it differs by {row['difference']:+.3f}, from "
                    f"{row['low']:+.3f} to {row['high']:+.3f} with 95 % confidence"
                    + ("." if clear else ", which so few seeds cannot tell from none."))
    return " ".join(said)
