"""Figures of the audit: what representations hold, how groups of speakers fare, and what the planted bias is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from burst2vec.audit.probes import floor_skills
from burst2vec.corpora.corpus import Task
from burst2vec.evaluation.metrics import METRIC_NAMES, metric_columns
from burst2vec.report.figures.style import PALETTE

MARKERS = ("o", "D", "s")
"""The markers of systems that stand side by side, in their order."""

SHIFT = 0.18
"""Half the distance between two systems that stand side by side, in rows or columns."""


def draw_probes(table: pd.DataFrame, tasks: Sequence[Task], labels: Mapping[str, str]) -> Figure:
    """A figure with a panel for each task: the skill that probes of each representation reach, and its floor.

    `table` is that of `probes.Probed`; `labels` holds the names of the systems to draw, by code.
    """
    rows = table["representation"].nunique()
    figure, axes = plt.subplots(1, len(tasks), figsize=(6.5, 1.4 + 0.36 * rows), layout="constrained", sharex=True,
                                sharey=True, squeeze=False)
    for task, ax in zip(tasks, axes.flat, strict=True):
        plot_probes(table[table["task"] == task.name], labels, ax)
        ax.set_title(task.name)
    figure.supxlabel("skill: 0 for a constant answer, 1 for a perfect one", fontsize=9)
    _legend(figure, axes.flat[0])
    return figure


def plot_probes(table: pd.DataFrame, labels: Mapping[str, str], axes: Axes) -> Axes:
    """Draws the skill of one task's probes, with a row for each representation: a dot and a 95 % interval for each
    system, over a grey bar, its floor."""
    names = list(dict.fromkeys(table["representation"]))
    axes.axvline(0, color="black", linewidth=0.8, linestyle=":")
    for code, (shift, style) in zip(labels, _styles(len(labels)), strict=True):
        rows = table[table["code"] == code]
        places = np.array([names.index(name) for name in rows["representation"]]) + shift
        floor = floor_skills(rows)
        axes.hlines(places, floor["low"], floor["high"], color="0.82", linewidth=6, label="floor")
        axes.hlines(places, rows["skill_low"], rows["skill_high"], color=style["color"], linewidth=1.2)
        axes.plot(rows["skill"], places, label=labels[code], **style)
    axes.set_yticks(range(len(names)), names)
    if not axes.yaxis_inverted():
        axes.invert_yaxis()
    return axes


def draw_pairs_by_group(scores: pd.DataFrame, pairs: Sequence[Mapping[str, str]], levels: pd.Series,
                        level: str) -> Figure:
    """A figure with a panel for each pair of systems: their scores within groups (`groups.score_groups`).

    A pair holds the labels of its systems by code. `levels` holds, by group, the value that the scores of the group are
    compared with; it is drawn as a dotted line, which the legend calls `level`.
    """
    figure, axes = plt.subplots(1, len(pairs), figsize=(6.5, 3), layout="constrained", sharey=True, squeeze=False)
    for labels, ax in zip(pairs, axes.flat, strict=True):
        plot_pair_by_group(scores[scores["code"].isin(labels)], labels, ax)
        places = np.arange(scores["group"].nunique())
        ax.hlines(levels[scores["group"].unique()], places - 0.4, places + 0.4, color="black", linewidth=0.8,
                  linestyle=":", label=level)
        ax.set_title(" and ".join(labels))
    _legend(figure, axes.flat[0])
    return figure


def plot_pair_by_group(scores: pd.DataFrame, labels: Mapping[str, str], axes: Axes) -> Axes:
    """Draws the score of each system within each group with its 95 % interval; below each group stands its number of
    speakers."""
    speakers = scores.groupby("group", sort=False)["speakers"].first()
    for code, (shift, style) in zip(labels, _styles(len(labels)), strict=True):
        rows = scores[scores["code"] == code]
        places = np.arange(len(rows)) + shift
        axes.vlines(places, rows["low"], rows["high"], color=style["color"], linewidth=1.2)
        axes.plot(places, rows["estimate"], label=labels[code], **style)
    axes.set_xticks(range(len(speakers)), [f"{group}\n{count}" for group, count in speakers.items()])
    return axes


def draw_bias_losses(losses: pd.DataFrame, tasks: Sequence[Task], groups: Mapping[str, Sequence[str]]) -> Figure:
    """A figure with a panel for each task's metric: what every system loses without the bias
    (`twins.bias_losses`).

    `groups` holds the codes of the systems of each kind, by what they have in common; each kind has a colour and a
    marker.
    """
    rows, metrics = losses["code"].nunique(), metric_columns(tasks)
    figure, axes = plt.subplots(1, len(metrics), figsize=(6.5, 1.1 + 0.24 * rows), layout="constrained", sharey=True,
                                squeeze=False)
    order = list(dict.fromkeys(losses["code"]))
    for (metric, task), ax in zip(metrics.items(), axes.flat, strict=True):
        plot_bias_losses(losses[losses["metric"] == metric], groups, order, ax)
        unit = f" ({task.unit})" if task.unit else ""
        ax.set(title=task.name, xlabel=f"worse {METRIC_NAMES[task.kind]}{unit}")
    axes.flat[0].invert_yaxis()
    _legend(figure, axes.flat[0])
    return figure


def plot_bias_losses(losses: pd.DataFrame, groups: Mapping[str, Sequence[str]], order: Sequence[str],
                     axes: Axes) -> Axes:
    """Draws the loss of one metric beyond that of a constant answer, with its 95 % interval, in a row for each code in
    `order`."""
    axes.axvline(0, color="black", linewidth=0.8, linestyle=":")
    for (label, codes), (_, style) in zip(groups.items(), _styles(len(groups)), strict=True):
        rows = losses[losses["code"].isin(codes)]
        places = [order.index(code) for code in rows["code"]]
        axes.hlines(places, rows["low"], rows["high"], color=style["color"], linewidth=1.2)
        axes.plot(rows["beyond_constant"], places, label=label, **style)
    axes.set_yticks(range(len(order)), order)
    return axes


def _styles(count: int) -> list[tuple[float, dict]]:
    """The shift and the style of the marker for each of `count` systems side by side."""
    shifts = SHIFT * (2 * np.arange(count) - (count - 1))
    return [(shift, {"color": PALETTE[i], "marker": MARKERS[i % len(MARKERS)], "linestyle": "", "markersize": 5})
            for i, shift in enumerate(shifts)]


def _legend(figure: Figure, axes: Axes) -> None:
    """Puts one legend above all panels, with each label once."""
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4, frameon=False)
