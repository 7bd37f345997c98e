"""Figures of the audit: who knows what, whom the systems serve, and what a planted bias was worth.

Each `plot_` draws on the axes it is given, each `draw_` makes a figure of several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from burst2vec.corpus import Task
from burst2vec.figures.results import PALETTE
from burst2vec.probes import floor_skills

MARKERS = ("o", "D", "s")
SHIFT = 0.18
"""By how much two systems stand beside each other, in rows or columns."""


def draw_probes(table: pd.DataFrame, tasks: Sequence[Task], labels: Mapping[str, str]) -> Figure:
    """A panel for each task: every representation's skill and floor (`probes.Probed`), for the systems in `labels`."""
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
    """One task read from each representation: a dot and 95 % interval for each system, above a grey bar, its floor."""
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


def draw_recalls(recalls: pd.DataFrame, pairs: Sequence[Mapping[str, str]], scalar: Task) -> Figure:
    """A panel for each pair of systems, labels by code: their recall by band (`audit.recall_by_band`)."""
    figure, axes = plt.subplots(1, len(pairs), figsize=(6.5, 3), layout="constrained", sharey=True, squeeze=False)
    for labels, ax in zip(pairs, axes.flat, strict=True):
        plot_recalls(recalls[recalls["code"].isin(labels)], labels, ax)
        ax.set_title(" and ".join(labels))
    axes.flat[0].set(ylabel="UAR within the band", ylim=(0, 1))
    figure.supxlabel(f"{scalar.name} in {scalar.unit or 'its unit'}, and how many speakers", fontsize=9)
    _legend(figure, axes.flat[0])
    return figure


def plot_recalls(recalls: pd.DataFrame, labels: Mapping[str, str], axes: Axes) -> Axes:
    """The recall of each system in `labels` within each band, with its 95 % interval."""
    speakers = recalls.groupby("band", sort=False)["speakers"].first()
    for code, (shift, style) in zip(labels, _styles(len(labels)), strict=True):
        rows = recalls[recalls["code"] == code]
        places = np.arange(len(rows)) + shift
        axes.vlines(places, rows["low"], rows["high"], color=style["color"], linewidth=1.2)
        axes.plot(places, rows["recall"], label=labels[code], **style)
    chances = recalls.groupby("band", sort=False)["chance"].first()
    axes.hlines(chances, np.arange(len(chances)) - 0.4, np.arange(len(chances)) + 0.4, color="black", linewidth=0.8,
                linestyle=":", label="chance")
    axes.set_xticks(range(len(speakers)), [f"{band}\n{count}" for band, count in speakers.items()])
    return axes


def draw_bias_losses(losses: pd.DataFrame, metrics: Mapping[str, str],
                     groups: Mapping[str, Sequence[str]]) -> Figure:
    """A panel for each metric, with its label: what every system loses without the bias (`audit.bias_losses`).

    `groups` are codes by what they have in common, a colour and marker each.
    """
    rows = losses["code"].nunique()
    figure, axes = plt.subplots(1, len(metrics), figsize=(6.5, 1.1 + 0.24 * rows), layout="constrained", sharey=True,
                                squeeze=False)
    order = list(dict.fromkeys(losses["code"]))
    for (metric, label), ax in zip(metrics.items(), axes.flat, strict=True):
        plot_bias_losses(losses[losses["metric"] == metric], groups, order, ax)
        ax.set_xlabel(label)
    axes.flat[0].invert_yaxis()
    _legend(figure, axes.flat[0])
    return figure


def plot_bias_losses(losses: pd.DataFrame, groups: Mapping[str, Sequence[str]], order: Sequence[str],
                     axes: Axes) -> Axes:
    """One metric's loss beyond that of a constant answer, with its 95 % interval; a row for each code in `order`."""
    axes.axvline(0, color="black", linewidth=0.8, linestyle=":")
    for (label, codes), (_, style) in zip(groups.items(), _styles(len(groups)), strict=True):
        rows = losses[losses["code"].isin(codes)]
        places = [order.index(code) for code in rows["code"]]
        axes.hlines(places, rows["low"], rows["high"], color=style["color"], linewidth=1.2)
        axes.plot(rows["beyond_constant"], places, label=label, **style)
    axes.set_yticks(range(len(order)), order)
    return axes


def _styles(count: int) -> list[tuple[float, dict]]:
    """For each of `count` systems side by side, its shift and its marker's style."""
    shifts = SHIFT * (2 * np.arange(count) - (count - 1))
    return [(shift, {"color": PALETTE[i], "marker": MARKERS[i % len(MARKERS)], "linestyle": "", "markersize": 5})
            for i, shift in enumerate(shifts)]


def _legend(figure: Figure, axes: Axes) -> None:
    """One legend above all panels, each label once."""
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4, frameon=False)
