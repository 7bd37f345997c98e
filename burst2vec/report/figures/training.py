"""Figures of one training: the terms of the loss, and the validation metrics by which the weights were chosen."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from burst2vec.corpora.corpus import Task
from burst2vec.report.figures.results import plot_validation
from burst2vec.report.figures.style import DASHES, PALETTE

LEFT_OUT = ("total", "padding")
"""Terms of a history that are not drawn: the sum of the others, and the share of padding, which is no loss."""


def draw_terms(history: pd.DataFrame, tasks: Sequence[Task]) -> Figure:
    """A figure with a panel for each task: the terms of its loss (`losses.objective`) over iterations."""
    rows = history[(history["stage"] == "train") & ~history["term"].isin(LEFT_OUT)]
    terms = rows["term"].unique()
    styles = {term: (PALETTE[i % len(PALETTE)], DASHES[i % len(DASHES)]) for i, term in enumerate(terms)}
    figure, axes = plt.subplots(1, len(tasks), figsize=(6.5, 3.2), layout="constrained", squeeze=False)
    for task, ax in zip(tasks, axes.flat, strict=True):
        for term, part in rows[rows["task"] == task.name].groupby("term", sort=False):
            color, dashes = styles[term]
            ax.plot(part["iteration"], part["value"], dashes, color=color, label=term.replace("_", " on "))
        ax.set(xlabel="iteration", title=task.name)
    axes[0, 0].set_ylabel("loss")
    lines = {line.get_label(): line for ax in axes.flat for line in ax.lines}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def draw_validation(history: pd.DataFrame, tasks: Sequence[Task], kept: int) -> Figure:
    """A figure with a panel for each task: its metric on validation over iterations. A dotted line marks the
    iteration `kept`, whose weights are the model's."""
    figure, axes = plt.subplots(1, len(tasks), figsize=(6.5, 2.4), layout="constrained", squeeze=False)
    for task, ax in zip(tasks, axes.flat, strict=True):
        plot_validation(history.assign(code="validation"), task, ax)
        ax.axvline(kept, color="0.5", linestyle=":")
        ax.set_title("")
    return figure
