"""Figures of trainings: the terms of the loss, and the validation metrics by which the weights were chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.metrics import METRIC_NAMES
from burst2vec.report.figures.results import plot_validation
from burst2vec.report.figures.style import DASHES, PALETTE
from burst2vec.results.trainings import SEED, Training

LEFT_OUT = ("total", "padding")
"""Terms of a history that are not drawn: the sum of the others, and the share of padding, which is no loss."""


def draw_terms(history: pd.DataFrame, tasks: Sequence[Task]) -> Figure:
    """A figure with a panel for each task: the terms of its loss (`losses.objective`) over steps."""
    rows = history[(history["stage"] == "train") & ~history["term"].isin(LEFT_OUT)]
    terms = rows["term"].unique()
    styles = {term: (PALETTE[i % len(PALETTE)], DASHES[i % len(DASHES)]) for i, term in enumerate(terms)}
    figure, axes = plt.subplots(1, len(tasks), figsize=(6.5, 3.2), layout="constrained", squeeze=False)
    for task, ax in zip(tasks, axes.flat, strict=True):
        for term, part in rows[rows["task"] == task.name].groupby("term", sort=False):
            color, dashes = styles[term]
            ax.plot(part["iteration"], part["value"], dashes, color=color, label=term.replace("_", " on "))
        ax.set(xlabel="step", title=task.name)
    axes[0, 0].set_ylabel("loss")
    lines = {line.get_label(): line for ax in axes.flat for line in ax.lines}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def draw_validation(history: pd.DataFrame, tasks: Sequence[Task], kept: int) -> Figure:
    """A figure with a panel for each task: its metric on validation over steps. A dotted line marks the
    step `kept`, whose weights are the model's."""
    figure, axes = plt.subplots(1, len(tasks), figsize=(6.5, 2.4), layout="constrained", squeeze=False)
    for task, ax in zip(tasks, axes.flat, strict=True):
        plot_validation(history.assign(code="validation"), task, ax)
        ax.axvline(kept, color="0.5", linestyle=":")
        ax.set(title="", xlabel="step")
    return figure


def draw_curves(trainings: Sequence[Training], tasks: Sequence[Task], floors: Mapping[str, float]) -> Figure:
    """A grid with a row for each task and a column for each variant: the metric on validation over steps.

    A thin line is one seed, and a dashed one a training that differs in more than the seed. The panels of a row share
    their scale, and the dotted line in them is the task's score in `floors`, that of an audio-free baseline.
    """
    codes = list(dict.fromkeys(training.code for training in trainings))
    figure, axes = plt.subplots(len(tasks), len(codes), figsize=(6.5, 0.9 + 1.25 * len(tasks)), layout="constrained",
                                squeeze=False, sharex=True, sharey="row")
    for task, row in zip(tasks, axes, strict=True):
        unit = f"\n({task.unit})" if task.unit else ""
        row[0].set_ylabel(f"{task.name}\n{METRIC_NAMES[task.kind]}{unit}")
        for code, ax in zip(codes, row, strict=True):
            plot_curves([each for each in trainings if each.code == code], task, floors[task.name], ax)
    for code, ax in zip(codes, axes[0], strict=True):
        ax.set_title(code)
    last = max(each.summary["iterations"] for each in trainings)
    axes[-1, len(codes) // 2].set(xlabel="step", xticks=[last], xticklabels=[f"{last:,}"])
    lines = {line.get_label(): line for ax in axes.flat for line in ax.lines}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def plot_curves(trainings: Sequence[Training], task: Task, floor: float, axes: Axes) -> Axes:
    """Draws a task's metric on validation over steps with a line for each training, and `floor` across them."""
    axes.axhline(floor, color="0.5", linestyle=":", label="constant, audio-free")
    for training in trainings:
        values, seed = training.validation(task), training.kind == SEED
        axes.plot(values.index, values, "-" if seed else "--", color=PALETTE[0 if seed else 1], linewidth=0.8,
                  label="one seed" if seed else "the other reach")
    return axes
