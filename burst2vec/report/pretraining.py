"""What the folders of pre-trained backbones say of them, side by side, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from burst2vec.pretraining.folder import Description, summary


def facts_table(descriptions: Sequence[Description]) -> pd.DataFrame:
    """How each backbone was made: a row for each fact, and after the first column, which names it, one for each."""
    columns = {told.facts["name"]: {"Data": _data(told), **summary(told)} for told in descriptions}
    return pd.DataFrame(columns).rename_axis("").reset_index()


def _data(told: Description) -> str:
    """The names of the corpora, and which of them are synthetic where the name does not say it."""
    return ", ".join(part["name"] + " (synthetic)" * (part["synthetic"] and part["name"] != "synthetic")
                     for part in told.facts["corpora"])


def probes_table(descriptions: Sequence[Description]) -> pd.DataFrame:
    """The score of each probe: a row for each kind of features, and a column for each task, with its metric.

    Features that several folders have scored, such as the log-mel statistics, stand there once. Where folders were
    scored on unlike bursts, these are named.
    """
    scored = {told.facts["probed"] for told in descriptions if told.probes is not None}
    probes = pd.concat([
        told.probes.assign(features=told.probes["features"] + f" ({told.facts['probed']})" * (len(scored) > 1))
        for told in descriptions if told.probes is not None])
    probes = probes.assign(column=probes["task"] + ", " + probes["metric"]).drop_duplicates(["features", "column"])
    table = probes.pivot(index="features", columns="column", values="score")
    return table.loc[probes["features"].unique(), probes["column"].unique()].rename_axis(columns=None).reset_index()


def commands(descriptions: Sequence[Description]) -> str:
    """The commands by which the backbones were made, as Markdown."""
    lines = "\n".join(told.facts["command"] for told in descriptions)
    return f"```sh\n{lines}\n```"
