"""Figures of the studies."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from burst2vec.report.figures.style import PALETTE
from burst2vec.report.studies import WAYS


def draw_batches(content: Mapping) -> Figure:
    """A figure with a panel for each task: its metric after each training, by way of dealing batches; a line joins the
    trainings of one seed."""
    rows = pd.DataFrame(content["rows"])
    tasks = list(dict.fromkeys(rows["task"]))
    figure, axes = plt.subplots(1, len(tasks), figsize=(6.5, 2.6), layout="constrained", squeeze=False)
    for panel, task in zip(axes.flat, tasks, strict=True):
        part = rows[rows["task"] == task]
        values = part.pivot(index="way", columns="seed", values="value").reindex(list(WAYS))
        panel.plot(range(len(WAYS)), values.to_numpy(), color=PALETTE[7], linewidth=0.8, marker="o", markersize=4,
                   markerfacecolor=PALETTE[0], markeredgecolor=PALETTE[0])
        panel.set(title=task, ylabel=part["metric"].iloc[0], xlim=(-0.3, len(WAYS) - 0.7))
        panel.set_xticks(range(len(WAYS)), ["random", "windows", "sorted"])
    return figure
