"""Figures of the results page. The tables that they draw are those of `results.scores` and `results.runs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.metrics import METRIC_NAMES
from burst2vec.report.figures.style import DASHES, PALETTE
from burst2vec.report.words import metric_name
from burst2vec.results.runs import mean_discriminator_loss


def plot_validation(history: pd.DataFrame, task: Task, axes: Axes) -> Axes:
    """Draws the task's metric on validation over iterations, with a line for each system."""
    metric = METRIC_NAMES[task.kind]
    rows = history[(history["stage"] == "validation") & (history["task"] == task.name)]
    _lines(rows[rows["term"].str.upper() == metric], axes)
    unit = f" ({task.unit})" if task.unit else ""
    axes.set(xlabel="step", ylabel=f"{task.name} {metric}{unit}", title="validation")
    return axes


def draw_ensembles(table: pd.DataFrame, ensembles: Mapping[str, Sequence[str]],
                   metrics: Sequence[str]) -> Figure:
    """A figure with a panel for each metric of Table 2 on validation: every ensemble beside its members."""
    rows = table[table["split"] == "val"].set_index("code")
    figure, axes = plt.subplots(1, len(metrics), figsize=(6.5, 2.8), layout="constrained", squeeze=False)
    for metric, ax in zip(metrics, axes.flat, strict=True):
        plot_ensembles(rows[metric], ensembles, ax)
        ax.set_title(metric_name(metric, "figure"))
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles[:2], labels[:2], loc="outside lower center", ncols=2, frameon=False)
    return figure


def plot_ensembles(values: pd.Series, ensembles: Mapping[str, Sequence[str]], axes: Axes) -> Axes:
    """Draws one metric of every ensemble, as a diamond, and of its members, as dots; `values` holds the metric by
    code."""
    for code, members in ensembles.items():
        dots = values.loc[list(members)]
        axes.plot([code] * len(dots), dots, "o", color=PALETTE[0], alpha=0.6, label="member")
        axes.plot([code], [values.loc[code]], "D", color=PALETTE[1], label="ensemble")
    axes.margins(x=0.3)
    return axes


def plot_output_scores(scores: pd.DataFrame, axes: Axes) -> Axes:
    """Draws the CCC of each intensity (columns) for each system (rows) as a heat map with numbers."""
    sns.heatmap(scores, ax=axes, cmap="cividis", annot=True, fmt=".2f", annot_kws={"size": 9}, linewidths=0.5,
                cbar_kws={"label": "CCC"})
    axes.set(xlabel="", ylabel="")
    axes.tick_params(axis="x", rotation=90, length=0)
    axes.tick_params(axis="y", rotation=0, length=0)
    return axes


def plot_confusion(shares: pd.DataFrame, axes: Axes, title: str = "") -> Axes:
    """Draws which class (columns) the bursts of each true class (rows) were given, in percent of the row."""
    many = len(shares.columns) > 12  # so many numbers would not fit
    sns.heatmap(100 * shares, ax=axes, cmap="cividis", vmin=0, vmax=100, annot=not many, fmt=".0f",
                annot_kws={"size": 10}, linewidths=0.5, square=True,
                cbar_kws={"label": "% of the true class", "shrink": 0.8})
    axes.set(xlabel="predicted", ylabel="true", title=title)
    axes.tick_params(axis="x", rotation=90 if many else 30, length=0)
    axes.tick_params(axis="y", rotation=0, length=0)
    return axes


def draw_errors_by_group(errors: pd.DataFrame, unit: str, lines: Sequence[str] = ()) -> Figure:
    """A figure with a panel for each group: the mean absolute error of every system with its 95 % interval.

    The systems of the codes `lines`, which are audio-free baselines, are drawn as vertical lines.
    """
    groups = list(dict.fromkeys(errors["group"]))
    rows = errors["code"].nunique() - len(lines)
    figure, axes = plt.subplots(1, len(groups), figsize=(6.5, 1.4 + 0.22 * rows), layout="constrained",
                                sharey=True, sharex=True, squeeze=False)
    for group, ax in zip(groups, axes.flat, strict=True):
        plot_errors(errors[errors["group"] == group], ax, lines)
        ax.set_title(group)
    figure.supxlabel(f"mean absolute error ({unit})", fontsize=9)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    return figure


def plot_errors(errors: pd.DataFrame, axes: Axes, lines: Sequence[str] = ()) -> Axes:
    """Draws the mean absolute errors of one group: a dot and an interval for each system, and a vertical line for each
    of the codes `lines`."""
    systems = errors[~errors["code"].isin(lines)]
    axes.hlines(systems["code"], systems["low"], systems["high"], color=PALETTE[0], alpha=0.6)
    axes.plot(systems["error"], systems["code"], "o", color=PALETTE[0], markersize=4)
    for code, colour, dash in zip(lines, PALETTE[1:], ("--", ":"), strict=False):
        found = errors.loc[errors["code"] == code, "error"]
        for value in found:
            axes.axvline(value, color=colour, linestyle=dash, label=code)
    if not axes.yaxis_inverted():
        axes.invert_yaxis()
    return axes


def plot_discriminator(history: pd.DataFrame, tasks: int, axes: Axes) -> Axes:
    """Draws the discriminator's training loss (Eq. 6) over iterations, and a line at ln(`tasks`), the loss of a blind
    guess."""
    means = mean_discriminator_loss(history)
    axes.axhline(np.log(tasks), color="black", linestyle=":", label=f"ln {tasks}")
    _lines(means, axes, marker="o", markersize=3)
    top = 1.15 * max(np.log(tasks), means["value"].max())
    axes.set(xlabel="step", ylabel="discriminator loss (nats)", ylim=(0, top))
    axes.legend(frameon=False, ncols=3, loc="lower left")
    return axes


def _lines(rows: pd.DataFrame, axes: Axes, **style) -> None:
    """Draws a line over iterations for each system. Its colour and style depend on its code alone, so that all panels
    agree."""
    for code, part in rows.groupby("code", sort=False):
        number = int(code[1:]) if code[1:].isdigit() else 0
        axes.plot(part["iteration"], part["value"], label=code, color=PALETTE[number % len(PALETTE)],
                  linestyle=DASHES[number % len(DASHES)], linewidth=1.4, **style)
