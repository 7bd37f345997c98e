"""Whom the systems serve: metrics within groups of bursts, and differences of systems, with intervals over speakers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.bootstrap import RESAMPLES, Replicates, bootstrap, intervals
from burst2vec.evaluation.speaker_sums import speaker_indices


def contrast(replicates: Replicates, first: str, second: str) -> pd.DataFrame:
    """The first system's values less the second's: metric, difference, low, high, with 95 % intervals over speakers."""
    gaps = replicates.replicates[first] - replicates.replicates[second]
    low, high = replicates.interval(gaps.to_numpy())
    difference = replicates.estimates[first] - replicates.estimates[second]
    return pd.DataFrame({"difference": difference, "low": low, "high": high}).reset_index()


def draw_groups(task: Task, groups: pd.Series, truth: pd.DataFrame, predictions: Mapping[str, pd.DataFrame],
                resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Replicates]:
    """Each system's metric within each of the `groups` of bursts of `truth`, and on resamples of the group's speakers.

    A group with a single speaker, or of a task of classes a single class, says nothing and is left out.
    """
    known, drawn = truth[task.labelled(truth)], {}
    for name, rows in known.groupby(groups[known.index], observed=True):
        several = len(set(speaker_indices(rows))) > 1 and (task.kind != "classes" or rows[task.columns[0]].nunique() > 1)
        if several:
            drawn[name] = bootstrap([task], rows, predictions, resamples, seed)
    return drawn


def score_groups(drawn: Mapping[str, Replicates]) -> pd.DataFrame:
    """The metric of each system within each group of `draw_groups`: code, group, estimate, low, high, speakers."""
    return _stack({name: intervals(of_group, "") for name, of_group in drawn.items()}, drawn,
                  ["code", "group", "estimate", "low", "high", "speakers"])


def contrast_groups(drawn: Mapping[str, Replicates], pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """What the systems of each pair differ by within each group: pair, group, difference, low, high, speakers."""
    pairs = {" − ".join(pair): pair for pair in pairs}
    tables = {name: pd.concat([contrast(of_group, *pair).assign(pair=text) for text, pair in pairs.items()])
              for name, of_group in drawn.items()}
    table = _stack(tables, drawn, ["pair", "group", "difference", "low", "high", "speakers"])
    return table.sort_values("pair", key=lambda names: names.map(list(pairs).index), kind="stable", ignore_index=True)


def _stack(tables: Mapping[str, pd.DataFrame], drawn: Mapping[str, Replicates], columns: list[str]) -> pd.DataFrame:
    """The groups' tables, one below the other."""
    tables = [table.assign(group=name, speakers=drawn[name].speakers) for name, table in tables.items()]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def decided(table: pd.DataFrame) -> pd.Series:
    """Which rows' 95 % interval, low to high, leaves out 0."""
    return (table["low"] > 0) | (table["high"] < 0)


def direction(row: pd.Series) -> str:
    """What an interval, low to high, says of a difference."""
    return "less" if row["high"] < 0 else "more" if row["low"] > 0 else "neither clearly less nor more"


def told(row: pd.Series, name: str = "difference", digits: int = 2) -> str:
    """An estimate and its interval in words: "0.16 (0.05 to 0.30)"."""
    value, low, high = (f"{row[key]:.{digits}f}".replace("-", "−") for key in (name, "low", "high"))
    return f"{value} ({low} to {high})"
