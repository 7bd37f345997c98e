"""Metrics within groups of bursts, and differences between systems there, with intervals over speakers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.bootstrap import RESAMPLES, Replicates, bootstrap, intervals
from burst2vec.evaluation.speaker_sums import speaker_indices


def contrast(replicates: Replicates, first: str, second: str) -> pd.DataFrame:
    """The metrics of the first system less those of the second: metric, difference, low, high.

    `low` and `high` bound the 95 % interval over speakers.
    """
    gaps = replicates.replicates[first] - replicates.replicates[second]
    low, high = replicates.interval(gaps.to_numpy())
    difference = replicates.estimates[first] - replicates.estimates[second]
    return pd.DataFrame({"difference": difference, "low": low, "high": high}).reset_index()


def draw_groups(task: Task, groups: pd.Series, truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
                resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Replicates]:
    """The metric of each system within each group of bursts of `truth`, and on resamples of the group's speakers.

    `groups` names the group of each burst. A group with a single speaker is left out, and so is, for a task of classes,
    a group with a single class, because neither says anything.
    """
    known, drawn = truth[task.labelled(truth)], {}
    for name, rows in known.groupby(groups[known.index], observed=True):
        classes = rows[task.columns[0]].nunique() if task.kind == "classes" else 2
        if len(set(speaker_indices(rows))) > 1 and classes > 1:
            drawn[name] = bootstrap([task], rows, predictions, resamples, seed)
    return drawn


def score_groups(drawn: Mapping[str, Replicates]) -> pd.DataFrame:
    """The metric of each system within each group of `draw_groups`: code, group, estimate, low, high, speakers."""
    return _stack({name: intervals(of_group, "") for name, of_group in drawn.items()}, drawn,
                  ["code", "group", "estimate", "low", "high", "speakers"])


def contrast_groups(drawn: Mapping[str, Replicates], pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """The difference between two systems within each group: pair, group, difference, low, high, speakers."""
    named = {" − ".join(pair): pair for pair in pairs}
    tables = {name: pd.concat([contrast(of_group, *pair).assign(pair=text) for text, pair in named.items()])
              for name, of_group in drawn.items()}
    table = _stack(tables, drawn, ["pair", "group", "difference", "low", "high", "speakers"])
    return table.sort_values("pair", key=lambda names: names.map(list(named).index), kind="stable", ignore_index=True)


def _stack(tables: Mapping[str, pd.DataFrame], drawn: Mapping[str, Replicates], columns: list[str]) -> pd.DataFrame:
    """The tables of the groups, one below the other."""
    parts = [table.assign(group=name, speakers=drawn[name].speakers) for name, table in tables.items()]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def decided(table: pd.DataFrame) -> pd.Series:
    """Whether the 95 % interval of each row, from low to high, excludes 0."""
    return (table["low"] > 0) | (table["high"] < 0)


def direction(row: pd.Series) -> str:
    """The direction of a difference in words, as far as its interval, from low to high, tells it."""
    return "less" if row["high"] < 0 else "more" if row["low"] > 0 else "neither clearly less nor more"


def told(row: pd.Series, name: str = "difference", digits: int = 2) -> str:
    """An estimate and its interval as text: "0.16 (0.05 to 0.30)"."""
    value, low, high = (f"{row[key]:.{digits}f}".replace("-", "−") for key in (name, "low", "high"))
    return f"{value} ({low} to {high})"
